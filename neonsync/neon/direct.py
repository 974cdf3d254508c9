"""A branch that is known by its address alone: without an API key nobody can say which it is."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

from neonsync.neon.models import Branch, BranchAddress
from neonsync.secret import Secret

_POOLER = "-pooler"


def branch_behind(connection_string: Secret, name: str) -> tuple[BranchAddress, list[str]]:
    """The address to connect to, and what the user has to be told about it.

    ``name`` is what the user calls the branch, or empty; nothing here can check it. Its id is the
    endpoint's: two addresses of one compute are one branch.
    """
    parts = urlsplit(connection_string.reveal())
    host = (parts.hostname or "").lower()
    label, _, domain = host.partition(".")
    notes = [
        f"the branch behind {host} could not be verified: without NEON_API_KEY nobody says which "
        + (f"branch that is, {name} or another" if name else "branch that is, or whether it is")
        + ("" if name else " the default one")
    ]
    if label.endswith(_POOLER):
        # A pooler gives another session to each transaction, and takes settings away from it.
        direct = label.removesuffix(_POOLER)
        netloc = parts.netloc.replace(f"{label}.", f"{direct}.", 1)
        parts, host, label = parts._replace(netloc=netloc), f"{direct}.{domain}", direct
        notes.append(f"connecting to {host}, without the pooler: a sync needs sessions of its own")
    endpoint = label if domain and label.startswith("ep-") else parts.netloc.rpartition("@")[2]
    branch = Branch(
        id=endpoint,
        name=name or "not verified",
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
        Secret(urlunsplit(parts)),
    )
    return address, notes
