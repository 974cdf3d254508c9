"""Rows of a published table that somebody has changed, deleted or doubled by hand are found."""

from __future__ import annotations

import pytest

from neonsync.engine.plan import make_plan
from neonsync.engine.validate import validate
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry, synced
from tests.faults.test_proof import dated

BY_HAND = {
    "a row lost": (9, "DELETE FROM t WHERE id = 7"),
    # Without its constraint the target takes the same row, with its key, a second time.
    "a row doubled": (
        11,
        "ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t SELECT * FROM t WHERE id = 7",
    ),
    "a row changed": (10, "UPDATE t SET note = 'other' WHERE id = 7"),
}


@pytest.mark.parametrize("what", BY_HAND)
async def test_what_somebody_does_to_the_target_is_found(
    target: Target, lake: Lake, what: str
) -> None:
    rows, statement = BY_HAND[what]
    target.configure(entry(lake.write("dated", dated()), date_column="day"))
    await synced(target)
    plan = make_plan(target.settings(), compares=True)
    assert (await validate(plan)).equal

    target.sql(statement)

    (table,) = (await validate(plan)).tables
    assert [(each.date, each.source, each.target) for each in table.differing] == [
        ("2026-01-02", 10, rows)
    ]
    assert "(7)" in table.rows_differ
