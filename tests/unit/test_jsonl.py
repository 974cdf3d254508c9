"""Lines of JSON: what is gathered, what is hidden, what a text may hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from neonsync.cli.reporters import unstarted
from neonsync.engine.events import (
    ChunkLoaded,
    Event,
    Level,
    Notice,
    Purpose,
    QueryProgress,
    RowsCopied,
    RunFinished,
    Step,
    StepStarted,
)
from neonsync.errors import RunCancelled
from neonsync.report.jsonl import JsonLines, summary_record
from neonsync.secret import Secret


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Stream:
    """What a reader of stdout gets."""

    def __init__(self, *secrets: str) -> None:
        self.clock = Clock()
        self.raw: list[str] = []
        self.reporter = JsonLines(self.raw.append, tuple(map(Secret, secrets)), self.clock)

    def send(self, *events: Event) -> None:
        for event in events:
            self.reporter(event)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw]

    def copied(self, table: str) -> list[int]:
        return [
            line["rows"]
            for line in self.lines
            if line["event"] == "rows_copied" and line["table"] == table
        ]


def test_ten_million_rows_print_two_lines_a_second_a_table_and_lose_none() -> None:
    stream = Stream()
    for number in range(10_000):
        stream.clock.now = number / 1_000
        stream.send(RowsCopied("a", 1_000), RowsCopied("b", 500))
    stream.send(RunFinished("run_1", "succeeded", 10.0))

    assert sum(stream.copied("a")) == 10_000_000
    assert sum(stream.copied("b")) == 5_000_000
    assert len(stream.copied("a")) <= 2 * 10 + 2


def test_rows_on_their_way_are_told_before_their_chunk_is() -> None:
    stream = Stream()
    stream.send(RowsCopied("a", 1), RowsCopied("a", 2), RowsCopied("b", 7), RowsCopied("b", 8))
    stream.send(ChunkLoaded("a", 3, 100))

    assert [(line["event"], line["rows"]) for line in stream.lines] == [
        ("rows_copied", 1),
        ("rows_copied", 7),
        ("rows_copied", 2),
        ("chunk_loaded", 3),
    ]


def test_rows_before_a_silence_are_told_by_the_next_tick() -> None:
    stream = Stream()
    stream.send(RowsCopied("a", 1), RowsCopied("a", 2))
    stream.reporter.tick()
    assert stream.copied("a") == [1]

    stream.clock.now = 1.0
    stream.reporter.tick()
    stream.reporter.tick()
    assert stream.copied("a") == [1, 2]


def test_rows_that_came_to_nothing_are_taken_back() -> None:
    stream = Stream()
    stream.send(RowsCopied("a", 5), RowsCopied("a", 4), RowsCopied("a", -9))
    stream.send(RunFinished("run_1", "failed", 1.0))

    assert sum(stream.copied("a")) == 0


def test_a_query_is_told_of_when_something_of_it_has_changed() -> None:
    stream = Stream()
    running = QueryProgress("a", Purpose.EXPORT, "q1", "RUNNING", 10)
    stream.send(running, running, QueryProgress("a", Purpose.EXPORT, "q2", "RUNNING", 10), running)
    stream.send(QueryProgress("a", Purpose.EXPORT, "q1", "SUCCEEDED", 10))

    assert [(line["query_id"], line["state"]) for line in stream.lines] == [
        ("q1", "RUNNING"),
        ("q2", "RUNNING"),
        ("q1", "SUCCEEDED"),
    ]


def test_enums_are_their_words() -> None:
    stream = Stream()
    stream.send(StepStarted(Step.CLEAN_UP), Notice(Level.WARNING, "x"))

    assert [line.get("step") or line.get("level") for line in stream.lines] == [
        "clean up",
        "warning",
    ]


def test_no_secret_is_in_a_line_even_where_json_would_escape_it() -> None:
    stream = Stream('pass"wörd\\1')
    stream.send(
        Notice(Level.INFO, 'it is pass"wörd\\1'),
        Notice(Level.INFO, "postgresql://u:hunter2@host/db"),
        RunFinished("run_1", "failed", 1.0, 'pass"wörd\\1', "napi_abcdef"),
    )

    text = "".join(stream.raw)
    for secret in ("pass", "hunter2", "napi_abcdef"):
        assert secret not in text


def test_a_text_is_one_line_of_ascii_and_no_command_to_githubs_runner() -> None:
    stream = Stream()
    text = "a\nb\u2028c \x1b[31m ##[add-mask]x ü"
    stream.send(Notice(Level.INFO, text))

    (line,) = stream.raw
    assert line.isascii()
    assert line.isprintable()
    assert "##[" not in line
    assert stream.lines[0]["message"] == text


def test_a_table_that_was_not_published_stands_in_the_summary_without_a_method() -> None:
    stopped = replace(unstarted(RunCancelled("stopped")), tables=("public.a",))
    (table,) = summary_record(stopped, "")["tables"]

    assert table["table"] == "public.a"
    assert table["method"] is None
    assert table["inserted"] == table["updated"] == table["unchanged"] == 0
