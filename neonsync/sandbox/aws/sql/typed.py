"""Translations that need the operands' types: the binder tells them, and this chooses.

A node that depends on types is first bound as a call that no argument fits. The binder's error
names the arguments' types, innermost first; the call is replaced, and the query is bound again,
on tables without rows. A binding takes a fraction of a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any, TypeAlias

import duckdb
import duckdb.func
import pyarrow as pa
from sqlglot import exp

from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.sql import text
from neonsync.sandbox.aws.sql.macros import PROBE
from neonsync.sandbox.aws.sql.names import athena_name
from neonsync.sandbox.aws.types import split_outside_brackets

_ASKED = re.compile(rf"'{PROBE}\((.*)\)'\. You might need", re.DOTALL)
_TICKET = re.compile(r"STRUCT\(p(\d+) INTEGER\)")
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_INTEGERS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
_FLOATS = ("FLOAT", "DOUBLE")
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE")
_NULL = '"NULL"'
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
        self._settle_constants(tree)
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

    def _settle_constants(self, tree: exp.Expr) -> None:
        """Answer what depends on no relation, the innermost first, each apart from the others.

        VALUES of many rows ask hundreds of questions, and the tree is long: to bind the whole for
        each takes a time that grows with the square.
        """
        calls = [call for call in tree.find_all(exp.Anonymous) if call.name == PROBE]
        for call in reversed(calls):
            # How sqlglot writes a row depends on what stands around it.
            if call.find(exp.Column, exp.Query, exp.Struct) is not None:
                continue
            try:
                self._connection.sql(f"SELECT {call.sql(dialect='duckdb')}")
            except duckdb.Error as error:
                # Whatever else is wrong with it is told of the whole.
                types = _asked_types(str(error))
                if types is not None and int(_ticket(types[0])) == _number(call):
                    self._rules[_number(call)](Asked(call, types[1:], self._connection))

    def _answer(self, tree: exp.Expr, types: list[str]) -> None:
        number = int(_ticket(types[0]))
        for call in tree.find_all(exp.Anonymous):
            if call.name == PROBE and _number(call) == number:
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


def divide(asked: Asked) -> None:
    """Integers divide to integers, decimals to decimals, rounded half up."""
    left, right = asked.arguments
    kinds = asked.types
    if _NULL in kinds:
        asked.become(exp.Null())
    elif all(kind in _INTEGERS for kind in kinds):
        whole = call("athena_whole_quotient", left, right)
        asked.become(plain(whole, max(kinds, key=_INTEGERS.__getitem__)))
    elif any(kind in _FLOATS for kind in kinds) and all(map(_is_number, kinds)):
        asked.become(plain(call("athena_quotient", left, right), _float_of(kinds)))
    else:
        asked.become(_divided(asked.connection, left, right, *map(_decimal, kinds)))


def modulo(asked: Asked) -> None:
    """The remainder, in Athena's type of it."""
    rest = exp.Mod(this=asked.arguments[0].copy(), expression=asked.arguments[1].copy())
    kinds = asked.types
    if all(kind in _INTEGERS for kind in kinds):
        asked.become(plain(rest, max(kinds, key=_INTEGERS.__getitem__)))
    elif any(kind in _FLOATS for kind in kinds):
        asked.become(plain(rest, _float_of(kinds)))
    else:
        (p1, s1), (p2, s2) = map(_decimal, kinds)
        scale = max(s1, s2)
        asked.become(plain(rest, f"DECIMAL({min(p1 - s1, p2 - s2) + scale},{scale})"))


def total(asked: Asked) -> None:
    """``sum``: a bigint of integers, a real of reals."""
    kind = asked.types[0]
    outer = _unwrapped(asked)
    wanted = "BIGINT" if kind in _INTEGERS else "FLOAT" if kind == "FLOAT" else ""
    if not _is_number(kind) and kind != _NULL:
        raise _mismatch(f"Unexpected parameters ({kind.lower()}) for function sum")
    if wanted:
        outer.replace(plain(outer.copy(), wanted))


def average(asked: Asked) -> None:
    """``avg``: a decimal of decimals, rounded half up; a real of reals."""
    kind = asked.types[0]
    outer = _unwrapped(asked)
    if not _is_number(kind) and kind != _NULL:
        raise _mismatch(f"Unexpected parameters ({kind.lower()}) for function avg")
    if kind == "FLOAT":
        outer.replace(plain(outer.copy(), "FLOAT"))
    if not _DECIMAL.fullmatch(kind):
        return
    precision, scale = _decimal(kind)
    sums, counts = outer.copy(), outer.copy()
    for tree, function in ((sums, exp.Sum), (counts, exp.Count)):
        found = tree if isinstance(tree, exp.Avg) else tree.find(exp.Avg)
        fresh = function(this=(outer if found is None else found).this.copy())
        if found is tree:
            sums, counts = (fresh, counts) if function is exp.Sum else (sums, fresh)
        elif found is not None:
            found.replace(fresh)
    outer.replace(
        _divided(
            asked.connection,
            plain(sums, f"DECIMAL(38,{scale})"),
            plain(exp.Nullif(this=counts, expression=exp.Literal.number(0)), "DECIMAL(19,0)"),
            (38, scale),
            (19, 0),
            result=(precision, scale),
        )
    )


def rounding(function: str) -> Rule:
    """``round``, ``ceil`` and ``floor``: the same value, in Athena's type of it."""

    def rule(asked: Asked) -> None:
        kind = asked.types[0]
        found = call(function, *asked.arguments)
        if kind in _INTEGERS or kind == "FLOAT":
            asked.become(plain(found, kind))
        elif _DECIMAL.fullmatch(kind):
            precision, scale = _decimal(kind)
            if len(asked.arguments) > 1:
                target = f"DECIMAL({min(38, precision + 1)},{scale})"
            else:
                target = f"DECIMAL({max(1, min(38, precision - scale + min(1, scale)))},0)"
            asked.become(plain(found, target))
        else:
            asked.become(found)

    return rule


def to_json(asked: Asked) -> None:
    """``CAST(… AS JSON)``, by a function made for the type."""
    kind = asked.types[0]
    value = asked.arguments[0]
    if kind in {_NULL, "JSON"}:
        asked.become(plain(value, "JSON"))
        return
    described = duckdb.sqltype(kind)
    writer = text.each(text.json_writer(described), pa.string())
    name = f"athena_json_{_number(asked.call)}"
    _register(asked.connection, name, writer, [kind], "VARCHAR")
    asked.become(plain(call(name, value), "JSON"))


def joined(asked: Asked) -> None:
    """``||`` and ``concat``: text with text, bytes with bytes, arrays with arrays."""
    kinds = [kind for kind in asked.types if kind != _NULL]
    if len({kind if kind in {"VARCHAR", "BLOB"} else kind[-2:] for kind in kinds}) > 1 or not all(
        kind in {"VARCHAR", "BLOB"} or kind.endswith("[]") for kind in kinds
    ):
        names = ", ".join(map(athena_name, asked.types))
        raise _mismatch(f"Unexpected parameters ({names}) for function concat")
    if kinds and _NULL in asked.types:
        asked.become(plain(exp.Null(), kinds[0]))
        return
    first = asked.arguments[0].copy()
    for each in asked.arguments[1:]:
        first = exp.DPipe(this=first, expression=each.copy(), safe=False)
    asked.become(exp.Paren(this=first))


def same_group(operator: str, where: str) -> Rule:
    """A comparison: Athena compares text with text, numbers with numbers, and refuses the rest."""

    def rule(asked: Asked) -> None:
        groups = {_group(kind) for kind in asked.types if kind != _NULL}
        if len(groups) > 1:
            left, right = (
                asked.types[0],
                next(kind for kind in asked.types if _group(kind) != _group(asked.types[0])),
            )
            raise QueryFailed(
                f"TYPE_MISMATCH: {where}: Cannot apply operator: "
                f"{athena_name(left)} {operator} {athena_name(right)}"
            )
        asked.become(asked.arguments[0].copy())

    return rule


def by_position(target: str) -> Rule:
    """A cast of rows: Athena goes by position, DuckDB by name; so the names must agree."""

    def rule(asked: Asked) -> None:
        kind = asked.types[0]
        if "STRUCT(" in kind and _names_of(kind) != _names_of(target):
            raise not_supported("a CAST between rows with other field names")
        asked.become(plain(asked.arguments[0], target))

    return rule


def _divided(
    connection: duckdb.DuckDBPyConnection,
    left: exp.Expr,
    right: exp.Expr,
    of: tuple[int, int],
    by: tuple[int, int],
    result: tuple[int, int] | None = None,
) -> exp.Expr:
    (p1, s1), (p2, s2) = of, by
    scale = max(s1, s2)
    precision, scale = result or (min(38, p1 + s2 + max(s2 - s1, 0)), scale)
    name = f"athena_divide_{p1}_{s1}_{p2}_{s2}_{precision}_{scale}"
    kinds = [f"DECIMAL({p1},{s1})", f"DECIMAL({p2},{s2})"]
    function = _decimal_division(precision, scale)
    _register(connection, name, function, kinds, f"DECIMAL({precision},{scale})")
    return call(name, plain(left, kinds[0]), plain(right, kinds[1]))


def _decimal_division(precision: int, scale: int) -> Callable[..., Values]:
    unit = Decimal(1).scaleb(-scale)
    limit = Decimal(10) ** (precision - scale)

    def quotient(left: Decimal | None, right: Decimal | None) -> Decimal | None:
        if left is None or right is None:
            return None
        if not right:
            raise ZeroDivisionError("DIVISION_BY_ZERO: Division by zero")
        with localcontext(prec=100):
            found = (left / right).quantize(unit, ROUND_HALF_UP)
        if abs(found) >= limit:
            raise OverflowError("NUMERIC_VALUE_OUT_OF_RANGE: Decimal overflow")
        return found

    def apply(left: Values, right: Values) -> Values:
        found = map(quotient, left.to_pylist(), right.to_pylist())
        return pa.array(list(found), pa.decimal128(precision, scale))

    return apply


def _register(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    function: Callable[..., Values],
    parameters: list[str],
    returned: str,
) -> None:
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


def _unwrapped(asked: Asked) -> exp.Expr:
    """All that belongs to the aggregate, once its argument is freed of its probe."""
    node: exp.Expr | None = asked.call.parent
    asked.become(asked.arguments[0].copy())
    while not isinstance(node, exp.AggFunc):
        if node is None:
            raise not_supported("this aggregate")
        node = node.parent
    while isinstance(node.parent, exp.Filter | exp.Window) and node.arg_key == "this":
        node = node.parent
    return node


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


def _number(call: exp.Expr) -> int:
    return int(call.expressions[0].args["to"].expressions[0].name.removeprefix("p"))


def _decimal(kind: str) -> tuple[int, int]:
    if kind in _INTEGERS:
        return _INTEGERS[kind], 0
    match = _DECIMAL.fullmatch(kind)
    if match is None:
        raise _mismatch(f"Cannot apply operator to {athena_name(kind)}")
    return int(match[1]), int(match[2])


def _is_number(kind: str) -> bool:
    return kind in _INTEGERS or kind in _FLOATS or bool(_DECIMAL.fullmatch(kind))


def _float_of(kinds: list[str]) -> str:
    return "DOUBLE" if "DOUBLE" in kinds else "FLOAT"


def _group(kind: str) -> str:
    if _is_number(kind):
        return "number"
    return "moment" if kind in _MOMENTS else kind.partition("(")[0]


def _names_of(kind: str) -> list[str]:
    return [name.lower() for name in re.findall(r'(?:STRUCT\(|, )"?(\w+)"? (?=[A-Z])', kind)]


def _mismatch(message: str) -> QueryFailed:
    return QueryFailed(f"TYPE_MISMATCH: line 1:1: {message}")
