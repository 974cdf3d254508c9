"""Athena's SQL to DuckDB's: only what means the same in both; all else fails by its name."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.sql import arithmetic, casts, typed
from neonsync.sandbox.aws.sql.labels import ZONED, Label, Labels
from neonsync.sandbox.aws.sql.probes import Probes, call, plain
from neonsync.sandbox.aws.sql.reasons import position

# Functions that sqlglot does not know and passes on by name.
_PASSED_ON = {
    "bit_count",
    "from_big_endian_32",
    "from_big_endian_64",
    "infinity",
    "map_values",
    "millisecond",
    "nan",
    "to_big_endian_32",
    "to_big_endian_64",
    "to_ieee754_32",
    "to_ieee754_64",
}
# Functions that sqlglot would write for DuckDB, with another meaning there.
_OTHER_MEANING = (
    exp.CurrentUser,
    exp.Format,
    exp.Localtimestamp,
    exp.Normalize,
    exp.ParseDatetime,
    exp.ReadCSV,
    exp.ReadParquet,
    exp.SHA,
    exp.Typeof,
)
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.NullSafeEQ: "IS DISTINCT FROM",
}
_ROUNDINGS: dict[type[exp.Expr], str] = {exp.Round: "round", exp.Ceil: "ceil", exp.Floor: "floor"}
# What takes a char or a zoned moment as it is. Everything else would see it without its padding
# or its zone.
_TAKES_LABELLED = (
    *(exp.Cast, exp.Length, exp.Coalesce, exp.Max, exp.Min, exp.Count, exp.If, exp.Case),
    *(exp.AtTimeZone, exp.Greatest, exp.Least, exp.AnyValue, exp.Connector, exp.Nullif),
    *(exp.Exists, exp.ApproxDistinct, exp.Not),
)


class Translator:
    """Turns one query's tree into DuckDB's, in place."""

    def __init__(self, labels: Labels, probes: Probes, text: str) -> None:
        self._labels = labels
        self._probes = probes
        self._text = text
        self._argument_labels: dict[int, Label] = {}
        self._argument_kinds: dict[int, str] = {}

    def translate(self, tree: exp.Query) -> None:
        """Raises QueryFailed that names what cannot be translated."""
        _name_inner_columns(tree)
        nodes = list(tree.walk())
        for node in nodes:
            self._look_at_labels(node)
        # Children before parents: what a translation makes is not translated again.
        for node in reversed(nodes):
            translated = self._translated(node)
            if translated is not node:
                node.replace(translated)
        try:
            tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE)
        except UnsupportedError as error:
            raise QueryFailed(f"NOT_SUPPORTED: {error}") from error

    def _look_at_labels(self, node: exp.Expr) -> None:
        """Note what is known of a node's argument; refuse what would be wrong without it."""
        self._look_at_kinds(node)
        label = self._labels.of(node.this) if isinstance(node.this, exp.Expr) else None
        if label is not None:
            self._argument_labels[id(node)] = label
        is_call = isinstance(node, exp.Func | exp.DPipe) and not isinstance(node, _TAKES_LABELLED)
        arguments = [node.this, *node.expressions, node.args.get("expression")] if is_call else []
        for argument in arguments:
            found = self._labels.of(argument) if isinstance(argument, exp.Expr) else None
            if found is not None and found.kind in {"char", "zoned"}:
                what = "a char" if found.kind == "char" else "a moment of another zone"
                raise not_supported(f"{_function_name(node)} of {what}; CAST it first: that")
        if isinstance(node, exp.Cast) and label is ZONED and not _is_moment(node.args["to"]):
            raise not_supported("a CAST of a moment of another zone than UTC (use AT TIME ZONE)")

    def _look_at_kinds(self, node: exp.Expr) -> None:
        """Note the type of a cast's argument, and of both sides where they are the same."""
        if isinstance(node, exp.Cast):
            kind = self._labels.kind(node.this)
        elif type(node) in _COMPARISONS:
            kind = self._labels.kind(node.this)
            kind = kind if kind == self._labels.kind(node.expression) else None
        else:
            return
        if kind is not None:
            self._argument_kinds[id(node)] = kind

    def _translated(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, _OTHER_MEANING):
            raise not_supported(f"function {node.sql_name().lower()}")
        if isinstance(node, exp.Anonymous) and node.name.lower() not in _PASSED_ON:
            return self._unknown(node)
        if operator := _COMPARISONS.get(type(node)):
            rule = typed.same_group(operator, position(node, self._text))
            if id(node) not in self._argument_kinds:
                node.set("this", self._probes.ask(rule, node.this, node.expression))
            return node
        if function := _ROUNDINGS.get(type(node)):
            digits = node.args.get("decimals")
            arguments = [node.this, *([digits] if digits is not None else [])]
            return self._probes.ask(arithmetic.rounding(function), *(a.copy() for a in arguments))
        for kind, translate in _TRANSLATIONS.items():
            if isinstance(node, kind):
                return translate(self, node)
        return node

    def _unknown(self, node: exp.Anonymous) -> exp.Expr:
        name = node.name.lower()
        if name == "at_timezone":
            return call("athena_at_timezone", *node.expressions)
        raise QueryFailed(
            f"FUNCTION_NOT_FOUND: line 1:1: Function '{name}' not registered "
            "(or not known to the sandbox)"
        )

    def _cast(self, node: exp.Expr) -> exp.Expr:
        assert isinstance(node, exp.Cast)  # noqa: S101  chosen by its type
        label, kind = self._argument_labels.get(id(node)), self._argument_kinds.get(id(node))
        return casts.translated(node, label, kind, self._probes)

    def _in(self, node: exp.Expr) -> exp.Expr:
        if node.expressions:
            rule = typed.same_group("=", position(node, self._text))
            # One value of each kind tells as much as a thousand.
            values = {(type(v), getattr(v, "is_string", None)): v for v in node.expressions}
            asked = self._probes.ask(rule, node.this.copy(), *(v.copy() for v in values.values()))
            node.set("this", asked)
        return node

    def _between(self, node: exp.Expr) -> exp.Expr:
        rule = typed.same_group("BETWEEN", position(node, self._text))
        bounds = (node.args["low"].copy(), node.args["high"].copy())
        node.set("this", self._probes.ask(rule, node.this.copy(), *bounds))
        return node

    def _divide(self, node: exp.Expr) -> exp.Expr:
        return self._probes.ask(arithmetic.divide, node.this.copy(), node.expression.copy())

    def _modulo(self, node: exp.Expr) -> exp.Expr:
        return self._probes.ask(arithmetic.modulo, node.this.copy(), node.expression.copy())

    def _aggregate(self, node: exp.Expr) -> exp.Expr:
        rule = arithmetic.average if isinstance(node, exp.Avg) else arithmetic.total
        if isinstance(node.this, exp.Distinct):
            (inner,) = node.this.expressions
            inner.replace(self._probes.ask(rule, inner.copy()))
        else:
            node.set("this", self._probes.ask(rule, node.this.copy()))
        return node

    def _length(self, node: exp.Expr) -> exp.Expr:
        label = self._argument_labels.get(id(node))
        if label is not None and label.kind == "char":
            is_null = exp.Is(this=node.this.copy(), expression=exp.Null())
            size = plain(exp.Literal.number(label.size), "BIGINT")
            return exp.Case(ifs=[exp.If(this=is_null, true=exp.Null())], default=size)
        return call("athena_length", node.this)

    def _substring(self, node: exp.Expr) -> exp.Expr:
        size = node.args.get("length")
        return call("athena_substr", node.this, node.args["start"], *([size] if size else []))

    def _date_diff(self, node: exp.Expr) -> exp.Expr:
        # Athena counts the whole units between two moments, DuckDB's date_diff their borders.
        unit = exp.Literal.string(node.args["unit"].name.lower())
        return call("date_sub", unit, node.expression, node.this)

    def _at_time_zone(self, node: exp.Expr) -> exp.Expr:
        return call("athena_at_timezone", node.this, node.args["zone"])

    def _moved(self, node: exp.Expr) -> exp.Expr:
        is_sum = isinstance(node, exp.Add | exp.Sub)
        if is_sum and not isinstance(node.expression, exp.Interval):
            return node
        return call("athena_moved", node.this.copy(), node.copy())

    def _joined(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node.parent, exp.DPipe):
            return node
        return self._probes.ask(typed.joined, *node.flatten())

    def _concatenated(self, node: exp.Expr) -> exp.Expr:
        return self._probes.ask(typed.joined, *node.expressions)

    def _json_format(self, node: exp.Expr) -> exp.Expr:
        return plain(node.this, "VARCHAR")

    def _json_scalar(self, node: exp.Expr) -> exp.Expr:
        # Objects and arrays are no scalars, and NULL there.
        path = node.expression.sql(dialect="duckdb").strip("'")
        kind = call("json_type", node.this, exp.Literal.string(path))
        nested = [exp.Literal.string(name) for name in ("OBJECT", "ARRAY")]
        is_nested = exp.In(this=kind, expressions=nested)
        return exp.Case(ifs=[exp.If(this=is_nested, true=exp.Null())], default=node.copy())

    def _json_parse(self, node: exp.Expr) -> exp.Expr:
        return plain(call("athena_json_parse", node.this), "JSON")


_TRANSLATIONS: dict[
    type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[Translator, exp.Expr], exp.Expr]
] = {
    exp.Cast: Translator._cast,
    exp.In: Translator._in,
    exp.Between: Translator._between,
    exp.Div: Translator._divide,
    exp.Mod: Translator._modulo,
    (exp.Avg, exp.Sum): Translator._aggregate,
    exp.Length: Translator._length,
    exp.Substring: Translator._substring,
    exp.DateDiff: Translator._date_diff,
    exp.AtTimeZone: Translator._at_time_zone,
    (exp.DateAdd, exp.DateSub, exp.DateTrunc, exp.TimestampTrunc): Translator._moved,
    (exp.Add, exp.Sub): Translator._moved,
    exp.DPipe: Translator._joined,
    exp.Concat: Translator._concatenated,
    exp.JSONFormat: Translator._json_format,
    exp.ParseJSON: Translator._json_parse,
    exp.JSONExtractScalar: Translator._json_scalar,
}


def _name_inner_columns(tree: exp.Query) -> None:
    """Give expressions of derived tables the names that Trino gives them: _col0, by position."""
    for inner in tree.find_all(exp.Subquery):
        if isinstance(inner.this, exp.Select):
            for position, item in enumerate(inner.this.expressions):
                if not item.is_star and not isinstance(item, exp.Alias | exp.Column | exp.Dot):
                    item.replace(exp.alias_(item.copy(), f"_col{position}"))


def _function_name(node: exp.Expr) -> str:
    return node.sql_name().lower() if isinstance(node, exp.Func) else "||"


def _is_moment(kind: exp.DataType) -> bool:
    return bool(kind.is_type(exp.DType.TIMESTAMPTZ))
