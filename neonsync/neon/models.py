"""What neonsync reads of Neon's answers: tolerant, as the API adds fields and words at will."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neonsync.secret import Secret


@dataclass(frozen=True)
class Branch:
    """A branch; ``state`` is a free word of Neon's, ``logical_size`` is in bytes or unknown."""

    id: str
    name: str
    parent_id: str | None
    state: str
    default: bool
    protected: bool
    logical_size: int | None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Branch:
        """Read the ``branch`` of an answer."""
        return cls(
            id=str(body["id"]),
            name=str(body["name"]),
            parent_id=body.get("parent_id"),
            state=str(body.get("current_state") or "unknown"),
            # Older answers say primary for what is called default now.
            default=bool(body.get("default", body.get("primary", False))),
            protected=bool(body.get("protected", False)),
            logical_size=body.get("logical_size"),
        )


@dataclass(frozen=True)
class Endpoint:
    """A compute of a branch; ``host`` is where Postgres answers."""

    id: str
    host: str
    branch_id: str
    type: str

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Endpoint:
        """Read one of the ``endpoints`` of an answer."""
        return cls(
            id=str(body["id"]),
            host=str(body.get("host") or ""),
            branch_id=str(body.get("branch_id") or ""),
            type=str(body.get("type") or ""),
        )


@dataclass(frozen=True)
class Operation:
    """Work that Neon does in the background."""

    id: str
    action: str
    status: str

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Operation:
        """Read one of the ``operations`` of an answer."""
        return cls(
            id=str(body["id"]),
            action=str(body.get("action") or ""),
            status=str(body.get("status") or ""),
        )


@dataclass(frozen=True)
class BranchAddress:
    """How to connect to a branch, checked to be that branch's own endpoint."""

    branch: Branch
    endpoint_id: str
    host: str
    database: str
    role: str
    uri: Secret
