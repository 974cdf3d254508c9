"""The axes of a table's key, and the layout that they make."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from neonsync.errors import ConfigError
from neonsync.tables import ColumnRule, ColumnSpec
from neonsync.testdata import typed
from neonsync.testdata.domains import DAY_SECONDS
from neonsync.testdata.hashing import Ints
from neonsync.testdata.layout import Axis, KeyTooSmallError, Layout, plan_layout
from neonsync.testdata.listed import TIMESTAMPS, once
from neonsync.testdata.table import TestTable, blamed, is_state
from neonsync.testdata.world import Link, World


class KeyPlan:
    """Plans the layout of one table when it is asked for first; ``parent`` finds other plans."""

    def __init__(self, table: TestTable, world: World, parent: Callable[[str], KeyPlan]) -> None:
        self._table = table
        self._spec = table.spec
        self._world = world
        self._parent = parent
        self._links = world.links(table.spec.qualified)
        self._layout: Layout | None = None
        self._is_planning = False

    @property
    def layout(self) -> Layout:
        """How the key counts the rows.

        Raises:
            ConfigError: the key has too few values, or leads back to itself.
        """
        if self._layout is None:
            if self._is_planning:
                raise ConfigError(
                    f"the key of {self._spec.qualified} refers to a key that refers back to it",
                    "Take one of these references out.",
                )
            self._is_planning = True
            try:
                self._layout = plan_layout(list(self._axes()), self._table.rows)
            except KeyTooSmallError as error:
                raise self._too_small(error.possible) from error
            finally:
                self._is_planning = False
        return self._layout

    def choice(self, link: Link, columns: Collection[str]) -> Ints | None:
        """The parent's rows that differ in what these columns refer to; None for all of them.

        Raises:
            ValueError: they do not refer to a key's columns, so values may repeat.
        """
        wanted = {self._links[name].reference.parent_column for name in columns}
        return self._parent(link.parent).layout.distinct(wanted)

    def group(self, link: Link) -> tuple[str, ...]:
        """The key's columns that choose the parent's row; none where chance does.

        Chance chooses where the parent is the table itself: its key cannot count itself.
        """
        if link.parent == self._spec.qualified:
            return ()
        return tuple(
            name
            for name in self._spec.key
            if name in self._links and self._links[name].group == link.group
        )

    def _axes(self) -> Iterator[Axis]:
        day = self._spec.day
        seen: set[str] = set()
        for name in self._spec.key:
            column = self._spec.column(name)
            rule = self._rule(name)
            if column is None:
                raise ConfigError(
                    f"the key of {self._spec.qualified} names {name!r}, which is not there",
                    "Name columns that are copied.",
                )
            if name in seen:
                continue
            if name in self._links:
                group = self.group(self._links[name])
                seen.update(group)
                if group:
                    yield self._reference(self._links[name], group)
            elif day is not None and name in day.columns:
                # A part of a day tells nothing apart: the key's other columns do.
                if set(day.columns) <= set(self._spec.key):
                    seen.update(day.columns)
                    days = self._days
                    in_seconds = column.type.base in TIMESTAMPS
                    room = days * DAY_SECONDS if in_seconds else days
                    yield Axis(day.columns, room, days, is_day=True)
            elif rule.follows is None and rule.of is None:
                with blamed(self._spec, column):
                    yield self._counted(column, rule)

    def _counted(self, column: ColumnSpec, rule: ColumnRule) -> Axis:
        if rule.values:
            size = len(once(rule.values))
            return Axis((column.name,), size, size)
        state = is_state(self._spec, column)
        room = typed.key_room(column, rule, self._world.last_day, state=state)
        if rule.count is not None and rule.count > room:
            raise ValueError(f"cannot have {rule.count} different values, {room} at most")
        return Axis((column.name,), room, rule.count)

    def _reference(self, link: Link, columns: tuple[str, ...]) -> Axis:
        try:
            choice = self.choice(link, columns)
        except ValueError as error:
            raise ConfigError(
                f"{self._spec.qualified}.{columns[0]} belongs to the key and refers to "
                f"{link.parent}.{link.reference.parent_column}, whose values may repeat",
                f"Let it refer to the key of {link.parent}.",
            ) from error
        room = self._world.tables[link.parent].rows if choice is None else len(choice)
        day = self._spec.day
        is_day = day is not None and set(columns) == set(day.columns)
        if is_day:
            room = min(room, self._days)
        counts = (self._rule(name).count for name in columns)
        usual = min([room, *(count for count in counts if count is not None)])
        return Axis(columns, room, usual, is_day)

    @property
    def _days(self) -> int:
        return self._table.days(self._world.last_day)

    def _rule(self, name: str) -> ColumnRule:
        return self._table.rules.columns.get(name, ColumnRule())

    def _too_small(self, possible: int) -> ConfigError:
        day = self._spec.day
        wider = day is not None and set(day.columns) & set(self._spec.key)
        return ConfigError(
            f"{self._spec.qualified}: {self._table.rows} rows were asked for, and the key "
            f"({', '.join(self._spec.key)}) has {possible} different values at most",
            f"Ask for {possible} rows at most{', or set more test_data.days' if wider else ''}.",
        )
