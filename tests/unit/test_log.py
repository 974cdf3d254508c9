"""``etl-manual.log``: what of the events stands in it."""

from __future__ import annotations

from pathlib import Path

from neonsync.engine.events import Purpose, QueryProgress
from neonsync.report.files import LOG_NAME, ReportFiles


def test_a_query_has_a_line_for_each_change_of_its_state_and_none_for_each_poll(
    tmp_path: Path,
) -> None:
    files = ReportFiles(tmp_path, ())
    for scanned in (0, 10, 20):
        files(QueryProgress("public.a", Purpose.EXPORT, "q1", "RUNNING", scanned))
        files(QueryProgress("public.a", Purpose.COUNT, "q2", "RUNNING", scanned))
    files(QueryProgress("public.a", Purpose.EXPORT, "q1", "SUCCEEDED", 30))
    files(QueryProgress("public.a", Purpose.FIGURES, "q3", "FAILED", 0))
    files.close()

    lines = (tmp_path / LOG_NAME).read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "export of public.a: query q1 RUNNING, 0 B scanned",
        "count of public.a: query q2 RUNNING, 0 B scanned",
        "export of public.a: query q1 SUCCEEDED, 30 B scanned",
        "figures of public.a: query q3 FAILED, 0 B scanned",
    ]
