"""The documents of a run: the contents of etl-report.json and etl-validation-report.json.

The keys in camel case are those of the script that neonsync replaces, and keep their meaning;
what is more stands beside them. ``duration`` and all ``seconds`` are in seconds. The schemas:
``docs/report.schema.json`` and ``docs/validation.schema.json``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from neonsync import __version__
from neonsync.engine.result import RunResult
from neonsync.errors import ProofError
from neonsync.validation.result import Status

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes away; new keys may come any time."""

ORIGIN = ("user", "host", "repository", "commit")
_RUNNING = {"schemaVersion": SCHEMA_VERSION, "status": "running"}
RUNNING = {**_RUNNING, "validationStatus": "pending"}, {**_RUNNING, "overallStatus": "pending"}
"""Both documents while a run is at work."""


def report(result: RunResult, origin: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The content of etl-report.json; ``origin`` tells who set the run off, and from where."""
    published = result.published
    return {
        "schemaVersion": SCHEMA_VERSION,
        "startTime": _iso(result.started_at),
        "endTime": _iso(result.finished_at),
        "duration": round(result.seconds, 3),
        "recordsProcessed": result.rows_read,
        # The old names knew no schema.
        "tablesSynced": [entry.table.removeprefix("public.") for entry in published],
        "errors": _errors(result),
        "validationStatus": validation_status(result),
        "branchInfo": {"id": result.branch_id, "name": result.branch, "mode": result.mode},
        "startedBy": {name: (origin or {}).get(name, "") for name in ORIGIN},
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
        "plannedTables": [
            {
                "table": name,
                "scope": result.scopes.get(name, ""),
                "proof": _proof(result, name),
                "dates": asdict(result.dates[name]) if name in result.dates else None,
            }
            for name in result.tables
        ],
        "tables": [
            {
                **entry.figures(),
                "scope": result.scopes.get(entry.table, ""),
                "proof": _proof(result, entry.table),
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
        "quality": [metrics.as_json() for metrics in result.quality],
        "notices": list(result.notices),
    }


def _errors(result: RunResult) -> list[dict[str, Any]]:
    """What ended the run, then the checks that failed."""
    error, about = result.error, {}
    if isinstance(error, ProofError):
        about = {
            "table": error.table,
            "dates": list(error.dates),
            "differingDates": error.differing,
        }
    errors = [] if error is None else [_error(error.message, error.remedy, **about)]
    errors += [
        _error(f"{failed.table}: {failed.error}", failed.remedy, table=failed.table)
        for failed in result.failed
    ]
    return errors + [
        _error(f"{check.table}: {check.check}: {check.message}", check.remedy, table=check.table)
        for check in result.checks
        if check.status is Status.FAILED
    ]


def _error(message: str, remedy: str, **more: Any) -> dict[str, Any]:
    return {
        "message": message,
        "remedy": remedy,
        "table": "",
        "dates": [],
        "differingDates": 0,
        **more,
    }


def _proof(result: RunResult, table: str) -> dict[str, Any] | None:
    return asdict(result.proofs[table]) if table in result.proofs else None


def validation_report(result: RunResult) -> dict[str, Any]:
    """The content of etl-validation-report.json."""
    counts = Counter(check.status for check in result.checks)
    status = validation_status(result)
    content: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
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
                "severity": check.severity.value,
                "seconds": check.seconds,
                "rule": check.rule,
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
