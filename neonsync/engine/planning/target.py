"""The branch that a run writes to: found by name, confirmed, its address proved to be its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from neonsync.errors import WrongTargetError
from neonsync.neon.branches import Project
from neonsync.neon.direct import branch_behind
from neonsync.neon.guards import behind_needed, check_behind, check_sync, confirmation_needed
from neonsync.neon.hosts import endpoint_of
from neonsync.neon.models import Branch, BranchAddress
from neonsync.neon.waiting import Patience
from neonsync.postgres.connect import Connection
from neonsync.secret import Secret
from neonsync.settings import Settings


def find_target(
    settings: Settings, say: Callable[[str], None] | None = None, *, reads: bool = False
) -> tuple[BranchAddress, Sequence[str]]:
    """The branch with its address, and what the user has to be told; by the API with a key.

    ``say`` gets a line when Neon has to be waited for. Who only ``reads`` needs to confirm nothing.

    Raises:
        ConfigError: the branch, the project, the database or the role is not there.
        RefusedError: the branch is the default or a protected one, or one was named that nobody
            can find, and it was not confirmed.
        WrongTargetError: an address leads to another branch than the one that is meant.
        AccessError: Neon cannot be reached, or the branch has no compute.
    """
    neon = settings.neon
    if neon.api_key is None:
        if neon.connection_string is None:
            raise AssertionError("settings hold a key or a connection string")
        address, notes = branch_behind(neon.connection_string, settings.branch)
        if not reads:
            check_target(settings, address)
        return address, notes
    project = Project(neon, Patience(say=say) if say is not None else None)
    branch = project.branch(settings.branch)
    if not settings.branch and neon.connection_string is not None:
        check_meant(project, branch, neon.connection_string)
    if not reads:
        check_sync(branch, settings.confirm)  # before its address is asked for
    address = project.address(branch)
    return address, address.notes


def check_target(settings: Settings, address: BranchAddress) -> None:
    """Refuse to write to a branch that was found, unless what it needs was confirmed.

    Raises:
        RefusedError: something was not.
    """
    if settings.neon.api_key is not None:
        check_sync(address.branch, settings.confirm)
    else:
        origin = settings.origins.get("branch", "")
        check_behind(address, settings.branch, origin, settings.confirm)


def target_needs(settings: Settings, address: BranchAddress) -> str:
    """What a run would be refused for by ``check_target``; empty for nothing."""
    if settings.neon.api_key is not None:
        return confirmation_needed(address.branch, settings.confirm)
    return behind_needed(address, settings.branch, settings.confirm)


def check_meant(project: Project, default: Branch, connection_string: Secret) -> None:
    """Whoever names no branch and gives an address of another one than the default means that.

    Raises:
        WrongTargetError: it is such an address; the message names both.
    """
    host = (urlsplit(connection_string.reveal()).hostname or "").lower()
    endpoint = project.endpoint(endpoint_of(host))
    if endpoint is not None and endpoint.branch_id == default.id:
        return
    what = f"the branch behind {host}, which is no compute of the project {project.id}"
    remedy = "unset NEON_CONNECTION_STRING"
    if endpoint is not None:
        others = {branch.id: branch.name for branch in project.branches()}
        name = others.get(endpoint.branch_id, endpoint.branch_id)
        what = f"the branch {name} ({host})"
        remedy = f"name the branch with --branch {name}, or {remedy}"
    raise WrongTargetError(
        f"NEON_CONNECTION_STRING leads to {what}, but no branch was named, "
        f"so the default branch {default.name} would be written to",
        f"Nothing was written. Say which is meant: {remedy}.",
    )


async def check_server(connection: Connection, branch: Branch, *, verified: bool) -> str:
    """Compare the branch with what the server says of itself; returns what is worth telling.

    ``verified`` is False for a branch that is known by its address alone. Servers that are not
    Neon's say nothing.

    Raises:
        WrongTargetError: the server serves another branch.
    """
    cursor = await connection.execute("SELECT current_setting('neon.branch_id', true)")
    row = await cursor.fetchone()
    serves = str(row[0]) if row is not None and row[0] else ""
    if serves and not verified:
        return f"the server says that it serves the branch {serves}"
    if serves and serves != branch.id:
        raise WrongTargetError(
            f"the server says that it serves the branch {serves}, not {branch.name} ({branch.id})",
            "Nothing was written. Check the branch's computes in the Neon console.",
        )
    return ""
