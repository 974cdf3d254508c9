"""Whether the states that a run asks for are in the lake: a typing slip must not sync nothing."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Protocol

from neonsync.athena.catalogue import CatalogueTable
from neonsync.athena.client import Athena
from neonsync.athena.partitions import NULL_PARTITION, Partition
from neonsync.athena.sample import values_in_files
from neonsync.athena.sql import distinct_values
from neonsync.engine.planning.resolve import Resolved
from neonsync.errors import ConfigError

STATES_SHOWN = 60
_NEAR = 5


class Lookable(Protocol):
    """What is known of a table: by a plan, or by the lake alone."""

    @property
    def resolved(self) -> Resolved:
        """The table, and which of its columns holds states."""

    @property
    def relation(self) -> str:
        """What stands after FROM."""

    @property
    def catalogue(self) -> CatalogueTable | None:
        """Its entry in the catalogue; None for a query."""

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Those that the catalogue has registered."""


def find_states(athena: Athena, tables: Sequence[Lookable]) -> tuple[str, ...]:
    """The states that stand in the tables, sorted.

    Partitions and a look into a few files answer for free, and may miss a state that is in none of
    these files. Athena is asked, one table after the other, only while nothing has told any.

    Raises:
        AthenaAccessError: the keys or the network.
    """
    free = {value for table in tables for look in _FREE for value in look(athena, table)}
    found = {value.rstrip(" ") for value in free} - {""}
    for table in tables:
        if not found:
            found = {value.rstrip(" ") for value in _in_table(athena, table)} - {""}
    return tuple(sorted(found))


def check_states(
    athena: Athena,
    tables: Sequence[Lookable],
    states: Sequence[str],
    words: Collection[str] = (),
) -> None:
    """Make sure that each state stands in one of the tables, which are filtered by them.

    Those of ``words`` might have been meant as tables.

    Partitions and a look into a few files answer for free. Only what they do not show is asked of
    Athena, which scans one column; what that query writes is deleted at once.

    Raises:
        ConfigError: a state is nowhere; the message names those that are there.
    """
    # 06 and 6 are one state where states are numbers.
    plain = {state: state.lstrip("0") or "0" if state.isdecimal() else state for state in states}
    missing = set(plain.values())
    there: set[str] = set()
    for look in (*_FREE, _in_table):
        for table in tables:
            if not missing:
                return
            found = {value.rstrip(" ") for value in look(athena, table)}
            found |= {value.lstrip("0") or "0" for value in found if value.isdecimal()}
            there |= found
            missing -= found
    if not missing:
        return
    unknown = [state for state in states if plain[state] in missing]
    state, names = unknown[0], _names(tables)
    near = _near(state, there)
    known = [*near, *sorted(there - set(near))]
    listed = ", ".join(known[:STATES_SHOWN]) + (" …" if len(known) > STATES_SHOWN else "")
    if state in words:
        what = f"{state!r} is neither a table nor a state of {names}"
    elif len(unknown) > 1:
        what = f"{', '.join(map(repr, unknown))} are no states of {names}"
    else:
        what = f"{state!r} is no state of {names}"
    none = f"{'It has' if len(tables) == 1 else 'They have'} no states at all."
    raise ConfigError(
        what,
        (f"Did you mean {near[0]!r}? " if near else "")
        + (f"The states there are: {listed}." if known else none),
    )


def _near(state: str, known: set[str]) -> list[str]:
    """What may have been meant, whatever its case, the nearest first."""
    folded: dict[str, list[str]] = {}
    for each in sorted(known):
        folded.setdefault(each.casefold(), []).append(each)
    near = difflib.get_close_matches(state.casefold(), folded, n=_NEAR, cutoff=0.6)
    return [each for match in near for each in folded[match]]


def _names(tables: Sequence[Lookable]) -> str:
    return ", ".join(table.resolved.spec.source for table in tables)


def _in_partitions(_: Athena, table: Lookable) -> set[str]:
    state, catalogue = table.resolved.state, table.catalogue
    if state is None or catalogue is None or state not in catalogue.partition_keys:
        return set()
    position = catalogue.partition_keys.index(state)
    found = {partition.values[position] for partition in table.partitions}
    return found - {NULL_PARTITION}


def _in_files(athena: Athena, table: Lookable) -> set[str]:
    state, catalogue = table.resolved.state, table.catalogue
    if state is None or catalogue is None or state in catalogue.partition_keys:
        return set()
    return values_in_files(athena, catalogue, table.partitions, state.name)


def _in_table(athena: Athena, table: Lookable) -> set[str]:
    state = table.resolved.state
    if state is None:
        return set()
    query = distinct_values(table.relation, state.name)
    private = bool(table.resolved.config.private)
    pending = athena.ask(query, athena.scratch_location(), lambda _: None, private=private)
    try:
        return {str(value) for (value,) in pending.future.result()}
    finally:
        pending.close()


_FREE = (_in_partitions, _in_files)
