"""Translations that need the operands' types: the binder tells them, and this chooses.

A node that depends on types is first bound as a call that no argument fits. The binder's error
names the arguments' types, innermost first; the call is replaced, and the query is bound again,
on tables without rows. A binding takes a fraction of a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import duckdb
import duckdb.func
import pyarrow as pa
from sqlglot import exp

from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.sql.macros import PROBE
from neonsync.sandbox.aws.sql.names import athena_name
from neonsync.sandbox.aws.types import split_outside_brackets

_ASKED = re.compile(rf"'{PROBE}\((.*)\)'\. You might need", re.DOTALL)
_TICKET = re.compile(r"STRUCT\(p(\d+) INTEGER\)")
DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
INTEGERS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
FLOATS = ("FLOAT", "DOUBLE")
NULL_TYPE = '"NULL"'
# What replaces a probe, or what stands around it: gets the arguments and their types.
Values: TypeAlias = "pa.Array[Any]"
Rule = Callable[["Asked"], None]


class Asked:
    """A question that the binder has answered: the call, its arguments, and their types."""

    def __init__(self, call: exp.Expr, types: list[str], connection: duckdb.DuckDBPyConnection):
        self.call = call
        self.arguments: list[exp.Expr] = call.expressions[1:]
        self.types = types
        self.connection = connection

    def become(self, node: exp.Expr) -> None:
        """Put a node in the call's place."""
        self.call.replace(node)


class Probes:
    """The questions of one query."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._rules: list[Rule] = []

    def ask(self, rule: Rule, *arguments: exp.Expr, known: str | None = None) -> exp.Expr:
        """A call whose types are asked for; the rule will replace it.

        ``known``: the type of the only argument, where nobody needs to be asked.
        """
        arguments = tuple(each.copy() for each in arguments)
        if known is not None:
            held = exp.Anonymous(this=PROBE, expressions=[exp.Null(), *arguments])
            holder = exp.Paren(this=held)
            rule(Asked(held, [known], self._connection))
            settled: exp.Expr = holder.this
            return settled.pop()
        kind = exp.DataType.build(f"STRUCT<p{len(self._rules)} INT>")
        self._rules.append(rule)
        ticket = exp.Cast(this=exp.Null(), to=kind)
        return exp.Anonymous(this=PROBE, expressions=[ticket, *arguments])

    def settle(self, tree: exp.Expr) -> str:
        """Answer all questions of the tree; returns its SQL. Other errors of the binder pass."""
        self._settle_apart(tree)
        while True:
            sql = tree.sql(dialect="duckdb")
            try:
                self._connection.sql(sql)
            except duckdb.BinderException as error:
                types = _asked_types(str(error))
                if types is None:
                    raise
                self._answer(tree, types)
            else:
                return sql

    def _settle_apart(self, tree: exp.Expr) -> None:
        """Answer what depends on no relation or on one, the innermost first, each in a query apart.

        Long queries ask hundreds of questions: to bind the whole for each takes a time that grows
        with the square.
        """
        calls = [call for call in tree.find_all(exp.Anonymous) if call.name == PROBE][::-1]
        # A SELECT comes from others: when its turn comes, nothing is open in them.
        calls.sort(key=_selects_around, reverse=True)
        sources: dict[int, str] = {}
        for call in calls:
            # How sqlglot writes a row depends on what stands around it.
            if call.find(exp.Query, exp.Struct) is not None:
                continue
            sql = f"SELECT {call.sql(dialect='duckdb')}"
            if call.find(exp.Column) is not None:
                source = _only_source(call)
                if source is None:
                    continue
                if id(source) not in sources:
                    sources[id(source)] = source.sql(dialect="duckdb")
                sql += f" FROM {sources[id(source)]}"
            try:
                self._connection.sql(sql)
            except duckdb.Error as error:
                # Whatever else is wrong with it is told of the whole.
                types = _asked_types(str(error))
                if types is not None and int(_ticket(types[0])) == ticket_number(call):
                    self._rules[ticket_number(call)](Asked(call, types[1:], self._connection))

    def _answer(self, tree: exp.Expr, types: list[str]) -> None:
        number = int(_ticket(types[0]))
        for call in tree.find_all(exp.Anonymous):
            if call.name == PROBE and ticket_number(call) == number:
                self._rules[number](Asked(call, types[1:], self._connection))
                return
        raise not_supported("a type")


def plain(node: exp.Expr, kind: str, safe: bool = False) -> exp.Expr:
    """A cast by DuckDB's own rules."""
    target = exp.DataType.build(kind, dialect="duckdb", udt=True)
    return (exp.TryCast if safe else exp.Cast)(this=node.copy(), to=target)


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of one of the session's own functions."""
    return exp.Anonymous(this=name, expressions=[each.copy() for each in arguments])


def register(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    function: Callable[..., Values],
    parameters: list[str],
    returned: str,
) -> None:
    """Create a vectorised function unless the connection has it."""
    known = connection.execute(
        "SELECT 1 FROM duckdb_functions() WHERE function_name = ?", [name]
    ).fetchone()
    if known is None:
        connection.create_function(
            name,
            function,
            [duckdb.sqltype(kind) for kind in parameters],
            duckdb.sqltype(returned),
            type=duckdb.func.PythonUDFType.ARROW,
        )


def _selects_around(node: exp.Expr) -> int:
    """How many SELECTs a node stands in."""
    above, count = node.parent, 0
    while above is not None:
        above, count = above.parent, count + isinstance(above, exp.Select)
    return count


def _only_source(call: exp.Expr) -> exp.Expr | None:
    """Where all columns of a call come from; None where it takes more to tell that."""
    item: exp.Expr | None = call
    while item is not None and not isinstance(item.parent, exp.Select):
        if isinstance(item, exp.Lambda):
            return None  # its arguments look like columns
        item = item.parent
    if item is None or item.arg_key not in ("expressions", "where"):
        return None  # elsewhere a name may be that of an item
    arguments = item.parent.args if item.parent else {}
    come_from = arguments.get("from_")
    if come_from is None or arguments.get("joins") or arguments.get("laterals"):
        return None
    source: exp.Expr = come_from.this
    # A name alone is that of a WITH clause.
    return source if all(table.db for table in source.find_all(exp.Table)) else None


def _asked_types(message: str) -> list[str] | None:
    match = _ASKED.search(message)
    return [_plain(kind) for kind in split_outside_brackets(match[1])] if match else None


def _plain(kind: str) -> str:
    name = kind.strip()
    return {"INTEGER_LITERAL": "INTEGER", "STRING_LITERAL": "VARCHAR", "HUGEINT": "BIGINT"}.get(
        name, name
    )


def _ticket(kind: str) -> str:
    match = _TICKET.fullmatch(kind)
    if match is None:
        raise not_supported("a type")
    return match[1]


def ticket_number(call: exp.Expr) -> int:
    """The number of a question, from its call."""
    return int(call.expressions[0].args["to"].expressions[0].name.removeprefix("p"))


def decimal_of(kind: str) -> tuple[int, int]:
    """Precision and scale of a decimal, or of an integer as one; raises QueryFailed."""
    if kind in INTEGERS:
        return INTEGERS[kind], 0
    match = DECIMAL.fullmatch(kind)
    if match is None:
        raise mismatch(f"Cannot apply operator to {athena_name(kind)}")
    return int(match[1]), int(match[2])


def is_number(kind: str) -> bool:
    """Whether a type is one of numbers."""
    return kind in INTEGERS or kind in FLOATS or bool(DECIMAL.fullmatch(kind))


def mismatch(message: str) -> QueryFailed:
    """Athena's refusal of operands of these types."""
    return QueryFailed(f"TYPE_MISMATCH: line 1:1: {message}")
