"""The checks that a user has declared of a table, with the target's names of its columns."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from neonsync.engine.resolve import Resolved
from neonsync.errors import ConfigError
from neonsync.tables import CheckKind, DeclaredCheck, Mode


def checks_of(
    checks: Sequence[DeclaredCheck], resolved: Resolved, mode: Mode
) -> tuple[DeclaredCheck, ...]:
    """Those of the table that are judged in the mode.

    Raises:
        ConfigError: a check names a column that is not copied, or wants a date of a table that has
            none.
    """
    spec = resolved.spec
    made = (spec.generated_id, spec.created_column, spec.updated_column)
    there = [*(column.name for column in spec.columns), *filter(None, made)]
    lake = dict(zip(resolved.sources, (column.name for column in spec.columns), strict=False))

    def target(name: str, check: DeclaredCheck) -> str:
        if name in there:
            return name
        if name in lake:
            return lake[name]
        near = difflib.get_close_matches(name, there, n=1)
        raise ConfigError(
            f"the check {check.name!r} of {check.table} names the column {name!r}, "
            "which the run does not copy",
            (f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(there)}.")
            + " Of a column that the branch alone has, an expression can tell.",
        )

    found = []
    for check in checks:
        if check.table != spec.qualified or mode not in check.modes:
            continue
        if check.kind is CheckKind.FRESH_DAYS and spec.day is None:
            raise ConfigError(
                f"the check {check.name!r} of {check.table} is about its newest date, "
                "and the table has no date_column",
                "Name its date_column, or leave the check out.",
            )
        columns = tuple(target(name, check) for name in check.columns)
        found.append(replace(check, columns=columns))
    return tuple(found)
