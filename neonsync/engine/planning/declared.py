"""What a user declares of a table beside how it is copied: its checks, its private columns."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from neonsync.engine.planning.resolve import Resolved
from neonsync.errors import ConfigError, DeclaredCheckError
from neonsync.tables import CheckKind, DeclaredCheck, Mode


def checks_of(
    checks: Sequence[DeclaredCheck], resolved: Resolved, mode: Mode
) -> tuple[DeclaredCheck, ...]:
    """Those of the table that are judged in the mode.

    Raises:
        DeclaredCheckError: a check names a column that is not copied, or wants a date of a table
            that has none.
    """
    spec = resolved.spec
    found = []
    for check in checks:
        if check.table != spec.qualified or mode not in check.modes:
            continue
        if check.kind is CheckKind.FRESH_DAYS and spec.day is None:
            raise DeclaredCheckError(
                f"the check {check.name!r} of {check.table} is about its newest date, "
                "and the table has no date_column",
                "Name its date_column, or leave the check out.",
            )
        what = f"the check {check.name!r} of {check.table}"
        more = " Of a column that the branch alone has, an expression can tell."
        columns = tuple(
            _target(resolved, name, DeclaredCheckError, what, more) for name in check.columns
        )
        found.append(replace(check, columns=columns))
    return tuple(found)


def private_of(resolved: Resolved) -> tuple[str, ...]:
    """The columns of the target whose values are not shown.

    Raises:
        ConfigError: one of them is not copied.
    """
    what = f"private of {resolved.config.name}"
    return tuple(_target(resolved, name, ConfigError, what) for name in resolved.config.private)


def _target(
    resolved: Resolved, name: str, error: type[ConfigError], what: str, more: str = ""
) -> str:
    """The target's name of a column that is called as in the target or as in the lake."""
    spec = resolved.spec
    made = (spec.generated_id, spec.created_column, spec.updated_column)
    there = [*(column.name for column in spec.columns), *filter(None, made)]
    if name in there:
        return name
    # In the order of the spec's columns, which has those of made rows after them.
    if name in resolved.sources:
        return spec.columns[resolved.sources.index(name)].name
    near = difflib.get_close_matches(name, there, n=1)
    raise error(
        f"{what} names the column {name!r}, which the run does not copy",
        (f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(there)}.") + more,
    )
