"""The values that services take and give: what a user sees of the world, with nothing heavy.

Nothing here imports a client, the engine or a UI, so that whoever shows them begins quickly.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from neonsync.engine.cancel import CancelToken
    from neonsync.engine.events import Emit
    from neonsync.history import Entry
    from neonsync.secret import Secret
    from neonsync.selection import Selection


def _nobody(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Talk:
    """How a long call speaks with whoever waits: ``say`` gets lines, ``cancel`` is set to stop."""

    say: Callable[[str], None] = _nobody
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class ProjectInfo:
    """The Neon project; what is not known is empty."""

    id: str
    name: str = ""
    region: str = ""
    postgres: str = ""


@dataclass(frozen=True)
class BranchRow:
    """A branch as the home screen shows it. ``size`` is in bytes, None when Neon does not tell.

    ``state`` and ``compute_state`` are free words of Neon's. ``parent`` and ``children`` are names.
    ``last_sync`` is of this machine's history, so that no compute is woken.
    """

    id: str
    name: str
    parent: str = ""
    state: str = "unknown"
    size: int | None = None
    default: bool = False
    protected: bool = False
    ours: bool = False
    created_at: datetime | None = None
    expires_at: datetime | None = None
    parent_moment: datetime | None = None
    schema_only: bool = False
    children: tuple[str, ...] = ()
    endpoint_id: str = ""
    host: str = ""
    compute: str = ""
    compute_state: str = ""
    last_sync: datetime | None = None
    last_run: str = ""
    last_status: str = ""

    @property
    def guarded(self) -> bool:
        """Whether a sync into it has to be confirmed by its name."""
        return self.default or self.protected


@dataclass(frozen=True)
class BranchList:
    """All branches; ``now`` is the time by Neon's clock."""

    project: ProjectInfo
    branches: tuple[BranchRow, ...]
    now: datetime
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewBranch:
    """What a new branch shall be; an empty ``parent`` is the default branch."""

    name: str
    parent: str = ""
    at: datetime | None = None
    schema_only: bool = False
    expires: timedelta | None = None


@dataclass(frozen=True)
class Address:
    """How to connect to a branch: ``masked`` may be shown, ``uri`` only when asked for."""

    masked: str
    uri: Secret
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RollbackOffer:
    """What a rollback of the last run of a branch would do, in words that warn."""

    run_id: str
    branch: str
    at: datetime
    backup: str
    warning: str


@dataclass(frozen=True)
class LakeTable:
    """A table that a run could take. What is not known yet, or never, is None or empty.

    ``bytes`` and ``newest`` (the newest partition's date or value) come from the catalogue.
    ``problem`` says why the table cannot be looked at.
    """

    source: str
    target: str
    rows: int | None = None
    bytes: int | None = None
    newest: str = ""
    date_column: str = ""
    state_column: str = ""
    problem: str = ""


@dataclass(frozen=True)
class TablePreview:
    """How a table would be published, and what it costs. ``method`` as in ``TablePublished``.

    ``dates`` tells which of the dates that are asked for the lake has, where it is known.
    """

    source: str
    target: str
    method: str
    reason: str
    rows: int | None = None
    rows_exact: bool = False
    billed_bytes: int | None = None
    note: str = ""
    dates: str = ""


@dataclass(frozen=True)
class PlanPreview:
    """What a run would do. ``price`` is in dollars, None when it is not known beforehand.

    ``text`` is the whole of it for reading: the SQL, the DDL, the reasons.
    """

    branch: str
    database: str
    tables: tuple[TablePreview, ...]
    rows: int | None
    scanned_bytes: int | None
    billed_bytes: int | None
    price: float | None
    warnings: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class RepairOffer:
    """The run that makes a table equal again: on ``dates`` alone, or all that is selected.

    Nothing in its ``selection`` was confirmed for it.
    """

    table: str
    selection: Selection
    dates: tuple[date, ...] = ()


@dataclass(frozen=True)
class Compared:
    """What a branch was found to hold against Athena: all of it as ``text``, whose last line is the
    ``verdict``.

    ``repairs`` are the runs that sync what differs, a table each; none where nothing does.
    """

    equal: bool
    verdict: str
    text: str
    repairs: tuple[RepairOffer, ...] = ()


@dataclass(frozen=True)
class RunReport:
    """How a run ended, as its reports tell: the documents of docs and of the old script.

    ``report`` is etl-report.json, ``validation`` etl-validation-report.json. ``directory`` is where
    the files are, None for a run whose files are not known. ``command`` are the arguments that
    select the same again. ``notes`` tell of what did not work beside the run.
    """

    report: Mapping[str, Any]
    validation: Mapping[str, Any]
    directory: Path | None = None
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """succeeded, invalid, failed or cancelled."""
        return str(self.report.get("status", ""))

    @property
    def run_id(self) -> str:
        """Empty for a run that never began."""
        return str(self.report.get("runId", ""))

    @property
    def exit_code(self) -> int:
        """As the headless mode would have ended."""
        return int(self.report.get("exitCode", 0))


Job: TypeAlias = "Callable[[Emit, CancelToken], Awaitable[RunReport]]"
"""A whole run: planned, carried out, reported, noted in the history. Never raises for what can go
wrong in a run; it belongs into a loop of its own."""


@dataclass(frozen=True)
class HistoryList:
    """Runs and branch operations of this machine, the newest first; ``path`` is the file."""

    entries: tuple[Entry, ...]
    path: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetupField:
    """A setting of the setup form: its dotted name, its value now and where that comes from."""

    name: str
    value: str
    origin: str = ""


@dataclass(frozen=True)
class Tested:
    """What a test of a setting came to."""

    ok: bool
    message: str
    remedy: str = ""
