"""Rows that the source no longer has: which of the target's they may be, whether they may go."""

from __future__ import annotations

import re
from collections.abc import Sequence

from neonsync.athena.catalogue import CatalogueTable
from neonsync.athena.partitions import NULL_PARTITION, Partition
from neonsync.engine.planning.resolve import Resolved
from neonsync.engine.planning.scope import Scope
from neonsync.errors import ConfigError, DeletionRefusedError, RefusedError
from neonsync.postgres.scope import WHOLE, TargetScope
from neonsync.tables import DayForm, TableSpec

_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_TEXTS = ("string", "varchar")
_TARGET_INTEGERS = ("smallint", "integer", "bigint")
_TARGET_TEXTS = ("text", "varchar")
_WRITTEN = {DayForm.DASHED: r"\d{4}-\d{2}-\d{2}", DayForm.PLAIN: r"\d{8}", DayForm.NUMBER: r"\d{8}"}
_MOST_TIME_DIGITS = 6


def target_scope(
    table: Resolved,
    scope: Scope,
    catalogue: CatalogueTable | None,
    partitions: Sequence[Partition],
    *,
    compared: bool = False,
) -> TargetScope:
    """A run's scope in the target's own columns: never a row more than the source's filter takes.

    They are wanted for deletions, or with ``compared`` for a comparison.

    Raises:
        ConfigError: the target does not tell which of its rows are meant, or not as surely.
    """
    if not scope:
        return WHOLE
    spec = table.spec
    states: tuple[str, ...] = ()
    padded = False
    if scope.days:
        if spec.day is None:
            raise _not_told(table, scope, compared, "the target has no column for the date")
        if not _days_alike(table, catalogue, partitions):
            raise _not_told(
                table, scope, compared, "source and target write their dates too differently"
            )
    if scope.states:
        if spec.state_column is None:
            raise _not_told(table, scope, compared, "the target has no column for the state")
        written = _states_alike(table, scope.states)
        if written is None:
            raise _not_told(
                table, scope, compared, "source and target write their states too differently"
            )
        states, padded = written
    ranges = tuple((run.first, run.last) for run in scope.days.runs) if scope.days else ()
    return TargetScope(spec.day, ranges, spec.state_column, states, padded)


def _not_told(table: Resolved, scope: Scope, compared: bool, reason: str) -> ConfigError:
    name = table.config.name
    about = f"and the run is about a part of it ({scope}), but {reason}"
    if compared:
        return ConfigError(
            f"{name} is to be compared with its target, {about}",
            "Leave the filter out, or the table with --tables.",
        )
    return ConfigError(
        f"rows that {name} no longer has shall be deleted (on_missing), {about}: rows that are "
        "not meant could go with them",
        "Leave the filter out, or add --on-missing keep.",
    )


def _days_alike(
    table: Resolved, catalogue: CatalogueTable | None, partitions: Sequence[Partition]
) -> bool:
    """Whether a target's day is within a range exactly when the source's is."""
    source, target = table.day, table.spec.day
    if source is None or target is None:
        return False
    types = [table.spec.column(name) for name in target.columns]
    match source.form:
        case DayForm.DATE:
            return True
        case DayForm.TIMESTAMP:
            type_ = table.day_types[0]
            if type_.modifiers and type_.modifiers[0] > _MOST_TIME_DIGITS:
                return False  # rounded to microseconds, which may be the next day's
            # A moment has one day in UTC, but its text or date may be those of its own zone.
            return target.form is DayForm.TIMESTAMP or type_.base == "timestamp"
        case DayForm.PARTS:
            return all(
                column is not None
                and (
                    column.type.base in _TARGET_TEXTS
                    or (type_.base in _INTEGERS and column.type.base in _TARGET_INTEGERS)
                )
                for type_, column in zip(table.day_types, types, strict=True)
            )
        case DayForm.DASHED | DayForm.PLAIN | DayForm.NUMBER:
            column = types[0]
            texts = table.day_types[0].base not in _INTEGERS
            kept = _TARGET_TEXTS if texts else _TARGET_INTEGERS
            if column is not None and column.type.base in kept:
                return target.form is source.form
            # 2026-1-5 becomes the same date as 2026-01-05, and is filtered as another text.
            return target.form in (DayForm.DATE, DayForm.TIMESTAMP) and _strictly_written(
                source.columns[0], _WRITTEN[source.form], catalogue, partitions
            )


def _strictly_written(
    column: str, form: str, catalogue: CatalogueTable | None, partitions: Sequence[Partition]
) -> bool:
    """Whether all values of a column are known to have one form, as those of a partition key."""
    keys = [key.name for key in catalogue.partition_keys] if catalogue is not None else []
    if column not in keys or not partitions:
        return False
    values = {partition.values[keys.index(column)] for partition in partitions}
    return all(re.fullmatch(form, value, re.ASCII) for value in values - {NULL_PARTITION})


def _states_alike(table: Resolved, states: Sequence[str]) -> tuple[tuple[str, ...], bool] | None:
    """The states as the target writes them, and whether it may pad them; None when not surely."""
    column = table.spec.column(table.spec.state_column or "")
    if table.state is None or column is None:
        return None
    source, target = table.state.type.base, column.type.base
    if source in _INTEGERS and target in (*_TARGET_INTEGERS, *_TARGET_TEXTS):
        return tuple(str(int(state)) for state in states), False
    if source in _TEXTS and target in _TARGET_TEXTS:
        return tuple(states), False
    if source == "char" and target in (*_TARGET_TEXTS, "char"):
        return tuple(state.rstrip(" ") for state in states), True
    return None


def check_deletion(
    spec: TableSpec, *, exported: int, held: int, missing: int, allowed: float
) -> None:
    """Make sure that what is to be deleted is no accident.

    ``held`` rows of the target are within the run's scope, ``missing`` of them are not among the
    ``exported`` ones, and ``allowed`` percent may go.

    Raises:
        RefusedError: the export has no rows.
        DeletionRefusedError: it is more than that; what is loaded stays for the next run.
    """
    if not missing:
        return
    if not exported:
        raise RefusedError(
            f"the export of {spec.source} has no rows, and {missing:,} of {spec.qualified} would "
            "be deleted: an export without rows never deletes",
            "Look at the source and the filter; or add --on-missing keep.",
        )
    share = 100 * missing / held
    if missing * 100 > allowed * held:
        enough = min(100, int(share) + 1)
        raise DeletionRefusedError(
            f"{spec.source} no longer has {missing:,} of the {held:,} rows that {spec.qualified} "
            f"holds ({share:.1f} %): more than the {allowed:g} % that may be deleted",
            f"Look whether the source is whole. If it is: --allow-delete {enough}; to keep the "
            "rows: --on-missing keep. What is loaded is used again.",
        )
