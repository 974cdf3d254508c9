"""What a query's text says of its values: where columns come from, their types, their lengths.

DuckDB's types forget the length of char and varchar, and that a moment has a zone: labels keep
it. And where the text alone tells a type, the binder need not be asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from neonsync.sandbox.aws.errors import QueryFailed
from neonsync.sandbox.aws.sql.names import duckdb_name
from neonsync.sandbox.aws.types import duckdb_type

_ZONE = re.compile(r".*\d(?: ?(?P<offset>[+-]\d{2}:\d{2})| ?(?P<name>[A-Za-z][\w/+-]*))\s*")
_UTC = {"+00:00", "Z", "UTC", "GMT"}
_HIVE = re.compile(r"(char|varchar)\((\d+)\)")
_SAME = (exp.Alias, exp.Paren, exp.Max, exp.Min, exp.AnyValue, exp.Window, exp.Filter)
_CHOICES = (exp.Coalesce, exp.Greatest, exp.Least, exp.If, exp.Case, exp.Nullif)
_BIGINT = (exp.Length, exp.DateDiff, exp.Count)
_VARCHAR = (exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Hex, exp.LowerHex, exp.JSONFormat)
# The leaves that a column is traced to: a catalogue type, or the expressions that define it.
_Origin = list["str | exp.Expr"]


@dataclass(frozen=True)
class Label:
    """``char`` or ``varchar`` with its length; ``zoned`` where the zone may be any."""

    kind: str
    size: int = 0


ZONED = Label("zoned")
HiveType = Callable[[exp.Table, str], str | None]


class Labels:
    """What is known of a query's expressions. Ask before the tree is changed."""

    def __init__(self, tree: exp.Query, hive_type: HiveType) -> None:
        self._hive_type = hive_type
        self._homes: dict[int, Scope] = {}
        self._scopes = traverse_scope(tree)
        for scope in self._scopes:
            for column in scope.columns:
                self._homes.setdefault(id(column), scope)

    def of(self, node: str | exp.Expr | None) -> Label | None:
        """The label of an expression's value; None for all that needs none."""
        if isinstance(node, str):
            match = _HIVE.fullmatch(node)
            return Label(match[1], int(match[2])) if match else None
        if isinstance(node, _SAME):
            return self.of(node.this)
        if isinstance(node, exp.Cast):
            return self._of_cast(node)
        if isinstance(node, exp.Column):
            return self._combined(self._origin(node, self._homes.get(id(node))) or [])
        if isinstance(node, exp.Literal) and node.is_string:
            return Label("varchar", len(node.name))
        if isinstance(node, _CHOICES):
            return self._combined(_branches(node))
        if isinstance(node, exp.Subquery) and node.selects:
            return self.of(node.selects[0])
        return None

    def kind(self, node: str | exp.Expr | None) -> str | None:
        """The DuckDB type of an expression where the text tells it."""
        try:
            return self._kind(node)
        except QueryFailed:
            return None

    def outputs(self, names: Sequence[str]) -> list[Label | None]:
        """The labels of the query's own columns, given their names after ``*`` is spelt out."""
        root = self._scopes[-1] if self._scopes else None
        if root is None:
            return [None for _ in names]
        items = root.expression.selects if isinstance(root.expression, exp.Select) else []
        if len(items) == len(names) and not any(item.is_star for item in items):
            return [self.of(item) for item in items]
        return [self._combined(self._in_scope(root, name) or []) for name in names]

    def _kind(self, node: str | exp.Expr | None) -> str | None:
        if isinstance(node, str):
            return duckdb_type(node)
        if isinstance(node, exp.Alias | exp.Paren):
            return self._kind(node.this)
        if isinstance(node, exp.Cast):
            return duckdb_name(node.args["to"], node.this)
        if isinstance(node, exp.Literal) and node.is_string:
            return "VARCHAR"
        if isinstance(node, exp.Literal) and node.name.isdigit() and len(node.name) < 10:
            return "INTEGER"
        if isinstance(node, exp.Column):
            leaves = self._origin(node, self._homes.get(id(node))) or []
            kinds = {self._kind(leaf) for leaf in leaves if not isinstance(leaf, exp.Null)}
            return kinds.pop() if len(kinds) == 1 else None
        if isinstance(node, _BIGINT):
            return "BIGINT"
        return "VARCHAR" if isinstance(node, _VARCHAR) and self._is_text(node.this) else None

    def _is_text(self, node: exp.Expr) -> bool:
        return not isinstance(node, exp.Column) or self._kind(node) == "VARCHAR"

    def _of_cast(self, node: exp.Cast) -> Label | None:
        target = node.args["to"]
        if target.is_type(exp.DType.TIMESTAMPTZ):
            inner = node.this
            if isinstance(inner, exp.Literal):
                zone = _ZONE.fullmatch(inner.name)
                is_utc = zone is None or (zone["offset"] or zone["name"]) in _UTC
                return None if is_utc else ZONED
            # Text in a column may name any zone.
            return ZONED if self.kind(inner) in (None, "VARCHAR") else None
        is_char = target.is_type(exp.DType.CHAR, exp.DType.NCHAR)
        size = target.expressions[0].name if target.expressions else ("1" if is_char else "")
        if not size or not target.is_type(*exp.DataType.TEXT_TYPES):
            return None
        return Label("char" if is_char else "varchar", int(size))

    def _origin(self, column: exp.Column, scope: Scope | None) -> _Origin | None:
        while scope is not None:
            wanted = scope.sources.get(column.table)
            for source in [wanted] if column.table else list(scope.sources.values()):
                found = self._in_source(source, column.name)
                if found is not None:
                    return found
            # A derived table sees nothing of the query around it, not even itself.
            scope = scope.parent if scope.is_subquery else None
        return None

    def _in_source(self, source: exp.Expr | Scope | None, name: str) -> _Origin | None:
        """What a source's column comes from; None where the source has no such column."""
        if isinstance(source, exp.Table):
            hive = self._hive_type(source, name)
            return None if hive is None else [hive]
        return self._in_scope(source, name) if isinstance(source, Scope) else None

    def _in_scope(self, scope: Scope, name: str) -> _Origin | None:
        tree, wanted = scope.expression, name.lower()
        renamed = [item.lower() for item in _column_names(tree)]
        if isinstance(tree, exp.SetOperation):
            sides = [self._in_scope(each, name) for each in scope.set_operation_scopes]
            return None if None in sides else [leaf for side in sides for leaf in side or []]
        if renamed and isinstance(tree, exp.Values | exp.Select):
            if wanted not in renamed:
                return None
            index = renamed.index(wanted)
            if isinstance(tree, exp.Values):
                return [row.expressions[index] for row in tree.expressions]
            has_star = any(item.is_star for item in tree.selects)
            return None if has_star else [tree.selects[index]]
        if not isinstance(tree, exp.Select):
            return None
        for item in tree.selects:
            if not item.is_star and item.alias_or_name.lower() == wanted:
                return [item]
        if any(item.is_star for item in tree.selects):
            for source in scope.sources.values():
                found = self._in_source(source, name)
                if found is not None:
                    return found
        return None

    def _combined(self, nodes: Iterable[str | exp.Expr]) -> Label | None:
        labels = [self.of(node) for node in nodes if not isinstance(node, exp.Null)]
        return reduce(_wider, labels) if labels else None


def _wider(left: Label | None, right: Label | None) -> Label | None:
    if ZONED in (left, right):
        return ZONED
    if left is None or right is None:
        return None
    kind = "char" if "char" in (left.kind, right.kind) else "varchar"
    return Label(kind, max(left.size, right.size))


def _branches(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Case):
        return [*(each.args["true"] for each in node.args["ifs"]), *_given(node, "default")]
    if isinstance(node, exp.If):
        return [node.args["true"], *_given(node, "false")]
    if isinstance(node, exp.Nullif):
        return [node.this]
    return [node.this, *node.expressions]


def _given(node: exp.Expr, key: str) -> list[exp.Expr]:
    found = node.args.get(key)
    return [found] if found is not None else []


def _column_names(tree: exp.Expr) -> list[str]:
    """The names of ``AS t(a, b)`` around a derived table, of a CTE or of VALUES."""
    holder = tree if isinstance(tree, exp.Values) else tree.parent
    alias = holder.args.get("alias") if holder is not None else None
    return [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
