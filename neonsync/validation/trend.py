"""Whether a table has changed since its last runs more than it should have. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from neonsync.settings import QualitySettings
from neonsync.tables import Severity
from neonsync.validation.metrics import ColumnMetrics, DayRows, TableMetrics, in_order
from neonsync.validation.result import VALUES_SHOWN, CheckResult, Status

RUNS_COMPARED = 5
"""Last runs that a run is compared with: one that was odd does not decide."""
SAMPLE_NOISE = 0.001
"""The share that a value must have to be told as new of a sample, where rare ones come and go."""


@dataclass(frozen=True)
class Change:
    """What has changed, in words.

    ``what`` is rows, source_rows, days, source_days, nulls or categories.
    """

    what: str
    column: str
    before: str
    now: str
    message: str


@dataclass(frozen=True)
class Earlier:
    """Runs into a table before one, the newest first; ``alike`` ones had the same filters.

    What was measured is the whole table, however little of it a run has written; Athena's rows are
    those within its filters, and can be compared with nothing else.
    """

    runs: Sequence[TableMetrics]
    alike: Sequence[TableMetrics]


def earlier(now: TableMetrics, before: Sequence[TableMetrics]) -> Earlier:
    """What a run is compared with, of those ``before`` it, which come with the oldest first."""
    alike = [each for each in before if each.scope == now.scope]
    return Earlier(before[-RUNS_COMPARED:][::-1], alike[-RUNS_COMPARED:][::-1])


def quality(now: TableMetrics, past: Earlier, limits: QualitySettings) -> CheckResult:
    """The check of that name: a table against its last runs."""
    before = past.runs
    changes = [
        *_volume("rows", now.rows, [each.rows for each in before], limits),
        *_volume("source_rows", now.source_rows, [each.source_rows for each in past.alike], limits),
        *_days("days", now.days, [each.days for each in before[:1]], limits),
        *_days("source_days", now.source_days, [e.source_days for e in past.alike[:1]], limits),
        *(change for column in now.columns for change in _nulls(column, before, limits)),
        *(change for column in now.columns for change in _categories(column, now, before, limits)),
    ]
    runs = f"the last {len(before)} runs" if len(before) > 1 else "the last run"
    said = "; ".join(change.message for change in changes)
    return CheckResult(
        "quality",
        now.table,
        Status.WARNING if changes else Status.PASSED,
        said or f"{now.rows:,} rows; nothing has changed beyond the limits since {runs}",
        {
            "measured": now.rows,
            "expected": _middle([each.rows for each in before]),
            "runs": len(before),
            "changes": [
                {
                    "what": each.what,
                    "column": each.column,
                    "before": each.before,
                    "now": each.now,
                }
                for each in changes
            ],
        },
        "Look whether the lake is right. [quality] of the configuration has the limits; "
        f"neonsync history --metrics {now.table} shows the trend."
        if changes
        else "",
        severity=Severity.WARN,
    )


def _volume(
    what: str, now: int, before: Sequence[int], limits: QualitySettings
) -> Iterator[Change]:
    usual = _middle(before)
    drop = (usual - now) / usual * 100 if usual else 0.0
    if drop <= limits.volume_drop or limits.volume_drop >= 100:
        return
    name = "rows in Athena" if what == "source_rows" else "rows"
    yield Change(
        what,
        "",
        f"{usual:,}",
        f"{now:,}",
        f"{now:,} {name}, {drop:.0f} % fewer than {usual:,} before",
    )


def _days(
    what: str, now: Sequence[DayRows], last: Sequence[Sequence[DayRows]], limits: QualitySettings
) -> Iterator[Change]:
    """Days that have lost rows since the last run; not those that have left at the beginning, as
    they do where a lake keeps some days only."""
    found = {each.day: each.rows for each in now if each.day is not None}
    if not found or limits.volume_drop >= 100:
        return
    first = min(map(in_order, found))
    fewer = [
        (each, found.get(each.day, 0))
        for days in last
        for each in days
        if each.day is not None
        and in_order(each.day) >= first
        and (each.rows - found.get(each.day, 0)) * 100 > limits.volume_drop * each.rows
    ]
    if not fewer:
        return
    where = " in Athena" if what == "source_days" else ""
    told = ", ".join(
        f"{then.day} has {rows:,}, {then.rows:,} before" for then, rows in fewer[:VALUES_SHOWN]
    )
    more = f" and {len(fewer) - VALUES_SHOWN:,} more" if len(fewer) > VALUES_SHOWN else ""
    yield Change(
        what,
        "",
        ", ".join(f"{then.day}: {then.rows}" for then, _ in fewer[:VALUES_SHOWN]),
        ", ".join(f"{then.day}: {rows}" for then, rows in fewer[:VALUES_SHOWN]),
        f"fewer rows{where} on {len(fewer):,} date{'' if len(fewer) == 1 else 's'}: {told}{more}",
    )


def _nulls(
    column: ColumnMetrics, before: Sequence[TableMetrics], limits: QualitySettings
) -> Iterator[Change]:
    shares = [each.null_share for each in _same(column, before) if each.null_share is not None]
    if column.null_share is None or not shares or limits.null_jump >= 100:
        return
    usual = median(shares)
    if (column.null_share - usual) * 100 > limits.null_jump:
        then, now = percent(usual), percent(column.null_share)
        yield Change(
            "nulls",
            column.column,
            then,
            now,
            f"{column.column} is NULL in {now} of the rows, in {then} before",
        )


def _categories(
    column: ColumnMetrics,
    table: TableMetrics,
    before: Sequence[TableMetrics],
    limits: QualitySettings,
) -> Iterator[Change]:
    """Values that a column has not had while it has few, in a run that has brought rows.

    The last run that has measured it decides whether it has few: one that has more by now would
    be told of again and again.
    """
    measured = [each for each in _same(column, before) if each.top_whole or each.distinct]
    if not limits.new_category or not table.written or column.private:
        return
    if not measured or not measured[0].top_whole:
        return
    known = [each for each in measured if each.top_whole]
    values = {top.value for each in known for top in each.top}
    least = SAMPLE_NOISE if table.sampled else 0.0
    new = [
        top.value
        for top in column.top
        if top.value is not None and top.value not in values and top.share > least
    ]
    if new:
        told = ", ".join(new[:VALUES_SHOWN])
        if not column.top_whole and column.distinct:
            told += f", of about {column.distinct:,} different values"
        yield Change(
            "categories", column.column, f"{len(values)}", told, f"new in {column.column}: {told}"
        )
    elif not column.top_whole and (column.distinct or 0) > len(values - {None}):
        # They are too many to be listed now, and some of them must be new.
        now = f"about {column.distinct:,} different values"
        yield Change(
            "categories",
            column.column,
            f"{len(values)}",
            now,
            f"new in {column.column}: {now}, {len(values)} before",
        )


def _same(column: ColumnMetrics, before: Sequence[TableMetrics]) -> list[ColumnMetrics]:
    return [found for each in before if (found := each.column(column.column)) is not None]


def _middle(counts: Sequence[int]) -> int:
    return round(median(counts)) if counts else 0


def percent(share: float) -> str:
    """A share for people; a small one is not nothing."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{share * 100:.1f} %".replace(".0 %", " %")
