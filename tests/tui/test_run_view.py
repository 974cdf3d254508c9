"""What the run screen is told: phases, rates, the log, problems; without any screen."""

from __future__ import annotations

import pytest

from neonsync.engine.events import (
    CheckFinished,
    ChunkLoaded,
    ChunksPlanned,
    Event,
    Level,
    Notice,
    Purpose,
    QueryProgress,
    RowsCopied,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    TablePublished,
)
from neonsync.tui.colours import coloured
from neonsync.tui.run_chart import Samples, chart
from neonsync.tui.run_events import LOG_LINES, visible
from neonsync.tui.run_view import RunSnapshot, RunView
from tests.tui.fakes import report_of
from tests.tui.runs import exported, loaded, staged

A, B = "public.a", "public.b"


def view_of(*events: Event, tables: tuple[str, ...] = (A, B)) -> RunView:
    view = RunView(0.0)
    view.take(RunStarted("run_1", "dev", "br-dev", tables, 1), 0.0)
    for event in events:
        view.take(event, 1.0)
    return view


def seen(view: RunView, now: float = 2.0) -> RunSnapshot:
    return view.snapshot(now, stopping=False)


def phases(view: RunView) -> dict[str, tuple[str, str]]:
    return {line.name: (line.phase, line.step) for line in seen(view).tables}


def steps(view: RunView) -> dict[str, str]:
    return {step.value: phase for step, phase in seen(view).steps}


def published(table: str) -> TablePublished:
    return TablePublished(table, "swap", 10, 0, 0)


def test_a_table_goes_from_queued_through_its_steps_to_ready() -> None:
    view = view_of()
    assert phases(view)[A] == ("waiting", "")
    view.take(StepStarted(Step.EXTRACT, A), 1.0)
    assert phases(view)[A] == ("running", "extract")
    for event in exported(A, 10)[1:]:
        view.take(event, 1.0)
    assert phases(view)[A] == ("running", "load")
    for event in staged(A):
        view.take(event, 3.0)
    assert phases(view)[A] == ("ready", "index")
    assert phases(view)[B] == ("waiting", "")
    assert steps(view)["extract"] == "ready", "b has not begun it"


def test_steps_that_a_mode_leaves_out_are_skipped() -> None:
    """Test data is not exported, and a merge builds no index."""
    events: list[Event] = []
    for name in (A, B):
        events += [
            StepStarted(Step.LOAD, name),
            StepFinished(Step.LOAD, name, 1.0),
            StepStarted(Step.AUDIT, name),
            StepFinished(Step.AUDIT, name, 1.0),
        ]
    view = view_of(*events, StepStarted(Step.PUBLISH))
    assert steps(view) == {
        "extract": "skipped",
        "load": "done",
        "audit": "done",
        "index": "skipped",
        "publish": "running",
        "verify": "waiting",
    }
    assert phases(view)[A] == ("running", "publish")


def test_a_published_table_is_checked_and_then_done() -> None:
    view = view_of(StepStarted(Step.PUBLISH), published(A), published(B))
    view.take(StepFinished(Step.PUBLISH, "", 1.0), 1.0)
    view.take(StepStarted(Step.VERIFY), 1.0)
    assert phases(view)[A] == ("running", "verify")
    view.take(CheckFinished(A, "record_count", "passed", "10 rows"), 1.0)
    view.take(CheckFinished(B, "record_count", "failed", "9 rows"), 1.0)
    assert phases(view) == {A: ("done", ""), B: ("invalid", "verify")}
    view.take(StepFinished(Step.VERIFY, "", 1.0), 1.0)
    view.take(RunFinished("run_1", "invalid", 3.0), 1.0)
    assert steps(view)["verify"] == "failed"
    assert phases(view) == {A: ("done", ""), B: ("invalid", "verify")}


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        ("public.a: numeric field overflow", {A}),
        ("Athena's export of a ended as FAILED", {A}),
        ("the connection to the branch was lost 3 times", set()),
    ],
)
def test_the_table_that_an_error_names_has_failed_and_the_others_are_stopped(
    error: str, failed: set[str]
) -> None:
    view = view_of(
        StepStarted(Step.LOAD, A),
        StepStarted(Step.LOAD, B),
        RunFinished("run_1", "failed", 3.0, error, "Mend it."),
    )
    found = phases(view)
    assert {name for name, (phase, _) in found.items() if phase == "failed"} == failed
    assert {name for name, (phase, _) in found.items() if phase == "stopped"} == {A, B} - failed
    assert steps(view)["load"] == "failed"


def test_an_error_that_names_none_is_that_of_the_only_table_at_work() -> None:
    view = view_of(StepStarted(Step.LOAD, A), RunFinished("run_1", "failed", 3.0, "no room"))
    assert phases(view) == {A: ("failed", "load"), B: ("skipped", "")}


def test_a_cancelled_run_has_stopped_tables_and_no_failed_ones() -> None:
    view = view_of(StepStarted(Step.LOAD, A), RunFinished("run_1", "cancelled", 3.0, "stopped"))
    assert phases(view) == {A: ("stopped", "load"), B: ("skipped", "")}
    assert steps(view)["load"] == "stopped"


def test_rows_are_those_sent_and_what_is_taken_back_counts_back() -> None:
    view = view_of(*exported(A, 100), RowsCopied(A, 60), RowsCopied(A, -20))
    assert seen(view).tables[0].sent == 40
    view.take(ChunkLoaded(A, 40, 800), 1.1)
    assert seen(view).tables[0].sent == 40
    assert seen(view).state.tables[A].loaded_rows == 40
    assert seen(view).state.rows is None, "b's export is not known yet"


def test_what_an_earlier_attempt_loaded_counts_as_rows_and_not_as_pace() -> None:
    view = view_of(StepStarted(Step.LOAD, A), ChunksPlanned(A, 1000, 10, 500, 5), tables=(A,))
    for second in range(2, 22):
        view.take(RowsCopied(A, 10), float(second))
    line = seen(view, 22.0).tables[0]
    assert line.sent == 700
    assert line.rate == pytest.approx(10, rel=0.2)
    assert line.left == pytest.approx(30, rel=0.2)


def test_no_time_left_is_told_while_it_would_be_a_guess() -> None:
    view = view_of(*exported(A, 1000), *loaded(A, 100), tables=(A,))
    assert seen(view, 5.0).tables[0].left is None
    assert seen(view, 5.0).left is None


def test_bytes_are_summed_over_the_queries_of_a_table() -> None:
    view = view_of(
        QueryProgress(A, Purpose.EXPORT, "q1", "RUNNING", 5),
        QueryProgress(A, Purpose.EXPORT, "q1", "SUCCEEDED", 10),
        QueryProgress(A, Purpose.COUNT, "q2", "SUCCEEDED", 7),
    )
    assert seen(view).scanned == 17


def test_the_log_gives_what_is_new_and_keeps_so_many_lines() -> None:
    view = view_of()
    assert [line.number for line in view.lines_after(0, 100)] == [1]
    for number in range(LOG_LINES + 50):
        view.take(Notice(Level.INFO, f"note {number}"), 2.0)
    assert seen(view).logged == LOG_LINES + 51
    lines = view.lines_after(1, 100)
    assert (len(lines), lines[0].text) == (100, "note 50"), "older lines are gone"
    assert view.lines_after(LOG_LINES + 50, 100)[0].text == f"note {LOG_LINES + 49}"
    assert view.lines_after(LOG_LINES + 51, 100) == ()


def test_the_log_has_levels_and_sources_and_does_not_drown_in_chunks() -> None:
    view = view_of(*exported(A, 1000, chunks=100))
    for _ in range(50):
        view.take(ChunkLoaded(A, 10, 200), 2.0)
    view.take(Notice(Level.WARNING, "odd"), 2.0)
    view.take(CheckFinished(A, "record_count", "failed", "9 rows"), 2.0)
    lines = view.lines_after(0, 1000)
    assert [line.source for line in lines if "chunk 1/100" in line.text] == ["copy"]
    assert not [line for line in lines if "chunk 2/100" in line.text]
    assert {line.source for line in lines} == {"athena", "copy", "engine", "check"}
    assert [line.level for line in visible(lines, "warning")] == ["warning", "error"]
    assert [line.level for line in visible(lines, "error")] == ["error"]


def test_what_comes_from_outside_is_made_inert() -> None:
    view = view_of(Notice(Level.WARNING, "\x1b[31m[/x]\n::error::x"))
    assert view.lines_after(0, 9)[-1].text == r"\x1b[31m[/x]\n::error::x"
    assert seen(view).problems[-1].message == r"\x1b[31m[/x]\n::error::x"


def test_problems_are_warnings_bad_checks_and_the_error_with_its_remedy() -> None:
    view = view_of(
        Notice(Level.INFO, "fine"),
        Notice(Level.WARNING, "odd"),
        CheckFinished(A, "performance", "warning", "slow"),
        RunFinished("run_1", "failed", 1.0, "no room", "Make room."),
    )
    found = [(each.level, each.table, each.message, each.remedy) for each in seen(view).problems]
    assert found == [
        ("warning", "", "odd", ""),
        ("warning", A, "check performance: slow", ""),
        ("error", "", "no room", "Make room."),
    ]


def test_a_run_that_is_over_stands_still() -> None:
    view = view_of(*exported(A, 100), *loaded(A, 100))
    view.end(report_of(), None, 9.0)
    assert seen(view, 60.0).seconds == 9.0
    assert seen(view, 60.0).ended


def test_the_chips_word_is_the_share_then_the_shared_step() -> None:
    view = view_of(*exported(A, 1000), *loaded(A, 449), tables=(A,))
    assert seen(view).word == "44 %"
    view.take(StepStarted(Step.PUBLISH), 3.0)
    assert seen(view).word == "publish"
    assert view.snapshot(4.0, stopping=True).word == "stopping"


def test_samples_are_whole_seconds_and_silence_is_nothing() -> None:
    samples = Samples(0.0)
    samples.add(5, 0.2)
    samples.add(7, 0.9)
    samples.add(3, 3.5)
    assert samples.all(4.0) == (12, 0, 0, 3)


def test_the_chart_is_full_at_its_highest_and_shows_the_least_of_something() -> None:
    assert chart([0, 1, 800], 4, 2) == ["   █", "  ▁█"]
    assert chart([0, 1, 2], 3, 2, ascii_only=True) == ["  #", " ##"]
    assert chart([], 3, 1) == ["   "]


def test_a_cell_that_changes_its_colour_only_is_another_cell() -> None:
    assert coloured("100%", "green") != coloured("100%", "dim")
