"""Which rows of staging differ: what it costs to find out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from neonsync.engine import stage
from neonsync.engine.context import RunContext
from neonsync.engine.plan import TablePlan
from neonsync.engine.proof import differences
from neonsync.engine.proof.audit import Proof, audit
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.errors import ProofError
from neonsync.postgres.copy import FittedBatch
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry, frame


async def told(target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, **more: Any) -> str:
    """What a run says whose staging has been changed."""
    names = [f"person {number}" for number in range(50)]
    target.configure(entry(lake.write("lake", frame(name=names)), **more))

    async def mutated(
        context: RunContext, plan: TablePlan, record: ExportRecord, *rest: object
    ) -> Proof:
        target.sql(f"UPDATE neonsync.{record.staging} SET name = 'z' WHERE id IN (7, 9)")
        return await audit(context, plan, record, *rest)  # type: ignore[arg-type,return-value]

    monkeypatch.setattr(stage, "audit", mutated)
    error = (await target.sync(show_values=True)).result.error
    assert isinstance(error, ProofError), error
    return error.message


async def test_the_export_is_read_once(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    real = differences._Source._batches

    def counted(self: differences._Source) -> Iterator[FittedBatch]:
        reads.append(1)
        return real(self)

    monkeypatch.setattr(differences._Source, "_batches", counted)
    message = await told(target, lake, monkeypatch)
    assert (
        "; 2 rows have other values: (7), (9); columns that differ: name; as "
        "(7) name: person 7 in Athena, z here, (9) name: person 9 in Athena, z here; "
    ) in message
    assert len(reads) == 1


async def test_private_columns_are_named_and_no_more(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await told(target, lake, monkeypatch, private=["id", "name"])
    assert (
        "; 2 rows have other values: ((private)), ((private)); columns that differ: name; "
    ) in message


async def test_a_large_export_is_not_read_again(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "MOST_EXPORTED_ROWS", 49)
    assert "the export (50 rows, 0.0 GB) is too large" in await told(target, lake, monkeypatch)
