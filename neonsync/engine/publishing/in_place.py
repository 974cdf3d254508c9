"""Publishing into tables that stay where they are: merged, written anew, rid of what goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neonsync.engine.context import RunContext
from neonsync.engine.planning.missing import check_deletion
from neonsync.engine.publishing.published import Published
from neonsync.engine.stage import Staged, refuse_real_rows
from neonsync.errors import RefusedError
from neonsync.postgres import drift, staging
from neonsync.postgres.catalog import TargetTable, check_mergeable, read_table, wanted_indexes
from neonsync.postgres.connect import Connection
from neonsync.postgres.deletion import (
    Goners,
    check_deletable,
    count_all,
    count_goners,
    count_within,
    delete_goners,
    foreign_keys_to,
    rewrite,
)
from neonsync.postgres.made_rows import delete_made_rows, lock_out_writers, refuse_cascades
from neonsync.postgres.marks import tells_made_rows
from neonsync.postgres.merge import Written, merge
from neonsync.postgres.swap import swap
from neonsync.tables import OnMissing, Publish, TableSpec


async def write_all(
    context: RunContext, connection: Connection, tables: Sequence[Staged]
) -> list[Published]:
    """Write into ``tables``, which stand parents first; what goes, goes children first.

    Made rows go before real ones come, so that no value of theirs is in the way; all other rows
    after that, so that nothing refers to them any more.

    Raises:
        RefusedError: rows that nobody meant would go with those that do.
        PublishError: a table does not hold what was written.
    """
    removed: dict[str, int] = {}

    async def remove() -> None:
        for staged in reversed(tables):
            if not replaces(staged):
                removed[staged.spec.qualified] = await _remove_made_rows(
                    context, connection, staged
                )

    real = context.plan.test_data is None
    if real:
        await remove()
    allowed = context.plan.settings.allow_delete
    sweeps = {
        staged.spec.qualified: await _look_for_missing(connection, staged, allowed)
        for staged in tables
        if staged.plan.on_missing is OnMissing.DELETE and not replaces(staged)
    }
    published = [await _write(connection, staged) for staged in tables]
    if not real:
        await remove()
    deleted: dict[str, int] = {}
    for staged in reversed(tables):
        name = staged.spec.qualified
        if replaces(staged):
            removed[name] = await _remove_goners(connection, staged)
        elif name in sweeps:
            deleted[name] = await _delete_missing(connection, staged, sweeps[name], allowed)
    return [
        replace(
            entry,
            removed=entry.removed + removed.get(entry.table, 0),
            deleted=deleted.get(entry.table, 0),
        )
        for entry in published
    ]


def replaces(staged: Staged) -> bool:
    """Whether all rows of the target are to give way."""
    return staged.plan.publish is Publish.REPLACE


async def refuse_empty(connection: Connection, staged: Staged) -> None:
    """Make sure that an export without rows does not empty a table.

    Raises:
        RefusedError: it would.
    """
    spec = staged.spec
    if staged.proof.rows or not replaces(staged):
        return
    if await read_table(connection, spec.schema, spec.target) is None:
        return
    if rows := await count_all(connection, spec):
        raise RefusedError(
            f"the export of {spec.source} has no rows, and {spec.qualified} has {rows:,}: "
            "an export without rows never deletes",
            "Look at the source. Should the table be empty, empty it by hand: "
            f"TRUNCATE {spec.qualified};",
        )


async def _write(connection: Connection, staged: Staged) -> Published:
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        await swap_in_shell(connection, f"{staged.record.staging}_0", spec)
        target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        raise AssertionError("a table that was just made is there")
    await drift.apply(connection, spec, target, staged.drift)
    if replaces(staged) and not await foreign_keys_to(connection, target):
        await check_mergeable(connection, target, spec, by_key=False)
        await check_deletable(connection, target, spec)
        removed, inserted = await rewrite(connection, staged.record.staging, spec, staged.columns)
        return Published(spec.qualified, "replace", inserted, 0, 0, removed)
    return await _merge(connection, staged, target)


async def _merge(connection: Connection, staged: Staged, target: TargetTable) -> Published:
    spec = staged.spec
    await check_mergeable(connection, target, spec)
    updated_column = spec.updated_column
    if updated_column is not None and target.column(updated_column) is None:
        updated_column = None
    if staged.plan.made_rows:
        # A real row that comes between the look and the merge would be overwritten.
        await lock_out_writers(connection, spec)
        await refuse_real_rows(connection, target, spec)
    written: Written = await merge(
        connection,
        staged.record.staging,
        spec,
        staged.columns,
        rows=staged.proof.rows,
        updated_column=updated_column,
    )
    method = "replace" if replaces(staged) else "merge"
    return Published(
        spec.qualified,
        method,
        written.inserted,
        written.updated,
        written.unchanged,
        touched=written.days,
    )


async def _remove_goners(connection: Connection, staged: Staged) -> int:
    """Delete what a replaced table holds beyond its source; nothing where it was written anew."""
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None or not await foreign_keys_to(connection, target):
        return 0
    await check_deletable(connection, target, spec)
    return await delete_goners(connection, target, Goners(spec, staged.record.staging))


async def _look_for_missing(connection: Connection, staged: Staged, allowed: float) -> int:
    """The rows that a target holds within the run's scope, of which not too many may be missing."""
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        return 0
    await check_deletable(connection, target, spec)
    held = await count_within(connection, spec, staged.plan.target_scope)
    missing = await count_goners(connection, _missing(staged))
    check_deletion(spec, exported=staged.proof.rows, held=held, missing=missing, allowed=allowed)
    return held


async def _delete_missing(connection: Connection, staged: Staged, held: int, allowed: float) -> int:
    """Delete what the source no longer has; ``held`` rows were there before the merge."""
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        raise AssertionError("a table that was just written into is there")
    deleted = await delete_goners(connection, target, _missing(staged))
    # Others may have added rows since they were counted.
    held = max(held, deleted)
    check_deletion(spec, exported=staged.proof.rows, held=held, missing=deleted, allowed=allowed)
    return deleted


def _missing(staged: Staged) -> Goners:
    return Goners(staged.spec, staged.record.staging, staged.plan.target_scope)


async def _remove_made_rows(context: RunContext, connection: Connection, staged: Staged) -> int:
    """Delete the made rows that give way: all for real rows, else those that are made no more."""
    spec, made = staged.spec, bool(staged.plan.made_rows)
    target = await read_table(connection, spec.schema, spec.target)
    if not tells_made_rows(target, spec, made=made):
        return 0
    await refuse_cascades(connection, spec, [table.spec for table in context.plan.tables])
    return await delete_made_rows(
        connection, spec, but_those_in=staged.record.staging if made else None
    )


def parents_first(tables: Sequence[Staged]) -> list[Staged]:
    """The tables in an order in which each comes after those that it refers to."""
    ordered: dict[str, Staged] = {}
    by_name = {staged.spec.qualified: staged for staged in tables}

    def add(staged: Staged, waiting: tuple[str, ...]) -> None:
        name = staged.spec.qualified
        if name in ordered or name in waiting:
            return
        for reference in staged.spec.references:
            if reference.parent in by_name:
                add(by_name[reference.parent], (*waiting, name))
        ordered[name] = staged

    for staged in tables:
        add(staged, ())
    return list(ordered.values())


async def linked(
    connection: Connection, tables: Sequence[Staged], some: Sequence[Staged]
) -> set[str]:
    """The names of ``some`` of the tables, and of all that references link to them, however far.

    They are written together: a child's rows come after its parent's, and go before them.
    """
    found = {staged.spec.qualified for staged in some}
    if not found:
        return found
    links: set[tuple[str, str]] = set()
    for staged in tables:
        spec = staged.spec
        links |= {(spec.qualified, reference.parent) for reference in spec.references}
        target = await read_table(connection, spec.schema, spec.target)
        for key in await foreign_keys_to(connection, target) if target is not None else ():
            links.add((f"{key.schema}.{key.table}", spec.qualified))
    while more := {name for link in links if found & set(link) for name in link} - found:
        found |= more
    return found


async def swap_in_shell(connection: Connection, shell: str, spec: TableSpec) -> None:
    """Make an absent target, empty but with all that belongs to it; ``shell`` is its first name."""
    shapes = wanted_indexes(spec)
    await staging.create_for_swap(connection, shell, spec, None)
    for position, shape in enumerate(shapes):
        await staging.build_index(connection, shell, position, shape)
        if shape.constraint:
            await staging.add_constraint(connection, shell, position, shape)
    await swap(connection, shell, spec, shapes)
