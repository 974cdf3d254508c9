"""The results screen: what is to be read, copied, written, opened and synced again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from neonsync.errors import SyncError
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import BranchRow, ProjectInfo, RunReport
from neonsync.tui.preferences import Preferences
from neonsync.tui.screens.branches import BranchesScreen
from neonsync.tui.screens.help import HelpScreen
from neonsync.tui.screens.reading import Reading
from neonsync.tui.screens.results import ResultsScreen
from neonsync.tui.screens.write_reports import WriteReports
from tests.tui.conftest import SIZES, Screens, text_of, until
from tests.tui.fakes import Fakes, report_of
from tests.tui.reports import declared_report, failed_report, invalid_report


async def opened(app: NeonsyncApp, pilot: Pilot[int], report: RunReport) -> None:
    app.project = ProjectInfo("ep-quiet-moon-123", "acme-claims", "aws-eu-central-1", "17")
    app.open_results(report)
    await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
    await until(pilot, lambda: "Re-sync" in text_of(app))
    seen = [""]

    def settled() -> bool:
        # The detail is wrapped anew once its pane has its width.
        seen.append(text_of(app))
        return seen[-1] == seen[-2]

    await until(pilot, settled)


async def test_a_published_run_whose_checks_failed(app: NeonsyncApp, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, invalid_report())
        await screens(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_checks_of_ones_own_with_the_rows_that_violate_them(
    app: NeonsyncApp, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, declared_report())
        if size[0] < 100:
            await pilot.press("enter")
            await until(pilot, lambda: "state_known ─" in text_of(app))
            await pilot.press("end")
            await until(pilot, lambda: "claim_id = 1311" in text_of(app))
        assert text_of(app) == screen


async def test_a_run_that_failed_before_it_published(app: NeonsyncApp, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, failed_report())
        await screens(pilot)


async def test_at_110_columns_the_pane_and_the_table_have_their_room(
    fakes: Fakes, screen: SnapshotAssertion
) -> None:
    app = NeonsyncApp(fakes.services(), Preferences(ascii_only=True))
    async with app.run_test(size=(110, 24)) as pilot:
        await opened(app, pilot, invalid_report())
        assert text_of(app) == screen


async def test_a_run_without_results_says_so(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, RunReport({"status": "succeeded"}, {}))
        assert "The run left no results." in text_of(app)


async def test_f_shows_failures_alone_and_all_again(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.press("f")
        await until(
            pilot, lambda: "pass" not in text_of(app).split("MEASURED")[1].split("enter")[0]
        )
        assert "-770,000" in text_of(app)
        await pilot.press("f")
        await until(pilot, lambda: "✓ pass" in text_of(app))


async def test_without_failures_f_says_that_there_are_none(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, report_of())
        await pilot.press("f")
        await until(pilot, lambda: "Nothing has failed." in text_of(app))


async def test_enter_shows_the_whole_of_a_check_and_y_copies_it(
    app: NeonsyncApp, screens: Screens
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Reading))
        await until(pilot, lambda: "Athena SQL" in text_of(app))
        await screens(pilot)
        await pilot.press("y")
        assert "GROUP BY d" in app.clipboard
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "y copies the whole text" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Reading))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))


async def test_a_click_on_a_row_chooses_it_and_another_opens_it(app: NeonsyncApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.click("#results", offset=(10, 4))
        await until(pilot, lambda: "public.claims · merge" in text_of(app))
        await pilot.press("y")
        assert "how" in app.clipboard
        await pilot.click("#results", offset=(10, 4))
        await until(pilot, lambda: isinstance(app.screen, Reading))


async def test_w_writes_the_reports_where_one_says(
    app: NeonsyncApp, fakes: Fakes, tmp_path: Path
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WriteReports))
        await pilot.press("-", "2", "enter")
        await until(pilot, lambda: "etl-report.json" in text_of(app))
        assert fakes.sync.made[-1] == ("write_reports", Path("reports-2"))


async def test_reports_that_cannot_be_written_are_told_of(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.sync.error = SyncError("no room on [/x]", "Choose another directory.")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WriteReports))
        await pilot.click("#go")
        await until(pilot, lambda: "no room on [/x]" in text_of(app))
        assert "Choose another directory." in text_of(app)


async def test_o_opens_the_page_or_tells_where_the_reports_are(
    app: NeonsyncApp, fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls: list[str] = []
    monkeypatch.setattr(NeonsyncApp, "open_url", lambda _, url: urls.append(url))
    page = tmp_path / "etl-report.html"
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        whole = invalid_report()
        await opened(app, pilot, RunReport(whole.report, whole.validation, Path("there")))
        await pilot.press("o")
        await until(pilot, lambda: "the reports are in there" in text_of(app))
        monkeypatch.setattr(fakes.sync, "html", lambda report: page)
        await pilot.press("o")
        await until(pilot, lambda: bool(urls))
        assert urls == [page.as_uri()]


async def test_r_opens_the_plan_with_the_failed_tables_and_the_branch_as_it_is_now(
    app: NeonsyncApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[tuple[BranchRow, Selection | None]] = []

    def open_plan(_: NeonsyncApp, branch: BranchRow, selection: Selection | None = None) -> None:
        plans.append((branch, selection))

    monkeypatch.setattr(NeonsyncApp, "open_plan", open_plan)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.press("R")
        await until(pilot, lambda: bool(plans))
    branch, selection = plans[0]
    assert branch.name == "dev-kate"
    assert selection == Selection(branch="dev-kate", tables=("eligibility",), states=("CA", "TX"))


async def test_r_after_a_failed_proof_is_of_the_days_that_differed_and_says_so(
    app: NeonsyncApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Selection | None] = []
    monkeypatch.setattr(NeonsyncApp, "open_plan", lambda _, branch, chosen: plans.append(chosen))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(app, pilot, failed_report())
        await pilot.press("R")
        await until(pilot, lambda: "Only the days that differed: 2026-10-31" in text_of(app))
    day = date(2026, 10, 31)
    assert plans == [Selection(branch="dev-kate", tables=("claims",), first=day, last=day)]


async def test_r_says_so_when_the_branch_is_gone(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.branches.branches = []
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.press("R")
        await until(pilot, lambda: "of this run is gone" in text_of(app))


async def test_esc_leads_back(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, invalid_report())
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BranchesScreen))
