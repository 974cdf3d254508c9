"""Where to connect for a branch, with the proof that the host is that branch's own."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from neonsync.errors import AccessError, ConfigError, WrongTargetError
from neonsync.neon.errors import AnswerError, NeonRequestError
from neonsync.neon.hosts import endpoint_of, without_pooler
from neonsync.neon.models import Branch, BranchAddress, Endpoint, objects
from neonsync.neon.transport import NeonTransport
from neonsync.secret import Secret
from neonsync.settings.address import parse_address

_SLEEPING = ("idle", "suspended")


def find_address(
    api: NeonTransport, project: str, branch: Branch, database: str, role: str
) -> BranchAddress:
    """The direct address of a branch; an empty ``database`` or ``role`` is the only one.

    ``project`` is the project's path in the API.

    Raises:
        AccessError: the branch has no compute, or it is disabled.
        ConfigError: which database or role is meant cannot be told, or it is not there.
        WrongTargetError: the address that Neon gave belongs to another branch.
    """
    path = f"{project}/branches/{branch.id}"
    endpoints = [
        Endpoint.parse(body) for body in objects(api.get(f"{path}/endpoints"), "endpoints")
    ]
    writable = [each for each in endpoints if each.type != "read_only" and _is_of(each, branch)]
    if not writable:
        raise AccessError(
            f"the branch {branch.name} has no read-write compute, so nothing can connect",
            "Add a compute to the branch in the Neon console.",
        )
    if all(endpoint.disabled for endpoint in writable):
        raise AccessError(
            f"the compute {writable[0].id} of the branch {branch.name} is disabled",
            "Enable it in the Neon console.",
        )
    database = database or _only(api, path, branch, "databases", "NEONSYNC_NEON_DATABASE")
    role = role or _only(api, path, branch, "roles", "NEONSYNC_NEON_ROLE")
    uri, note = without_pooler(_uri(api, project, branch, database, role))
    # As for an address of the user's own: encrypted unless it leads to this machine.
    address = parse_address(Secret(uri), "from Neon's API")
    for endpoint in writable:
        if endpoint.id == endpoint_of(address.host) or address.host == endpoint.host:
            return BranchAddress(
                branch,
                endpoint.id,
                address.host,
                database,
                role,
                address.secret,
                suspended=endpoint.state in _SLEEPING,
                notes=(note,) if note else (),
            )
    raise WrongTargetError(
        f"the address for the branch {branch.name} leads to {address.host}, "
        f"which is none of its computes ({', '.join(e.host or e.id for e in writable)})",
        "Nothing was written. Check the branch in the Neon console.",
    )


def with_password(address: BranchAddress, given: Secret | None) -> BranchAddress:
    """The address with the password of a connection string, where it has none and that fits.

    A project may keep no passwords, so that Neon tells none.
    """
    parts = urlsplit(address.uri.reveal())
    own = urlsplit(given.reveal()) if given is not None else parts
    if parts.password or not own.password or unquote(own.username or "") != address.role:
        return address
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(address.role, safe='')}:{own.password}@{place}"
    return replace(address, uri=Secret(urlunsplit(parts._replace(netloc=netloc))))


def _is_of(endpoint: Endpoint, branch: Branch) -> bool:
    # The list is the branch's own; one that names another branch is not taken for it.
    return endpoint.branch_id in ("", branch.id)


def _uri(api: NeonTransport, project: str, branch: Branch, database: str, role: str) -> str:
    # Without branch_id Neon gives the default branch's address, whatever was meant.
    try:
        answer = api.get(
            f"{project}/connection_uri",
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
    uri = answer.get("uri")
    if not isinstance(uri, str) or not urlsplit(uri).hostname:
        raise AnswerError(
            f"Neon's answer holds no address of the branch {branch.name}",
            "Check NEON_API_HOST. If it is Neon's, this version may be too old for its API.",
        )
    return uri


def _only(api: NeonTransport, path: str, branch: Branch, what: str, variable: str) -> str:
    """The name of the branch's only database or role."""
    entries = objects(api.get(f"{path}/{what}"), what)
    names = sorted(str(entry["name"]) for entry in entries if entry.get("name"))
    if len(names) == 1:
        return names[0]
    raise ConfigError(
        f"the branch {branch.name} has {len(names)} {what}: {', '.join(names) or 'none'}",
        f"Say which with {variable} or in the configuration's [neon] table.",
    )
