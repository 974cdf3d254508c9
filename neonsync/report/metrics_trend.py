"""The trend of a table's quality metrics over its runs, from the reports that were kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from neonsync.engine.publishing.quality import KeptMetrics
from neonsync.history import RUN, Entry
from neonsync.report.quality import sparkline
from neonsync.report.reading import inert, items, text_in
from neonsync.report.stored import StoredRun, stored_run
from neonsync.settings import QualitySettings
from neonsync.validation.metrics import TableMetrics, parse_metrics
from neonsync.validation.trend import earlier, percent, quality

NULLS_SHOWN = 5
"""Columns whose share of NULLs has changed most, for the lines above the runs."""
BARS = 30
"""The last runs that have a bar: more would not fit a terminal of 80 columns."""
_LABEL = 24


@dataclass(frozen=True)
class MeasuredRun:
    """A run that has measured the table; ``status`` and ``said`` are of its check ``quality``."""

    entry: Entry
    metrics: TableMetrics
    status: str = ""
    said: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "time": self.entry.time,
            "branch": self.entry.branch,
            "branch_id": self.entry.branch_id,
            "run_id": self.entry.run_id,
            "status": self.entry.status,
            "quality": {"status": self.status, "message": self.said} if self.status else None,
            "metrics": self.metrics.as_json(),
        }


def measured_runs(
    entries: Sequence[Entry], table: str, environ: Mapping[str, str]
) -> tuple[list[MeasuredRun], list[str]]:
    """The runs that have measured a table, in their order, and all tables that any has measured.

    ``table`` is named with its schema or without.
    """
    found: list[MeasuredRun] = []
    there: dict[str, None] = {}
    for entry in entries:
        stored = stored_run(entry.run_id, environ) if entry.kind == RUN else None
        for document in items(stored.report, "quality") if stored else ():
            metrics = parse_metrics(document)
            if stored is None or metrics is None:
                continue
            there[metrics.table] = None
            if table in (metrics.table, metrics.table.partition(".")[2]):
                found.append(MeasuredRun(entry, metrics, *_check(stored, metrics.table)))
    return found, list(there)


def runs_of_branch(kept: Sequence[KeptMetrics], limits: QualitySettings) -> list[MeasuredRun]:
    """The runs that a branch's own ledger has kept, judged again by the limits of now."""
    runs: list[MeasuredRun] = []
    for each in kept:
        entry = Entry(
            each.measured_at.astimezone(UTC).isoformat(timespec="milliseconds"),
            RUN,
            each.branch,
            branch_id=each.branch_id,
            run_id=each.run_id,
            status=each.status,
        )
        past = earlier(each.metrics, [run.metrics for run in runs])
        check = quality(each.metrics, past, limits) if past.runs else None
        said = (check.status.value, check.message) if check is not None else ("", "")
        runs.append(MeasuredRun(entry, each.metrics, *said))
    return runs


def trend_lines(runs: Sequence[MeasuredRun], *, ascii_only: bool = False) -> list[str]:
    """Each number that has a trend as a line of bars, with its first and its last value.

    Of rows in Athena there is a line for each part of the source that more than one run was about.
    """

    def line(label: str, numbers: Sequence[float], first: str, last: str) -> str:
        bars = sparkline(numbers, ascii_only=ascii_only)
        label = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
        return f"{label:<{_LABEL}}  {bars}  {first} to {last}"

    def counted(label: str, counts: Sequence[int], whose: str = "") -> str:
        return line(label, counts, f"{counts[0]:,}", f"{counts[-1]:,}{whose}")

    metrics = [run.metrics for run in runs]
    shown = metrics[-BARS:]
    lines = [counted("rows", [each.rows for each in shown])]
    parts: dict[str, list[int]] = {}
    for each in metrics:
        parts.setdefault(each.scope, []).append(each.source_rows)
    for scope, found in parts.items():
        if len(parts) == 1 or len(found) > 1:
            whose = f" of {scope or 'all'}" if len(parts) > 1 else ""
            lines.append(counted("rows in Athena", found[-BARS:], whose))
    for name, shares in _changed_most(shown):
        lines.append(line(f"NULLs in {name}", shares, percent(shares[0]), percent(shares[-1])))
    return lines


def _changed_most(metrics: Sequence[TableMetrics]) -> list[tuple[str, list[float]]]:
    shares: dict[str, list[float]] = {}
    for each in metrics:
        for column in each.columns:
            if column.null_share is not None:
                shares.setdefault(column.column, []).append(column.null_share)
    changed = [(name, found) for name, found in shares.items() if max(found) - min(found) >= 0.001]
    changed.sort(key=lambda item: min(item[1]) - max(item[1]))
    return changed[:NULLS_SHOWN]


def _check(stored: StoredRun, table: str) -> tuple[str, str]:
    for check in items(stored.validation, "checks"):
        if text_in(check, "check") == "quality" and text_in(check, "table") == table:
            return text_in(check, "status"), inert(check.get("message") or "")
    return "", ""
