"""What a new branch is to be, and how it is found again when the answer to its making was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from neonsync.errors import ConfigError, NeonAccessError
from neonsync.neon.annotation import REQUEST_KEY
from neonsync.neon.errors import UnavailableError, UnreachableError
from neonsync.neon.models import Branch
from neonsync.neon.moments import write_moment
from neonsync.neon.waiting import POLL_SECONDS, Patience

LOOKUPS = 8
"""So often a branch is looked for after its making was not answered, with a pause before each."""


@dataclass(frozen=True)
class BranchWish:
    """What a new branch shall be; what is empty or None is Neon's default.

    ``parent`` is the name of the branch that it is made from, empty for the default branch, as
    that is now, or was ``at`` a moment or ``lsn``. ``schema_only`` leaves the rows out.
    ``expires_in`` is reckoned by Neon's clock, and takes the place of ``expires_at``.
    ``min_cu`` and ``max_cu`` are the size of its compute, in Neon's units of 1 CPU and 4 GB.
    """

    parent: str = ""
    at: datetime | None = None
    lsn: str = ""
    schema_only: bool = False
    expires_at: datetime | None = None
    expires_in: timedelta | None = None
    min_cu: float | None = None
    max_cu: float | None = None
    must_be_new: bool = False
    annotation: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Created:
    """A branch that is there now; ``created`` is False when it was there before."""

    branch: Branch
    created: bool


def body_of(name: str, wish: BranchWish, parent_id: str | None) -> dict[str, Any]:
    """The body of the request that makes a branch.

    Raises:
        ConfigError: the wish contradicts itself.
    """
    if wish.at is not None and wish.lsn:
        raise ConfigError(
            "a branch starts at a time or at an LSN, not at both", "Leave one of them out."
        )
    if wish.schema_only and (wish.at is not None or wish.lsn):
        raise ConfigError(
            "a schema-only branch takes the schema of now: no time and no LSN go with it",
            "Leave out --schema-only, or the moment.",
        )
    branch: dict[str, Any] = {"name": name}
    if parent_id is not None:
        branch["parent_id"] = parent_id
    if wish.at is not None:
        branch["parent_timestamp"] = write_moment(wish.at)
    if wish.lsn:
        branch["parent_lsn"] = wish.lsn
    if wish.schema_only:
        branch["init_source"] = "schema-only"
    if wish.expires_at is not None:
        branch["expires_at"] = write_moment(wish.expires_at)
    # Without an endpoint in the request there is no compute, and nothing could connect.
    endpoint: dict[str, Any] = {"type": "read_write"}
    if wish.min_cu is not None:
        endpoint["autoscaling_limit_min_cu"] = wish.min_cu
        endpoint["autoscaling_limit_max_cu"] = wish.max_cu or wish.min_cu
    body: dict[str, Any] = {"branch": branch, "endpoints": [endpoint]}
    if wish.annotation:
        body["annotation_value"] = dict(wish.annotation)
    return body


def may_have_acted(error: NeonAccessError) -> bool:
    """Whether the server may have done what was asked, though it did not say so.

    A refusal (423, 429, 503, 401 …) has done nothing; another 5xx may come from a proxy.
    """
    if isinstance(error, UnavailableError):
        return error.status >= 500 and error.status != 503
    return isinstance(error, UnreachableError)


def look_for(
    find: Callable[[str], Branch | None],
    name: str,
    wish: BranchWish,
    patience: Patience,
    cause: NeonAccessError,
) -> Created:
    """The branch that a request has made whose answer was lost; it is never sent again.

    Raises:
        NeonAccessError: ``cause``, with what is known of the branch.
    """
    patience.say(f"no answer from Neon; looking whether the branch {name} was made")
    for _ in range(LOOKUPS):
        patience.pause(POLL_SECONDS)
        try:
            branch = find(name)
        except NeonAccessError:
            cause.message += f". Whether the branch {name} was made is not known"
            raise cause from None
        if branch is not None:
            ours = wish.annotation.get(REQUEST_KEY)
            return Created(branch, bool(ours) and branch.annotation.get(REQUEST_KEY) == ours)
    cause.message += f". Neon lists no branch {name} so far"
    cause.remedy = "Run the same command again: it looks for the branch before it makes one."
    raise cause
