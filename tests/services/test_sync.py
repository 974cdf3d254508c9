"""A run from the UI: as the headless one, with its reports, its history and its documents."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from neonsync import who
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import ChunkLoaded, Event, Notice, RunStarted
from neonsync.errors import ConfigError
from neonsync.history import HISTORY_VARIABLE
from neonsync.neon.branches import Project
from neonsync.report import stored
from neonsync.selection import from_arguments
from neonsync.services.context import Context
from neonsync.services.history import LocalHistory
from neonsync.services.sync import Sync
from tests.conftest import Target, delete_branch


async def test_a_run_is_reported_noted_and_can_be_opened_and_done_again(
    context: Context, target: Target, tmp_path: Path
) -> None:
    sync, history = Sync(context), LocalHistory(context)
    selection = replace(sync.base(), days=3, confirm=("main",))
    events: list[Event] = []

    report = await sync.job(selection)(events.append, CancelToken())

    assert (report.status, report.exit_code, report.notes) == ("succeeded", 0, ())
    assert isinstance(events[0], RunStarted)
    assert report.directory == tmp_path / "reports"
    written = json.loads((tmp_path / "reports" / "etl-report.json").read_text())
    assert written == report.report
    assert target.value("SELECT count(DISTINCT business_date) FROM forecast_data") > 0
    (entry,) = history.load().entries
    assert (entry.run_id, entry.branch, entry.status) == (report.run_id, target.name, "succeeded")
    assert entry.command == report.command
    again = from_arguments(entry.command, sync.base())
    assert again == replace(selection, confirm=())
    # The branch is in it, whatever will be configured by then.
    assert from_arguments(entry.command, replace(sync.base(), branch="x")).branch == target.name
    opened = history.report(report.run_id)
    assert opened == report
    kept = tmp_path / "home" / "runs" / f"{report.run_id}.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    password = target.uri.split(":")[2].split("@")[0]
    for secret in (password, target.environment["NEON_API_KEY"]):
        assert secret not in kept.read_text() + (tmp_path / "home" / "history.jsonl").read_text()

    files = sync.write_reports(report, tmp_path / "other")
    assert [path.name for path in files] == [
        "etl-report.json",
        "etl-validation-report.json",
        "etl-report.html",
        "etl-report.md",
        "etl-manual.log",
    ]
    assert json.loads(files[0].read_text()) == report.report
    assert report.report["startedBy"]["host"] == who.host()

    page = tmp_path / "reports" / "etl-report.html"
    assert sync.html(report) == page
    assert "rows, digest equal on" in page.read_text()
    # Another run has taken the directory: the page of this one is made of what is kept of it.
    (tmp_path / "reports" / "etl-report.json").write_text("{}")
    assert opened is not None
    anew = sync.html(opened)
    assert anew is not None
    assert anew == tmp_path / "home" / "runs" / f"{report.run_id}.html"
    assert anew.stat().st_mode & 0o777 == 0o600
    assert anew.read_text() == page.read_text()
    for secret in (password, target.environment["NEON_API_KEY"]):
        assert secret not in page.read_text() + (page.with_suffix(".md")).read_text()


async def test_a_row_that_postgres_refuses_stands_in_none_of_the_files(
    context: Context, target: Target, tmp_path: Path
) -> None:
    sync = Sync(context)
    selection = replace(sync.base(), days=1, confirm=("main",))
    await sync.job(selection)(lambda _: None, CancelToken())
    target.sql("TRUNCATE forecast_data; ALTER TABLE forecast_data ADD CONSTRAINT c CHECK (false)")

    report = await sync.job(selection)(lambda _: None, CancelToken())

    assert report.exit_code == 1
    log = (tmp_path / "reports" / "etl-manual.log").read_text()
    assert "caused by CheckViolation" in log
    for path in (tmp_path / "reports").iterdir():
        assert "Failing row" not in path.read_text()


async def test_pages_that_cannot_be_made_do_not_fail_a_run(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no page")

    sync = Sync(context)
    page = tmp_path / "reports" / "etl-report.html"
    page.parent.mkdir()
    page.write_text("an earlier run's")
    job = sync.job(sync.base())
    assert page.read_text() == "an earlier run's", "it stays until there is a plan"
    pages: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, RunStarted):
            pages.append(page.read_text())
            monkeypatch.setattr("neonsync.services.run.write_pages", broken)

    report = await job(listen, CancelToken())
    # What stands there of an earlier run is not taken for this one's.
    assert "Running, or killed" in pages[0]
    assert report.exit_code == 0
    assert any("no page" in note for note in report.notes)
    assert json.loads(page.with_suffix(".json").read_text()) == report.report


async def test_a_plan_that_cannot_be_made_ends_as_a_failed_run(context: Context) -> None:
    sync = Sync(context)
    job = sync.job(replace(sync.base(), branch="nowhere"))
    report = await job(lambda _: None, CancelToken())
    assert (report.status, report.exit_code, report.run_id) == ("failed", 2, "")
    assert "no branch named 'nowhere'" in report.report["errors"][0]["message"]
    (entry,) = LocalHistory(context).load().entries
    assert (entry.status, entry.exit_code) == ("failed", 2)
    assert report.directory is not None
    assert [path.name for path in report.directory.iterdir()] == ["etl-manual.log"]
    # A run without a name has no place of its own where its page could be kept.
    assert sync.html(report) is None


async def test_a_run_that_is_stopped_while_it_plans_has_done_nothing(context: Context) -> None:
    sync = Sync(context)
    cancel = CancelToken()
    cancel.request()
    report = await sync.job(sync.base())(lambda _: None, cancel)
    assert (report.status, report.exit_code) == ("cancelled", 130)


async def test_a_run_via_a_branch_leaves_the_branch_as_it_was(
    context: Context, target: Target
) -> None:
    sync = Sync(context)
    events: list[Event] = []
    job = sync.job(replace(sync.base(), days=3, via_branch=True))
    report = await job(events.append, CancelToken())
    child = report.report["branchInfo"]
    with _gone_afterwards(context, child["id"]):
        assert report.status == "succeeded"
        assert child["name"].startswith(f"{target.name}-sync-")
        assert target.value("SELECT to_regclass('forecast_data')") is None
        said = [event.message for event in events if isinstance(event, Notice)]
        assert any("which stays as it is" in message for message in said)
        entries = LocalHistory(context).load().entries
        assert [entry.kind for entry in entries] == ["run", "create"]
        again = from_arguments(entries[0].command, sync.base())
        assert (again.branch, again.via_branch) == (target.name, True)


@contextlib.contextmanager
def _gone_afterwards(context: Context, branch_id: str) -> Iterator[None]:
    settings = context.settings()
    try:
        yield
    finally:
        delete_branch(Project(settings.neon), settings, branch_id)


async def test_reports_that_cannot_be_written_are_told_before_anything_is_done(
    context: Context, tmp_path: Path
) -> None:
    sync = Sync(context)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written to"):
        sync.job(replace(sync.base(), report_dir=str(tmp_path / "file")))


async def test_two_runs_at_once_do_not_spoil_each_others_reports(context: Context) -> None:
    sync = Sync(context)
    first = sync.job(replace(sync.base(), branch="nowhere"))
    second = sync.job(replace(sync.base(), branch="nowhere"))
    said: list[Event] = []
    reports = await asyncio.gather(
        first(lambda _: None, CancelToken()), second(said.append, CancelToken())
    )
    assert reports[0].directory != reports[1].directory
    assert [event for event in said if isinstance(event, Notice) and "go to" in event.message]


async def test_what_is_kept_on_a_stop_is_gone_on_from(context: Context, target: Target) -> None:
    sync = Sync(context)
    cancel = CancelToken()
    events: list[Event] = []

    def stop_after_a_chunk(event: Event) -> None:
        events.append(event)
        if isinstance(event, ChunkLoaded):
            cancel.request(keep=True)

    report = await sync.job(replace(sync.base(), jobs=1))(stop_after_a_chunk, cancel)
    if report.status != "cancelled":
        pytest.skip("the run was over before it could stop")
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert target.staging_tables() != []
    again = await sync.job(sync.base())(lambda _: None, CancelToken())
    assert (again.status, again.run_id) == ("succeeded", report.run_id)
    assert again.report["resumed"] is True


def test_the_base_is_loaded_from_another_file_with_its_path(
    context: Context, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    other.write_text('branch = "ops"\n[filters]\ndays = 9\n')
    sync = Sync(context)
    base = sync.load(other)
    assert (base.branch, base.days, base.config) == ("ops", 9, other)
    assert context.chosen(replace(base, days=None)).filters.days is None
    assert context.chosen(replace(base, days=None)).branch == "ops"
    assert sync.config_path() == context.config
    assert "saved to" in sync.save(replace(sync.base(), jobs=7), other)
    assert sync.load(other).jobs == 7


def test_only_the_newest_documents_are_kept_and_none_without_a_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "KEPT", 3)
    environ = {HISTORY_VARIABLE: str(tmp_path / "history.jsonl")}
    run = stored.StoredRun({"runId": "x"}, {})
    for number in range(5):
        assert stored.store_run(f"run_{number}", run, environ, ()) == ""
        os.utime(tmp_path / "runs" / f"run_{number}.json", (number, number))
    assert stored.store_run("run_5", run, environ, ()) == ""
    kept = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert kept == ["run_3.json", "run_4.json", "run_5.json"]
    for number in range(5):
        page = stored.store_page(f"run_{number}", "<html>", environ)
        assert page is not None
        os.utime(page, (number, number))
    pages = sorted(path.name for path in (tmp_path / "runs").glob("*.html"))
    assert pages == ["run_2.html", "run_3.html", "run_4.html"]
    assert stored.store_page("../x", "<html>", environ) is None
    assert stored.store_page("run_1", "<html>", {HISTORY_VARIABLE: "/dev/null"}) is None
    assert stored.stored_run("run_0", environ) is None
    assert stored.stored_run("../history", environ) is None
    (tmp_path / "runs" / "run_4.json").write_text("[]")
    assert stored.stored_run("run_4", environ) is None
    assert stored.runs_directory({HISTORY_VARIABLE: "/dev/null"}) is None
    assert stored.runs_directory({}) is None
    assert stored.store_run("run_5", run, {HISTORY_VARIABLE: "/dev/null"}, ()) == ""
    (tmp_path / "file").write_text("")
    full = {HISTORY_VARIABLE: str(tmp_path / "file" / "history.jsonl")}
    assert "could not be kept" in stored.store_run("run_5", run, full, ())


async def test_a_run_does_not_go_into_another_branch_that_has_the_name_by_now(
    looking: Context,
) -> None:
    sync = Sync(looking)
    for via in (False, True):
        job = sync.job(replace(sync.base(), via_branch=via), branch_id="br-that-was-deleted")
        report = await job(lambda _: None, CancelToken())
        assert (report.status, report.exit_code, report.run_id) == ("failed", 6, "")
        assert "another branch now" in report.report["errors"][0]["message"]
    assert "br-that-was-deleted" in report.report["errors"][0]["message"]


async def test_what_a_run_tells_has_lost_its_secrets(
    looking: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = looking.environ["NEON_API_KEY"]

    def make_plan(settings: object, say: Callable[[str], None]) -> None:
        say(f"asking with {key}")
        raise ConfigError(f"no such key: {key}")

    monkeypatch.setattr("neonsync.services.run.make_plan", make_plan)
    events: list[Event] = []
    report = await Sync(looking).job(Sync(looking).base())(events.append, CancelToken())
    assert "asking with ********" in str(events)
    assert key not in str(events) + str(report)
