"""After the commit: the digest once more, taken from the published table itself."""

from __future__ import annotations

import psycopg
from psycopg import sql

from neonsync.digest import DigestSums
from neonsync.engine.context import RunContext
from neonsync.engine.events import CheckFinished
from neonsync.engine.proof.compare import DATES_SHOWN, differing_digests, listed, said
from neonsync.engine.publishing.published import Published
from neonsync.engine.stage import Digests, Staged
from neonsync.postgres.connect import Connection
from neonsync.postgres.digest import by_day, published_rows, sum_by_day
from neonsync.settings import VerifyTarget
from neonsync.validation.result import CheckResult, Status

CHECK = "target_digest"


async def verify_digest(
    context: RunContext, staged: Staged, published: Published
) -> list[CheckResult]:
    """Compare what was proved with what the target holds of it.

    By itself it looks at the dates that a merge has written into; all dates are looked at when
    that is asked for. Rows that the source does not have are none of it.
    """
    digests = staged.digests
    every = context.plan.settings.verify_target is VerifyTarget.ALL
    if digests is None or not (every or published.touched):
        return []
    dates = None if every else frozenset(published.touched)

    async def look(connection: Connection) -> CheckResult:
        return await _verify(connection, staged, digests, published.method, dates)

    result = await context.with_connection(look)
    context.emit(CheckFinished(result.table, result.check, result.status, result.message))
    return [result]


async def _verify(
    connection: Connection,
    staged: Staged,
    digests: Digests,
    method: str,
    dates: frozenset[str | None] | None,
) -> CheckResult:
    spec = staged.spec
    proved = DigestSums(
        {date: value for date, value in digests.sums.items() if dates is None or date in dates}
    )
    relation: sql.Composable = sql.Identifier(spec.schema, spec.target)
    if method == "merge":  # the target may hold other rows than the staged ones
        relation = published_rows(spec, staged.record.staging, dates)
    statement = by_day(relation, spec.day, digests.frame).as_string(connection)
    try:
        found = await sum_by_day(connection, relation, spec.day, digests.frame)
    except psycopg.Error as error:
        if not (error.sqlstate or "").startswith(("22", "42")):
            raise
        return CheckResult(
            CHECK,
            spec.qualified,
            Status.FAILED,
            f"the digest of the published rows cannot be taken (SQLSTATE {error.sqlstate})",
            remedy="The table's columns, or values in them, are others than those published.",
            neon_sql=statement,
        )
    # A table that was replaced in place is read whole.
    held = {date: value for date, value in found.digests.items() if dates is None or date in dates}
    differing = differing_digests(proved, held)
    shown = [said(date) for date in differing[:DATES_SHOWN]]
    details = {"dates": len(proved), "differing_dates": len(differing), "differing": shown}
    if not differing:
        on = f"{len(proved):,} of {len(proved):,} date{'' if len(proved) == 1 else 's'}"
        message = f"digest equal on {on}"
        return CheckResult(
            CHECK, spec.qualified, Status.PASSED, message, details, neon_sql=statement
        )
    return CheckResult(
        CHECK,
        spec.qualified,
        Status.FAILED,
        f"the published rows differ from those that were proved on {len(differing)} of "
        f"{len(proved)} dates: {listed([said(date) for date in differing])}",
        details,
        "Something else writes into the table, or a trigger changes its rows: find it, then sync "
        "these dates again.",
        neon_sql=statement,
    )
