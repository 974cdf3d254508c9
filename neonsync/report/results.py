"""A run's reports as screens and pages show them: rows, a verdict, a proof, a price. Pure.

The documents may be an older version's: what is not in them is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias

from neonsync.report.check_details import SIDES, compared, facts, listings, sides
from neonsync.report.reading import (
    day_of,
    float_in,
    inert,
    inert_lines,
    items,
    listed,
    mode_of,
    number_in,
    part,
    shown,
    text_in,
)
from neonsync.report.wording import DASH, duration, money, proof_line, short, size

Kind: TypeAlias = Literal["error", "check", "published", "notice"]
FULL, TEST_DATA = "full", "test-data"
_ORDER = {"failed": 0, "warning": 1, "published": 2, "passed": 3, "notice": 4}
_METHODS = {"merge": "merged", "swap": "swapped in", "create": "created", "keep": "kept"}
_WORDS = {
    "succeeded": "passed",
    "invalid": "checks failed",
    "partial": "failed in part",
    "cancelled": "stopped",
}


@dataclass(frozen=True)
class ResultRow:
    """One line of the results. ``status`` is failed, warning, passed, published or notice.

    ``athena`` is what was expected, ``neon`` what was measured, and ``sides`` what these are;
    ``detail`` holds more in words, ``listings`` what has a line for each thing, below a title.
    """

    key: str
    kind: Kind
    status: str
    check: str
    table: str = ""
    athena: str = DASH
    neon: str = DASH
    diff: str = DASH
    message: str = ""
    remedy: str = ""
    athena_sql: str = ""
    neon_sql: str = ""
    detail: tuple[tuple[str, str], ...] = ()
    sides: tuple[str, str] = SIDES
    listings: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def source(self) -> str:
        """Whose figure the expected one is, where it is Athena's."""
        return SIDES[0] if self.sides == SIDES and self.athena != DASH else ""


@dataclass(frozen=True)
class Repair:
    """The days that bound what a proof found to differ, on so many dates of a table."""

    table: str
    first: date
    last: date
    dates: int


@dataclass(frozen=True)
class ResultsView:
    """All of it. ``word`` is the verdict in capitals.

    ``failed_tables`` have a failed check, or a failed proof. ``repair`` is what of them differed.
    """

    status: str
    word: str
    counts: str
    took: str
    proof: str
    published: str
    price: str
    rows: tuple[ResultRow, ...]
    failed_tables: tuple[str, ...]
    exit_code: int
    repair: Repair | None = None

    @property
    def failed(self) -> tuple[ResultRow, ...]:
        """What has failed."""
        return tuple(row for row in self.rows if row.status == "failed")


def results_view(document: Mapping[str, Any], validation: Mapping[str, Any]) -> ResultsView:
    """Read the documents, etl-report.json and etl-validation-report.json."""
    status = text_in(document, "status")
    checks = items(validation, "checks")
    rows = [_check(number, check) for number, check in enumerate(checks)]
    # Failed checks are errors of the report too, and have their own rows.
    said = tuple({f"{text_in(each, 'table')}: {text_in(each, 'check')}:" for each in checks})
    errors = [
        error
        for error in items(document, "errors")
        if not text_in(error, "message").startswith(said)
    ]
    rows += [
        ResultRow(
            f"error-{number}",
            "error",
            "warning" if status == "cancelled" else "failed",
            "run",
            text_in(error, "table"),
            message=text_in(error, "message"),
            remedy=text_in(error, "remedy"),
            detail=_differing(error),
        )
        for number, error in enumerate(errors)
    ]
    tables = items(document, "tables")
    rows += [_published(table, mode_of(document)) for table in tables]
    rows += [
        ResultRow(f"notice-{number}", "notice", "notice", "notice", message=inert(text))
        for number, text in enumerate(listed(document, "notices"))
    ]
    # Stable: within a group the run's own order stays. What stopped the run comes before all.
    rows.sort(key=lambda row: (_ORDER.get(row.status, 1), row.kind != "error"))
    return ResultsView(
        status,
        _WORDS.get(status, status or "unknown").upper(),
        _counts(rows),
        duration(float_in(document, "duration")),
        _proof(tables, mode_of(document)),
        _published_sum(document, tables),
        price_line(part(document, "athena")),
        tuple(rows),
        _failed_tables(rows),
        number_in(document, "exitCode"),
        _repair(errors) if mode_of(document) == FULL else None,
    )


def difference(expected: object, measured: object) -> str:
    """Measured less expected, where both are numbers or days; a dash where they are not."""
    if _is_number(expected) and _is_number(measured):
        return _signed(measured - expected)  # type: ignore[operator]
    days = [day_of(value) for value in (expected, measured)]
    if days[0] is None or days[1] is None:
        return DASH
    apart = (days[1] - days[0]).days
    return f"{apart:+,} d" if apart else "0"


def _failed_tables(rows: Sequence[ResultRow]) -> tuple[str, ...]:
    kinds = ("check", "error")
    failed = [row.table for row in rows if row.kind in kinds and row.status == "failed"]
    return tuple(dict.fromkeys(filter(None, failed)))


def _differing(error: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    dates = [inert(each) if each else "no date" for each in listed(error, "dates")]
    if not dates:
        return ()
    left = number_in(error, "differingDates") - len(dates)
    more = f" and {left:,} more" if left > 0 else ""
    return (("dates", ", ".join(dates) + more),)


def _repair(errors: Sequence[Mapping[str, Any]]) -> Repair | None:
    """None where rows without a date differ, or the dates are none: no days would bound them."""
    for error in errors:
        days = [day_of(each) for each in listed(error, "dates")]
        known = [day for day in days if day is not None]
        if known and len(known) == len(days):
            count = number_in(error, "differingDates") or len(days)
            return Repair(text_in(error, "table"), min(known), max(known), count)
    return None


def _check(number: int, check: Mapping[str, Any]) -> ResultRow:
    name, details = text_in(check, "check"), part(check, "details")
    expected, measured = compared(name, details)
    return ResultRow(
        f"check-{number}",
        "check",
        text_in(check, "status"),
        name,
        text_in(check, "table"),
        shown(expected),
        shown(measured),
        difference(expected, measured),
        text_in(check, "message"),
        text_in(check, "remedy"),
        inert_lines(check.get("athenaSql")),
        inert_lines(check.get("neonSql")),
        facts(check),
        sides(check),
        listings(details),
    )


def _published(table: Mapping[str, Any], mode: str) -> ResultRow:
    counts = [
        f"{number_in(table, name):,} {name}"
        for name in ("inserted", "updated", "unchanged", "removed", "deleted")
        if table.get(name)
    ]
    proof = table.get("proof") or {}
    rows = sum(number_in(table, name) for name in ("inserted", "updated", "unchanged"))
    told = [("how", text_in(table, "method")), ("rows", ", ".join(counts) or "none written")]
    told += [("of", text_in(table, "scope"))] if table.get("scope") else []
    told += [("proof", _proof([table], mode))] if proof else []
    told += [("files", shown(proof["files"]))] if proof.get("files") else []
    name = text_in(table, "table")
    source = proof.get("rows")
    return ResultRow(
        f"published-{name}",
        "published",
        "published",
        text_in(table, "method"),
        name,
        shown(source),
        shown(rows) if proof else DASH,
        difference(source, rows) if proof else DASH,
        ", ".join(counts) or "nothing written",
        detail=tuple(told),
    )


def _counts(rows: Sequence[ResultRow]) -> str:
    checks = [row.status for row in rows if row.kind == "check"]
    if not checks:
        return "no checks were run"
    parts = [f"{checks.count('passed')} passed"]
    if warnings := checks.count("warning"):
        parts.append(f"{warnings} warning{'' if warnings == 1 else 's'}")
    if failed := checks.count("failed"):
        parts.append(f"{failed} failed")
    return " · ".join(parts)


def _proof(tables: Sequence[Mapping[str, Any]], mode: str) -> str:
    """What was compared before publishing, and found equal."""
    proofs = [table["proof"] for table in tables if table.get("proof")]
    if not proofs:
        return ""
    rows, dates = (sum(number_in(proof, name) for proof in proofs) for name in ("rows", "dates"))
    levels = {text_in(proof, "validation") for proof in proofs}
    return proof_line(rows, dates, levels, len(proofs), made=mode == TEST_DATA)


def _published_sum(document: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> str:
    if not tables:
        return "nothing was published"
    methods: dict[str, int] = {}
    for table in tables:
        method = text_in(table, "method")
        methods[method] = methods.get(method, 0) + 1
    how = ", ".join(f"{count} {_METHODS.get(name, name)}" for name, count in methods.items())
    rows = part(document, "rows")
    counts = [
        f"{short(number_in(rows, name))} {name}"
        for name in ("inserted", "updated", "unchanged")
        if rows.get(name)
    ]
    return " · ".join([f"published: {how}", *counts])


def price_line(athena: Mapping[str, Any]) -> str:
    """What Athena has read and what that costs; empty where it was not asked."""
    if not athena.get("queries"):
        return ""
    scanned, billed = (number_in(athena, name) for name in ("bytesScanned", "bytesBilled"))
    price = money(float_in(athena, "priceUsd"))
    return f"{size(scanned)} scanned, {price} for {size(billed)} billed"


def _signed(number: float) -> str:
    if number == 0:
        return "0"
    return f"{number:+,}" if isinstance(number, int) else f"{number:+,.4g}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
