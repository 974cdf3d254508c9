"""Which rows of staging differ: what it costs to find out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from neonsync.engine import stage
from neonsync.engine.context import RunContext
from neonsync.engine.plan import TablePlan, make_plan
from neonsync.engine.proof import differences
from neonsync.engine.proof.audit import Proof, audit
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.engine.validate import validate
from neonsync.errors import ProofError
from neonsync.postgres.copy import FittedBatch
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry, frame, synced


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


SHOWN = (
    'least of "born" is 1980-05-05 in Athena and 1990-01-01 in {0}',
    'sum of "n" is 7 in Athena and 8 in {0}',
)


@pytest.mark.parametrize("show", [False, True])
@pytest.mark.parametrize("private", [[], ["born", "n"]])
async def test_figures_that_differ_are_shown_where_values_may_be(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, private: list[str], show: bool
) -> None:
    born = pd.Timestamp("1980-05-05").date()
    table = lake.write("born", frame(day=[pd.Timestamp("2026-01-01").date()], born=[born], n=[7]))
    target.configure(entry(table, private=private, date_column="day"))
    await synced(target)
    changed = "SET born = '1990-01-01', n = 8"
    flags = {"validation": "aggregate", "show_values": show}
    target.sql(f"UPDATE t {changed}")
    plan = make_plan(target.settings(**flags), compares=True)
    (compared,) = (await validate(plan)).tables

    async def mutated(
        context: RunContext, plan: TablePlan, record: ExportRecord, *rest: object
    ) -> Proof:
        target.sql(f"UPDATE neonsync.{record.staging} {changed}")
        return await audit(context, plan, record, *rest)  # type: ignore[arg-type,return-value]

    monkeypatch.setattr(stage, "audit", mutated)
    failed = (await target.sync(**flags)).result
    assert isinstance(failed.error, ProofError)
    for message, where in ((compared.rows_differ, "the target"), (failed.error.message, "staging")):
        assert "2026-01-01: " in message
        if show and not private:
            for words in SHOWN:
                assert words.format(where) in message
        else:
            for words in SHOWN:
                assert f"{words.split(' is ')[0]} differs" in message
            for value in ("1980", "1990", "3777", "7 in", "8 in"):
                assert value not in message
