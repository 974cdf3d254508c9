"""A run's reports as the results screen shows them: rows, a verdict, a proof, a price. Pure.

The documents may be an older version's: what is not in them is left out, never invented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias

from neonsync.secret import redact
from neonsync.tui.formatting import DASH, duration, money, printable, short, size
from neonsync.tui.ports import RunReport

Kind: TypeAlias = Literal["error", "check", "published", "notice"]
TEST_DATA = "test-data"
_ORDER = {"failed": 0, "warning": 1, "published": 2, "passed": 3, "notice": 4}
_METHODS = {"merge": "merged", "swap": "swapped in", "create": "created", "keep": "kept"}
_WORDS = {"succeeded": "passed", "invalid": "checks failed", "cancelled": "stopped"}


@dataclass(frozen=True)
class ResultRow:
    """One line of the results. ``status`` is failed, warning, passed, published or notice.

    ``athena`` is what was expected, ``neon`` what was measured; ``detail`` holds more in words.
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


@dataclass(frozen=True)
class ResultsView:
    """All of it. ``word`` is the verdict in capitals; ``failed_tables`` have a failed check."""

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

    @property
    def failed(self) -> tuple[ResultRow, ...]:
        """What has failed."""
        return tuple(row for row in self.rows if row.status == "failed")


def results_view(report: RunReport) -> ResultsView:
    """Read the documents."""
    document, validation = report.report, report.validation
    checks = _list(validation, "checks")
    rows = [_check(number, check) for number, check in enumerate(checks)]
    said = {f"{_text(each, 'table')}: {_text(each, 'check')}:" for each in checks}
    errors = [
        error
        for error in _list(document, "errors")
        # Failed checks are errors of the report too, and have their own rows.
        if not any(_text(error, "message").startswith(prefix) for prefix in said)
    ]
    rows += [
        ResultRow(
            f"error-{number}",
            "error",
            "warning" if report.status == "cancelled" else "failed",
            "run",
            message=_text(error, "message"),
            remedy=_text(error, "remedy"),
        )
        for number, error in enumerate(errors)
    ]
    tables = _list(document, "tables")
    rows += [_published(table, _mode(document)) for table in tables]
    rows += [
        ResultRow(f"notice-{number}", "notice", "notice", "notice", message=_inert(text))
        for number, text in enumerate(document.get("notices") or ())
    ]
    # Stable: within a group the run's own order stays. What stopped the run comes before all.
    rows.sort(key=lambda row: (_ORDER.get(row.status, 1), row.kind != "error"))
    return ResultsView(
        report.status,
        _WORDS.get(report.status, report.status or "unknown").upper(),
        _counts(rows),
        duration(float(document.get("duration") or 0)),
        _proof(tables, _mode(document)),
        _published_sum(document, tables),
        _price(document.get("athena") or {}),
        tuple(rows),
        _failed_tables(rows),
        report.exit_code,
    )


def difference(expected: object, measured: object) -> str:
    """Measured less expected, where both are numbers or days; a dash where they are not."""
    if _is_number(expected) and _is_number(measured):
        return _signed(measured - expected)  # type: ignore[operator]
    days = [_day(value) for value in (expected, measured)]
    if days[0] is None or days[1] is None:
        return DASH
    apart = (days[1] - days[0]).days
    return f"{apart:+,} d" if apart else "0"


def detail_text(row: ResultRow) -> str:
    """All that is known of a row, to be read and copied."""
    head = " · ".join(part for part in (row.table, row.check) if part)
    facts = [("Athena", row.athena), ("Neon", row.neon), ("diff", row.diff), *row.detail]
    told = [(label, value) for label, value in facts if value != DASH]
    width = max((len(label) for label, _ in told), default=0)
    parts = [head, "\n".join(f"{label:<{width}}  {value}" for label, value in told)]
    for title, text in (
        ("Message", row.message),
        ("Try", row.remedy),
        ("Athena SQL", row.athena_sql),
        ("Postgres SQL", row.neon_sql),
    ):
        parts.append(f"{title}\n{text}" if text else "")
    return "\n\n".join(part for part in parts if part)


def _failed_tables(rows: Sequence[ResultRow]) -> tuple[str, ...]:
    failed = [row.table for row in rows if row.kind == "check" and row.status == "failed"]
    return tuple(dict.fromkeys(failed))


def _check(number: int, check: Mapping[str, Any]) -> ResultRow:
    name, details = _text(check, "check"), check.get("details") or {}
    expected, measured = _pair(name, details)
    return ResultRow(
        f"check-{number}",
        "check",
        _text(check, "status"),
        name,
        _text(check, "table"),
        _value(expected),
        _value(measured),
        difference(expected, measured),
        _text(check, "message"),
        _text(check, "remedy"),
        _lines(check.get("athenaSql")),
        _lines(check.get("neonSql")),
        _facts(name, details),
    )


def _pair(check: str, details: Mapping[str, Any]) -> tuple[object, object]:
    """What was expected and what was measured, of each check in its own words."""
    if check in ("schema_validation", "index_verification"):
        wanted, missing = details.get("expected"), details.get("missing")
        if isinstance(wanted, Sequence) and isinstance(missing, Sequence):
            return len(wanted), len(wanted) - len(missing)
    if check == "date_range":
        return details.get("source_max"), details.get("max")
    if check == "performance":
        seconds = details.get("seconds")
        return None, _took(seconds)
    for name in ("source", "promised", "expected"):
        if name in details:
            return details[name], details.get("measured")
    return None, details.get("measured")


def _facts(check: str, details: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The details that the columns do not show."""
    shown = {"source", "promised", "measured"} | (
        {"source_max", "max"} if check == "date_range" else set()
    )
    facts = []
    for name, value in details.items():
        if name in shown or value in (None, "", [], {}, ()):
            continue
        label = "allowed" if name == "limit_seconds" else _inert(name).replace("_", " ")
        facts.append((label, _value(value)))
    return tuple(facts)


def _published(table: Mapping[str, Any], mode: str) -> ResultRow:
    counts = [
        f"{int(table.get(name) or 0):,} {name}"
        for name in ("inserted", "updated", "unchanged", "removed")
        if table.get(name)
    ]
    proof = table.get("proof") or {}
    rows = sum(int(table.get(name) or 0) for name in ("inserted", "updated", "unchanged"))
    facts = [("how", _text(table, "method")), ("rows", ", ".join(counts) or "none written")]
    facts += [("of", _text(table, "scope"))] if table.get("scope") else []
    facts += [("proof", _proof([table], mode))] if proof else []
    facts += [("files", _value(proof["files"]))] if proof.get("files") else []
    name = _text(table, "table")
    source = proof.get("rows")
    return ResultRow(
        f"published-{name}",
        "published",
        "published",
        _text(table, "method"),
        name,
        _value(source),
        _value(rows) if proof else DASH,
        difference(source, rows) if proof else DASH,
        ", ".join(counts) or "nothing written",
        detail=tuple(facts),
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
    rows, dates = (sum(int(proof.get(name) or 0) for proof in proofs) for name in ("rows", "dates"))
    on = f"on {dates:,} of {dates:,} date{'' if dates == 1 else 's'}"
    of = f" of {len(proofs)} tables" if len(proofs) > 1 else ""
    if mode == TEST_DATA:
        return f"{rows:,} rows{of}, all that were to be made, {on}"
    return f"{rows:,} rows{of} proved: counts equal {on}"


def _published_sum(document: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> str:
    if not tables:
        return "nothing was published"
    methods: dict[str, int] = {}
    for table in tables:
        method = _text(table, "method")
        methods[method] = methods.get(method, 0) + 1
    how = ", ".join(f"{count} {_METHODS.get(name, name)}" for name, count in methods.items())
    rows = document.get("rows") or {}
    counts = [
        f"{short(int(rows.get(name) or 0))} {name}"
        for name in ("inserted", "updated", "unchanged")
        if rows.get(name)
    ]
    return " · ".join([f"published: {how}", *counts])


def _price(athena: Mapping[str, Any]) -> str:
    if not athena.get("queries"):
        return ""
    scanned, billed = (float(athena.get(name) or 0) for name in ("bytesScanned", "bytesBilled"))
    price = money(float(athena.get("priceUsd") or 0))
    return f"{size(scanned)} scanned, {price} for {size(billed)} billed"


def _mode(document: Mapping[str, Any]) -> str:
    return str((document.get("branchInfo") or {}).get("mode", ""))


def _list(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [each for each in document.get(key) or () if isinstance(each, Mapping)]


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return "" if value is None else _inert(value)


def _lines(value: object) -> str:
    """A statement: its own lines stay lines."""
    return "\n".join(_inert(line) for line in str(value or "").splitlines())


def _inert(value: object) -> str:
    return printable(redact(str(value)))


def _value(value: object) -> str:
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_inert(key)} {_value(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return _inert(value)


def _took(seconds: object) -> str | None:
    if not isinstance(seconds, int | float):
        return None
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)


def _signed(number: float) -> str:
    if number == 0:
        return "0"
    return f"{number:+,}" if isinstance(number, int) else f"{number:+,.4g}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
