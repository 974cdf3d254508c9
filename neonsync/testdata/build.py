"""Puts a table's columns together: from spec, rules and parents to domains and sources."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from neonsync.columns import arrow_type
from neonsync.tables import ColumnRule, ColumnSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO
from neonsync.testdata import scenarios, typed
from neonsync.testdata.domains import Booleans, Domain, Moments, Numbered
from neonsync.testdata.hashing import Ints, stream_key
from neonsync.testdata.keys import KeyPlan
from neonsync.testdata.listed import listed_domain, once
from neonsync.testdata.numbers import FLOAT_BITS, Multiple, Numbers
from neonsync.testdata.rows import Column, DayPlan, Gaps, Group, Rows, Source
from neonsync.testdata.scenarios import SCENARIOS
from neonsync.testdata.sources import (
    Always,
    FromChance,
    FromDay,
    FromDemand,
    FromKey,
    FromMultiple,
    FromParent,
    FromPlace,
    FromRow,
    FromScenario,
)
from neonsync.testdata.table import TestTable, blamed, is_state, must_have_values
from neonsync.testdata.world import Link, World

NULL_SHARE = 0.05
"""The share of NULLs where a column may have some and no rule tells how many."""


class TableBuilder:
    """Makes a table's columns, each when it is asked for first; ``find`` leads to other tables."""

    def __init__(self, table: TestTable, world: World, find: Callable[[str], TableBuilder]) -> None:
        self.table = table
        self.spec = table.spec
        self.key = KeyPlan(table, world, lambda qualified: find(qualified).key)
        self._find = find
        self._world = world
        self._links = world.links(table.spec.qualified)
        self._days = table.days(world.last_day)
        self._columns: dict[str, Column] = {}

    def build(self) -> None:
        """Make all columns, so that whatever is wrong shows before the first row.

        Raises:
            ConfigError: the key has too few values, or a rule, a type or a reference cannot be
                kept.
        """
        _ = self.key.layout
        for column in self.spec.columns:
            self.column(column.name)

    def rows(self, numbers: Ints) -> Rows:
        """The rows of these numbers."""
        return Rows(numbers, self.column, self.key.layout, self._day, self._scenario)

    def column(self, name: str) -> Column:
        """How a column is made."""
        if name not in self._columns:
            column = self.spec.column(name)
            if column is None:
                raise KeyError(name)
            with blamed(self.spec, column):
                self._columns[name] = self._make(column)
        return self._columns[name]

    def _make(self, column: ColumnSpec) -> Column:
        if column.name == TEST_FLAG:
            return Column(Booleans(arrow_type(column.type, column.name), 2), Always(1))
        if column.name == TEST_SCENARIO:
            names = [scenario.value for scenario in SCENARIOS]
            return Column(listed_domain(column, names), FromScenario())
        if column.name in self._links:
            return self._referring(column, self._links[column.name])
        day = self.spec.day
        if day is not None and column.name in day.columns:
            part = day.columns.index(column.name)
            last = self._world.last_day
            domain, in_seconds = typed.day_domain(column, day.form, part, self._days, last)
            return Column(domain, FromDay(in_seconds))
        rule = self._rule(column.name)
        if rule.of is not None:
            return self._multiple(column, rule, rule.of)
        if column.name in self.spec.key:
            place = self.key.layout.place(column.name)
            if place is not None:
                return Column(self._key_domain(column, rule, place), FromKey(place))
        domain, source = self._drawn(column, rule)
        return Column(domain, source, self._gaps(column, rule))

    def _key_domain(self, column: ColumnSpec, rule: ColumnRule, place: int) -> Domain:
        if rule.values:
            return listed_domain(column, once(rule.values))
        return self._counted(column, rule, self.key.layout.radices[place])

    def _counted(self, column: ColumnSpec, rule: ColumnRule, size: int) -> Domain:
        key, state = self._key(column.name, "value"), is_state(self.spec, column)
        return typed.key_domain(column, rule, size, self._world.last_day, key, state=state)

    def _drawn(self, column: ColumnSpec, rule: ColumnRule) -> tuple[Domain, Source]:
        """What chance, another column or demand decides on."""
        if rule.values or rule.count is not None:
            if rule.values:
                domain = listed_domain(column, rule.values)
            else:
                domain = self._few(column, rule, rule.count or 1)
            if rule.follows is not None:
                return domain, FromPlace(domain.size, rule.follows)
            return domain, FromChance(self._key(column.name, "draw"), domain.size)
        key, state = self._key(column.name, "value"), is_state(self.spec, column)
        domain = typed.default_domain(column, rule, self._world.last_day, key, state=state)
        if self._has_demand(column, rule):
            row_key, series_key = (self._key(column.name, what) for what in ("row", "series"))
            return domain, FromDemand(row_key, series_key, domain.size, self._levels)
        if isinstance(domain, Numbered):
            if rule.follows is not None:
                return domain, FromPlace(domain.size, rule.follows)
            if self.table.rows <= domain.size:
                return domain, FromRow()
        return domain, FromChance(self._key(column.name, "draw"), domain.size, rule.follows)

    def _few(self, column: ColumnSpec, rule: ColumnRule, count: int) -> Domain:
        state = is_state(self.spec, column)
        room = typed.key_room(column, rule, self._world.last_day, state=state)
        if count > room:
            raise ValueError(f"cannot have {count} different values, {room} at most")
        return self._counted(column, rule, count)

    def _has_demand(self, column: ColumnSpec, rule: ColumnRule) -> bool:
        if rule.demand is not None:
            return rule.demand
        is_measure = column.type.base == "numeric" or column.type.base in FLOAT_BITS
        return is_measure and self.spec.day is not None and rule.follows is None

    def _multiple(self, column: ColumnSpec, rule: ColumnRule, of: str) -> Column:
        base = self.column(of).domain
        if not isinstance(base, Numbers):
            raise ValueError(f"is to be a multiple of {of}, which holds no numbers")
        arrow = arrow_type(column.type, column.name)
        multiple = Multiple.of(base, rule.factor, arrow, column.type)
        source = FromMultiple(of, base, multiple, not must_have_values(self.spec, column))
        return Column(multiple.domain, source, self._gaps(column, rule))

    def _referring(self, column: ColumnSpec, link: Link) -> Column:
        parent = self._find(link.parent).column(link.reference.parent_column)
        what = f"{link.parent}.{link.reference.parent_column}"
        try:
            domain = typed.retyped(parent.domain, column)
        except ValueError as error:
            raise ValueError(f"refers to {what}, and {error}") from error
        if parent.gaps is not None and must_have_values(self.spec, column):
            raise ValueError(f"must not be null and refers to {what}, which may be")
        source = FromParent(self._group(link), link.reference.parent_column)
        return Column(domain, source, self._gaps(column, self._rule(column.name), link))

    def _group(self, link: Link) -> Group:
        parent = self._find(link.parent)
        key = self._key(link.group, "parent")
        chosen = self.key.group(link)
        if chosen:
            place = self.key.layout.place(chosen[0])
            return Group(parent.rows, 0, key, axis=place, choice=self.key.choice(link, chosen))
        columns = [name for name, other in self._links.items() if other.group == link.group]
        rules = (self._rule(name).follows for name in columns)
        follows = next((name for name in rules if name is not None), None)
        size, choice = parent.table.rows, None
        if self.spec.day is not None and set(self.spec.day.columns) <= set(columns):
            # Days of a calendar: the latest only, which it has first.
            choice = self.key.choice(link, self.spec.day.columns)
            size = min(self._days, size if choice is None else len(choice))
        return Group(parent.rows, size, key, choice=choice, follows=follows)

    def _gaps(self, column: ColumnSpec, rule: ColumnRule, link: Link | None = None) -> Gaps | None:
        share = rule.null_share
        if share is None:
            is_plain = rule.follows is None and rule.of is None
            free = not self._world.is_referenced(self.spec.qualified, column.name)
            share = NULL_SHARE if is_plain and free else 0
        if not share or must_have_values(self.spec, column):
            return None
        # A foreign key of several columns is NULL as a whole.
        key = self._key(link.group if link else column.name, "null")
        return Gaps(key, share, rule.follows)

    @cached_property
    def _day(self) -> DayPlan | None:
        day = self.spec.day
        if day is None:
            return None
        key = self._key("day", "draw")
        first = day.columns[0]
        if first in self._links:
            in_seconds = isinstance(self.column(first).domain, Moments)
            return DayPlan(self._days, key, None, first, in_seconds)
        return DayPlan(self._days, key, self.key.layout.day)

    @cached_property
    def _levels(self) -> Ints:
        return scenarios.levels(self._days, self._world.last_day)

    def _scenario(self, entities: Ints) -> Ints:
        return scenarios.scenario_of(entities, self._world.seed, self._world.choice)

    def _rule(self, name: str) -> ColumnRule:
        return self.table.rules.columns.get(name, ColumnRule())

    def _key(self, of: object, what: str) -> int:
        return stream_key(self._world.seed, self.spec.qualified, of, what)
