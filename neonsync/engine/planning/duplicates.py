"""Duplicates: which of several rows of the source that have one key is the one to be synced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neonsync.athena.sql import FIRST_OF_ITS_KEY, identifier, numbered
from neonsync.engine.planning.resolve import Resolved
from neonsync.errors import ConfigError
from neonsync.tables import OnDuplicate


@dataclass(frozen=True)
class Chosen:
    """What stands after FROM, the conditions of the run's scope, and which of those rows count.

    ``kept`` is empty where all do.
    """

    relation: str
    conditions: Sequence[str]
    kept: str = ""

    @property
    def exported(self) -> list[str]:
        """The conditions of the export."""
        return [*self.conditions, *([self.kept] if self.kept else [])]


def one_of_each_key(
    relation: str,
    resolved: Resolved,
    expressions: Mapping[str, str],
    conditions: Sequence[str],
) -> Chosen:
    """The source with one row for each key, where that is wanted.

    Athena numbers the rows within the run's scope, by the table's order column and then by all
    copied columns, so that a second run and the count find the same row. ``expressions`` are
    Athena's SQL for the target's columns.

    Raises:
        ConfigError: the order column is not named, or not there.
    """
    config = resolved.config
    wanted = config.on_duplicate or OnDuplicate.FAIL
    if wanted is OnDuplicate.FAIL:
        return Chosen(relation, conditions)
    if not config.order_column:
        raise ConfigError(
            f'on_duplicate of {config.name} is "{wanted}", and no order_column tells which row '
            "that is",
            'Add order_column = "updated_at" to the table, or on_duplicate = "fail".',
        )
    if config.order_column not in resolved.lake:
        raise ConfigError(
            f"order_column of {config.name} names the column {config.order_column!r}, "
            "which is not there",
            f"There are: {', '.join(resolved.lake)}.",
        )
    direction = "DESC" if wanted is OnDuplicate.LAST else "ASC"
    order = [f"{identifier(config.order_column)} {direction} NULLS LAST", *expressions.values()]
    key = [expressions[name] for name in resolved.spec.key]
    return Chosen(numbered(relation, key, order, conditions), (), FIRST_OF_ITS_KEY)
