"""The live view, the rate, and the plain lines: what is shown when, without waiting for it."""

from __future__ import annotations

from neonsync.engine.events import (
    ChunkLoaded,
    ChunksPlanned,
    Event,
    Purpose,
    QueryProgress,
    RowsCopied,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from neonsync.report.live_view import LiveView
from neonsync.report.plain import HEARTBEAT_SECONDS, PlainReporter
from neonsync.report.rate import Rate

A = "public.a"


def view(*events: tuple[float, Event], ascii_only: bool = False) -> LiveView:
    made = LiveView(0.0, ascii_only=ascii_only)
    for at, event in events:
        made.take(event, at)
    return made


def shown(of: LiveView, width: int = 100, height: int = 24, now: float = 0.0) -> list[str]:
    return [line.plain for line in of.lines(width, height, now)]


def started(*tables: str) -> tuple[float, Event]:
    return 0.0, RunStarted("run_1", "dev", "br-1", tables, 1)


def loading(total: int, before: int = 0, table: str = A) -> list[tuple[float, Event]]:
    return [
        (0.0, StepStarted(Step.LOAD, table)),
        (0.0, ChunksPlanned(table, total, 2, before, 1 if before else 0)),
    ]


def test_a_table_that_loads_has_a_bar_rows_rate_and_time_left() -> None:
    copied = [(float(second), RowsCopied(A, 1_000)) for second in range(1, 21)]
    (line,) = shown(view(started(A), *loading(100_000), *copied), now=20.0)

    assert line == "a load ████░░░░░░░░░░░░░░░░ 20% of 100k rows, 1.0k/s, 1 min 20 s left"


def test_rows_of_an_earlier_run_are_progress_but_no_pace() -> None:
    events = [*loading(100_000, before=50_000), (20.0, RowsCopied(A, 10_000))]
    (line,) = shown(view(started(A), *events), now=20.0)

    assert "60% of 100k rows, 500/s, 1 min 20 s left" in line


def test_no_time_is_told_before_it_is_known_or_while_nothing_moves() -> None:
    events = [*loading(100_000), (5.0, RowsCopied(A, 10_000))]
    moving = view(started(A), *events)
    assert "2.0k/s" in shown(moving, now=5.0)[0]
    assert "left" not in shown(moving, now=5.0)[0]
    assert "left" in shown(moving, now=12.0)[0]
    assert "left" not in shown(moving, now=16.0)[0]


def test_hundred_percent_is_when_all_is_there() -> None:
    almost = view(started(A), *loading(100_000), (1.0, RowsCopied(A, 99_999)))
    assert "99% of" in shown(almost)[0]
    done = view(started(A), *loading(10), (1.0, RowsCopied(A, 10)), (1.0, ChunkLoaded(A, 10, 100)))
    assert "100% of" in shown(done)[0]


def test_sixty_tables_fit_a_small_terminal_and_those_at_work_are_named() -> None:
    names = [f"public.quite_a_long_name_of_a_table_{number:02d}" for number in range(60)]
    events: list[tuple[float, Event]] = [started(*names)]
    for name in names[:10]:
        events += [(0.0, StepStarted(Step.INDEX, name)), (0.0, StepFinished(Step.INDEX, name, 1.0))]
    for name in names[10:40]:
        events.append((0.0, StepStarted(Step.EXTRACT, name)))
    for name in names[37:40]:
        events += loading(1_000_000, table=name)
        events += [(20.0, RowsCopied(name, 10_000))]
    lines = shown(view(*events), width=80, height=24, now=20.0)

    assert len(lines) == 12
    assert all(len(line) <= 80 for line in lines)
    assert lines[0] == "60 tables: 30 at work, 10 ready, 20 waiting, 30.0k rows loaded  20.0 s"
    assert all(" load █" in line or " load ░" in line for line in lines[1:4])
    assert all(line.endswith("1% of 1.0M, 500/s, 33 min 00 s left") for line in lines[1:4])
    assert all(" extract " in line for line in lines[4:11])
    assert lines[-1] == "… and 20 more: 20 in extract"


def test_a_narrow_or_low_terminal_has_no_line_too_long_or_too_many() -> None:
    names = [f"public.表{number}_" + "x" * 50 for number in range(20)]
    events: list[tuple[float, Event]] = [started(*names)]
    for name in names:
        events += loading(1_000_000, table=name)
    for width, height in ((20, 5), (40, 10), (200, 60)):
        lines = view(*events).lines(width, height, 1.0)
        assert all(line.cell_len <= width for line in lines)
        assert len(lines) <= max(height // 2, 3)


def test_an_export_shows_what_is_scanned_and_a_step_of_all_tables_is_alone() -> None:
    scanning: list[tuple[float, Event]] = [
        (0.0, StepStarted(Step.EXTRACT, A)),
        (1.0, QueryProgress(A, Purpose.EXPORT, "q", "RUNNING", 2_500_000)),
    ]
    assert shown(view(started(A), *scanning), now=3.0) == ["a extract 2.5 MB scanned  3.0 s"]
    publishing: tuple[float, Event] = (5.0, StepStarted(Step.PUBLISH))
    assert shown(view(started(A), *scanning, publishing), now=7.0) == ["publish …  2.0 s"]


def test_a_terminal_without_unicode_gets_bars_all_the_same() -> None:
    plain = view(started(A), *loading(100), (1.0, RowsCopied(A, 50)), ascii_only=True)
    assert "##########.........." in shown(plain)[0]


def test_names_of_tables_cannot_steer_the_terminal() -> None:
    name = "public.a\x1b[2J\nb"
    (line,) = shown(view(started(name), (0.0, StepStarted(Step.LOAD, name))))
    assert line.isprintable()


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    rate = Rate(0.0, 0)
    total = 0
    for second in range(1, 101):
        total += 1_000 if second <= 60 else 100
        rate.add(float(second), total)

    assert rate.per_second(100.0) == 100
    assert rate.seconds_for(1_000, 100.0) == 10


def test_a_rate_keeps_few_samples_however_often_it_is_told() -> None:
    rate = Rate(0.0, 0)
    for number in range(1, 100_001):
        rate.add(number / 1_000, number)

    assert len(rate._samples) < 100
    assert round(rate.per_second(100.0) or 0) == 1_000


def test_rows_that_came_to_nothing_are_no_rate() -> None:
    rate = Rate(0.0, 100)
    rate.add(2.0, 50)
    assert rate.per_second(2.0) is None


def test_a_long_silence_is_broken_every_half_a_minute() -> None:
    now = [0.0]
    written: list[str] = []
    plain = PlainReporter(written.append, lambda: now[0])
    plain(RunStarted("run_1", "dev", "br-1", (A,), 1))
    plain(StepStarted(Step.EXTRACT, A))
    plain(QueryProgress(A, Purpose.EXPORT, "q", "RUNNING", 2_500_000))
    for second in range(int(2 * HEARTBEAT_SECONDS) + 5):
        now[0] = float(second)
        plain.tick()

    beats = written[1:]
    assert len(beats) == 2
    assert all(beat.endswith("public.a: extract, 2.5 MB scanned") for beat in beats)


def test_a_sign_of_life_of_sixty_tables_is_one_short_line() -> None:
    written: list[str] = []
    now = [0.0]
    plain = PlainReporter(written.append, lambda: now[0])
    names = tuple(f"public.t{number}" for number in range(60))
    plain(RunStarted("run_1", "dev", "br-1", names, 1))
    plain(StepStarted(Step.LOAD, names[0]))
    now[0] = HEARTBEAT_SECONDS
    plain.tick()

    assert written[-1].endswith("60 tables: 1 load, 59 waiting; 0 rows loaded")
