"""Ids that the branch generates: none is given twice, whoever asks for one during a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neonsync.engine import stage
from neonsync.engine.proof.audit import audit
from tests.conftest import ROWS, Target
from tests.engine.test_bad_values import synced
from tests.engine.test_main_job import lake_rows, target_rows
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.test_resume import notices

INSERT = (
    "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
    " SELECT -n, 1, '2020-01-01', 'CA', 1 FROM generate_series(1, 500) AS n RETURNING id"
)
NOTHING = {"filters.from": "1990-01-01", "filters.to": "1990-01-02"}


def once_loaded(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something while a run is at work and its rows are staged."""

    async def acting(*arguments: Any) -> Any:
        act()
        return await audit(*arguments)

    monkeypatch.setattr(stage, "audit", acting)


async def test_ids_of_rows_that_have_gone_again_are_not_given_to_those_of_a_swap(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.sql(EMPTY_TARGET)
    theirs: list[int] = []

    def come_and_go() -> None:
        theirs.extend(row[0] for row in target.sql(INSERT))
        target.sql("DELETE FROM forecast_data")

    once_loaded(monkeypatch, come_and_go)

    outcome = await synced(target)

    assert [entry.method for entry in outcome.result.published] == ["merge"]
    assert "ids of its sequence were given to other rows meanwhile" in notices(outcome)
    assert len(theirs) == 500
    assert target.value("SELECT min(id) FROM forecast_data") > max(theirs)
    assert target_rows(target) == lake_rows(target.world)


async def test_ids_of_rows_that_came_during_a_replacement_are_not_given_again(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    await synced(target)
    theirs: list[int] = []
    once_loaded(monkeypatch, lambda: theirs.extend(row[0] for row in target.sql(INSERT)))

    outcome = await synced(target, publish="replace")

    assert [(entry.method, entry.removed) for entry in outcome.result.published] == [
        ("replace", ROWS + 500)
    ]
    assert target.value("SELECT min(id) FROM forecast_data") > max(theirs)
    assert target_rows(target) == lake_rows(target.world)


@pytest.mark.parametrize("filters", [{}, NOTHING], ids=["some rows", "no rows"])
async def test_a_sequence_that_was_set_during_the_load_goes_on_from_there(
    target: Target, monkeypatch: pytest.MonkeyPatch, filters: dict[str, str]
) -> None:
    target.sql(EMPTY_TARGET)
    once_loaded(monkeypatch, lambda: target.sql("SELECT setval('forecast_data_id_seq', 100000)"))

    outcome = await target.sync(**filters)

    assert [entry.method for entry in outcome.result.published] == ["swap" if filters else "merge"]
    assert target.value("SELECT nextval('forecast_data_id_seq')") > 100_000
    assert target.value("SELECT coalesce(min(id), 100001) FROM forecast_data") > 100_000


async def test_a_sequence_that_counts_down_and_has_not_moved_lets_a_swap_be(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.sql(EMPTY_TARGET)
    target.sql(
        "ALTER TABLE forecast_data ALTER id SET INCREMENT -2 SET MAXVALUE -1 SET MINVALUE"
        " -1000000 SET START -5 RESTART"
    )
    once_loaded(monkeypatch, lambda: None)

    outcome = await synced(target)

    assert [entry.method for entry in outcome.result.published] == ["swap"]
    assert target.value("SELECT max(id) FROM forecast_data") == -5
    assert target.value("SELECT nextval('forecast_data_id_seq')") < target.value(
        "SELECT min(id) FROM forecast_data"
    )
