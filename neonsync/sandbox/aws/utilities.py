"""The utility statements: SHOW and DESCRIBE."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neonsync.sandbox.aws import views
from neonsync.sandbox.aws.catalogue import Catalogue, Table
from neonsync.sandbox.aws.errors import ApiError, QueryFailed, not_supported
from neonsync.sandbox.aws.sources import is_view
from neonsync.sandbox.aws.statements import Utility
from neonsync.sandbox.aws.types import ResultColumn


@dataclass(frozen=True)
class Answer:
    """The columns and lines of a utility's answer; a line's cells are parted by tabs."""

    columns: tuple[ResultColumn, ...]
    lines: tuple[str, ...]


def answer(statement: Utility, catalogue: Catalogue, database: str) -> Answer:
    """Answer a utility statement; raises QueryFailed for those that are not known."""
    words = [word.lower() for word in statement.words]
    try:
        return _answer(words, catalogue, database)
    except ApiError as error:
        raise QueryFailed(f"SEMANTIC_ERROR: {error.message}", error_type=1003) from error


def _answer(words: list[str], catalogue: Catalogue, database: str) -> Answer:
    match words:
        case ["show", "databases" | "schemas", *rest]:
            names = [found.name for found in catalogue.databases()]
            return _one("database_name", _like(names, rest))
        case ["show", "tables", "in" | "from", name, *rest]:
            return _one("tab_name", _like([t.name for t in catalogue.tables(name)], rest))
        case ["show", "tables", *rest]:
            return _one("tab_name", _like([t.name for t in catalogue.tables(database)], rest))
        case ["show", "views", "in" | "from", name, *rest]:
            return _one("views", _like(_views(catalogue, name), rest))
        case ["show", "views", *rest]:
            return _one("views", _like(_views(catalogue, database), rest))
        case ["show", "tblproperties", name]:
            parameters = _table(catalogue, database, name).parameters
            return _one("prpt_name", [f"{key}\t{value}" for key, value in parameters.items()])
        case ["show", "tblproperties", name, key]:
            parameters = {
                k.lower(): v for k, v in _table(catalogue, database, name).parameters.items()
            }
            missing = f"Table {name} does not have property: {key}"
            return _one("prpt_name", [parameters.get(key.strip("'"), missing)])
        case ["show", "create", "table", name]:
            found = _table(catalogue, database, name)
            return _one("createtab_stmt", views.create_table_lines(found))
        case ["show", "create", "view", name]:
            found = _table(catalogue, database, name)
            return _one("Create View", views.create_view_lines(found, database))
        case ["show", "partitions", name]:
            return _one("partition", _partitions(_table(catalogue, database, name)))
        case ["show", "columns", "in" | "from", name]:
            table = _table(catalogue, database, name)
            return _one("field", [c.name for c in (*table.columns, *table.partition_keys)])
        case ["describe" | "desc", "extended" | "formatted", *_]:
            raise not_supported("DESCRIBE EXTENDED")
        case ["describe" | "desc", name]:
            table = _table(catalogue, database, name)
            every = (*table.columns, *table.partition_keys)
            lines = tuple(f"{c.name:<20}\t{c.type:<20}\t{c.comment:<20}" for c in every)
            if table.partition_keys:
                heads_of_keys = ["# Partition Information", "# col_name\tdata_type\tcomment"]
                keys = (
                    f"{c.name:<20}\t{c.type:<20}\t{c.comment:<20}" for c in table.partition_keys
                )
                lines = (*lines, "\t\t", *(f"{h:<20}" for h in heads_of_keys), "\t\t", *keys)
            heads = ("col_name", "data_type", "comment")
            return Answer(tuple(ResultColumn(head, "string") for head in heads), lines)
    raise not_supported(" ".join(words[:2]).upper())


def _views(catalogue: Catalogue, database: str) -> list[str]:
    return [table.name for table in catalogue.tables(database) if is_view(table)]


def _one(name: str, lines: list[str]) -> Answer:
    return Answer((ResultColumn(name, "string"),), tuple(lines))


def _like(names: list[str], rest: list[str]) -> list[str]:
    """The names that match Hive's pattern: * for anything, | between choices."""
    if not rest:
        return names
    pattern = re.escape(rest[-1].strip("'")).replace(r"\*", ".*").replace(r"\|", "|")
    return [name for name in names if re.fullmatch(pattern, name)]


def _table(catalogue: Catalogue, database: str, name: str) -> Table:
    home, _, table = name.rpartition(".")
    return catalogue.table(home or database, table)


def _partitions(table: Table) -> list[str]:
    keys = [key.name for key in table.partition_keys]
    if not keys:
        raise QueryFailed(f"SEMANTIC_ERROR: table {table.name} is not a partitioned table")
    return [
        "/".join(f"{key}={value}" for key, value in zip(keys, p.values, strict=True))
        for p in table.partitions
    ]
