"""The sequence behind a table's generated id: where it stands, so that no id is given twice."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from neonsync.postgres.connect import Connection


@dataclass(frozen=True)
class IdentitySequence:
    """A sequence of Postgres's own, which belongs to an identity column; ``ours`` by its owner."""

    oid: int
    schema: str
    name: str
    ours: bool

    @property
    def identifier(self) -> sql.Identifier:
        """It, for SQL."""
        return sql.Identifier(self.schema, self.name)


async def identity_sequence(
    connection: Connection, table: int, column: str | None
) -> IdentitySequence | None:
    """The sequence behind an identity column of a table; None where there is none."""
    if column is None:
        return None
    cursor = await connection.execute(
        "SELECT s.oid, n.nspname, s.relname, pg_has_role(s.relowner, 'USAGE') FROM pg_depend d"
        " JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
        " JOIN pg_namespace n ON n.oid = s.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
        " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
        " AND d.refobjid = %s::oid AND a.attname = %s AND d.deptype = 'i'",
        (table, column),
    )
    row = await cursor.fetchone()
    return None if row is None else IdentitySequence(*row)


async def hold(connection: Connection, table: int, column: str | None) -> None:
    """Keep everybody from the sequence behind a column until the transaction ends.

    Whoever has asked it for an id keeps it, without the table, until his own transaction ends.
    LOCK takes no sequences; a rename to and fro locks one as DROP TABLE will. Another role's is
    left alone, as no swap drops it.
    """
    found = await identity_sequence(connection, table, column)
    if found is None or not found.ours:
        return
    aside = f"neonsync_{found.oid}"
    rename = sql.SQL("ALTER SEQUENCE {} RENAME TO {}")
    await connection.execute(rename.format(found.identifier, sql.Identifier(aside)))
    await connection.execute(
        rename.format(sql.Identifier(found.schema, aside), sql.Identifier(found.name))
    )


async def copy_position(
    connection: Connection, old: IdentitySequence, new: IdentitySequence
) -> None:
    """Let new ids go on where the old sequence stands."""
    await connection.execute(
        sql.SQL("SELECT setval({}::regclass, last_value, is_called) FROM {}").format(
            sql.Literal(new.oid), old.identifier
        )
    )


@dataclass(frozen=True)
class Ids:
    """The lowest and the highest id of some rows."""

    lowest: int
    highest: int


async def ids_of(connection: Connection, table: sql.Identifier, column: str) -> Ids | None:
    """The ids that stand in a column; None where there are no rows."""
    cursor = await connection.execute(
        sql.SQL("SELECT min({0}), max({0}) FROM {1}").format(sql.Identifier(column), table)
    )
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else Ids(int(row[0]), int(row[1]))


async def has_given(connection: Connection, sequence: IdentitySequence, ids: Ids) -> bool:
    """Whether a sequence has come to one of these ids, so that a row may have got it from there."""
    cursor = await connection.execute(
        sql.SQL(
            "SELECT last_value, is_called, seqincrement FROM {}, pg_sequence"
            " WHERE seqrelid = {}::oid"
        ).format(sequence.identifier, sql.Literal(sequence.oid))
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    last, called, increment = row
    upcoming = last + increment if called else last
    return bool(upcoming > ids.lowest if increment > 0 else upcoming < ids.highest)
