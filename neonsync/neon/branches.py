"""Branches of one project: find, create, wait, connect; the branch is always named exactly."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from neonsync.errors import (
    AccessError,
    ConfigError,
    NeonsyncError,
    UnknownBranchError,
    WrongTargetError,
)
from neonsync.neon.models import Branch, BranchAddress, Endpoint, Operation
from neonsync.neon.transport import NeonRequestError, NeonTransport
from neonsync.secret import Secret
from neonsync.settings import NeonSettings

OPERATION_POLL = 0.5
OPERATION_TIMEOUT = 300.0
FAILED_GRACE_POLLS = 5
"""Neon may retry an operation that says failed (its docs): so many polls are waited for that."""


class Project:
    """One Neon project. Methods block; call them in a thread, one instance for each thread."""

    def __init__(self, settings: NeonSettings) -> None:
        """Contact nothing yet.

        Raises:
            ConfigError: there is no API key, only an address that leads to a branch by itself.
        """
        if settings.api_key is None:
            raise ConfigError(
                "NEON_API_KEY is not set: without it branches cannot be found by their names",
                "Export it, with NEON_PROJECT_ID.",
            )
        self._settings = settings
        self._api = NeonTransport(settings.api_key, settings.api_host)
        self._path = f"projects/{settings.project_id}"

    def branches(self) -> list[Branch]:
        """All branches, all pages.

        Raises:
            ConfigError: there is no such project for this key.
        """
        found: list[Branch] = []
        cursor: str | None = None
        while True:
            try:
                page = self._api.get(f"{self._path}/branches", limit=100, cursor=cursor)
            except NeonRequestError as error:
                if error.status != 404:
                    raise
                raise ConfigError(
                    f"Neon knows no project {self._settings.project_id!r} for this API key",
                    "Check NEON_PROJECT_ID, and that the key's account has access to it.",
                ) from error
            found += [Branch.parse(body) for body in page.get("branches", [])]
            cursor = (page.get("pagination") or {}).get("next")
            if not cursor:
                return found

    def branch(self, name: str) -> Branch:
        """The branch of exactly that name; an empty name is the default branch.

        Raises:
            UnknownBranchError: there is none; the remedy names the nearest.
        """
        branches = self.branches()
        for branch in branches:
            if branch.name == name if name else branch.default:
                return branch
        if not name:
            raise UnknownBranchError(
                f"the project {self._settings.project_id} has no default branch",
                "Name the branch with --branch.",
            )
        names = sorted(branch.name for branch in branches)
        near = difflib.get_close_matches(name, names, n=3)
        raise UnknownBranchError(
            f"the project has no branch named {name!r}",
            f"Did you mean {', '.join(near)}?" if near else f"It has: {', '.join(names[:20])}.",
        )

    def create_branch(self, name: str) -> Branch:
        """Create a branch of the default branch, with a compute, and wait until it is ready."""
        answer = self._api.post(
            f"{self._path}/branches",
            {"branch": {"name": name}, "endpoints": [{"type": "read_write"}]},
        )
        self.wait_for([Operation.parse(body) for body in answer.get("operations", [])])
        return Branch.parse(answer["branch"])

    def wait_for(
        self,
        operations: Sequence[Operation],
        *,
        timeout: float = OPERATION_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Wait until every operation has finished or was skipped.

        Raises:
            NeonsyncError: one failed, or ``timeout`` seconds went by.
        """
        deadline = time.monotonic() + timeout
        for operation in operations:
            failures = 0
            while operation.status not in ("finished", "skipped"):
                if operation.status in ("failed", "error", "cancelled"):
                    failures += 1
                if failures > FAILED_GRACE_POLLS:
                    raise NeonsyncError(
                        f"Neon's operation {operation.action} ended as {operation.status}",
                        "Look at the operation in the Neon console, then run again.",
                    )
                if time.monotonic() > deadline:
                    raise NeonsyncError(
                        f"Neon's operation {operation.action} is still {operation.status} "
                        f"after {timeout:.0f} s",
                        "Neon goes on with it; run again when it has finished.",
                    )
                sleep(OPERATION_POLL)
                body = self._api.get(f"{self._path}/operations/{operation.id}")
                operation = Operation.parse(body["operation"])

    def address(self, branch: Branch) -> BranchAddress:
        """Where to connect for a branch, with the proof that the host is that branch's.

        Raises:
            AccessError: the branch has no compute.
            ConfigError: which database or role is meant cannot be told.
            WrongTargetError: the address that Neon gave belongs to another branch.
        """
        path = f"{self._path}/branches/{branch.id}"
        endpoints = [
            Endpoint.parse(body) for body in self._api.get(f"{path}/endpoints").get("endpoints", [])
        ]
        writable = [e for e in endpoints if e.branch_id == branch.id and e.type != "read_only"]
        if not writable:
            raise AccessError(
                f"the branch {branch.name} has no read-write compute, so nothing can connect",
                "Add a compute to the branch in the Neon console.",
            )
        database = self._settings.database or self._only(
            path, "databases", "NEONSYNC_NEON_DATABASE"
        )
        role = self._settings.role or self._only(path, "roles", "NEONSYNC_NEON_ROLE")
        # Without branch_id Neon gives the default branch's address, whatever was meant.
        try:
            answer = self._api.get(
                f"{self._path}/connection_uri",
                branch_id=branch.id,
                database_name=database,
                role_name=role,
                pooled=False,
            )
        except NeonRequestError as error:
            if error.status != 404:
                raise
            raise ConfigError(
                f"the branch {branch.name} has no database {database!r} with a role {role!r}",
                "Check neon.database and neon.role, or NEON_CONNECTION_STRING, which names both.",
            ) from error
        uri = str(answer["uri"])
        host = urlsplit(uri).hostname or ""
        for endpoint in writable:
            if host == endpoint.host.lower() or host.startswith(f"{endpoint.id}."):
                return BranchAddress(branch, endpoint.id, host, database, role, Secret(uri))
        raise WrongTargetError(
            f"the address for the branch {branch.name} leads to {host}, "
            f"which is none of its computes ({', '.join(e.host for e in writable)})",
            "Nothing was written. Check the branch in the Neon console.",
        )

    def _only(self, path: str, what: str, variable: str) -> str:
        """The name of the branch's only database or role."""
        entries = self._api.get(f"{path}/{what}").get(what, [])
        names = sorted(str(entry["name"]) for entry in entries)
        if len(names) == 1:
            return names[0]
        raise ConfigError(
            f"the branch has {len(names)} {what}: {', '.join(names) or 'none'}",
            f"Say which with {variable} or in the configuration's [neon] table.",
        )
