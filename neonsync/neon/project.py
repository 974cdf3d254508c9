"""A Neon project to look at: its branches, by exact name, and where to connect for them."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from neonsync.errors import ConfigError, UnknownBranchError
from neonsync.neon.addresses import find_address, with_password
from neonsync.neon.errors import NeonRequestError
from neonsync.neon.models import (
    Branch,
    BranchAddress,
    Endpoint,
    Operation,
    ProjectFacts,
    as_object,
    objects,
)
from neonsync.neon.moments import in_words
from neonsync.neon.transport import CLOCK_TOLERANCE, NeonTransport
from neonsync.neon.waiting import Patience, wait_for
from neonsync.settings import NeonSettings

PAGE = 100
MOST_PAGES = 1000
_NAMES_SHOWN = 20


class ProjectView:
    """One Neon project, read only. Methods block; each thread needs an instance of its own."""

    def __init__(self, settings: NeonSettings, patience: Patience | None = None) -> None:
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
        self._patience = patience or Patience()
        self._api = NeonTransport(settings.api_key, settings.api_host, self._patience)
        self._path = f"projects/{quote(settings.project_id, safe='')}"

    @property
    def id(self) -> str:
        """The project's id."""
        return self._settings.project_id

    def now(self) -> datetime:
        """The time by Neon's clock."""
        return self._api.now()

    def branches(self, search: str | None = None) -> list[Branch]:
        """All branches, all pages; ``search`` leaves it to Neon to choose by a part of the name.

        Raises:
            ConfigError: there is no such project for this key.
        """
        found: dict[str, Branch] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = self._page(search, cursor)
            notes = as_object(page.get("annotations"))
            for body in objects(page, "branches"):
                branch = Branch.parse(body, notes.get(str(body.get("id"))))
                found[branch.id] = branch  # pages may overlap while branches come and go
            following = as_object(page.get("pagination")).get("next")
            if not following or following == cursor:
                break
            cursor = str(following)
        return list(found.values())

    def find(self, name: str) -> Branch | None:
        """The branch of exactly that name, or None.

        Raises:
            ConfigError: several branches have it.
        """
        # Neon's search has rules of its own: what it does not find may be there all the same.
        return _named(name, self.branches(search=name)) or _named(name, self.branches())

    def branch(self, name: str) -> Branch:
        """The branch of exactly that name; an empty name is the default branch.

        Raises:
            UnknownBranchError: there is none; the remedy names the nearest.
        """
        if name and (found := self.find(name)) is not None:
            return found
        branches = self.branches()
        for branch in branches:
            if not name and branch.default:
                return branch
        raise self._unknown(name, branches)

    def databases(self, branch: Branch) -> list[str]:
        """The names of a branch's databases, none of one that is gone; no compute is woken."""
        try:
            answer = self._api.get(f"{self._branch_path(branch)}/databases")
        except NeonRequestError as error:
            if error.status != 404:
                raise
            return []
        return sorted(str(each.get("name") or "") for each in objects(answer, "databases"))

    def address(self, branch: Branch) -> BranchAddress:
        """Where to connect for a branch; see ``find_address``.

        A password that Neon does not tell is the connection string's, when that is for the role.
        """
        wanted = self._settings
        found = find_address(self._api, self._path, branch, wanted.database, wanted.role)
        return with_password(found, wanted.connection_string)

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of an id, when it is one of the project's."""
        return next((each for each in self.endpoints() if each.id == endpoint_id), None)

    def endpoints(self) -> list[Endpoint]:
        """The endpoints of all branches; no compute is woken."""
        answer = self._api.get(f"{self._path}/endpoints")
        return [Endpoint.parse(body) for body in objects(answer, "endpoints")]

    def facts(self) -> ProjectFacts:
        """The project's name, region and version of Postgres."""
        return ProjectFacts.parse(self._api.get(self._path).get("project"))

    def size_limit(self) -> int | None:
        """How many bytes a branch may hold by its logical size; None when nothing says so."""
        info = as_object(self._api.get(self._path).get("project"))
        quota = as_object(as_object(info.get("settings")).get("quota"))
        mebibytes = info.get("branch_logical_size_limit")
        said = [
            info.get("branch_logical_size_limit_bytes"),
            mebibytes * 2**20 if isinstance(mebibytes, int) else None,
            quota.get("logical_size_bytes"),
        ]
        return min((size for size in said if isinstance(size, int) and size > 0), default=None)

    def check_history(self, moment: datetime) -> None:
        """Refuse a moment that the project's history no longer has, or does not have yet.

        Raises:
            ConfigError: it is not within the history window.
        """
        info = as_object(self._api.get(self._path).get("project"))
        seconds = info.get("history_retention_seconds")
        age = (self.now() - moment).total_seconds()
        if age < -CLOCK_TOLERANCE.total_seconds():
            raise ConfigError(
                f"{moment:%Y-%m-%d %H:%M:%S} UTC is in the future: by Neon's clock it is "
                f"{self.now():%Y-%m-%d %H:%M:%S} UTC",
                "Name an earlier moment.",
            )
        # Where the window is unknown, or said to be nothing, Neon itself shall judge.
        if isinstance(seconds, int) and 0 < seconds < age:
            raise ConfigError(
                f"{moment:%Y-%m-%d %H:%M:%S} UTC is {in_words(self.now() - moment)} ago, and the "
                f"project's history reaches back {seconds / 3600:.3g} hours",
                "Name a later moment, or lengthen the history in the project's settings.",
            )

    def wait_for(self, operations: Sequence[Operation]) -> None:
        """Wait until every operation has finished or was skipped; see ``waiting.wait_for``."""

        def look(operation_id: str) -> Operation:
            answer = self._api.get(f"{self._path}/operations/{quote(operation_id, safe='')}")
            return Operation.parse(answer.get("operation"))

        wait_for(operations, look, self._patience)

    def _page(self, search: str | None, cursor: str | None) -> dict[str, Any]:
        try:
            return self._api.get(f"{self._path}/branches", limit=PAGE, cursor=cursor, search=search)
        except NeonRequestError as error:
            if error.status != 404:
                raise
            raise ConfigError(
                f"Neon knows no project {self.id!r} for this API key",
                "Check NEON_PROJECT_ID, and that the key's account has access to it.",
            ) from error

    def _branch_path(self, branch: Branch) -> str:
        return f"{self._path}/branches/{quote(branch.id, safe='')}"

    def _unknown(self, name: str, branches: Sequence[Branch]) -> UnknownBranchError:
        if not name:
            return UnknownBranchError(
                f"the project {self.id} has no default branch", "Name the branch with --branch."
            )
        names = sorted(branch.name for branch in branches)
        near = difflib.get_close_matches(name, names, n=3)
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        return UnknownBranchError(
            f"the project has no branch named {name!r}",
            (
                f"Did you mean {', '.join(near)}?"
                if near
                else f"It has: {', '.join(names[:_NAMES_SHOWN])}{more}."
            )
            + f" A new one is made by: neonsync branches create {shlex.quote(name)}",
        )


def _named(name: str, branches: Iterable[Branch]) -> Branch | None:
    found = [branch for branch in branches if branch.name == name]
    if len(found) > 1:
        raise ConfigError(
            f"{len(found)} branches have the name {name!r}: {', '.join(b.id for b in found)}",
            "Rename all but one of them in the Neon console.",
        )
    return found[0] if found else None
