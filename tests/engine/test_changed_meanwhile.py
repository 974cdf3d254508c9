"""A target that somebody changes, or makes, while the rows that will replace it are loaded."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Target
from tests.engine.test_ids import once_loaded
from tests.engine.test_main_job import lake_rows, target_rows
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.test_readers import another_role


@pytest.mark.parametrize(
    ("change", "survives"),
    [
        (
            "ALTER TABLE forecast_data ADD CONSTRAINT sane CHECK (y_50 >= 0)",
            "SELECT count(*) FROM pg_constraint WHERE conname = 'sane'",
        ),
        (
            "ALTER TABLE forecast_data ALTER dc_id SET DEFAULT 7",
            "SELECT count(*) FROM pg_attrdef"
            " WHERE adrelid = 'forecast_data'::regclass AND pg_get_expr(adbin, adrelid) = '7'",
        ),
        (
            "COMMENT ON COLUMN forecast_data.y_50 IS 'the median'",
            "SELECT count(*) FROM pg_description WHERE objoid = 'forecast_data'::regclass",
        ),
        (
            "ALTER SEQUENCE forecast_data_id_seq INCREMENT 5",
            "SELECT count(*) FROM pg_sequence WHERE seqincrement = 5",
        ),
    ],
    ids=["check", "default", "comment", "sequence's option"],
)
async def test_what_an_empty_target_gets_during_the_load_survives(
    target: Target, monkeypatch: pytest.MonkeyPatch, change: str, survives: str
) -> None:
    target.sql(EMPTY_TARGET)
    once_loaded(monkeypatch, lambda: target.sql(change))

    outcome = await target.sync()

    assert outcome.result.error is None
    assert [entry.method for entry in outcome.result.published] == ["merge"]
    assert "changed since it was looked at" in " ".join(outcome.result.notices)
    assert target.value(survives) == 1


async def test_a_table_that_another_role_makes_during_the_load_is_merged_into(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = another_role(target)
    target.sql("GRANT CREATE ON SCHEMA public TO reader")

    def make() -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(EMPTY_TARGET.encode())
            connection.execute("GRANT ALL ON forecast_data TO neondb_owner")

    once_loaded(monkeypatch, make)

    outcome = await target.sync()

    assert [entry.method for entry in outcome.result.published] == ["merge"], outcome.result.error
    assert "another role owns it" in " ".join(outcome.result.notices)
    assert target_rows(target) == lake_rows(target.world)
