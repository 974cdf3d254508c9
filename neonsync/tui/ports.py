"""The faces of the services behind the screens; the values they take and give stand below them.

Nothing here imports a client, the engine or Textual, so that the first frame is quick. Every method
of a service blocks and is called in a thread; it raises ``NeonsyncError`` for what can go wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from neonsync.services.values import (
    Address,
    BranchList,
    BranchRow,
    Compared,
    HistoryList,
    Job,
    LakeTable,
    NewBranch,
    PlanPreview,
    ProjectInfo,
    RepairOffer,
    RollbackOffer,
    RunReport,
    SetupField,
    TablePreview,
    Talk,
    Tested,
)

if TYPE_CHECKING:
    from datetime import date

    from neonsync.selection import Selection

__all__ = [
    "Address",
    "BranchList",
    "BranchRow",
    "BranchService",
    "Compared",
    "HistoryList",
    "HistoryService",
    "Job",
    "LakeService",
    "LakeTable",
    "NewBranch",
    "PlanPreview",
    "ProjectInfo",
    "RepairOffer",
    "RollbackOffer",
    "RunReport",
    "Services",
    "SetupField",
    "SetupService",
    "SyncService",
    "TablePreview",
    "Talk",
    "Tested",
]


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


class SyncService(Protocol):
    """Runs, and the plans for them."""

    def base(self) -> Selection:
        """What configuration and environment select, before anything is chosen."""

    def job(self, selection: Selection, branch_id: str = "", dates: Sequence[date] = ()) -> Job:
        """The run of a selection; with ``branch_id`` only into the branch that has it.

        With ``dates`` it is about these days alone.

        Raises:
            NeonsyncError: the settings are wrong, or the reports cannot be written.
        """

    def compare(self, selection: Selection, talk: Talk) -> Compared:
        """The branch against Athena, as both are now; writes nothing. Stops when it is asked to."""

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


class HistoryService(Protocol):
    """The local history; nothing is asked of Neon."""

    def load(self) -> HistoryList:
        """All of it."""

    def report(self, run_id: str) -> RunReport | None:
        """The reports of a run that was done from this machine; None where they are gone."""


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
