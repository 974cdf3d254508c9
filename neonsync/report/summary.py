"""The few lines at the end of a run: what was done, what it cost, what to do next."""

from __future__ import annotations

from pathlib import Path

from neonsync.engine.publishing.published import describe
from neonsync.engine.result import RunResult
from neonsync.errors import ExitCode
from neonsync.report.files import HTML_NAME, LOG_NAME
from neonsync.report.wording import duration, money, printable, proof_line, size
from neonsync.tables import Mode
from neonsync.validation.result import Status


def summary(result: RunResult, report_dir: str) -> str:
    """The summary, for stdout."""
    lines = []
    target = f"branch {result.branch} ({result.branch_id}), database {result.database}"
    if not result.branch_id:
        target = "nothing was contacted for writing"
    match result.status:
        case "succeeded":
            lines.append(f"Done in {duration(result.seconds)}: {target}")
        case "invalid":
            lines.append(f"Published, but a check failed: {target}")
        case "partial":
            count = f"{len(result.failed)} of {len(result.tables)} tables"
            lines.append(f"{count} failed, the others are published: {target}")
        case "cancelled":
            lines.append(f"Stopped after {duration(result.seconds)}: {target}")
        case _ if result.exit_code is ExitCode.REFUSED:
            lines.append(f"Refused: {target}")
        case _:
            lines.append(f"Failed after {duration(result.seconds)}: {target}")
    for published in result.published:
        scope = result.scopes.get(published.table)
        lines.append(f"  {describe(published)}" + (f" ({scope})" if scope else ""))
        if proof := result.proofs.get(published.table):
            made = result.mode == Mode.TEST_DATA
            line = proof_line(proof.rows, proof.dates, {proof.validation}, made=made)
            lines.append(f"  {line}")
        if beyond := _beyond(result, published.table):
            lines.append(f"  Athena has no row on {beyond}, of the dates asked for")
    for failed in result.failed:
        lines.append(f"  {failed.table}: failed: {failed.error}")
        if failed.remedy:
            lines.append(f"    {failed.remedy}")
    if result.checks:
        bad = [check for check in result.checks if check.status is not Status.PASSED]
        passed = len(result.checks) - len(bad)
        lines.append(f"  checks: {passed} of {len(result.checks)} passed")
        for check in bad:
            lines.append(f"    {check.status}: {check.table}: {check.check}: {check.message}")
            if check.remedy:
                lines.append(f"      {check.remedy}")
    if result.queries:
        lines.append(
            f"  Athena: {size(result.scanned_bytes)} scanned, {money(result.price)} "
            f"for {size(result.billed_bytes)} billed (at least 10 MB a query)"
        )
    if result.reported:
        page = Path(report_dir) / HTML_NAME
        lines.append(f"  page: {page}; the log and all reports are beside it")
    else:
        lines.append(f"  log: {Path(report_dir) / LOG_NAME}; reports of an earlier run stay")
    return "\n".join(map(printable, lines))


def _beyond(result: RunResult, table: str) -> str:
    """The dates before the source's first one and after its last that the run was about too."""
    found = (
        each.details.get("beyond", ())
        for each in result.checks
        if (each.table, each.check) == (table, "completeness")
    )
    return " and ".join(next(found, ()))
