"""What all made tables of a run share, and the way from one to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from neonsync.errors import ConfigError
from neonsync.tables import Reference, TableSpec
from neonsync.testdata.scenarios import Scenario
from neonsync.testdata.table import TestTable


@dataclass(frozen=True)
class Link:
    """A reference, resolved.

    References with the same ``group`` take their values from the same row of the parent: two
    columns that refer to two columns of it are one foreign key. A second reference to the same
    column of it is another one, and has a row of its own.
    """

    reference: Reference
    parent: str
    group: tuple[str, int]


class World:
    """The tables that get made rows, by their qualified names.

    Raises:
        ConfigError: a reference leads to none of them, or to a column that is not there.
    """

    def __init__(
        self, tables: Iterable[TestTable], seed: int, last_day: date, choice: tuple[Scenario, ...]
    ) -> None:
        self.tables = {table.spec.qualified: table for table in tables}
        self.seed = seed
        self.last_day = last_day
        self.choice = choice
        self._links = {name: self._resolve(table.spec) for name, table in self.tables.items()}
        self._referenced = {
            (link.parent, link.reference.parent_column)
            for links in self._links.values()
            for link in links.values()
        }

    def links(self, qualified: str) -> dict[str, Link]:
        """The references of a table by their columns."""
        return self._links[qualified]

    def is_referenced(self, qualified: str, column: str) -> bool:
        """Whether any table takes its values from this column."""
        return (qualified, column) in self._referenced

    def _resolve(self, spec: TableSpec) -> dict[str, Link]:
        links: dict[str, Link] = {}
        for reference in spec.references:
            parent = self._parent(spec, reference)
            if spec.column(reference.column) is None:
                raise ConfigError(
                    f"references of {spec.qualified} names {reference.column!r}, "
                    "which is not there",
                    f"There are: {', '.join(column.name for column in spec.columns)}.",
                )
            if parent.spec.column(reference.parent_column) is None:
                raise ConfigError(
                    f"{spec.qualified}.{reference.column} refers to {parent.spec.qualified}."
                    f"{reference.parent_column}, which is not there",
                    f"There are: {', '.join(column.name for column in parent.spec.columns)}.",
                )
            if self.tables[spec.qualified].rows and not parent.rows:
                raise ConfigError(
                    f"{spec.qualified} refers to {parent.spec.qualified}, which is to have no rows",
                    f"Ask for rows of {parent.spec.qualified} too.",
                )
            name = parent.spec.qualified
            before = sum(
                (link.parent, link.reference.parent_column) == (name, reference.parent_column)
                for link in links.values()
            )
            links[reference.column] = Link(reference, name, (name, before))
        return links

    def _parent(self, spec: TableSpec, reference: Reference) -> TestTable:
        name = reference.parent
        for qualified in (name, f"{spec.schema}.{name}", f"public.{name}"):
            if qualified in self.tables:
                return self.tables[qualified]
        raise ConfigError(
            f"{spec.qualified}.{reference.column} refers to {name}, which gets no test data",
            f"Sync {name} too, or take the reference out.",
        )
