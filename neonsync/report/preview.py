"""A plan for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from neonsync.engine.estimate import Estimate
from neonsync.engine.planning.held_dates import dates, no_rows, span
from neonsync.engine.preview import Preview, TablePreview
from neonsync.engine.room import Room
from neonsync.engine.runs.left_runs import LeftRun
from neonsync.engine.stage import IDS_MAY_CHANGE
from neonsync.report.jsonl import head
from neonsync.report.wording import duration, money, printable, size
from neonsync.settings import OnError
from neonsync.tables import Validation

_METHODS = {
    "swap": "swap: built beside, and put in place in one step",
    "merge": "merge: changed rows are updated, new ones inserted",
    "replace": f"replace: all old rows give way; {IDS_MAY_CHANGE}",
    "create": "create: an empty table with keys and indexes",
    "keep": "keep: nothing is done to its rows",
}


_PROOFS = {
    Validation.EXACT: "exact: the digest of every row by date, before publishing",
    Validation.AGGREGATE: "aggregate: counts, sums and bounds of each column, by date",
    Validation.COUNTS: "counts: rows by date",
}


def as_text(preview: Preview) -> str:
    """All of it, in lines."""
    return "\n".join(map(printable, _lines(preview)))


def _lines(preview: Preview) -> Iterator[str]:
    plan = preview.plan
    branch = f"branch {plan.branch.name} ({plan.branch.id})"
    yield f"Plan: {plan.mode} into {branch}, database {plan.address.database}"
    for warning in plan.warnings:
        yield f"  warning: {warning}"
    if plan.confirmation:
        yield f"  note: {plan.confirmation}"
    for table in preview.tables:
        yield ""
        yield from _table(table)
    yield ""
    for left in preview.left:
        yield from _left(left)
    if plan.settings.on_error is OnError.CONTINUE:
        yield "Publish: each table by itself; when one fails the others go on"
    yield from _room(preview.room)
    if any(table.estimate for table in preview.tables):
        price = preview.price
        known = "not known beforehand" if price is None else f"about {money(price)}"
        yield f"Price: {known} (Athena bills at least 10 MB a query)"
    yield "Nothing was written."


def _table(preview: TablePreview) -> Iterator[str]:
    table = preview.table
    scope = f", {table.scope}" if table.scope else ""
    yield f"{table.spec.source} → {table.spec.qualified}{scope}"
    for warning in warnings_of(preview):
        yield f"  warning: {warning}"
    if table.made_rows:
        yield f"  rows: {table.made_rows:,} are made, none are read from the lake"
    if dates := dates_of(preview):
        yield f"  dates: {dates}"
    if preview.estimate is not None:
        yield from _cost(preview.estimate)
    if table.select:
        yield f"  proof: {_PROOFS[table.validation]}"
    others = ", others stay" if preview.method == "merge" and preview.held is None else ""
    yield f"  publish: {_METHODS[preview.method]}{others}"
    yield f"    because {preview.reason}"
    if preview.held is not None:
        yield from _missing(preview, preview.held)
    for title, statement in (
        ("export", preview.select),
        ("count", table.count),
        ("figures", preview.figures),
    ):
        if statement:
            yield f"  Athena SQL, {title}:"
            yield from (f"    {line}" for line in statement.splitlines())
    if preview.ddl:
        yield "  DDL:"
        for statement in preview.ddl:
            yield from (f"    {line}" for line in f"{statement};".splitlines())


def warnings_of(preview: TablePreview) -> list[str]:
    """What is to be told of a table before it is synced."""
    held = preview.estimate.held if preview.estimate is not None else None
    if held is None or held.within:
        return list(preview.table.warnings)
    table = preview.table
    return [*table.warnings, no_rows(str(table.spec.source), table.scope, held)]


def dates_of(preview: TablePreview) -> str:
    """Which of the dates that are asked for the lake has; empty where that is not known."""
    held = preview.estimate.held if preview.estimate is not None else None
    if held is None or held.first_within is None or held.last_within is None:
        return ""
    within = span(held.first_within, held.last_within)
    if held.within == held.dates:
        return f"all {dates(held.dates)} of the lake, {within}"
    return (
        f"{held.within:,} of the lake's {dates(held.dates)}: {within}, "
        f"of {span(held.first, held.last)}"
    )


def _missing(preview: TablePreview, held: int) -> Iterator[str]:
    within = f" within {preview.table.scope}" if preview.table.scope else ""
    yield (
        "  missing: rows that the source no longer has are deleted; the target has "
        f"{held:,} rows{within} now, of which at most {preview.may_go:,} may go"
    )


def _left(left: LeftRun) -> Iterator[str]:
    """What becomes of an earlier run."""
    began = f"{left.run_id}, which began {duration(left.age_hours * 3600)} ago ({left.status})"
    if left.at_work:
        yield f"Resume: {began}, seems to be at work now: this one would be refused"
    elif left.why_not:
        yield f"Resume: nothing of {began}: {left.why_not}; what it has left is cleared"
        return
    else:
        yield f"Resume: {began}, goes on"
    for table in left.tables:
        export = "its export is there" if table.exported else "its export is to be started"
        pieces = f"{table.chunks:,} chunk{'' if table.chunks == 1 else 's'}"
        yield f"  {table.table}: {export}, {table.rows:,} rows in {pieces} are loaded"


def _room(room: Room) -> Iterator[str]:
    if room.needed is None:
        yield "Room: not known beforehand"
        return
    if not room.needed:
        return
    line = f"Room: about {size(room.needed)} at its height"
    if room.limit is not None:
        used = "" if room.used is None else f", which holds {size(room.used)} now"
        line += f", of {size(room.limit)} for the branch{used}"
    yield line
    if room.lacking:
        yield (
            f"  warning: it will not fit: about {size(room.lacking)} are missing. Take fewer rows, "
            "make room, or raise the limit in the Neon console."
        )


def _cost(estimate: Estimate) -> Iterator[str]:
    if estimate.rows is not None:
        about = "" if estimate.exact else "about "
        most = " at most" if estimate.note else ""
        yield f"  rows: {about}{estimate.rows:,}{most}"
    if estimate.files or estimate.partitions:
        of = f" of {estimate.all_partitions}" if estimate.all_partitions else ""
        parts = f" in {estimate.partitions}{of} partitions" if estimate.all_partitions else ""
        plural = "" if estimate.files == 1 else "s"
        yield f"  lake: {estimate.files} file{plural}{parts}, {size(estimate.file_bytes)}"
    if estimate.scanned_bytes is not None and estimate.billed_bytes is not None:
        yield (
            f"  Athena reads about {size(estimate.scanned_bytes)}, "
            f"and bills {size(estimate.billed_bytes)}"
        )
    if estimate.note:
        yield f"  note: {estimate.note}"


def as_json(preview: Preview) -> dict[str, Any]:
    """The same as values; bytes and dollars are numbers, what is not known is null."""
    plan = preview.plan
    return {
        **head("plan"),
        "mode": plan.mode.value,
        "branch": plan.branch.name,
        "branch_id": plan.branch.id,
        "database": plan.address.database,
        "price": preview.price,
        "on_error": plan.settings.on_error.value,
        "confirmation": plan.confirmation,
        "room": {**asdict(preview.room), "lacking": preview.room.lacking},
        "left_runs": [asdict(left) for left in preview.left],
        "warnings": list(plan.warnings),
        "tables": [_table_as_json(table) for table in preview.tables],
    }


def _table_as_json(preview: TablePreview) -> dict[str, Any]:
    table, estimate = preview.table, preview.estimate
    return {
        "source": table.spec.source,
        "table": table.spec.qualified,
        "scope": str(table.scope),
        "made_rows": table.made_rows,
        "method": preview.method,
        "reason": preview.reason,
        "on_missing": table.on_missing.value,
        "held": preview.held,
        "may_go": preview.may_go,
        "needed_bytes": preview.needed,
        "validation": table.validation.value,
        "select": preview.select,
        "count": table.count,
        "figures": preview.figures,
        "ddl": list(preview.ddl),
        "warnings": warnings_of(preview),
        "estimate": None if estimate is None else _estimate_as_json(estimate),
    }


def _estimate_as_json(estimate: Estimate) -> dict[str, Any]:
    held = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in (asdict(estimate.held) if estimate.held is not None else {}).items()
    }
    return {**asdict(estimate), "held": held or None}
