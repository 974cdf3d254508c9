"""The options of the plan: what each is called, when it counts, and what its values mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neonsync.settings import values


@dataclass(frozen=True)
class Option:
    """One setting of a run as the form shows it, under the name that it has in ``Selection``.

    ``read`` makes the value of what is typed, and raises ValueError. ``about`` tells what the
    values do. With ``choices``, one of them is chosen instead. ``empty`` stands in an empty line.
    """

    name: str
    label: str
    modes: frozenset[str]
    read: Callable[[str], Any]
    about: str
    choices: tuple[str, ...] = ()
    empty: str = ""


_MADE = frozenset({"test-data"})
_COPIED = frozenset({"full"})
_LOADED = _MADE | _COPIED

OPTIONS = (
    Option(
        "rows",
        "Rows",
        _MADE,
        values.rows,
        "How many rows are made for each table; empty, as many as the configuration says. A "
        "smaller number than before removes the rest.",
        empty="as each table says",
    ),
    Option(
        "seed",
        "Seed",
        _MADE,
        values.seed,
        "A number; the same one makes the same rows again.",
    ),
    Option(
        "scenario",
        "Scenario",
        _MADE,
        values.scenario,
        "What the made rows tell: one scenario, or all of them mixed.",
        values.SCENARIOS,
    ),
    Option(
        "publish",
        "Publish",
        _COPIED,
        values.publish,
        "How rows get into a table. auto: a new or empty one is swapped in, into others is merged. "
        "merge: always merged. replace: a full refresh whose generated ids may change; never with "
        "a filter.",
        ("auto", "merge", "replace"),
    ),
    Option(
        "on_missing",
        "Missing",
        _COPIED,
        values.on_missing,
        "Rows that the lake no longer has. keep: they stay. delete: those within the tables, "
        "states and days of the run are deleted in the same transaction.",
        ("keep", "delete"),
    ),
    Option(
        "allow_delete",
        "Delete %",
        _COPIED,
        values.percent,
        "With Missing delete: nothing is published where more than so many percent of a table's "
        "rows would go.",
    ),
    Option(
        "validation",
        "Proof",
        _COPIED,
        values.validation,
        "What is compared with Athena before anything is published. exact: every field of every "
        "row, by a digest for each date. aggregate: for each date and column the number of values, "
        "sums, bytes of texts, first and last of dates; Athena reads all columns once more for it, "
        "and bills that. counts: rows by date.",
        ("exact", "aggregate", "counts"),
    ),
    Option(
        "verify_target",
        "Verify",
        _COPIED,
        values.verify_target,
        "Where Proof is exact, the digest is taken once more of the published tables. changed: of "
        "the dates that a merge has written into. all: of all dates.",
        ("changed", "all"),
    ),
    Option(
        "on_error",
        "On error",
        _LOADED | {"schema-only"},
        values.on_error,
        "When a table fails. stop: none is published. continue: each table is published by itself, "
        "those that fail are reported, and the others go on.",
        ("stop", "continue"),
    ),
    Option(
        "jobs",
        "Jobs",
        _LOADED,
        values.jobs,
        "Connections that load a table side by side.",
    ),
)
"""What can be set beside tables, states, days and branch. A new option of the engine gets a field
in ``Selection`` and a row here."""
