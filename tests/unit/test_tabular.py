"""Tables and lines on a terminal: names and ids can be copied whole, however narrow it is."""

from __future__ import annotations

import pytest

from neonsync.cli import history as command
from neonsync.cli.tabular import Row, as_table, wrapped
from neonsync.history import Entry

RUN = "run_0123456789"


def test_lines_break_between_words_and_keep_names_whole() -> None:
    lines = ["short", f"    it was repaired by {RUN} and by run-{RUN}-with-a-longer-name-still"]
    assert list(wrapped(lines, 0)) == lines
    assert list(wrapped(lines, 36)) == [
        "short",
        "    it was repaired by",
        f"      {RUN} and by",
        f"      run-{RUN}-with-a-longer-name-still",
    ]


@pytest.mark.parametrize("width", [79, 80, 81, 100, 120, 200])
@pytest.mark.parametrize("branch", ["dev", "a-branch-with-quite-a-long-name-0123456789"])
@pytest.mark.parametrize(
    "detail",
    ["", f"to before {RUN}", "s3://a-bucket/with-a-long-prefix/" * 3, "a message in words " * 12],
)
def test_ids_of_the_history_stand_in_one_line(width: int, branch: str, detail: str) -> None:
    entries = [
        Entry(
            "2026-11-26T01:56:07.356+00:00",
            "run",
            branch,
            run_id=RUN,
            status="cancelled",
            exit_code=130,
            mode="schema-only",
            rows=123_456_789,
            user="somebody",
            detail=detail,
        ),
        Entry("2026-11-26T01:56:07.356+00:00", "rollback", branch, detail=detail),
    ]
    header = Row(("TIME", "WHAT", "BRANCH", "STATUS", "ROWS"), ("BY", "RUN"), "RUN")
    lines = as_table(header, [*map(command._row, entries)], width, names=2)
    for name in (RUN, branch):
        assert any(name in line for line in lines)
    assert all(len(line) <= width or line.strip() in detail for line in lines), lines
