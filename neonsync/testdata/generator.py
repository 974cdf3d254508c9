"""Made rows: each value follows from seed, table, column and row number, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neonsync.columns import arrow_type
from neonsync.tables import DayForm, TableSpec
from neonsync.testdata.build import TableBuilder
from neonsync.testdata.checks import check_cycles, check_rules
from neonsync.testdata.rows import Rows
from neonsync.testdata.scenarios import chosen_scenarios
from neonsync.testdata.table import TestTable
from neonsync.testdata.world import World

_BLOCK = 1 << 17


class TestData:
    """The made rows of all tables of a run; the same arguments give the same rows."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    def __init__(
        self, tables: Sequence[TestTable], *, seed: int, scenario: str, last_day: date
    ) -> None:
        """Plan the rows; none is made yet. ``scenario`` is one of them, or ``all``.

        Raises:
            ConfigError: the scenario is unknown, a rule is no good, a key is too small for its
                rows, or a reference leads to no made table.
        """
        choice = chosen_scenarios(scenario)
        for table in tables:
            check_rules(table)
        world = World(tables, seed, last_day, choice)
        check_cycles(world)
        builders: dict[str, TableBuilder] = {}
        for table in tables:
            builders[table.spec.qualified] = TableBuilder(table, world, builders.__getitem__)
        self._generators = {name: TableGenerator(builder) for name, builder in builders.items()}

    def table(self, qualified: str) -> TableGenerator:
        """The rows of the table with this target, as ``public.orders``.

        Raises:
            KeyError: no such table was asked for.
        """
        return self._generators[qualified]


class TableGenerator:
    """The made rows of one table. Any thread may ask for any of them at any time."""

    def __init__(self, builder: TableBuilder) -> None:
        self._builder = builder
        self._spec: TableSpec = builder.spec
        self.rows = builder.table.rows
        fields: list[pa.Field[Any]] = [
            pa.field(column.name, arrow_type(column.type, column.name))
            for column in self._spec.columns
        ]
        self.schema = pa.schema(fields)
        builder.build()

    def batch(self, first: int, count: int) -> pa.RecordBatch:
        """The rows from number ``first`` on, which counts from 0.

        Raises:
            IndexError: the table has no such rows.
        """
        rows = self._rows(first, count)
        arrays: list[pa.Array[Any]] = [rows.array(column.name) for column in self._spec.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def days(self) -> Counter[str | None]:
        """How many rows each day has, the day as proofs write it; all under None without days."""
        day = self._spec.day
        if day is None:
            return Counter({None: self.rows})
        total: Counter[str | None] = Counter()
        for rows in self._blocks():
            arrays: list[Any] = [rows.array(name) for name in day.columns]
            if day.form is DayForm.TIMESTAMP:
                arrays = [array.cast(pa.date32(), safe=False) for array in arrays]
            if len(arrays) == 1:
                total.update(_counted(arrays[0]))
            else:
                texts = [array.cast(pa.string()) for array in arrays]
                total.update(_counted(pc.binary_join_element_wise(*texts, "-")))
        return total

    def states(self) -> Counter[str | None]:
        """How many rows each state has; empty without a state column."""
        total: Counter[str | None] = Counter()
        if self._spec.state_column is not None:
            for rows in self._blocks():
                total.update(_counted(rows.array(self._spec.state_column)))
        return total

    def _blocks(self) -> Iterator[Rows]:
        for first in range(0, self.rows, _BLOCK):
            yield self._rows(first, min(_BLOCK, self.rows - first))

    def _rows(self, first: int, count: int) -> Rows:
        if first < 0 or count < 0 or first + count > self.rows:
            raise IndexError(
                f"{self._spec.qualified} has {self.rows} rows, not {first} to {first + count}"
            )
        return self._builder.rows(np.arange(first, first + count, dtype=np.int64))


def _counted(values: Any) -> dict[str | None, int]:
    """How often each value is there, by its text."""
    counts = pc.value_counts(values)
    texts: Any = counts.field("values")
    numbers: Any = counts.field("counts")
    return dict(zip(texts.cast(pa.string()).to_pylist(), numbers.to_pylist(), strict=True))
