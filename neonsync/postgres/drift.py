"""Drift: where the columns of a target are no longer those of its source, and what is done then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from psycopg import sql

from neonsync.columns import SqlType, keeps_values
from neonsync.errors import TargetError
from neonsync.postgres.catalog import TableColumn, TargetTable
from neonsync.postgres.connect import Connection
from neonsync.postgres.ddl import column_definition
from neonsync.postgres.queries import query
from neonsync.tables import ColumnSpec, OnDrift, TableSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO

_TEXT_FAMILY = ("text", "varchar", "char")
_WHOLE_NUMBERS = {"smallint", "integer", "bigint"}
_WIDER = {
    "smallint": ("integer", "bigint"),
    "integer": ("bigint",),
    "real": ("double precision",),
}


@dataclass(frozen=True)
class Drift:
    """How a target differs from the plan, and what will be done about it.

    ``added`` and ``widened`` columns are changed when the table is published, in the same
    transaction; ``left_out`` ones of the source are not copied; ``gone`` are the target's columns
    that an earlier run has filled and the source no longer has. ``narrow`` columns keep the
    target's own type, which holds less than the source's: their values are tried one by one.
    """

    added: tuple[ColumnSpec, ...] = ()
    widened: tuple[ColumnSpec, ...] = ()
    left_out: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    narrow: tuple[tuple[ColumnSpec, SqlType], ...] = ()

    @property
    def changes_target(self) -> bool:
        """Whether the target gets other columns or types."""
        return bool(self.added or self.widened)

    def notes(self, spec: TableSpec) -> list[str]:
        """What there is to say of it."""
        notes = [
            f"{spec.qualified} gets the column {_named(column.name)} {column.type}"
            for column in self.added
        ]
        notes += [
            f"{spec.qualified}: the column {_named(column.name)} becomes {column.type}"
            for column in self.widened
        ]
        notes += [
            f"{spec.qualified}: the column {_named(column.name)} is {there}, and {column.type} in "
            f"{spec.source}: a value that does not fit is a bad one"
            for column, there in self.narrow
        ]
        if self.left_out:
            notes.append(
                f"{spec.source} has the new columns {_listed(self.left_out)}, which are not copied"
            )
        if self.gone:
            notes.append(
                f"{spec.source} no longer has {_listed(self.gone)}: what stands there in "
                f"{spec.qualified} stays, and new rows have none"
            )
        return notes


NO_DRIFT = Drift()


def loaded_columns(
    table: TargetTable | None,
    spec: TableSpec,
    *,
    may_add: bool = False,
    filled_before: Collection[str] = (),
) -> tuple[tuple[ColumnSpec, ...], Drift]:
    """The columns to load, with the types that the target has or gets, and the drift.

    With ``may_add`` the marks of made rows may be missing: a swap adds them. ``filled_before`` are
    the columns that the last run into this table has copied.

    Raises:
        TargetError: a column is missing, gone, has an incompatible type, or cannot be left out,
            and the plan does not say what to do then.
    """
    if table is None:
        return spec.columns, NO_DRIFT
    known = {column.name for column in spec.columns}
    gone = tuple(
        name for name in filled_before if name not in known and table.column(name) is not None
    )
    if gone and spec.on_drift is OnDrift.FAIL:
        raise TargetError(
            f"{spec.source} no longer has {_listed(gone)}, which {spec.qualified} got from it",
            "Set on_drift to ignore or add: what stands there stays. Or drop the column.",
        )
    absent = [
        column
        for column in spec.columns
        if table.column(column.name) is None
        and not (may_add and column.name in (TEST_FLAG, TEST_SCENARIO))
    ]
    adding = spec.on_drift is OnDrift.ADD
    kept = spec.key if adding else _needed(spec)
    needed = [column for column in absent if column.name in kept]
    if (absent and spec.on_drift is OnDrift.FAIL) or needed:
        raise _missing(spec, needed or absent)
    columns, widened, narrow = [], [], []
    for wanted in spec.columns:
        there = table.column(wanted.name)
        if there is None:
            if wanted not in absent or adding:
                columns.append(wanted)
            continue
        if adding and _is_wider(wanted.type, there.type) and not there.generated:
            column = ColumnSpec(wanted.name, wanted.type, wanted.nullable and not there.not_null)
            widened.append(column)
        else:
            column = _as_there(spec, wanted, there)
            if _holds_less(there.type, wanted.type) or _is_larger(wanted.type, there.type):
                narrow.append((wanted, there.type))
        columns.append(column)
    _check_the_rest(table, spec, {column.name for column in columns})
    new = {column.name for column in absent}
    return tuple(columns), Drift(
        # Rows that stand there have no value for it.
        added=tuple(
            replace(column, nullable=True) for column in columns if adding and column.name in new
        ),
        widened=tuple(widened),
        left_out=() if adding else tuple(column.name for column in absent),
        gone=gone,
        narrow=tuple(narrow),
    )


async def check_changeable(
    connection: Connection, table: TargetTable, spec: TableSpec, drift: Drift
) -> None:
    """Make sure, before anything is exported, that the target's columns can be changed.

    Raises:
        TargetError: the role does not own the table, or something depends on a column's type.
    """
    cursor = await connection.execute(
        query("drift_obstacles"),
        {"table": table.oid, "widened": [column.name for column in drift.widened]},
    )
    reasons = [str(row[0]) for row in await cursor.fetchall()]
    if reasons:
        raise TargetError(
            f"on_drift wants other columns for {spec.qualified}, which cannot be: "
            f"{'; '.join(reasons)}",
            "Change the columns yourself, or set on_drift to ignore.",
        )


async def apply(connection: Connection, spec: TableSpec, table: TargetTable, drift: Drift) -> None:
    """Give the target its new columns and types, in the transaction that publishes its rows.

    ``table`` is the target as it is now: somebody may have changed it meanwhile.

    Raises:
        TargetError: a column has got a type that does not become the planned one.
    """
    changes = [
        sql.SQL("ADD COLUMN {}").format(column_definition(column))
        for column in drift.added
        if table.column(column.name) is None
    ]
    for column in drift.widened:
        there = table.column(column.name)
        if there is not None and there.type == column.type:
            continue
        if there is None or not _is_wider(column.type, there.type):
            raise TargetError(
                f'the column "{column.name}" of {spec.qualified} has changed since it was looked '
                f"at, and does not become {column.type}",
                "Run again.",
            )
        changes.append(
            sql.SQL("ALTER COLUMN {} TYPE {}").format(
                sql.Identifier(column.name),
                sql.SQL(str(column.type)),  # of our own table of types
            )
        )
    if changes:
        await connection.execute(
            sql.SQL("ALTER TABLE {} {}").format(
                sql.Identifier(spec.schema, spec.target), sql.SQL(", ").join(changes)
            )
        )


def _as_there(spec: TableSpec, wanted: ColumnSpec, there: TableColumn) -> ColumnSpec:
    """The column with the target's own type, where the plan's values go into it."""
    same_family = there.type.base == wanted.type.base or (
        there.type.base in _TEXT_FAMILY and wanted.type.base in _TEXT_FAMILY
    )
    if there.generated or not (same_family or _goes_into(spec, wanted, there)):
        raise TargetError(
            f'the column "{wanted.name}" of {spec.qualified} is {there.type}'
            f"{' and generated' if there.generated else ''}, and {wanted.type} in the plan",
            "Change the column's type, or the plan; on_drift tells of other ways.",
        )
    exact = there.type if there.type.modifiers or there.type.base != "numeric" else wanted.type
    return ColumnSpec(wanted.name, exact, wanted.nullable and not there.not_null)


def _goes_into(spec: TableSpec, wanted: ColumnSpec, there: TableColumn) -> bool:
    """Whether each value is cast exactly to the other type of the target, or is a bad value."""
    if spec.on_drift is OnDrift.FAIL or not keeps_values(wanted.type, there.type):
        return False
    if spec.day is not None and wanted.name in spec.day.columns:
        # What proofs count by must read the same on both sides.
        return {wanted.type.base, there.type.base} <= _WHOLE_NUMBERS
    return spec.on_drift is OnDrift.IGNORE or _is_wider(there.type, wanted.type)


def _needed(spec: TableSpec) -> set[str]:
    """The columns that cannot be left out, as more than the rows themselves depends on them."""
    return {
        *spec.key,
        *(spec.day.columns if spec.day is not None else ()),
        *([spec.state_column] if spec.state_column else []),
        *spec.required_columns,
        *(name for index in spec.indexes for name in (*index.columns, index.where_not_null or "")),
        *(reference.column for reference in spec.references),
        # Made rows that nothing tells from real ones would stay for ever.
        TEST_FLAG,
        TEST_SCENARIO,
    }


def _is_wider(wanted: SqlType, there: SqlType) -> bool:
    """Whether a type holds all values of another one as they are, and more."""
    if _is_larger(wanted, there):
        return True
    if there.base == "varchar" and there.modifiers:
        return wanted.base == "text" or (
            wanted.base == "varchar"
            and (not wanted.modifiers or wanted.modifiers[0] > there.modifiers[0])
        )
    if wanted.base == there.base == "numeric" and wanted.modifiers and there.modifiers:
        return _digits(wanted) != _digits(there) and not _holds_less(wanted, there)
    return False


def _is_larger(wanted: SqlType, there: SqlType) -> bool:
    """Whether a type is for larger numbers than another one."""
    return wanted.base in _WIDER.get(there.base, ())


def _digits(type_: SqlType) -> tuple[int, int]:
    """The digits of a numeric with modifiers, before the point and after it."""
    precision, scale = (*type_.modifiers, 0)[:2]
    return precision - scale, scale


def _holds_less(there: SqlType, wanted: SqlType) -> bool:
    """Whether a type of the same name is declared for less than the other one."""
    if there.base != wanted.base or not there.modifiers or not wanted.modifiers:
        return False
    if there.base == "numeric":
        (whole, fraction), (digits, places) = _digits(there), _digits(wanted)
        return digits > whole or places > fraction
    return there.base in _TEXT_FAMILY and wanted.modifiers[0] > there.modifiers[0]


def _check_the_rest(table: TargetTable, spec: TableSpec, loaded: Collection[str]) -> None:
    for there in table.columns:
        if there.name not in loaded and not there.fills_itself:
            raise TargetError(
                f'the column "{there.name}" of {spec.qualified} is NOT NULL without a default, '
                "and the plan has no value for it",
                "Give the column a default, or drop NOT NULL.",
            )


def _missing(spec: TableSpec, absent: list[ColumnSpec]) -> TargetError:
    names = ", ".join(_named(column.name) for column in absent)
    added = ", ".join(f'ADD COLUMN "{column.name}" {column.type}' for column in absent)
    return TargetError(
        f"the table {spec.qualified} has no column {names}",
        f"ALTER TABLE {spec.qualified} {added}; or leave it out with exclude; or see on_drift in "
        "config.toml.example.",
    )


def _named(name: str) -> str:
    return f'"{name}"'


def _listed(names: Collection[str]) -> str:
    return ", ".join(map(_named, names))
