"""A branch that is known by its address alone: without an API key nobody can say which it is."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from neonsync.neon.hosts import endpoint_of, without_pooler
from neonsync.neon.models import Branch, BranchAddress
from neonsync.secret import Secret


def branch_behind(connection_string: Secret, name: str) -> tuple[BranchAddress, list[str]]:
    """The address to connect to, and what the user has to be told about it.

    ``name`` is what the user calls the branch, or empty; nothing here can check it, so the branch
    does not get it. Its id is the endpoint's: two addresses of one compute are one branch.
    """
    given = (urlsplit(connection_string.reveal()).hostname or "").lower()
    notes = [
        f"the branch behind {given} could not be verified: without NEON_API_KEY nobody says which "
        + (f"branch that is, {name} or another" if name else "branch that is, or whether it is")
        + ("" if name else " the default one")
    ]
    uri, note = without_pooler(connection_string.reveal())
    if note:
        notes.append(note)
    parts = urlsplit(uri)
    host = (parts.hostname or "").lower()
    endpoint = endpoint_of(host) or parts.netloc.rpartition("@")[2]
    branch = Branch(
        id=endpoint,
        name="not verified",
        parent_id=None,
        state="unknown",
        default=False,
        protected=False,
        logical_size=None,
    )
    address = BranchAddress(
        branch,
        endpoint,
        host,
        unquote(parts.path.lstrip("/")),
        unquote(parts.username or ""),
        Secret(uri),
    )
    return address, notes
