"""A line is cut at any message, or in place of its answer: the run goes on, and is whole.

A few messages of each kind of run are tried, evenly spread; ``NEONSYNC_CUTS=1000`` tries all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from urllib.parse import urlsplit

import pytest

from neonsync.athena import export as export_module
from neonsync.athena import session as session_module
from neonsync.engine import retry
from neonsync.engine.cancel import CancelToken
from neonsync.engine.pipeline import run
from neonsync.engine.plan import Plan
from neonsync.engine.runs import lease as leases
from neonsync.postgres import connect as connect_module
from neonsync.retry import Backoff
from tests.conftest import Target
from tests.faults.proxy import Proxy, through_proxy

DAYS = {"filters.days": 10}
ROWS = 1_000
CUTS = int(os.environ.get("NEONSYNC_CUTS", "4"))

Line = Callable[[Target], AbstractContextManager[tuple[Plan, Proxy]]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", 400)
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.3)
    monkeypatch.setattr(leases, "QUIET_SECONDS", 0.5)
    monkeypatch.setattr(session_module, "REQUESTS", Backoff(8, 0.05))
    monkeypatch.setattr(connect_module, "CONNECTING", Backoff(3, 0.05))
    for name in ("CHUNK", "WORK", "PUBLISH"):
        monkeypatch.setattr(retry, name, Backoff(4, 0.05))


def to_the_branch(target: Target) -> AbstractContextManager[tuple[Plan, Proxy]]:
    """A run's connections to Postgres."""
    return through_proxy(target.plan(**DAYS))


@contextmanager
def to_aws(target: Target) -> Iterator[tuple[Plan, Proxy]]:
    """A run's requests to Athena, Glue and S3."""
    url = target.environment["AWS_ENDPOINT_URL"]
    port = urlsplit(url).port
    assert port is not None
    plan = target.plan(**DAYS)
    with closing(Proxy(port)) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url.replace(str(port), str(proxy.port)))
        yield plan, proxy


def no_table(target: Target) -> None:
    """The run loads, builds indexes and swaps."""
    target.sql("DROP TABLE IF EXISTS forecast_data")


def a_table_that_lacks_rows(target: Target) -> None:
    """The run loads and merges."""
    target.sql(
        "DELETE FROM forecast_data WHERE ctid = ANY (ARRAY(SELECT ctid FROM forecast_data LIMIT 9))"
    )


def spread(pieces: int) -> list[int]:
    """Some of the pieces from the first to the last, by their numbers from 1."""
    cuts = min(CUTS, pieces)
    return sorted({1 + round(cut * (pieces - 1) / max(cuts - 1, 1)) for cut in range(cuts)})


@pytest.mark.parametrize("passed_on", [False, True], ids=["message", "answer"])
@pytest.mark.parametrize(
    ("line", "before"),
    [
        (to_the_branch, no_table),
        (to_the_branch, a_table_that_lacks_rows),
        (to_aws, a_table_that_lacks_rows),
    ],
    ids=["branch-swap", "branch-merge", "aws"],
)
async def test_a_run_outlives_a_cut_at_any_message(
    target: Target, line: Line, before: Callable[[Target], None], passed_on: bool
) -> None:
    assert (await target.sync(**DAYS)).result.error is None
    before(target)
    with line(target) as (plan, proxy):
        assert (await run(plan, lambda _: None, CancelToken())).error is None
        pieces = proxy.passed

    for piece in spread(pieces):
        before(target)
        with line(target) as (plan, proxy):
            proxy.cut_at(piece, passed_on=passed_on)
            result = await asyncio.wait_for(run(plan, lambda _: None, CancelToken()), 60)

        which = f"cut at piece {piece} of about {pieces}"
        assert result.error is None, f"{which}: {result.error}"
        assert target.value("SELECT count(*) FROM forecast_data") == ROWS, which
        assert target.staging_tables() == [], which
