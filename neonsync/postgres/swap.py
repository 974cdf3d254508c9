"""Put a staging table in the place of an absent or empty target, within a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from neonsync.errors import PublishError
from neonsync.postgres.catalog import IndexShape, find_table
from neonsync.postgres.connect import Connection
from neonsync.postgres.staging import SCHEMA, index_name
from neonsync.tables import TableSpec

LOCK_TIMEOUT = "300ms"
_PRIVILEGES = frozenset(
    {
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "REFERENCES",
        "TRIGGER",
        "MAINTAIN",
        "USAGE",
    }
)


@dataclass(frozen=True)
class _Grant:
    """One privilege; ``column`` is None for the whole object, ``grantee`` None for PUBLIC."""

    privilege: str
    column: str | None
    grantee: str | None
    grantable: bool


async def lock_targets(connection: Connection, specs: list[TableSpec]) -> bool:
    """Lock those targets that exist against readers and writers; False when others hold them.

    In one fixed order, and for a moment only: while it waits, every later reader waits behind
    it. The caller rolls back to a savepoint when it gets False, and tries again later.
    """
    try:
        await connection.execute(
            sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT))
        )
        for spec in sorted(specs, key=lambda spec: (spec.schema, spec.target)):
            if await find_table(connection, spec.schema, spec.target) is not None:
                await connection.execute(
                    sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
                        sql.Identifier(spec.schema, spec.target)
                    )
                )
        # The renames that follow take locks of their own, on tables that nobody else knows.
        await connection.execute("SET LOCAL lock_timeout = 0")
    except psycopg.errors.LockNotAvailable:
        return False
    return True


async def swap(
    connection: Connection, staging: str, spec: TableSpec, shapes: tuple[IndexShape, ...]
) -> None:
    """Replace the target by the staging table, and give it all that belongs to the name.

    Grants, comment, sequence and the names of indexes and constraints are the old table's, or
    what the schema's default privileges say where there was none. Nothing here takes time that
    grows with the rows: readers wait for it.
    """
    final = sql.Identifier(spec.schema, spec.target)
    old = await find_table(connection, spec.schema, spec.target)
    sequence: str | None = f"{spec.target}_{spec.generated_id}_seq" if spec.generated_id else None
    sequence_grants: set[_Grant] = set()
    comment: str | None = None
    if old is None:
        # SET SCHEMA passes default privileges by; a twin made in the schema tells them.
        await connection.execute(sql.SQL("CREATE TABLE {} ()").format(final))
        grants = await _grants(connection, await _oid(connection, spec.schema, spec.target))
    else:
        grants = await _grants(connection, old)
        comment = await _comment(connection, old)
        if spec.generated_id:
            old_sequence = await _identity_sequence(connection, old, spec.generated_id)
            if old_sequence:
                sequence = old_sequence[1]
                sequence_grants = await _grants(connection, old_sequence[0])
    await connection.execute(sql.SQL("DROP TABLE {}").format(final))

    table = sql.Identifier(SCHEMA, staging)
    oid = await _oid(connection, SCHEMA, staging)
    await connection.execute(
        sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(table, sql.Identifier(spec.schema))
    )
    await connection.execute(
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(
            sql.Identifier(spec.schema, staging), sql.Identifier(spec.target)
        )
    )
    for position, shape in enumerate(shapes):
        await connection.execute(
            sql.SQL("ALTER INDEX {} RENAME TO {}").format(
                sql.Identifier(spec.schema, index_name(staging, position)),
                sql.Identifier(shape.name),
            )
        )
    await _rename_constraints(connection, oid, staging, spec)
    if spec.generated_id and sequence:
        found = await _identity_sequence(connection, oid, spec.generated_id)
        if found and found[1] != sequence:
            await connection.execute(
                sql.SQL("ALTER SEQUENCE {} RENAME TO {}").format(
                    sql.Identifier(spec.schema, found[1]), sql.Identifier(sequence)
                )
            )
        if found:
            await _set_grants(
                connection, found[0], "SEQUENCE", spec.schema, sequence, sequence_grants
            )
    await connection.execute(sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(final))
    if comment is not None:
        await connection.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(final, sql.Literal(comment))
        )
    await _set_grants(connection, oid, "TABLE", spec.schema, spec.target, grants)


async def _oid(connection: Connection, schema: str, name: str) -> int:
    oid = await find_table(connection, schema, name)
    if oid is None:
        raise PublishError(f"the table {schema}.{name} has vanished", "Run again.")
    return oid


async def _grants(connection: Connection, oid: int) -> set[_Grant]:
    """What others than the owner may do with a table or sequence, and with its columns."""
    cursor = await connection.execute(
        "SELECT a.privilege_type, a.col, r.rolname, a.is_grantable FROM ("
        "  SELECT c.relowner, NULL::text AS col, x.* FROM pg_class c, aclexplode(c.relacl) x"
        "   WHERE c.oid = %(oid)s::oid"
        "  UNION ALL SELECT c.relowner, t.attname::text, x.* FROM pg_class c"
        "   JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped,"
        "   aclexplode(t.attacl) x WHERE c.oid = %(oid)s::oid"
        ") a LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE a.grantee <> a.relowner",
        {"oid": oid},
    )
    return {_Grant(*row) for row in await cursor.fetchall() if row[0] in _PRIVILEGES}


async def _set_grants(
    connection: Connection, oid: int, kind: str, schema: str, name: str, wanted: set[_Grant]
) -> None:
    """Make the grants of an object exactly these, whatever its creation gave it."""
    there = await _grants(connection, oid)
    for grant in there - wanted:
        await connection.execute(_grant_statement("REVOKE", "FROM", kind, schema, name, grant))
    for grant in wanted - there:
        await connection.execute(_grant_statement("GRANT", "TO", kind, schema, name, grant))


def _grant_statement(
    verb: LiteralString,
    preposition: LiteralString,
    kind: str,
    schema: str,
    name: str,
    grant: _Grant,
) -> sql.Composed:
    return sql.SQL("{} {}{} ON {} {} {} {}{}").format(
        sql.SQL(verb),
        sql.SQL(grant.privilege),  # a word of _PRIVILEGES
        sql.SQL(" ({})").format(sql.Identifier(grant.column)) if grant.column else sql.SQL(""),
        sql.SQL("SEQUENCE" if kind == "SEQUENCE" else "TABLE"),
        sql.Identifier(schema, name),
        sql.SQL(preposition),
        sql.Identifier(grant.grantee) if grant.grantee else sql.SQL("PUBLIC"),
        sql.SQL(" WITH GRANT OPTION" if grant.grantable and verb == "GRANT" else ""),
    )


async def _comment(connection: Connection, oid: int) -> str | None:
    cursor = await connection.execute("SELECT obj_description(%s::oid, 'pg_class')", (oid,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def _identity_sequence(
    connection: Connection, table: int, column: str
) -> tuple[int, str] | None:
    """The oid and name of the sequence behind an identity column."""
    cursor = await connection.execute(
        "SELECT s.oid, s.relname FROM pg_depend d"
        " JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
        " JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
        " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
        " AND d.refobjid = %s::oid AND a.attname = %s AND d.deptype = 'i'",
        (table, column),
    )
    row = await cursor.fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


async def _rename_constraints(
    connection: Connection, oid: int, staging: str, spec: TableSpec
) -> None:
    """Give constraints that Postgres named after the staging table the target's name instead."""
    cursor = await connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::oid AND starts_with(conname, %s)",
        (oid, f"{staging}_"),
    )
    for (name,) in await cursor.fetchall():
        await connection.execute(
            sql.SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}").format(
                sql.Identifier(spec.schema, spec.target),
                sql.Identifier(name),
                sql.Identifier(spec.target + name[len(staging) :]),
            )
        )
