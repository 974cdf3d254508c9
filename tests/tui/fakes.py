"""Services that answer from values, for screens in odd states. The real ones are in test_flows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Emit
from neonsync.errors import NeonsyncError
from neonsync.history import Entry
from neonsync.secret import Secret
from neonsync.selection import Selection
from neonsync.tui.ports import (
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
    RollbackOffer,
    RunReport,
    Services,
    SetupField,
    TablePreview,
    Talk,
    Tested,
)

NOW = datetime(2026, 11, 23, 1, 37, tzinfo=UTC)
T = TypeVar("T")


def branch(name: str, **more: Any) -> BranchRow:
    values: dict[str, Any] = {
        "id": f"br-{name}",
        "name": name,
        "parent": "main",
        "state": "ready",
        "size": 3_100_000_000,
        "created_at": NOW - timedelta(days=3),
        "endpoint_id": f"ep-{name}",
        "host": f"ep-{name}.eu-central-1.aws.neon.tech",
        "compute": "0.25-2 CU",
        "compute_state": "active",
    }
    return BranchRow(**{**values, **more})


MAIN = branch("main", parent="", default=True, protected=True, size=12_400_000_000)
DEV = branch("dev-kate", expires_at=NOW + timedelta(days=2), last_sync=NOW - timedelta(hours=7))


@dataclass
class Calls:
    """What was asked of a fake; ``error`` is raised next, ``hold`` keeps it from answering."""

    made: list[tuple[Any, ...]] = field(default_factory=list)
    error: NeonsyncError | None = None
    hold: threading.Event | None = None

    def note(self, *call: Any) -> None:
        self.made.append(call)
        if self.hold is not None:
            self.hold.wait(30)
        if self.error is not None:
            raise self.error


@dataclass
class FakeBranches(Calls):
    branches: list[BranchRow] = field(default_factory=lambda: [MAIN, DEV])
    notes: tuple[str, ...] = ()

    def load(self) -> BranchList:
        self.note("load")
        project = ProjectInfo("ep-quiet-moon-123", "acme-claims", "aws-eu-central-1", "17")
        return BranchList(project, tuple(self.branches), NOW, self.notes)

    def name_problem(self, name: str, taken: Sequence[str]) -> str:
        if not name:
            return "a branch needs a name"
        return f"{name} already exists" if name in taken else ""

    def obstacle(self, action: str, branch: BranchRow) -> str:
        if branch.protected:
            return f"{branch.name} is a protected branch"
        return f"{branch.name} has children" if branch.children and action == "delete" else ""

    def create(self, wish: NewBranch, talk: Talk) -> str:
        self.note("create", wish)
        self.branches.append(branch(wish.name, parent=wish.parent or "main"))
        return f"created {wish.name}"

    def delete(self, branch: BranchRow, confirmed: str, talk: Talk) -> str:
        self.note("delete", branch.name, confirmed)
        self.branches = [each for each in self.branches if each.id != branch.id]
        return f"deleted {branch.name}"

    def reset(self, branch: BranchRow, confirmed: str, backup: str, talk: Talk) -> str:
        self.note("reset", branch.name, confirmed, backup)
        return f"reset {branch.name}"

    def rollback_offer(self, branch: BranchRow) -> RollbackOffer:
        self.note("rollback_offer", branch.name)
        return RollbackOffer("run_1", branch.name, NOW, "backup", "This takes all databases back.")

    def rollback(self, offer: RollbackOffer, confirmed: str, talk: Talk) -> str:
        self.note("rollback", offer.run_id, confirmed)
        return f"took {offer.branch} back"

    def address(self, branch: BranchRow) -> Address:
        self.note("address", branch.name)
        host = branch.host or "h"
        return Address(
            f"postgresql://app:********@{host}/app",
            Secret(f"postgresql://app:hunter2hunter2@{host}/app"),
        )

    def console_url(self, branch: BranchRow) -> str:
        return f"https://console.neon.tech/app/projects/p/branches/{branch.id}"


@dataclass
class FakeLake(Calls):
    offered: list[LakeTable] = field(
        default_factory=lambda: [
            LakeTable("claims", "public.claims", date_column="day", state_column="state"),
            LakeTable("plans", "public.plans"),
        ]
    )
    found_states: tuple[str, ...] = ("AK", "CA", "TX")
    warnings: tuple[str, ...] = ()
    price: float | None = 0.002

    def tables(self) -> tuple[LakeTable, ...]:
        return tuple(self.offered)

    def look(self, table: LakeTable) -> LakeTable:
        self.note("look", table.source)
        return replace(table, rows=4_810_000, bytes=310_000_000, newest="2026-11-22")

    def states(self, tables: Sequence[str]) -> tuple[str, ...]:
        self.note("states", tuple(tables))
        return self.found_states

    def preview(self, selection: Selection) -> PlanPreview:
        self.note("preview", selection)
        chosen = [
            table
            for table in self.offered
            if not selection.tables or table.source in selection.tables
        ]
        shown = tuple(
            TablePreview(table.source, table.target, "merge", "it holds rows", 1_200_000)
            for table in chosen
        )
        rows = sum(table.rows or 0 for table in shown)
        return PlanPreview(
            selection.branch,
            "app",
            shown,
            rows,
            310_000_000,
            310_000_000,
            self.price,
            self.warnings,
            "Plan: full into branch dev\n  Athena SQL, export:\n    SELECT 1",
        )


def report_of(status: str = "succeeded", **more: Any) -> RunReport:
    """A run's documents, as small as screens need them."""
    failed = status == "invalid"
    checks = [
        {
            "check": "record_count",
            "table": "public.claims",
            "status": "failed" if failed else "passed",
            "details": {"measured": 90, "source": 100 if failed else 90},
            "message": "90 rows",
            "remedy": "Run again." if failed else "",
        },
        {
            "check": "sample_query",
            "table": "public.claims",
            "status": "warning",
            "details": {"milliseconds": 3},
            "message": "slow",
            "remedy": "",
        },
    ]
    report = {
        "status": status,
        "exitCode": {"succeeded": 0, "invalid": 4, "cancelled": 130}.get(status, 1),
        "runId": "run_0123456789",
        "startTime": "2026-11-23T01:32:00.000Z",
        "endTime": "2026-11-23T01:36:31.000Z",
        "duration": 271.0,
        "branchInfo": {"id": "br-dev-kate", "name": "dev-kate", "mode": "full"},
        "rows": {"read": 90, "written": 90, "inserted": 90, "updated": 0, "unchanged": 0},
        "tables": [],
        "athena": {"queries": [], "bytesScanned": 1000, "bytesBilled": 10_000_000, "priceUsd": 0.1},
        "errors": [],
        "notices": [],
        "validationStatus": "failed" if failed else "passed",
        **more,
    }
    validation = {"overallStatus": report["validationStatus"], "checks": checks, "summary": {}}
    return RunReport(report, validation, None, ("--branch", "dev-kate"))


@dataclass
class FakeSync(Calls):
    start: Selection = field(default_factory=Selection)
    carry_out: Callable[[Emit, CancelToken], Any] | None = None
    path: Path = Path("neonsync.toml")
    branch_id: str = ""
    dates: tuple[date, ...] = ()
    compared: Compared = field(
        default_factory=lambda: Compared(True, "Equal: 1 table", "Branch dev\nEqual: 1 table")
    )

    def base(self) -> Selection:
        return self.start

    def job(self, selection: Selection, branch_id: str = "", dates: Sequence[date] = ()) -> Job:
        self.note("job", selection)
        self.branch_id, self.dates = branch_id, tuple(dates)

        async def job(emit: Emit, cancel: CancelToken) -> RunReport:
            if self.carry_out is not None:
                found: RunReport = await self.carry_out(emit, cancel)
                return found
            return report_of()

        return job

    def compare(self, selection: Selection, talk: Talk) -> Compared:
        talk.say("comparing public.claims")
        self.note("compare", selection, talk)
        return self.compared

    def config_path(self) -> Path:
        return self.path

    def save(self, selection: Selection, path: Path) -> str:
        self.note("save", selection, path)
        return f"saved to {path}"

    def load(self, path: Path) -> Selection:
        self.note("load", path)
        return self.start

    def html(self, report: RunReport) -> Path | None:
        return None

    def write_reports(self, report: RunReport, directory: Path) -> tuple[Path, ...]:
        self.note("write_reports", directory)
        return (directory / "etl-report.json",)


@dataclass
class FakeHistory(Calls):
    entries: tuple[Entry, ...] = ()
    reports: dict[str, RunReport] = field(default_factory=dict)

    def load(self) -> HistoryList:
        self.note("load")
        return HistoryList(self.entries, Path("/home/kate/.local/state/neonsync/history.jsonl"))

    def report(self, run_id: str) -> RunReport | None:
        return self.reports.get(run_id)


@dataclass
class FakeSetup(Calls):
    lack: str = ""

    def needed(self) -> str:
        return self.lack

    def fields(self) -> tuple[SetupField, ...]:
        return (SetupField("neon.project_id", "", ""), SetupField("athena.database", "default"))

    def problem(self, name: str, value: str) -> str:
        return ""

    def test(self, name: str, values: Mapping[str, str]) -> Tested:
        self.note("test", name, dict(values))
        return Tested(True, "reached")

    def save(self, values: Mapping[str, str], path: Path) -> str:
        self.note("save", dict(values), path)
        return f"wrote {path}"


@dataclass
class Fakes:
    branches: FakeBranches = field(default_factory=FakeBranches)
    lake: FakeLake = field(default_factory=FakeLake)
    sync: FakeSync = field(default_factory=FakeSync)
    history: FakeHistory = field(default_factory=FakeHistory)
    setup: FakeSetup = field(default_factory=FakeSetup)

    def services(self) -> Services:
        return Services(self.branches, self.lake, self.sync, self.history, self.setup)
