"""What the screens need of the world: values they show, and the faces of the services behind them.

Nothing here imports a client, the engine or Textual, so that the first frame is quick. Every method
of a service blocks and is called in a thread; it raises ``NeonsyncError`` for what can go wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

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


class BranchService(Protocol):
    """Branches of the project. What overwrites or deletes wants the branch's name once more."""

    def load(self) -> BranchList:
        """All branches, with what this machine's history knows of them; wakes no compute."""

    def name_problem(self, name: str, taken: Sequence[str]) -> str:
        """What is wrong with a new name, empty for nothing. Quick: called at each key."""

    def obstacle(self, action: str, branch: BranchRow) -> str:
        """Why ``delete``, ``reset`` or ``rollback`` cannot be done to a branch; empty for nothing.

        Quick, and asks nobody.
        """

    def create(self, wish: NewBranch, talk: Talk) -> str:
        """Make a branch and wait until it is ready; says what was done."""

    def delete(self, branch: BranchRow, confirmed: str, talk: Talk) -> str:
        """Delete a branch; says what was done."""

    def reset(self, branch: BranchRow, confirmed: str, backup: str, talk: Talk) -> str:
        """Overwrite a branch with its parent's present state; says what was done."""

    def rollback_offer(self, branch: BranchRow) -> RollbackOffer:
        """What a rollback of the last run into this branch would do; changes nothing."""

    def rollback(self, offer: RollbackOffer, confirmed: str, talk: Talk) -> str:
        """Take the branch back to before the run; says what was done."""

    def address(self, branch: BranchRow) -> Address:
        """How to connect to a branch."""

    def console_url(self, branch: BranchRow) -> str:
        """The branch's page in Neon's console."""


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
    """How a table would be published, and what it costs. ``method`` as in ``TablePublished``."""

    source: str
    target: str
    method: str
    reason: str
    rows: int | None = None
    rows_exact: bool = False
    billed_bytes: int | None = None
    note: str = ""


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


class LakeService(Protocol):
    """What the lake offers, and what a run would do with it. Writes nothing."""

    def tables(self) -> tuple[LakeTable, ...]:
        """The configured tables, from the configuration alone: quick, and asks nobody."""

    def look(self, table: LakeTable) -> LakeTable:
        """The table with its size and newest date; with ``problem`` when that is not to be had."""

    def states(self, tables: Sequence[str]) -> tuple[str, ...]:
        """The states in the data of these tables, sorted; looks at partitions and a few files."""

    def preview(self, selection: Selection) -> PlanPreview:
        """The plan with its price."""


@dataclass(frozen=True)
class RunReport:
    """How a run ended, as its reports tell: the documents of docs and of the old script.

    ``report`` is etl-report.json, ``validation`` etl-validation-report.json. ``directory`` is where
    the files are, None for a run whose files are not known. ``command`` are the arguments that
    select the same again.
    """

    report: Mapping[str, Any]
    validation: Mapping[str, Any]
    directory: Path | None = None
    command: tuple[str, ...] = ()

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


class SyncService(Protocol):
    """Runs, and the plans for them."""

    def base(self) -> Selection:
        """What configuration and environment select, before anything is chosen."""

    def job(self, selection: Selection) -> Job:
        """The run of a selection.

        Raises:
            NeonsyncError: the settings are wrong, or the reports cannot be written.
        """

    def config_path(self) -> Path:
        """The project's file: the one that is read, or that would be made."""

    def save(self, selection: Selection, path: Path) -> str:
        """Write a selection into a configuration, with all else in it kept; says what was done."""

    def load(self, path: Path) -> Selection:
        """The selection that a configuration holds."""

    def html(self, report: RunReport) -> Path | None:
        """The report's page for a browser; None where there is none."""

    def write_reports(self, report: RunReport, directory: Path) -> tuple[Path, ...]:
        """Write a run's reports into another directory; returns the files."""


@dataclass(frozen=True)
class HistoryList:
    """Runs and branch operations of this machine, the newest first; ``path`` is the file."""

    entries: tuple[Entry, ...]
    path: Path | None = None
    notes: tuple[str, ...] = ()


class HistoryService(Protocol):
    """The local history; nothing is asked of Neon."""

    def load(self) -> HistoryList:
        """All of it."""

    def report(self, run_id: str) -> RunReport | None:
        """The reports of a run that was done from this machine; None where they are gone."""


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


class SetupService(Protocol):
    """The first configuration. Secrets go in by reference only: a variable, a file, a keyring."""

    def needed(self) -> str:
        """Why there must be a setup first; empty when there is a configuration that suffices."""

    def fields(self) -> tuple[SetupField, ...]:
        """What the form begins with."""

    def problem(self, name: str, value: str) -> str:
        """What is wrong with a value, empty for nothing. Quick: called at each key."""

    def test(self, name: str, values: Mapping[str, str]) -> Tested:
        """Try a setting for real, with the others as they are in the form."""

    def save(self, values: Mapping[str, str], path: Path) -> str:
        """Write the configuration; says what was done. Never writes a secret."""


@dataclass(frozen=True)
class Services:
    """All of them, for the App."""

    branches: BranchService
    lake: LakeService
    sync: SyncService
    history: HistoryService
    setup: SetupService
