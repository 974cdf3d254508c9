"""What the engine says while it works: frozen values, for any number of listeners.

A listener is a callable that takes an event. It is called in the engine's thread and must
return quickly; it may not raise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Step(StrEnum):
    """The steps of a run, in their order."""

    EXTRACT = "extract"
    LOAD = "load"
    AUDIT = "audit"
    INDEX = "index"
    PUBLISH = "publish"
    VERIFY = "verify"
    CLEAN_UP = "clean up"


class Purpose(StrEnum):
    """What a query is for: the rows, their count, or what a proof by aggregates compares."""

    EXPORT = "export"
    COUNT = "count"
    FIGURES = "figures"


class Level(StrEnum):
    """How much a notice matters."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class RunStarted:
    """The run has a plan and holds the branch's lease."""

    run_id: str
    branch: str
    branch_id: str
    tables: tuple[str, ...]
    attempt: int


@dataclass(frozen=True)
class StepStarted:
    """A step begins; ``table`` is empty for a step that all tables share."""

    step: Step
    table: str = ""


@dataclass(frozen=True)
class StepFinished:
    """A step is done; ``detail`` says in a few words what came out."""

    step: Step
    table: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class QueryProgress:
    """Athena reports on a query; a table has several at the same time.

    ``scanned_bytes`` is what is billed so far.
    """

    table: str
    purpose: Purpose
    query_id: str
    state: str
    scanned_bytes: int


@dataclass(frozen=True)
class ChunksPlanned:
    """The export is known: rows and chunks in all, and what an earlier attempt had loaded."""

    table: str
    rows: int
    chunks: int
    loaded_rows: int
    loaded_chunks: int


@dataclass(frozen=True)
class RowsCopied:
    """Rows of a chunk are on their way, not committed yet; negative when they came to nothing."""

    table: str
    rows: int


@dataclass(frozen=True)
class ChunkLoaded:
    """A chunk and its ledger row are committed in the staging table."""

    table: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class IndexBuilt:
    """One more index of a staging table is built, ``done`` of ``total``."""

    table: str
    done: int
    total: int


@dataclass(frozen=True)
class TablePublished:
    """A table is published; ``method`` is swap, merge or replace, in the mode schema-only create or
    keep.

    ``removed`` counts rows that gave way: made ones, and the old ones of a table that is replaced.
    ``deleted`` counts those that the source no longer has.
    """

    table: str
    method: str
    inserted: int
    updated: int
    unchanged: int
    removed: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class TableFailed:
    """A table failed, and the others go on; ``exit_code`` is the one of its error alone."""

    table: str
    error: str
    remedy: str
    exit_code: int


@dataclass(frozen=True)
class CheckFinished:
    """One of the checks on a published table."""

    table: str
    check: str
    status: str
    message: str


@dataclass(frozen=True)
class Notice:
    """Something a person should know; never a secret, never a step."""

    level: Level
    message: str


@dataclass(frozen=True)
class RunFinished:
    """The last event. ``status`` is succeeded, invalid, partial, failed or cancelled."""

    run_id: str
    status: str
    seconds: float
    error: str = ""
    remedy: str = ""


Event: TypeAlias = (
    RunStarted
    | StepStarted
    | StepFinished
    | QueryProgress
    | ChunksPlanned
    | RowsCopied
    | ChunkLoaded
    | IndexBuilt
    | TablePublished
    | TableFailed
    | CheckFinished
    | Notice
    | RunFinished
)
Emit: TypeAlias = Callable[[Event], None]
