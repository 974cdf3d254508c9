"""What neonsync reads of Neon's answers: tolerant, as the API adds fields and words at will.

Only ids must be there. States, types and actions are free words: one that nobody knows yet is
shown as it is, and never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from neonsync.neon.errors import AnswerError
from neonsync.neon.moments import read_moment
from neonsync.secret import Secret

ANNOTATION_KEY = "neonsync"
"""Stands in the annotation of each branch that neonsync made; its value is the version."""


@dataclass(frozen=True)
class Branch:
    """A branch; ``state`` is a free word of Neon's, ``logical_size`` is in bytes or unknown.

    ``guards_known`` is False where Neon did not say whether it is the default branch.
    """

    id: str
    name: str
    parent_id: str | None
    state: str
    default: bool
    protected: bool
    logical_size: int | None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    parent_lsn: str | None = None
    parent_timestamp: datetime | None = None
    init_source: str = ""
    last_reset_at: datetime | None = None
    guards_known: bool = True
    annotation: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, body: Any, annotation: Any = None) -> Branch:
        """Read the ``branch`` of an answer, with the annotation that stands beside it.

        Raises:
            AnswerError: it has no id.
        """
        body = as_object(body)
        branch_id = _id_of(body, "branch")
        size = body.get("logical_size")
        noted = as_object(as_object(annotation).get("value"))
        return cls(
            id=branch_id,
            name=str(body.get("name") or branch_id),
            parent_id=_text(body.get("parent_id")),
            state=str(body.get("current_state") or "unknown"),
            # Older answers say primary for what is called default now.
            default=bool(body.get("default", body.get("primary", False))),
            protected=bool(body.get("protected", False)),
            logical_size=size if isinstance(size, int) else None,
            created_at=read_moment(body.get("created_at")),
            expires_at=read_moment(body.get("expires_at")),
            parent_lsn=_text(body.get("parent_lsn")),
            parent_timestamp=read_moment(body.get("parent_timestamp")),
            init_source=str(body.get("init_source") or ""),
            last_reset_at=read_moment(body.get("last_reset_at")),
            guards_known="default" in body or "primary" in body,
            annotation={str(name): str(value) for name, value in noted.items()},
        )

    @property
    def ours(self) -> bool:
        """Whether neonsync made it."""
        return ANNOTATION_KEY in self.annotation


@dataclass(frozen=True)
class Endpoint:
    """A compute of a branch; ``host`` is where Postgres answers.

    ``min_cu`` and ``max_cu`` are the limits of its size, in Neon's units; None when not told.
    """

    id: str
    host: str
    branch_id: str
    type: str
    state: str = "unknown"
    disabled: bool = False
    min_cu: float | None = None
    max_cu: float | None = None

    @classmethod
    def parse(cls, body: Any) -> Endpoint:
        """Read one of the ``endpoints`` of an answer.

        Raises:
            AnswerError: it has no id.
        """
        body = as_object(body)
        return cls(
            id=_id_of(body, "endpoint"),
            host=str(body.get("host") or "").lower(),
            branch_id=str(body.get("branch_id") or ""),
            type=str(body.get("type") or ""),
            state=str(body.get("current_state") or "unknown"),
            disabled=bool(body.get("disabled", False)),
            min_cu=_number(body.get("autoscaling_limit_min_cu")),
            max_cu=_number(body.get("autoscaling_limit_max_cu")),
        )


@dataclass(frozen=True)
class ProjectFacts:
    """What Neon says of a project; what it does not say is empty."""

    name: str = ""
    region: str = ""
    postgres: str = ""

    @classmethod
    def parse(cls, body: Any) -> ProjectFacts:
        """Read the ``project`` of an answer."""
        body = as_object(body)
        return cls(
            name=str(body.get("name") or ""),
            region=str(body.get("region_id") or ""),
            postgres=str(body.get("pg_version") or ""),
        )


@dataclass(frozen=True)
class Operation:
    """Work that Neon does in the background."""

    id: str
    action: str
    status: str
    error: str = ""
    branch_id: str = ""

    @classmethod
    def parse(cls, body: Any) -> Operation:
        """Read one of the ``operations`` of an answer.

        Raises:
            AnswerError: it has no id.
        """
        body = as_object(body)
        return cls(
            id=_id_of(body, "operation"),
            action=str(body.get("action") or "unknown"),
            # Without a word on it nothing is known to be done.
            status=str(body.get("status") or "running"),
            error=str(body.get("error") or ""),
            branch_id=str(body.get("branch_id") or ""),
        )


@dataclass(frozen=True)
class BranchAddress:
    """How to connect to a branch, checked to be that branch's own endpoint.

    ``suspended`` tells that the compute sleeps, and that whoever connects will wait for it.
    """

    branch: Branch
    endpoint_id: str
    host: str
    database: str
    role: str
    uri: Secret
    suspended: bool = False
    notes: tuple[str, ...] = ()


def as_object(value: Any) -> Mapping[str, Any]:
    """An object of an answer; an empty one for whatever is none."""
    return value if isinstance(value, Mapping) else {}


def objects(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects in an answer, empty when it is not there."""
    value = body.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def operations_of(body: Mapping[str, Any]) -> list[Operation]:
    """The operations that a change has begun."""
    return [Operation.parse(item) for item in objects(body, "operations")]


def _id_of(body: Mapping[str, Any], what: str) -> str:
    if not body.get("id"):
        raise AnswerError(
            f"Neon's answer has no id of the {what}",
            "Check NEON_API_HOST. If it is Neon's, this version may be too old for its API.",
        )
    return str(body["id"])


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _text(value: Any) -> str | None:
    return str(value) if value else None
