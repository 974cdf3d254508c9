"""After the commit: the digest once more, taken from the published table itself."""

from __future__ import annotations

import psycopg

from neonsync.engine.compare import DATES_SHOWN, differing_digests, listed, ordered, said
from neonsync.engine.context import RunContext
from neonsync.engine.events import CheckFinished
from neonsync.engine.published import Published
from neonsync.engine.stage import Staged
from neonsync.postgres.connect import Connection
from neonsync.postgres.digest import published_rows, row_digest, sum_by_day
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
    every = context.plan.settings.verify_target is VerifyTarget.ALL
    if staged.digests is None or not (every or published.touched):
        return []
    result = await context.with_connection(
        lambda connection: _verify(
            connection, staged, None if every else frozenset(published.touched)
        )
    )
    context.emit(CheckFinished(result.table, result.check, result.status, result.message))
    return [result]


async def _verify(
    connection: Connection, staged: Staged, dates: frozenset[str | None] | None
) -> CheckResult:
    digests, spec = staged.digests, staged.spec
    if digests is None:
        raise AssertionError("only what was proved by digest is verified by it")
    proved = {date: value for date, value in digests.sums.items() if dates is None or date in dates}
    in_staging = staged.record.staging if published_in_place(staged) else None
    relation = published_rows(spec, in_staging, None if dates is None else proved)
    types = {column.name: column.type for column in digests.columns}
    statement = row_digest(digests.frame, types).as_string(connection)
    try:
        found = await sum_by_day(connection, relation, spec.day, digests.frame, types)
    except psycopg.Error as error:
        return CheckResult(
            CHECK,
            spec.qualified,
            Status.FAILED,
            f"the digest of the published rows cannot be taken: {error}",
            remedy="A value stands in the table that its planned type cannot hold.",
        )
    differing = differing_digests(proved, found.digests)
    details = {
        "dates": len(proved),
        "differing": [said(date) for date in differing[:DATES_SHOWN]],
        "differing_dates": len(differing),
        "measured": {said(date): str(found.digests.get(date, 0)) for date in differing},
        "expected": {said(date): str(proved.get(date, 0)) for date in differing},
    }
    if not differing:
        message = f"digest equal on {len(proved)} of {len(proved)} dates"
        return CheckResult(CHECK, spec.qualified, Status.PASSED, message, details)
    return CheckResult(
        CHECK,
        spec.qualified,
        Status.FAILED,
        f"the published rows differ from those that were proved on {len(differing)} of "
        f"{len(proved)} dates: {listed([said(date) for date in ordered(differing)])}",
        details,
        "Something else writes into the table, or a trigger changes its rows: find it, then sync "
        "these dates again.",
        neon_sql=statement,
    )


def published_in_place(staged: Staged) -> bool:
    """Whether the target may hold other rows than the staged ones, which are still there."""
    return staged.record.method == "merge"
