"""Replies as a Neon of the future, or a bad day's, would send them: clients must bear them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonsync.sandbox.neon.request import Reply

# What a client cannot do without: identity, names, references, and whether work is done.
_KEPT = frozenset(
    {
        *("id", "name", "branch_id", "project_id", "parent_id", "owner_name", "default"),
        *("protected", "host", "type", "uri", "connection_uri", "password", "status", "next"),
        *("cursor", "message", "code", "request_id", "count", "value"),
    }
)
_WORDS = frozenset({"action", "current_state", "pending_state", "init_source"})
_STRANGE = "sandbox_never_heard_of_it"


def distorted(reply: Reply) -> Reply:
    """The same reply with unknown words and fields, and without what is not indispensable."""
    if not isinstance(reply.body, Mapping) or reply.status >= 400:
        return reply
    return Reply(reply.status, _object(reply.body), reply.headers)


def _object(values: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {_STRANGE: {"nested": [1, None, _STRANGE]}}
    for name, value in values.items():
        if name in _WORDS:
            kept[name] = _STRANGE
        elif name == "annotations":  # its names are ids, not words of the API
            kept[name] = value
        elif isinstance(value, Mapping):
            kept[name] = value if name == "value" else _object(value)
        elif isinstance(value, list):
            kept[name] = [_object(each) if isinstance(each, Mapping) else each for each in value]
        elif name in _KEPT:
            kept[name] = value
    return kept
