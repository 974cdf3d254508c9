"""What a run leaves in the files that GitHub Actions gives to a step: summary and outputs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from neonsync.engine.result import RunResult
from neonsync.history import origin
from neonsync.report.documents import report, validation_report, validation_status
from neonsync.report.markdown import markdown_page
from neonsync.secret import Secret, redacted

LIMIT_BYTES = 1_000 * 1024
"""GitHub refuses a step's summary above 1,024 KiB as a whole."""


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


def step_summary(
    result: RunResult,
    report_dir: str,
    limit: int = LIMIT_BYTES,
    *,
    environ: Mapping[str, str] | None = None,
    secrets: tuple[Secret, ...] = (),
) -> str:
    """Markdown of a run, failures first, no longer than ``limit`` bytes."""
    # Without secrets before anything is escaped: they would not be found any more.
    documents = redacted(
        [report(result, origin(environ or {})), validation_report(result)], *secrets
    )
    return markdown_page(*documents, directory=report_dir, limit=limit)
