"""``--json``: one JSON object a line on stdout, the summary last; the schema: ``docs/events.md``.

An event's fields are those of its class in ``engine.events``, enums as their words. What is
frequent is gathered: see ``JsonLines``.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from neonsync.engine.events import Event, QueryProgress, RowsCopied, RunFinished
from neonsync.engine.publishing.published import Published
from neonsync.engine.result import RunResult
from neonsync.report.documents import validation_status
from neonsync.secret import Secret, redacted
from neonsync.validation.result import Status

SCHEMA = 1
"""Raised when a field changes its meaning or goes away; new fields and events may come any time."""

COPIED_EVERY_SECONDS = 0.5


class JsonLines:
    """Writes the lines; ``write`` takes one without its line end.

    Rows on their way are told of twice a second a table, as the sum since the last line; a query
    when something of it has changed. The sums lose nothing: they are written before any other
    event of their table, and at the end.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        secrets: tuple[Secret, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._secrets = secrets
        self._clock = clock
        self._copied: Counter[str] = Counter()
        self._copied_at: dict[str, float] = {}
        self._queries: dict[str, QueryProgress] = {}

    def __call__(self, event: Event) -> None:
        """Write an event, or keep it for a sum."""
        match event:
            case RowsCopied():
                self._copied[event.table] += event.rows
                self._write_copied(event.table)
                return
            case QueryProgress() if self._queries.get(event.query_id) == event:
                return
            case QueryProgress():
                self._queries[event.query_id] = event
        table = getattr(event, "table", "")
        for name in [table] if table else list(self._copied):
            self._write_copied(name, at_once=bool(table) or isinstance(event, RunFinished))
        self._line(record(event))

    def tick(self) -> None:
        """To be called each second: rows that came just before a silence are told of."""
        for name in list(self._copied):
            self._write_copied(name)

    def say(self, line: str) -> None:
        """Messages for people are not for this stream."""

    def finish(self, result: RunResult, report_dir: str) -> None:
        """Write the summary, the last line."""
        for name in list(self._copied):
            self._write_copied(name, at_once=True)
        self._line(summary_record(result, report_dir))

    def abandon(self, result: RunResult) -> None:
        """The process ends at once: a summary all the same, without reports."""
        self.finish(result, "")

    def close(self) -> None:
        """Nothing to give back."""

    def _write_copied(self, table: str, *, at_once: bool = False) -> None:
        now = self._clock()
        last = self._copied_at.get(table)
        due = at_once or last is None or now - last >= COPIED_EVERY_SECONDS
        if due and self._copied[table]:
            self._copied_at[table] = now
            self._line(record(RowsCopied(table, self._copied.pop(table))))

    def _line(self, content: Mapping[str, Any]) -> None:
        text = json.dumps(redacted(content, *self._secrets), default=str)
        # GitHub's runner takes "##[command]" for a command wherever it stands in a line.
        self._write(text.replace("##[", r"#\u0023["))


def record(event: Event) -> dict[str, Any]:
    """An event as a line has it."""
    return {**head(event_name(type(event))), **asdict(event)}


def event_name(kind: type[Event]) -> str:
    """The name of an event's class as it stands in a line: ``RunStarted`` is ``run_started``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def summary_record(result: RunResult, report_dir: str) -> dict[str, Any]:
    """The last line. A table that is not published has no method."""
    counts = Counter(check.status for check in result.checks)
    error = result.error
    published = {entry.table: entry for entry in result.published}
    counted = {field.name: 0 for field in fields(Published)}
    nothing = {**counted, "method": None}
    return {
        **head("summary"),
        "status": result.status,
        "exit_code": int(result.exit_code),
        "run_id": result.run_id,
        "resumed": result.attempt_resumed,
        "branch": result.branch,
        "branch_id": result.branch_id,
        "database": result.database,
        "mode": result.mode,
        "started_at": _iso(result.started_at),
        "finished_at": _iso(result.finished_at),
        "seconds": round(result.seconds, 3),
        "tables": [
            published[name].figures() if name in published else {**nothing, "table": name}
            for name in result.tables
        ],
        "failed_tables": [asdict(failed) for failed in result.failed],
        "rows_read": result.rows_read,
        "proofs": [{"table": name, **asdict(proof)} for name, proof in result.proofs.items()],
        "validation": validation_status(result),
        "checks": {
            **{status.value: counts[status] for status in Status},
            "results": [
                {
                    "check": check.check,
                    "table": check.table,
                    "status": check.status.value,
                    "message": check.message,
                    "remedy": check.remedy,
                }
                for check in result.checks
            ],
        },
        "scanned_bytes": result.scanned_bytes,
        "billed_bytes": result.billed_bytes,
        "price_usd": round(result.price, 6),
        "report_dir": report_dir,
        "error": None if error is None else {"message": error.message, "remedy": error.remedy},
        "notices": list(result.notices),
    }


def head(name: str) -> dict[str, Any]:
    """What every line begins with."""
    return {"event": name, "time": _iso(datetime.now(UTC)), "schema": SCHEMA}


def _iso(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
