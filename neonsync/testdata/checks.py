"""Refuses rules that say nothing clear, before any row is made."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from neonsync.errors import ConfigError
from neonsync.tables import ColumnRule, ColumnSpec, TableSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO
from neonsync.testdata.numbers import NUMBERS
from neonsync.testdata.table import TestTable, must_have_values
from neonsync.testdata.world import World

_NO_PAIRS = (
    ("values", "count"),
    ("values", "low or high"),
    ("values", "of"),
    ("values", "demand"),
    ("count", "of"),
    ("count", "demand"),
    ("low or high", "of"),
    ("follows", "of"),
    ("follows", "demand"),
    ("of", "demand"),
)
_FOR_NUMBERS = ("low or high", "of", "demand")


def check_rules(table: TestTable) -> None:
    """Check each rule of a table against its column.

    Raises:
        ConfigError: a rule is for no column, or asks for what its column cannot be.
    """
    spec = table.spec
    if table.rows < 0:
        raise ConfigError(f"{spec.qualified} cannot have {table.rows} rows", "Ask for 0 or more.")
    for name, rule in table.rules.columns.items():
        column = spec.column(name)
        if column is None:
            raise _unknown(spec, "test_data.columns", name)
        for setting, other in (("follows", rule.follows), ("of", rule.of)):
            if other is not None and spec.column(other) is None:
                raise _unknown(spec, f"test_data.columns.{name}.{setting}", other)
        for problem, remedy in _problems(spec, column, rule):
            raise ConfigError(f"test_data of {spec.qualified}: {name} {problem}", remedy)


def check_cycles(world: World) -> None:
    """Make sure that no column depends on itself, through whatever tables.

    Raises:
        ConfigError: one does; the message shows the way round.
    """
    graph: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for qualified, table in world.tables.items():
        links = world.links(qualified)
        for column in table.spec.columns:
            rule = table.rules.columns.get(column.name, ColumnRule())
            near = [(qualified, other) for other in (rule.follows, rule.of) if other is not None]
            link = links.get(column.name)
            far = [(link.parent, link.reference.parent_column)] if link is not None else []
            graph[qualified, column.name] = near + far
    done: set[tuple[str, str]] = set()
    for start in graph:
        _walk(start, graph, (), done)


def _walk(
    node: tuple[str, str],
    graph: Mapping[tuple[str, str], list[tuple[str, str]]],
    way: tuple[tuple[str, str], ...],
    done: set[tuple[str, str]],
) -> None:
    if node in way:
        circle = (*way[way.index(node) :], node)
        names = " -> ".join(f"{table}.{column}" for table, column in circle)
        raise ConfigError(
            f"test data cannot be made: a column depends on itself: {names}",
            "Take one of these references or rules (follows, of) out.",
        )
    if node not in done:
        for other in graph.get(node, ()):
            _walk(other, graph, (*way, node), done)
        done.add(node)


def _problems(spec: TableSpec, column: ColumnSpec, rule: ColumnRule) -> Iterator[tuple[str, str]]:
    asked = {
        "values": bool(rule.values),
        "count": rule.count is not None,
        "follows": rule.follows is not None,
        "low or high": rule.low is not None or rule.high is not None,
        "of": rule.of is not None,
        "demand": rule.demand is True,
    }
    there = [name for name, is_there in asked.items() if is_there]
    if column.name in (TEST_FLAG, TEST_SCENARIO):
        yield "marks made rows and takes no rule", "Take the rule out."
    if spec.day is not None and column.name in spec.day.columns and there:
        yield f"is the table's day and takes no {there[0]}", "Set test_data.days instead."
    if any(reference.column == column.name for reference in spec.references):
        for name in there:
            if name not in ("count", "follows"):
                yield f"refers to another table and takes no {name}", f"Take {name} out."
    for first, second in _NO_PAIRS:
        if asked[first] and asked[second]:
            yield f"has {first} and {second}, which say different things", "Take one of them out."
    if column.type.base not in NUMBERS:
        for name in there:
            if name in _FOR_NUMBERS:
                yield f"is {column.type}, which has no {name}", f"Take {name} out."
    if rule.of is not None:
        base = spec.column(rule.of)
        if base is not None and base.type.base not in NUMBERS:
            yield f"is to be a multiple of {rule.of}, which is {base.type}", "Name a number."
    elif rule.factor != 1:
        yield "has a factor, and no of to multiply", "Add of with a column's name."
    if rule.null_share and must_have_values(spec, column):
        yield "has a null_share, and must not be null", "Take null_share out."
    if rule.null_share is not None and not 0 <= rule.null_share <= 1:
        yield f"has the null_share {rule.null_share}", "Set a share from 0 to 1."
    if rule.count is not None and rule.count < 1:
        yield f"has the count {rule.count}", "Set a count from 1 on."
    if asked["demand"] and column.name in spec.key:
        yield "belongs to the key and has no demand", "Take demand out."
    if asked["demand"] and spec.day is None:
        yield "has demand, and the table has no day", "Name its date_column, or take demand out."


def _unknown(spec: TableSpec, where: str, name: str) -> ConfigError:
    names = [column.name for column in spec.columns]
    near = difflib.get_close_matches(name, names, n=1)
    return ConfigError(
        f"{where} of {spec.qualified} names the column {name!r}, which is not there",
        f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}.",
    )
