"""Put a staging table in the place of an absent or empty target, within a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from neonsync.errors import PublishError
from neonsync.postgres.catalog import IndexShape, find_table, has_rows
from neonsync.postgres.connect import Connection
from neonsync.postgres.identity import copy_position, hold, identity_sequence
from neonsync.postgres.names import fitted
from neonsync.postgres.staging import SCHEMA, index_name
from neonsync.tables import TableSpec

LOCK_TIMEOUT = "300ms"
_TELLING = 20
"""So many letters of a staging table's name, those of its run, are no other table's."""
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


async def lock_targets(
    connection: Connection,
    specs: Sequence[TableSpec],
    *,
    readers: bool = True,
    leaving: Sequence[TableSpec] = (),
) -> bool:
    """Lock those targets that exist against writers, and ``readers`` too; False when others hold
    them.

    In one fixed order, and for a moment only: while it waits, every later reader or writer waits
    behind it. The caller rolls back to a savepoint when it gets False, and tries again later. Of
    those that are ``leaving``, for another table to take their place, the identity sequences are
    locked too, so that dropping them waits for nobody.
    """
    mode = sql.SQL("ACCESS EXCLUSIVE" if readers else "SHARE ROW EXCLUSIVE")
    try:
        await connection.execute(
            sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT))
        )
        for spec in sorted(specs, key=lambda spec: (spec.schema, spec.target)):
            oid = await find_table(connection, spec.schema, spec.target)
            if oid is None:
                continue
            await connection.execute(
                sql.SQL("LOCK TABLE {} IN {} MODE").format(
                    sql.Identifier(spec.schema, spec.target), mode
                )
            )
            if spec in leaving:
                await hold(connection, oid, spec.generated_id)
        # The renames that follow take locks of their own, on tables that nobody else knows.
        await connection.execute("SET LOCAL lock_timeout = 0")
    except psycopg.errors.LockNotAvailable:
        return False
    return True


async def newest_transaction(connection: Connection) -> str:
    """A number that every transaction so far is below: what a snapshot may be older than."""
    cursor = await connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    row = await cursor.fetchone()
    return str(row[0]) if row else "0"


async def older_snapshots(connection: Connection, boundary: str) -> frozenset[int]:
    """The sessions of others that may still see the database as it was before ``boundary``.

    The rows of a staging table have been committed chunk by chunk. A transaction that has kept
    its snapshot since, as REPEATABLE READ does, would find the swapped table by its name, and in
    it only the chunks of before its snapshot.

    Of another role's session nothing is asked but what every role may see: its kind is hidden from
    one without pg_read_all_stats, its snapshot and its user are not. Autovacuum has no user.
    """
    cursor = await connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND usesysid IS NOT NULL AND pid <> pg_backend_pid()"
        " AND NOT (usename = current_user"
        "          AND application_name = current_setting('application_name'))"
        " AND age(backend_xmin) > age(%s::xid8::xid)",
        (boundary,),
    )
    return frozenset(int(pid) for (pid,) in await cursor.fetchall())


async def swap(
    connection: Connection, staging: str, spec: TableSpec, shapes: tuple[IndexShape, ...]
) -> None:
    """Replace the target by the staging table, and give it all that belongs to the name.

    Grants, comment, sequence and the names of indexes and constraints are the old table's, or
    what the schema's default privileges say where there was none. Nothing here takes time that
    grows with the rows: readers wait for it.
    """
    final = sql.Identifier(spec.schema, spec.target)
    table = sql.Identifier(SCHEMA, staging)
    oid = await _oid(connection, SCHEMA, staging)
    identity = await identity_sequence(connection, oid, spec.generated_id)
    old = await find_table(connection, spec.schema, spec.target)
    sequence = fitted(spec.target, f"_{spec.generated_id}_seq") if spec.generated_id else None
    sequence_grants: set[_Grant] = set()
    comment: str | None = None
    if old is None:
        # SET SCHEMA passes default privileges by; a twin made in the schema tells them.
        body = "{} bigint GENERATED BY DEFAULT AS IDENTITY" if spec.generated_id else ""
        await connection.execute(
            sql.SQL("CREATE TABLE {} ({})").format(
                final, sql.SQL(body).format(sql.Identifier(spec.generated_id or ""))
            )
        )
        twin = await _oid(connection, spec.schema, spec.target)
        grants = await _grants(connection, twin)
        if made := await identity_sequence(connection, twin, spec.generated_id):
            sequence_grants = await _grants(connection, made.oid)
    else:
        grants = await _grants(connection, old)
        comment = await _comment(connection, old)
        if old_sequence := await identity_sequence(connection, old, spec.generated_id):
            sequence = old_sequence.name
            sequence_grants = await _grants(connection, old_sequence.oid)
            if identity and not await has_rows(connection, SCHEMA, staging):
                # It may have moved on; where rows are staged that is looked for beforehand.
                await copy_position(connection, old_sequence, identity)
    await connection.execute(sql.SQL("DROP TABLE {}").format(final))

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
    if identity and sequence:
        if identity.name != sequence:
            await connection.execute(
                sql.SQL("ALTER SEQUENCE {} RENAME TO {}").format(
                    sql.Identifier(spec.schema, identity.name), sql.Identifier(sequence)
                )
            )
        await _set_grants(
            connection, identity.oid, "SEQUENCE", spec.schema, sequence, sequence_grants
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


async def _rename_constraints(
    connection: Connection, oid: int, staging: str, spec: TableSpec
) -> None:
    """Give constraints that Postgres named after the staging table the target's name instead.

    It has cut their names where they were too long, so the column tells which one it is.
    """
    cursor = await connection.execute(
        "SELECT k.conname, a.attname FROM pg_constraint k LEFT JOIN pg_attribute a"
        " ON a.attrelid = k.conrelid AND k.contype = 'n' AND a.attnum = k.conkey[1]"
        " WHERE k.conrelid = %s::oid AND starts_with(k.conname, %s)",
        (oid, staging[:_TELLING]),
    )
    for name, column in await cursor.fetchall():
        new = fitted(spec.target, f"_{column}_not_null" if column else name[len(staging) :])
        await connection.execute(
            sql.SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}").format(
                sql.Identifier(spec.schema, spec.target),
                sql.Identifier(name),
                sql.Identifier(new),
            )
        )
