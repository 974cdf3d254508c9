"""Tables for tests of made rows, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from neonsync.columns import SqlType, parse_postgres
from neonsync.tables import (
    ColumnRule,
    ColumnSpec,
    Day,
    DayForm,
    Reference,
    TableSpec,
    TestDataRules,
    preset,
)
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO
from neonsync.testdata import TableGenerator, TestData, TestTable

LAST_DAY = date(2026, 1, 31)
_MARKS = (
    ColumnSpec(TEST_FLAG, SqlType("boolean"), nullable=False),
    ColumnSpec(TEST_SCENARIO, SqlType("varchar", (100,))),
)


def made_table(
    name: str,
    columns: dict[str, str],
    key: Sequence[str],
    rows: int,
    *,
    day: Sequence[str] | str = (),
    form: DayForm = DayForm.DATE,
    days: int = 30,
    state: str | None = None,
    references: dict[str, str] | None = None,
    rules: dict[str, ColumnRule] | None = None,
) -> TestTable:
    """A table; a type that ends with `` not null`` says so, a reference is ``table.column``."""
    specs = []
    for column, text in columns.items():
        plain = text.removesuffix(" not null")
        specs.append(ColumnSpec(column, parse_postgres(plain), column not in key and plain == text))
    parents = {column: parent.rpartition(".") for column, parent in (references or {}).items()}
    spec = TableSpec(
        source=name,
        target=name,
        columns=(*specs, *_MARKS),
        key=tuple(key),
        key_name=f"{name}_key",
        day=Day((day,) if isinstance(day, str) else tuple(day), form) if day else None,
        state_column=state,
        references=tuple(
            Reference(column, f"public.{table}", parent)
            for column, (table, _, parent) in parents.items()
        ),
    )
    return TestTable(spec, TestDataRules(rows=rows, days=days, columns=rules or {}), rows)


def made(
    *tables: TestTable, seed: int = 7, scenario: str = "all", last_day: date = LAST_DAY
) -> TestData:
    """The made rows of some tables."""
    return TestData(tables, seed=seed, scenario=scenario, last_day=last_day)


def only(table: TestTable, **options: Any) -> TableGenerator:
    """The made rows of one table."""
    return made(table, **options).table(table.spec.qualified)


def whole(generator: TableGenerator) -> pa.Table:
    """All rows at once."""
    return pa.Table.from_batches([generator.batch(0, generator.rows)])


def values(generator: TableGenerator, column: str) -> list[Any]:
    """All values of a column."""
    return list(whole(generator).column(column).to_pylist())


def forecast(rows: int | None = None, **options: Any) -> TableGenerator:
    """The preset's table as a run with test data sees it."""
    config = preset()[0]
    needed = (*config.key, *config.not_null)
    spec = TableSpec(
        source=config.source,
        target=config.target,
        columns=(
            *(ColumnSpec(name, config.types[name], name not in needed) for name in config.columns),
            *_MARKS,
        ),
        key=config.key,
        key_name=config.key_name,
        day=Day(config.date_column, DayForm.DATE),
        state_column=config.state_column,
        required_columns=config.required,
    )
    rules = config.test_data
    table = TestTable(spec, rules, rules.rows if rows is None else rows)
    return only(table, **options)
