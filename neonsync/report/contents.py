"""What the pages of a run tell beside its checks: facts, tables, steps, counts by date. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from neonsync.engine.proof.audit import ChangedValues
from neonsync.report.reading import float_in, inert, items, mode_of, number_in, part, shown, text_in
from neonsync.report.results import FULL, TEST_DATA, price_line
from neonsync.report.wording import duration, headline, proof_line


@dataclass(frozen=True)
class TableOutcome:
    """A table of the plan. ``method`` is empty for one that is not published.

    ``proof`` says in words what was proved, ``losses`` what of the source did not arrive as it is.
    """

    table: str
    method: str
    inserted: int
    updated: int
    unchanged: int
    removed: int
    deleted: int
    proof: str
    losses: tuple[str, ...]
    scope: str


@dataclass(frozen=True)
class StepTime:
    """A step over all tables; those go side by side, so that the sum may be more than the run."""

    step: str
    tables: int
    seconds: float
    detail: str


@dataclass(frozen=True)
class DateRows:
    """Rows of a date, as Athena and as Postgres has counted them before publishing."""

    date: str
    source: int
    loaded: int


@dataclass(frozen=True)
class DateChart:
    """The counts of a table, of some of its dates where they are too many."""

    table: str
    dates: int
    differing: int
    rows: tuple[DateRows, ...]
    made: bool


@dataclass(frozen=True)
class Contents:
    """All of it. ``title`` says how the run has ended, ``facts`` are labels with their values."""

    title: str
    status: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[TableOutcome, ...]
    steps: tuple[StepTime, ...]
    charts: tuple[DateChart, ...]


def contents(report: Mapping[str, Any], validation: Mapping[str, Any]) -> Contents:
    """Read the documents."""
    status = text_in(report, "status")
    branch = text_in(part(report, "branchInfo"), "name")
    head = headline(status, number_in(report, "exitCode"))
    return Contents(
        f"{head}, branch {branch}" if branch else head,
        status,
        tuple((label, value) for label, value in _facts(report, validation) if value),
        _tables(report),
        _steps(report),
        _charts(report),
    )


def _facts(report: Mapping[str, Any], validation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    branch = part(report, "branchInfo")
    name, branch_id = text_in(branch, "name"), text_in(branch, "id")
    database = text_in(part(validation, "connectionInfo"), "database")
    inside = f", database {database}" if database else ""
    yield "branch", f"{name} ({branch_id}){inside}" if branch_id else name
    yield "mode", text_in(branch, "mode")
    yield "scope", _scope(report)
    again = " (continued)" if report.get("resumed") else ""
    run = text_in(report, "runId")
    yield "run", f"{run}{again}" if run else ""
    yield "started by", _who(part(report, "startedBy"))
    if report.get("startTime"):
        took = duration(float_in(report, "duration"))
        yield "started", f"{_moment(text_in(report, 'startTime'))}, took {took}"
    yield "Athena", price_line(part(report, "athena"))
    yield "validation", text_in(report, "validationStatus")
    if report.get("exitCode") is not None:
        yield "exit code", str(number_in(report, "exitCode"))


def _scope(report: Mapping[str, Any]) -> str:
    """The parts that the run was about; each of them once, as most tables have the same."""
    planned = items(report, "plannedTables") or items(report, "tables")
    scopes = dict.fromkeys(text_in(table, "scope") or "all rows" for table in planned)
    return "; ".join(scopes) if mode_of(report) == FULL else ""


def _who(origin: Mapping[str, Any]) -> str:
    user, host = text_in(origin, "user"), text_in(origin, "host")
    repository, commit = text_in(origin, "repository"), text_in(origin, "commit")
    if repository:
        return f"{user}, {repository} at {commit[:12]}".removeprefix(", ")
    return " on ".join(filter(None, (user, host)))


def _moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return text


def _tables(report: Mapping[str, Any]) -> tuple[TableOutcome, ...]:
    """Those that are not published first."""
    published = {text_in(table, "table"): table for table in items(report, "tables")}
    planned = {text_in(table, "table"): table for table in items(report, "plannedTables")}
    found = [
        _table(
            name,
            {**planned.get(name, {}), **published.get(name, {})},
            mode_of(report),
            float_in(report, "duration"),
        )
        for name in {**planned, **published}
    ]
    return tuple(sorted(found, key=lambda table: bool(table.method)))


def _table(name: str, table: Mapping[str, Any], mode: str, whole_seconds: float) -> TableOutcome:
    proof = part(table, "proof")
    losses = [
        inert(
            ChangedValues(
                text_in(change, "column"),
                text_in(change, "action"),
                text_in(change, "reason"),
                number_in(change, "values"),
            )
        )
        for change in items(proof, "changes")
    ]
    if duplicates := number_in(proof, "duplicates"):
        losses.append(f"{duplicates:,} rows were left out, as another row has their key")
    made = mode == TEST_DATA
    return TableOutcome(
        table=name,
        method=text_in(table, "method"),
        inserted=number_in(table, "inserted"),
        updated=number_in(table, "updated"),
        unchanged=number_in(table, "unchanged"),
        removed=number_in(table, "removed"),
        deleted=number_in(table, "deleted"),
        proof=proof_line(
            number_in(proof, "rows"),
            number_in(proof, "dates"),
            {text_in(proof, "validation")},
            made=made,
        )
        + _cost(float_in(proof, "seconds"), whole_seconds)
        if proof
        else "",
        losses=tuple(losses),
        scope=text_in(table, "scope"),
    )


def _cost(seconds: float, whole_seconds: float) -> str:
    """What the comparing took, and which share of the run that is; nothing of older documents."""
    if not (seconds and whole_seconds):
        return ""
    share = round(100 * seconds / whole_seconds)
    return f", compared in {duration(seconds)} ({share or '<1'} % of the run)"


def _steps(report: Mapping[str, Any]) -> tuple[StepTime, ...]:
    steps: dict[str, list[Mapping[str, Any]]] = {}
    for step in items(report, "steps"):
        steps.setdefault(text_in(step, "step"), []).append(step)
    return tuple(
        StepTime(
            name,
            len(parts),
            sum(float_in(each, "seconds") for each in parts),
            text_in(parts[0], "detail") if len(parts) == 1 else f"{len(parts)} tables",
        )
        for name, parts in steps.items()
    )


def _charts(report: Mapping[str, Any]) -> tuple[DateChart, ...]:
    """Those in which something differs first; a table without dates has none."""
    charts = []
    for table in items(report, "plannedTables"):
        found = part(table, "dates")
        rows = tuple(
            DateRows(
                shown(count.get("date")) if count.get("date") else "no date",
                number_in(count, "source"),
                number_in(count, "loaded"),
            )
            for count in items(found, "counts")
        )
        if len(rows) > 1 or number_in(found, "differing"):
            counted = number_in(found, "dates"), number_in(found, "differing")
            made = mode_of(report) == TEST_DATA
            charts.append(DateChart(text_in(table, "table"), *counted, rows, made))
    return tuple(sorted(charts, key=lambda chart: not chart.differing))
