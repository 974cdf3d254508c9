"""Views: made from a query; and the statements that would make a view or a table again."""

from __future__ import annotations

import time

from neonsync.sandbox.aws.catalogue import Catalogue, Column, Table
from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.session import Prepared
from neonsync.sandbox.aws.sources import is_view, view_query, view_text
from neonsync.sandbox.aws.sql.names import sql_type
from neonsync.sandbox.aws.statements import CreateView
from neonsync.sandbox.aws.types import hive_type


def create(catalogue: Catalogue, database: str, statement: CreateView, prepared: Prepared) -> None:
    """Keep a view of a query that was bound; raises QueryFailed where the name is taken."""
    home, _, name = statement.name.removeprefix("awsdatacatalog.").rpartition(".")
    home = home or database
    known = catalogue.find(home, name)
    if known is not None and not (is_view(known) and statement.or_replace):
        raise QueryFailed(
            f"ALREADY_EXISTS: line 1:1: {'View' if is_view(known) else 'Table'} already exists: "
            f"'awsdatacatalog.{home}.{name}'"
        )
    relation = prepared.relation
    columns = tuple(
        Column(column.lower(), hive_type(kind, (label.kind, label.size) if label else None))
        for column, kind, label in zip(
            relation.columns, relation.types, prepared.labels, strict=True
        )
    )
    described = [{"name": column.name, "type": sql_type(column.type)} for column in columns]
    view = Table(
        name,
        columns,
        parameters={"presto_view": "true", "comment": "Presto View"},
        input_format="",
        output_format="",
        serde="",
        created=time.time(),
        type="VIRTUAL_VIEW",
        view_text=view_text(statement.text, database, described),
    )
    catalogue.put_table(home, view)


def create_view_lines(table: Table, database: str) -> list[str]:
    """The lines of SHOW CREATE VIEW."""
    if not is_view(table):
        raise not_supported(f"SHOW CREATE VIEW of the table {table.name}")
    return [f"CREATE VIEW {database}.{table.name} AS", *view_query(table).splitlines()]


def create_table_lines(table: Table) -> list[str]:
    """The lines of SHOW CREATE TABLE."""
    if is_view(table):
        raise not_supported(f"SHOW CREATE TABLE of the view {table.name}")
    lines = [f"CREATE EXTERNAL TABLE `{table.name}`(", *_column_lines(table.columns)]
    if table.partition_keys:
        lines += ["PARTITIONED BY ( ", *_column_lines(table.partition_keys)]
    lines += ["ROW FORMAT SERDE ", f"  '{table.serde}' "]
    lines += ["STORED AS INPUTFORMAT ", f"  '{table.input_format}' "]
    lines += ["OUTPUTFORMAT ", f"  '{table.output_format}'"]
    lines += ["LOCATION", f"  '{table.location}'"]
    pairs = [f"  '{key}'='{value}'" for key, value in sorted(table.parameters.items())]
    if pairs:
        lines += ["TBLPROPERTIES (", *(f"{pair}, " for pair in pairs[:-1]), f"{pairs[-1]})"]
    return lines


def _column_lines(columns: tuple[Column, ...]) -> list[str]:
    texts = [
        f"  `{column.name}` {column.type}"
        + (f" COMMENT '{column.comment}'" if column.comment else "")
        for column in columns
    ]
    return [*(f"{text}, " for text in texts[:-1]), f"{texts[-1]})"]
