"""The smallest tables there are: those of no row and of one go the whole way, of no column none."""

from __future__ import annotations

import pandas as pd
import pytest

from neonsync.errors import ConfigError
from tests.conftest import Lake, Target


@pytest.mark.parametrize(
    ("rows", "there"),
    [(0, False), (0, True), (1, True)],
    ids=["none into an absent table", "none into one with a row", "one into one with a row"],
)
async def test_no_row_and_one_row_arrive(
    target: Target, lake: Lake, rows: int, there: bool
) -> None:
    frame = pd.DataFrame({"id": [1], "name": ["one"]}).iloc[:rows]
    name = lake.write("small", frame, dtype={"id": "bigint", "name": "string"})
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\n')
    if there:
        target.sql(f"CREATE TABLE {name} (id bigint PRIMARY KEY, name text)")
        target.sql(f"INSERT INTO {name} VALUES (7, 'seven')")

    outcome = await target.sync()

    assert outcome.result.error is None, outcome.result.error
    expected = [(1, "one")] * rows + [(7, "seven")] * there
    assert target.sql(f"SELECT * FROM {name} ORDER BY id") == expected
    assert target.staging_tables() == []
    assert target.exported_files() == []


def test_a_table_of_no_columns_is_refused(planner: Target, lake: Lake) -> None:
    table = {
        "Name": "no_columns",
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {"Columns": [], "Location": "s3://x/y/"},
    }
    lake.client("glue").create_table(DatabaseName="lake", TableInput=table)
    planner.configure('[[tables]]\nsource = "no_columns"\nkey = ["id"]\n')
    with pytest.raises(ConfigError, match="has no columns"):
        planner.plan()
