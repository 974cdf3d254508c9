"""What ``neonsync validate`` has found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from neonsync.engine.plan import Plan
from neonsync.engine.proof.compare import DATES_SHOWN, said
from neonsync.engine.proof.compared import Comparison, Comparisons, DateDifference
from neonsync.engine.validate import Bill
from neonsync.report.jsonl import head
from neonsync.report.wording import COMPARED, duration, money, printable, size
from neonsync.tables import Validation
from neonsync.validation.result import CheckResult


def as_text(plan: Plan, found: Comparisons) -> str:
    """All of it, in lines; what differs comes first."""
    return "\n".join(map(printable, _lines(plan, found)))


def _lines(plan: Plan, found: Comparisons) -> Iterator[str]:
    yield (
        f"Branch {plan.branch.name} ({plan.branch.id}), database {plan.address.database}, "
        "against Athena, as both are now"
    )
    for table in sorted(found.tables, key=lambda table: table.equal):
        yield from _table(table)
    yield f"Athena: {size(found.scanned_bytes)} scanned, {money(found.price)}"
    yield verdict(found)


def stopped(what: str, bill: Bill, per_tb: float) -> str:
    """What is told of a comparison that was stopped, with what it has cost by then."""
    if not bill.scanned:
        return what
    cost = money(bill.price(per_tb))
    return f"{what}. By then Athena had scanned {size(bill.scanned_bytes)}, {cost}"


def verdict(found: Comparisons) -> str:
    """In one line."""
    differing = [table for table in found.tables if table.differs]
    failed = [table for table in found.tables if table.error]
    if not (differing or failed):
        count = len(found.tables)
        tables = f"{count} table{'' if count == 1 else 's'}"
        if not any(table.dates for table in found.tables):
            return f"Nothing to compare: {tables} without a row on either side; mind the filters"
        less = sorted({table.validation for table in found.tables} - {Validation.EXACT})
        by = f", as far as {' and '.join(COMPARED[level] for level in less)} tell" if less else ""
        return f"Equal: {tables}{by}"
    parts = []
    if differing:
        dates = sum(len(table.differing) for table in differing)
        of = f"{len(differing)} of {len(found.tables)} tables"
        on = f", on {dates:,} date{'' if dates == 1 else 's'}" if dates else ""
        lacking = sum(len(table.lacking) for table in differing)
        columns = f"{lacking:,} column{'' if lacking == 1 else 's'}"
        without = f"; {columns} missing" if lacking else ""
        parts.append(f"{of} differ{on}{without}")
    if failed:
        parts.append(f"{len(failed)} of {len(found.tables)} could not be compared")
    return f"{'Differs' if differing else 'Not compared'}: {'; '.join(parts)}"


def _table(table: Comparison) -> Iterator[str]:
    scope = f" ({table.scope})" if table.scope else ""
    name = f"{table.table}{scope}"
    if table.error:
        yield f"  ✗ {name}: could not be compared: {table.error}"
        if table.remedy:
            yield f"      {table.remedy}"
        return
    compared = COMPARED[table.validation]
    took = duration(table.seconds)
    if table.equal:
        on = f"{table.dates:,} of {table.dates:,} date{'' if table.dates == 1 else 's'}"
        yield f"  ✓ {name}: {table.source_rows:,} rows, {compared} equal on {on} ({took})"
    else:
        yield (
            f"  ✗ {name}: {len(table.differing):,} of {table.dates:,} dates differ; "
            f"{table.source_rows:,} rows in Athena, {table.target_rows:,} here ({took})"
        )
        for each in table.differing[:DATES_SHOWN]:
            yield f"      {_date(each)}"
        if len(table.differing) > DATES_SHOWN:
            yield f"      and {len(table.differing) - DATES_SHOWN:,} more"
        if table.rows_differ:
            yield f"      {table.rows_differ}"
    if table.lacking:
        yield f"      missing here, and not compared: {', '.join(table.lacking)}"
    if table.left_out:
        yield f"      not compared, as on_drift leaves them out: {', '.join(table.left_out)}"
    if table.not_compared:
        yield f"      only the presence of a value is compared of {', '.join(table.not_compared)}"


def _date(each: DateDifference) -> str:
    if each.source == each.target:
        return f"{said(each.date)}: {each.source:,} rows on both sides, with other values"
    return f"{said(each.date)}: {each.source:,} rows in Athena, {each.target:,} here"


def as_json(
    plan: Plan,
    found: Comparisons,
    repaired: Sequence[str] = (),
    failed: Sequence[CheckResult] = (),
) -> dict[str, Any]:
    """The same as values; ``repaired`` names the runs that have synced what differed, ``failed``
    are the checks that these did not pass."""
    return {
        **head("validation"),
        "branch": plan.branch.name,
        "branch_id": plan.branch.id,
        "database": plan.address.database,
        "equal": found.equal,
        "scanned_bytes": found.scanned_bytes,
        "price": round(found.price, 6),
        "repaired_by": list(repaired),
        "failed_checks": [
            {
                "table": check.table,
                "check": check.check,
                "message": check.message,
                "remedy": check.remedy,
            }
            for check in failed
        ],
        "tables": [
            {**asdict(table), "validation": table.validation.value, "equal": table.equal}
            for table in found.tables
        ],
    }
