"""The three files of a run: etl-manual.log, etl-report.json, etl-validation-report.json.

The keys in camel case are those of the script that neonsync replaces, and keep their meaning;
what is more stands beside them. ``duration`` and all ``seconds`` are in seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from neonsync import __version__
from neonsync.engine.events import Event
from neonsync.engine.result import RunResult
from neonsync.errors import ConfigError
from neonsync.report.wording import describe_detail, printable
from neonsync.secret import Secret, redact, redacted
from neonsync.validation.result import Status

LOG_NAME = "etl-manual.log"
REPORT_NAME = "etl-report.json"
VALIDATION_NAME = "etl-validation-report.json"
FILE_NAMES = (LOG_NAME, REPORT_NAME, VALIDATION_NAME)


class ReportFiles:
    """Writes the log while the run goes on, and both reports at its end."""

    def __init__(self, directory: Path, secrets: tuple[Secret, ...]) -> None:
        """Open the log.

        When another run is writing to the directory, a folder below it is taken instead, so that
        the two do not spoil each other's; ``self.directory`` tells which it is.

        Raises:
            ConfigError: the directory cannot be written to; better known before than after.
        """
        self._secrets = secrets
        try:
            self.directory, self._log = _open_log(directory)
            # Whatever stands there is of an earlier run; should this one be killed, it shows.
            for name in (REPORT_NAME, VALIDATION_NAME):
                self._write_json(name, {"status": "running", "validationStatus": "pending"})
        except OSError as error:
            raise ConfigError(
                f"the report directory {directory} cannot be written to: {error.strerror}",
                "Choose another one with --report-dir.",
            ) from error

    def __call__(self, event: Event) -> None:
        """Write an event to the log."""
        line = describe_detail(event)
        if line is not None:
            self.log(line)

    def log(self, line: str) -> None:
        """Write a line to the log, at once."""
        if self._log.closed:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # A full disk under the log is no reason to stop a sync.
        with contextlib.suppress(OSError):
            self._log.write(f"{now} {printable(redact(line, *self._secrets))}\n")
            self._log.flush()

    def write(self, result: RunResult) -> None:
        """Write both reports, and close the log."""
        self._write_json(REPORT_NAME, report(result))
        self._write_json(VALIDATION_NAME, validation_report(result))
        self._log.close()

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        write_json(self.directory, name, redacted(content, *self._secrets))


def write_json(directory: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write a document: a reader finds the old one or the new one, never half of it."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        Path(temporary).chmod(0o644)
        Path(temporary).replace(directory / name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _open_log(directory: Path) -> tuple[Path, TextIO]:
    directory.mkdir(parents=True, exist_ok=True)
    log = (directory / LOG_NAME).open("a", encoding="utf-8")
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.close()
        own = directory / f"run-{os.getpid()}"
        own.mkdir(exist_ok=True)
        return own, (own / LOG_NAME).open("w", encoding="utf-8")
    log.truncate(0)
    return directory, log


def report(result: RunResult) -> dict[str, Any]:
    """The content of etl-report.json."""
    error = result.error
    errors = [] if error is None else [{"message": error.message, "remedy": error.remedy}]
    errors += [
        {"message": f"{failed.table}: {failed.error}", "remedy": failed.remedy}
        for failed in result.failed
    ]
    errors += [
        {"message": f"{check.table}: {check.check}: {check.message}", "remedy": check.remedy}
        for check in result.checks
        if check.status is Status.FAILED
    ]
    published = result.published
    return {
        "startTime": _iso(result.started_at),
        "endTime": _iso(result.finished_at),
        "duration": round(result.seconds, 3),
        "recordsProcessed": result.rows_read,
        # The old names knew no schema.
        "tablesSynced": [entry.table.removeprefix("public.") for entry in published],
        "errors": errors,
        "validationStatus": validation_status(result),
        "branchInfo": {"id": result.branch_id, "name": result.branch, "mode": result.mode},
        "neonsyncVersion": __version__,
        "runId": result.run_id,
        "resumed": result.attempt_resumed,
        "status": result.status,
        "exitCode": int(result.exit_code),
        "rows": {
            "read": result.rows_read,
            "written": sum(entry.inserted + entry.updated for entry in published),
            "inserted": sum(entry.inserted for entry in published),
            "updated": sum(entry.updated for entry in published),
            "unchanged": sum(entry.unchanged for entry in published),
            "removed": sum(entry.removed for entry in published),
            "deleted": sum(entry.deleted for entry in published),
        },
        "tables": [
            {
                **asdict(entry),
                "scope": result.scopes.get(entry.table, ""),
                "proof": asdict(result.proofs[entry.table])
                if entry.table in result.proofs
                else None,
            }
            for entry in published
        ],
        "failedTables": [
            {
                "table": failed.table,
                "message": failed.error,
                "remedy": failed.remedy,
                "exitCode": failed.exit_code,
            }
            for failed in result.failed
        ],
        "athena": {
            "queries": [asdict(query) for query in result.queries],
            "bytesScanned": result.scanned_bytes,
            "bytesBilled": result.billed_bytes,
            "priceUsd": round(result.price, 6),
        },
        "steps": [
            {
                "step": step.step.value,
                "table": step.table or None,
                "seconds": round(step.seconds, 3),
                "detail": step.detail,
            }
            for step in result.steps
        ],
        "notices": list(result.notices),
    }


def validation_report(result: RunResult) -> dict[str, Any]:
    """The content of etl-validation-report.json."""
    counts = Counter(check.status for check in result.checks)
    status = validation_status(result)
    content: dict[str, Any] = {
        "timestamp": _iso(result.finished_at),
        "overallStatus": status,
        "connectionInfo": {
            "branch": result.branch,
            "branchId": result.branch_id,
            "database": result.database,
        },
        "checks": [
            {
                "check": check.check,
                "table": check.table,
                "status": check.status.value,
                "details": dict(check.details),
                "message": check.message,
                "remedy": check.remedy,
                "athenaSql": check.athena_sql,
                "neonSql": check.neon_sql,
            }
            for check in result.checks
        ],
        "summary": {
            "totalChecks": len(result.checks),
            "passed": counts[Status.PASSED],
            "failed": counts[Status.FAILED],
            "warnings": counts[Status.WARNING],
        },
        "runId": result.run_id,
    }
    if result.error is not None:
        content["error"] = result.error.message
    return content


def validation_status(result: RunResult) -> str:
    """Passed or failed; pending, as the old script had it, when the run came to no checks."""
    if not result.checks:
        return "failed" if result.error is not None and int(result.exit_code) == 4 else "pending"
    return "failed" if any(c.status is Status.FAILED for c in result.checks) else "passed"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
