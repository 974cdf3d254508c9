"""The reducer: where a run stands after its events."""

from __future__ import annotations

from functools import reduce as fold

from neonsync.engine.events import (
    ChunkLoaded,
    ChunksPlanned,
    Event,
    Purpose,
    QueryProgress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    TablePublished,
)
from neonsync.engine.state import RunState, reduce
from neonsync.report.wording import describe_state, duration, money, printable, short, size

STARTED = RunStarted("run_1", "dev", "br-1", ("public.a", "public.b"), 1)


def after(*events: Event) -> RunState:
    return fold(reduce, events, RunState())


def test_rows_are_known_when_every_export_is() -> None:
    first = ChunksPlanned("public.a", 100, 2, 40, 1)
    assert after(STARTED, first).rows is None

    state = after(STARTED, first, ChunksPlanned("public.b", 50, 1, 0, 0))
    assert (state.rows, state.loaded_rows) == (150, 40)


def test_chunks_add_up_on_what_was_loaded_before() -> None:
    planned = ChunksPlanned("public.a", 100, 2, 40, 1)
    state = after(STARTED, planned, ChunkLoaded("public.a", 60, 1_000))

    assert state.tables["public.a"].loaded_rows == 100


def test_a_state_says_what_goes_on() -> None:
    loading = after(
        STARTED,
        StepStarted(Step.LOAD, "public.a"),
        ChunksPlanned("public.a", 1000, 2, 400, 1),
    )
    assert describe_state(loading) == ("public.a: load, 400 of 1,000 rows; public.b: waiting")
    publishing = reduce(loading, StepStarted(Step.PUBLISH))
    assert describe_state(publishing) == "publish …"
    done = after(
        STARTED,
        StepStarted(Step.PUBLISH),
        TablePublished("public.a", "swap", 1, 0, 0),
        StepFinished(Step.PUBLISH, "", 0.1),
        RunFinished("run_1", "succeeded", 1.0),
    )
    assert done.status == "succeeded"
    assert done.tables["public.a"].done


def test_the_progress_of_an_export_is_that_of_its_own_query() -> None:
    def polled(purpose: Purpose, scanned: int) -> QueryProgress:
        return QueryProgress("public.a", purpose, f"q-{purpose}", "RUNNING", scanned)

    exporting = after(STARTED, StepStarted(Step.EXTRACT, "public.a"), polled(Purpose.EXPORT, 500))
    said = "public.a: extract, 500 B scanned; public.b: waiting"
    assert describe_state(exporting) == said

    beside = fold(reduce, (polled(Purpose.COUNT, 7), polled(Purpose.FIGURES, 900)), exporting)
    assert describe_state(beside) == said

    further = reduce(beside, polled(Purpose.EXPORT, 600))
    assert further.tables["public.a"].scanned_bytes == 600
    again = reduce(further, QueryProgress("public.a", Purpose.EXPORT, "q-2", "QUEUED", 0))
    assert describe_state(again) == "public.a: extract; public.b: waiting"


def test_figures_are_said_as_people_say_them() -> None:
    assert [size(n) for n in (0, 999, 1_874_653, 2.5e12)] == ["0 B", "999 B", "1.9 MB", "2.50 TB"]
    assert [money(d) for d in (0, 0.0001, 1.5)] == ["$0", "$0.0001", "$1.50"]
    assert [duration(s) for s in (0.04, 59.94, 61)] == ["0.0 s", "59.9 s", "1 min 01 s"]


def test_a_short_count_has_room_in_a_line() -> None:
    counts = (7, 999, 1_500, 123_456, 1_500_000, 2e9)
    assert [short(n) for n in counts] == ["7", "999", "1.5k", "123k", "1.5M", "2.0G"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\nc\u202ed") == r"a\x1b[31mb\nc\u202ed"
    assert printable("naïve 😀") == "naïve 😀"
