"""What stands in a query's FROM: tables of the catalogue, views and the information schema."""

from __future__ import annotations

import base64
import binascii
import json
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from neonsync.sandbox.aws.catalogue import Catalogue, Table
from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.sql.names import sql_type
from neonsync.sandbox.aws.sql.reasons import position

_CATALOG = "awsdatacatalog"
_VIEW = re.compile(r"/\* Presto View: (\S+) \*/")
_MOST_NESTED = 20
_INFORMATION = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "columns": (
        *("table_catalog", "table_schema", "table_name", "column_name", "ordinal_position"),
        *("column_default", "is_nullable", "data_type", "comment", "extra_info"),
    ),
    "views": ("table_catalog", "table_schema", "table_name", "view_definition"),
}


def is_view(table: Table) -> bool:
    """Whether a catalogue table is a view of Athena's."""
    return table.type == "VIRTUAL_VIEW"


def view_query(table: Table) -> str:
    """The SQL of a view; raises QueryFailed for one that Athena did not make."""
    match = _VIEW.search(table.view_text)
    try:
        return str(json.loads(base64.b64decode(match[1]))["originalSql"]) if match else ""
    except (binascii.Error, ValueError, KeyError) as error:
        raise QueryFailed(f"INVALID_VIEW: cannot read view {table.name}: {error}") from error


def view_text(sql: str, database: str, columns: list[dict[str, str]]) -> str:
    """A view's text in the catalogue, as Athena keeps it."""
    content = {"originalSql": sql, "catalog": _CATALOG, "schema": database, "columns": columns}
    return f"/* Presto View: {base64.b64encode(json.dumps(content).encode()).decode()} */"


class Sources:
    """Finds what a query reads; its text is for the place in messages."""

    def __init__(self, catalogue: Catalogue, database: str, text: str) -> None:
        self._catalogue = catalogue
        self._database = database
        self._text = text

    def inlined(self, query: exp.Query, depth: int = 0) -> exp.Query:
        """The query with its views and information tables as subqueries, its tables' names whole.

        Raises QueryFailed, with Athena's words, for tables that do not exist.
        """
        if depth > _MOST_NESTED:
            raise QueryFailed("VIEW_IS_RECURSIVE: line 1:1: Statement is recursive")
        tree = query.copy()
        for node in [node for node in tree.find_all(exp.Table) if node.name]:
            if not node.db and node.name.lower() in _ctes_in_reach(node):
                continue
            replacement = self._replacement(node, depth)
            if replacement is not None:
                alias = exp.to_identifier(node.alias_or_name, quoted=True)
                columns = node.args["alias"].columns if node.args.get("alias") else []
                node.replace(
                    exp.Subquery(
                        this=replacement, alias=exp.TableAlias(this=alias, columns=columns)
                    )
                )
        return tree

    def tables(self, query: exp.Query) -> list[tuple[str, str]]:
        """The catalogue tables of an inlined query: database and name, each once."""
        found = (
            (node.db.lower(), node.name.lower()) for node in query.find_all(exp.Table) if node.db
        )
        return list(dict.fromkeys(found))

    def hive_type(self, node: exp.Table, column: str) -> str | None:
        """The catalogue's type of a table's column; None where there is no such column."""
        table = self._catalogue.find(node.db.lower() or self._database, node.name)
        every = (*table.columns, *table.partition_keys) if table else ()
        return next((c.type for c in every if c.name == column.lower()), None)

    def _replacement(self, node: exp.Table, depth: int) -> exp.Query | None:
        catalog = node.catalog.lower() or _CATALOG
        database = node.db.lower() or self._database
        name = node.name.lower()
        if database == "information_schema":
            return self._information(name)
        table = self._catalogue.find(database, name) if catalog == _CATALOG else None
        if table is None:
            where = position(node, self._text)
            raise QueryFailed(
                f"TABLE_NOT_FOUND: {where}: Table '{catalog}.{database}.{name}' does not exist",
                error_type=1003,
            )
        if not is_view(table):
            node.set("catalog", exp.to_identifier(_CATALOG))
            node.set("db", exp.to_identifier(database, quoted=True))
            node.set("this", exp.to_identifier(name, quoted=True))
            return None
        inner = Sources(self._catalogue, _home_of(table, database), self._text)
        return inner.inlined(_parsed(view_query(table), table), depth + 1)

    def _information(self, name: str) -> exp.Query:
        columns = _INFORMATION.get(name)
        if columns is None:
            raise not_supported(f"information_schema.{name}")
        rows: list[tuple[str | int | None, ...]] = []
        for database in self._catalogue.databases():
            if name == "schemata":
                rows.append((_CATALOG, database.name))
                continue
            for table in database.tables.values():
                rows += _described(name, (_CATALOG, database.name, table.name), table)
        if name == "schemata":
            rows.append((_CATALOG, "information_schema"))
        blank: tuple[str | int | None, ...] = tuple(None for _ in columns)
        values = exp.values(rows or [blank], alias="rows", columns=columns)
        casts = [
            exp.alias_(
                exp.cast(exp.column(c), "bigint" if c == "ordinal_position" else "varchar"), c
            )
            for c in columns
        ]
        return exp.select(*casts).from_(values).where(exp.true() if rows else exp.false())


def _described(
    kind: str, names: tuple[str, str, str], table: Table
) -> list[tuple[str | int | None, ...]]:
    if kind == "tables":
        return [(*names, "VIEW" if is_view(table) else "BASE TABLE")]
    if kind == "views":
        return [(*names, view_query(table))] if is_view(table) else []
    keys = len(table.columns)
    return [
        (
            *(*names, column.name, number + 1, None, "YES", sql_type(column.type)),
            *(column.comment or None, "partition key" if number >= keys else None),
        )
        for number, column in enumerate((*table.columns, *table.partition_keys))
    ]


def _ctes_in_reach(node: exp.Expr) -> set[str]:
    names: set[str] = set()
    above: exp.Expr | None = node
    while above is not None:
        clause = above.args.get("with_") or above.args.get("with")
        if clause is not None:
            names |= {cte.alias.lower() for cte in clause.expressions}
        above = above.parent
    return names


def _home_of(table: Table, database: str) -> str:
    match = _VIEW.search(table.view_text)
    content = json.loads(base64.b64decode(match[1])) if match else {}
    return str(content.get("schema") or database)


def _parsed(sql: str, table: Table) -> exp.Query:
    try:
        tree = sqlglot.parse_one(sql, read="trino")
    except SqlglotError as error:
        raise QueryFailed(f"INVALID_VIEW: cannot parse view {table.name}") from error
    if not isinstance(tree, exp.Query):
        raise QueryFailed(f"INVALID_VIEW: view {table.name} is no query")
    return tree
