"""What a run leaves in the files that GitHub Actions gives to a step: summary and outputs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neonsync.engine.result import RunResult
from neonsync.report.files import validation_status
from neonsync.report.wording import duration, money, printable, size
from neonsync.validation.result import CheckResult, Status

LIMIT_BYTES = 1_000 * 1024
"""GitHub refuses a step's summary above 1,024 KiB as a whole."""

COUNTS = ("inserted", "updated", "unchanged", "removed", "deleted")
CELL_CHARACTERS = 2_000
_SPECIAL = frozenset("&<>|`*_[]{}#!~\\@$")
_WORDS = {
    "succeeded": "Done",
    "invalid": "Published, but a check failed",
    "partial": "Published in part",
    "cancelled": "Stopped",
}


def outputs(result: RunResult, report_dir: str) -> str:
    """The lines for ``GITHUB_OUTPUT``; never an address, never a secret."""
    values = {
        "run-id": result.run_id,
        "branch-id": result.branch_id,
        "status": result.status,
        "exit-code": str(int(result.exit_code)),
        "rows": str(result.rows_read),
        "bytes-scanned": str(result.scanned_bytes),
        "validation": validation_status(result),
        "report-path": report_dir,
    }
    # A value cannot end itself and set another: nobody knows the delimiter beforehand.
    end = f"neonsync-{uuid.uuid4()}"
    return "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in values.items())


def step_summary(result: RunResult, report_dir: str, limit: int = LIMIT_BYTES) -> str:
    """Markdown of a run, failures first, no longer than ``limit`` bytes."""
    page = _Page(limit)
    page.add(f"## neonsync: {_title(result)}\n\n")
    if result.error is not None:
        page.add(f"**{escape(result.error.message)}**\n\n{escape(result.error.remedy)}\n\n")
    failed = [check for check in result.checks if check.status is Status.FAILED]
    warned = [check for check in result.checks if check.status is Status.WARNING]
    page.table(
        _Table(
            "Failed tables",
            ("table", "what happened", "what to do"),
            [[escape(each) for each in (f.table, f.error, f.remedy)] for f in result.failed],
        )
    )
    page.table(_checks("Failed checks", failed))
    page.table(_facts(result, report_dir))
    page.table(_checks("Warnings of checks", warned))
    page.table(_tables(result))
    page.table(_checks("All checks", result.checks, folded=True))
    page.table(
        _Table("Notices", ("notice",), [[escape(text)] for text in result.notices], folded=True)
    )
    page.table(
        _Table(
            "Steps",
            ("step", "table", "time", "what came out"),
            (
                [step.step.value, escape(step.table), duration(step.seconds), escape(step.detail)]
                for step in result.steps
            ),
            folded=True,
        )
    )
    return page.text


def escape(text: str) -> str:
    """Text that Markdown and HTML show as it is, in one line, wherever it stands.

    As numeric references: they are never structure, in a table's cell neither.
    """
    if len(text) > CELL_CHARACTERS:
        text = f"{text[:CELL_CHARACTERS]}…"
    text = printable(text.replace("\n", " "))
    safe = "".join(f"&#{ord(one)};" if one in _SPECIAL else one for one in text)
    return safe.replace("://", "&#58;//")


@dataclass(frozen=True)
class _Table:
    """Rows below a heading, or behind one that unfolds."""

    heading: str
    columns: Sequence[str]
    rows: Iterable[Sequence[str]]
    folded: bool = False


class _Page:
    """Text that grows until it is full; what is left out is counted, and nothing left open."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        # Room for closing a table and for telling what is missing.
        self._left = limit - 500
        self._full = False

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, part: str) -> bool:
        """Add a part if there is room for it, and for what came before."""
        length = len(part.encode())
        if self._full or length > self._left:
            self._tell_full("")
            return False
        self._parts.append(part)
        self._left -= length
        return True

    def table(self, table: _Table) -> None:
        rows = [f"| {' | '.join(row)} |\n" for row in table.rows]
        if not rows or self._full:
            return
        heading = f"{table.heading} ({len(rows)})" if table.folded else table.heading
        start, end = (
            (f"<details><summary>{heading}</summary>\n\n", "\n</details>\n\n")
            if table.folded
            else (f"### {heading}\n\n" if heading else "", "\n")
        )
        head = f"| {' | '.join(table.columns)} |\n|{'---|' * len(table.columns)}\n"
        if not self.add(start + head):
            return
        for number, row in enumerate(rows):
            if len(row.encode()) > self._left:
                self._parts.append(end)
                self._tell_full(f"{len(rows) - number:,} rows of this table and ")
                return
            self.add(row)
        self._parts.append(end)
        self._left -= len(end)

    def _tell_full(self, what: str) -> None:
        if not self._full and self._parts:
            self._parts.append(
                f"\n*Cut here: {what}what follows would be more than GitHub takes. "
                "The reports of the run have it all.*\n"
            )
        self._full = True


def _title(result: RunResult) -> str:
    word = _WORDS.get(result.status, "Failed")
    return f"{word}, branch {escape(result.branch or 'not known')}"


def _facts(result: RunResult, report_dir: str) -> _Table:
    where = f"{result.branch} ({result.branch_id}), database {result.database}"
    facts = {
        "branch": where if result.branch_id else result.branch,
        "run": f"{result.run_id}{' (continued)' if result.attempt_resumed else ''}",
        "took": duration(result.seconds),
        "exit code": str(int(result.exit_code)),
        "rows": f"{result.rows_read:,} exported and proved" if result.proofs else "",
        "validation": validation_status(result),
        "Athena": f"{size(result.scanned_bytes)} scanned, {money(result.price)} "
        f"for {size(result.billed_bytes)} billed"
        if result.queries
        else "",
        "reports": report_dir,
    }
    return _Table("", ("", ""), [[name, escape(value)] for name, value in facts.items() if value])


def _tables(result: RunResult) -> _Table:
    published = {entry.table: entry for entry in result.published}

    def row(name: str) -> list[str]:
        entry, proof = published.get(name), result.proofs.get(name)
        proved = f"{proof.rows:,} rows, {proof.dates} dates" if proof is not None else ""
        if entry is None:
            return [escape(name), "not published", *[""] * len(COUNTS), proved]
        counts = (entry.inserted, entry.updated, entry.unchanged, entry.removed, entry.deleted)
        return [escape(name), entry.method, *(f"{count:,}" for count in counts), proved]

    columns = ("table", "method", *COUNTS, "proved")
    # Those that are not published first.
    names = sorted(result.tables, key=lambda name: name in published)
    return _Table("Tables", columns, map(row, names), folded=len(names) > 20)


def _checks(heading: str, checks: Sequence[CheckResult], *, folded: bool = False) -> _Table:
    return _Table(
        heading,
        ("check", "table", "status", "found", "what to do"),
        (
            [escape(text) for text in (c.check, c.table, c.status, c.message, c.remedy)]
            for c in checks
        ),
        folded=folded,
    )
