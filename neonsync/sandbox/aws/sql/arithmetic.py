"""Arithmetic in Athena's types: division, remainders, sums, averages and rounding."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import pyarrow as pa
from sqlglot import exp

from neonsync.sandbox.aws.errors import not_supported
from neonsync.sandbox.aws.sql.probes import (
    DECIMAL,
    FLOATS,
    INTEGERS,
    NULL_TYPE,
    Asked,
    Rule,
    Values,
    call,
    decimal_of,
    is_number,
    mismatch,
    plain,
    register,
)


def divide(asked: Asked) -> None:
    """Integers divide to integers, decimals to decimals, rounded half up."""
    left, right = asked.arguments
    kinds = asked.types
    if NULL_TYPE in kinds:
        asked.become(exp.Null())
    elif all(kind in INTEGERS for kind in kinds):
        whole = call("athena_whole_quotient", left, right)
        asked.become(plain(whole, max(kinds, key=INTEGERS.__getitem__)))
    elif any(kind in FLOATS for kind in kinds) and all(map(is_number, kinds)):
        asked.become(plain(call("athena_quotient", left, right), _float_of(kinds)))
    else:
        asked.become(_divided(asked.connection, left, right, *map(decimal_of, kinds)))


def modulo(asked: Asked) -> None:
    """The remainder, in Athena's type of it."""
    rest = exp.Mod(this=asked.arguments[0].copy(), expression=asked.arguments[1].copy())
    kinds = asked.types
    if all(kind in INTEGERS for kind in kinds):
        asked.become(plain(rest, max(kinds, key=INTEGERS.__getitem__)))
    elif any(kind in FLOATS for kind in kinds):
        asked.become(plain(rest, _float_of(kinds)))
    else:
        (p1, s1), (p2, s2) = map(decimal_of, kinds)
        scale = max(s1, s2)
        asked.become(plain(rest, f"DECIMAL({min(p1 - s1, p2 - s2) + scale},{scale})"))


def total(asked: Asked) -> None:
    """``sum``: a bigint of integers, a real of reals."""
    kind = asked.types[0]
    outer = _unwrapped(asked)
    wanted = "BIGINT" if kind in INTEGERS else "FLOAT" if kind == "FLOAT" else ""
    if not is_number(kind) and kind != NULL_TYPE:
        raise mismatch(f"Unexpected parameters ({kind.lower()}) for function sum")
    if wanted:
        outer.replace(plain(outer.copy(), wanted))


def average(asked: Asked) -> None:
    """``avg``: a decimal of decimals, rounded half up; a real of reals."""
    kind = asked.types[0]
    outer = _unwrapped(asked)
    if not is_number(kind) and kind != NULL_TYPE:
        raise mismatch(f"Unexpected parameters ({kind.lower()}) for function avg")
    if kind == "FLOAT":
        outer.replace(plain(outer.copy(), "FLOAT"))
    if not DECIMAL.fullmatch(kind):
        return
    precision, scale = decimal_of(kind)
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
        if kind in INTEGERS or kind == "FLOAT":
            asked.become(plain(found, kind))
        elif DECIMAL.fullmatch(kind):
            precision, scale = decimal_of(kind)
            if len(asked.arguments) > 1:
                target = f"DECIMAL({min(38, precision + 1)},{scale})"
            else:
                target = f"DECIMAL({max(1, min(38, precision - scale + min(1, scale)))},0)"
            asked.become(plain(found, target))
        else:
            asked.become(found)

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
    register(connection, name, function, kinds, f"DECIMAL({precision},{scale})")
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


def _float_of(kinds: list[str]) -> str:
    return "DOUBLE" if "DOUBLE" in kinds else "FLOAT"
