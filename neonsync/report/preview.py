"""A plan for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from neonsync.engine.estimate import Estimate
from neonsync.engine.preview import Preview, TablePreview
from neonsync.report.jsonl import head
from neonsync.report.wording import money, printable, size

_METHODS = {
    "swap": "swap: built beside, and put in place in one step",
    "merge": "merge: changed rows are updated, new ones inserted, others stay",
    "create": "create: an empty table with keys and indexes",
    "keep": "keep: nothing is done to its rows",
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
    for table in preview.tables:
        yield ""
        yield from _table(table)
    yield ""
    if any(table.estimate for table in preview.tables):
        price = preview.price
        known = "not known beforehand" if price is None else f"about {money(price)}"
        yield f"Price: {known} (Athena bills at least 10 MB a query)"
    yield "Nothing was written."


def _table(preview: TablePreview) -> Iterator[str]:
    table = preview.table
    scope = f", {table.scope}" if table.scope else ""
    yield f"{table.spec.source} → {table.spec.qualified}{scope}"
    for warning in table.warnings:
        yield f"  warning: {warning}"
    if table.made_rows:
        yield f"  rows: {table.made_rows:,} are made, none are read from the lake"
    if preview.estimate is not None:
        yield from _cost(preview.estimate)
    yield f"  publish: {_METHODS[preview.method]}"
    yield f"    because {preview.reason}"
    for title, statement in (("export", table.select), ("count", table.count)):
        if statement:
            yield f"  Athena SQL, {title}:"
            yield from (f"    {line}" for line in statement.splitlines())
    if preview.ddl:
        yield "  DDL:"
        for statement in preview.ddl:
            yield from (f"    {line}" for line in f"{statement};".splitlines())


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
        "select": table.select,
        "count": table.count,
        "ddl": list(preview.ddl),
        "warnings": list(table.warnings),
        "estimate": None if estimate is None else dict(estimate.__dict__),
    }
