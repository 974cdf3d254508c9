"""Scope: which tables, states and days a run is about, from words that people type."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from neonsync.athena.filters import ALL_DATES, DateRange, among_states, in_range
from neonsync.engine.planning.resolve import Resolved
from neonsync.errors import ConfigError
from neonsync.settings import Filters
from neonsync.tables import Publish, TableConfig

WORDS_SHOWN = 20
_COMPARABLE = ("string", "varchar", "char", "tinyint", "smallint", "integer", "bigint")


@dataclass(frozen=True)
class Scope:
    """The rows of one table that a run is about. ``states`` is empty for all of them."""

    days: DateRange = ALL_DATES
    states: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.days) or bool(self.states)

    def __str__(self) -> str:
        """In words, empty for the whole table."""
        words = [str(self.days)] if self.days else []
        words += [", ".join(self.states)] if self.states else []
        return "; ".join(words)


EVERYTHING = Scope()


def choose(
    tables: Sequence[TableConfig], filters: Filters
) -> tuple[tuple[TableConfig, ...], tuple[str, ...]]:
    """The tables that the filters name, or all, and the states that they name.

    A word of the mixed filter is a table when one has the name, else a state.

    Raises:
        ConfigError: a name is no table's, or a word cannot be a state either.
    """
    named: list[TableConfig] = []
    for name in filters.tables:
        found = _named(tables, name)
        if not found:
            raise _no_table(tables, name, f"there is no table {name!r}")
        named += found
    words = []
    for word in filters.words:
        found = _named(tables, word)
        named += found
        if not found:
            words.append(word)
    states = [*filters.states, *words]
    chosen = tuple(table for table in tables if table in named) or tuple(tables)
    if states and not any(table.state_column and not table.whole for table in chosen):
        # A misspelt table comes first: it is one of those that were to have the states.
        if words:
            what = f"{words[0]!r} is no table, and no state: no table of the run has a state_column"
            raise _no_table(tables, words[0], what)
        raise ConfigError(
            f"states are asked for ({', '.join(filters.states)}), and no table of the run has a "
            "state_column",
            'Name the column under [[tables]]: state_column = "state"; or leave the states out.',
        )
    return chosen, tuple(dict.fromkeys(states))


def _named(tables: Sequence[TableConfig], name: str) -> list[TableConfig]:
    """All tables of a name: one source may go into two targets."""
    return [table for table in tables if name in _names(table)]


def _names(table: TableConfig) -> Iterator[str]:
    """What a table may be called: as source or as target, with or without what stands before."""
    for text in (table.source, table.target):
        if text:
            yield text
            yield text.rpartition(".")[2]
    yield table.target_name
    yield f"{table.schema}.{table.target_name}"


def _no_table(tables: Sequence[TableConfig], name: str, message: str) -> ConfigError:
    names = [table.source or table.target for table in tables]
    near = difflib.get_close_matches(name, names, n=1)
    listed = ", ".join(names[:WORDS_SHOWN])
    return ConfigError(
        message,
        (f"Did you mean {near[0]}? " if near else "")
        + f"The tables are: {listed}. Add another with neonsync tables add NAME.",
    )


def days_of(filters: Filters, today: date | None = None) -> DateRange:
    """The range of days that the filters ask for.

    ``days`` counts back from today in UTC: one day is yesterday, today and whatever is later, as
    a forecast has it.
    """
    if filters.dates:
        return DateRange.of(filters.dates)
    if filters.days is not None:
        now = today or datetime.now(UTC).date()
        return DateRange(first=now - timedelta(days=filters.days))
    return DateRange(filters.first, filters.last)


def scope_of(table: Resolved, days: DateRange, states: Sequence[str]) -> Scope:
    """What of a table a run is about.

    Raises:
        ConfigError: the table has nothing to be filtered by, or its states are numbers.
    """
    if table.config.whole or not (days or states):
        return Scope()
    name = table.config.name
    if days and table.day is None:
        raise ConfigError(
            f"dates are asked for ({days}), and {name} has no date_column",
            "Name its date_column; or add whole = true to copy it whole whatever dates are asked "
            "for; or leave it out with --tables.",
        )
    if states and table.state is None:
        raise ConfigError(
            f"states are asked for ({', '.join(states)}), and {name} has no state_column",
            "Name its state_column; or add whole = true to copy it whole whatever states are "
            "asked for; or leave it out with --tables.",
        )
    return Scope(days, tuple(states))


def check_replace(table: Resolved, publish: Publish, scope: Scope) -> None:
    """Make sure that nothing is replaced by a part of it.

    Raises:
        ConfigError: a table is to be replaced, and the run is about some of its rows.
    """
    if publish is Publish.REPLACE and scope:
        raise ConfigError(
            f"{table.config.name} is to be replaced, and the run is about a part of it ({scope}): "
            "all other rows would be gone",
            "Leave the filter out, or add --publish merge.",
        )


def conditions(table: Resolved, scope: Scope) -> list[str]:
    """Athena's SQL for a scope, with literals in the columns' own types.

    Raises:
        ConfigError: a state is no number where the column holds numbers.
    """
    found = []
    if scope.days and table.day is not None:
        found.append(in_range(table.day, table.day_types, scope.days))
    if scope.states and table.state is not None:
        if table.state.type.base not in _COMPARABLE:
            raise ConfigError(
                f'the state_column "{table.state.name}" of {table.config.name} is of type '
                f"{table.state.type}, which holds no states",
                "Name a text or a whole number.",
            )
        try:
            found.append(among_states(table.state.name, table.state.type, scope.states))
        except ValueError as error:
            raise ConfigError(
                f"{error.args[0]!r} is no state of {table.config.name}: its column "
                f'"{table.state.name}" holds whole numbers',
                "Give states as numbers.",
            ) from None
    return found
