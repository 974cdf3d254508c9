"""Checks as a configuration declares them: ``[[checks]]``, read strictly."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from neonsync.errors import ConfigError
from neonsync.tables.checks import CheckKind, DeclaredCheck, Severity
from neonsync.tables.config import TableConfig
from neonsync.tables.reading import EntryReader
from neonsync.tables.spec import Mode

MOST_FRESH_DAYS = 36_500
BUILT_IN = (
    "table_existence",
    "record_count",
    "schema_validation",
    "data_integrity",
    "date_range",
    "index_verification",
    "performance",
    "completeness",
    "target_digest",
    "quality",
)
"""What checks are called that a table has anyway; a declared one has another name."""
COMMON_KEYS = ("table", "name", "severity", "modes", "show_values", "column")
_OF_ONE_COLUMN = (
    CheckKind.ACCEPTED_VALUES,
    CheckKind.BETWEEN,
    CheckKind.REGEX,
    CheckKind.REFERENCES,
)
_OF_COLUMNS = (CheckKind.NOT_NULL, CheckKind.UNIQUE)
_NAMED = (CheckKind.EXPRESSION, CheckKind.SQL)
"""Those whose text is too long to be a name."""


def parse_checks(
    entries: Any, origin: str, tables: Sequence[TableConfig]
) -> tuple[DeclaredCheck, ...]:
    """Read the value of ``checks``; ``origin`` names the file in messages.

    Raises:
        ConfigError: a key is unknown or missing, a value is of the wrong form, or a check is of a
            table that is none of ``tables``.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(
            f"checks in {origin} is not a list of checks",
            "Begin each with a line [[checks]], then table and what must hold.",
        )
    checks: list[DeclaredCheck] = []
    for number, entry in enumerate(entries, start=1):
        name = entry.get("name")
        said = f" ({name})" if isinstance(name, str) and name.isprintable() else ""
        reader = _Reader(f"checks[{number}]{said}", origin)
        check = reader.check(entry, tables)
        if any((each.table, each.name) == (check.table, check.name) for each in checks):
            raise reader.error(
                "name",
                f"is {check.name!r}, as another check of {check.table} is called",
                "Give one of them another name.",
            )
        checks.append(check)
    return tuple(checks)


@dataclass(frozen=True)
class _Reader(EntryReader):
    """Reads one entry of ``[[checks]]``."""

    def check(self, entry: Mapping[str, Any], tables: Sequence[TableConfig]) -> DeclaredCheck:
        kinds = [kind.value for kind in CheckKind]
        values = dict(self.known(entry, (*COMMON_KEYS, *kinds)))
        kind = self._kind([kind for kind in CheckKind if kind in values])
        columns = self._columns(kind, values)
        return DeclaredCheck(
            table=self._table(values.get("table"), tables),
            name=self._name(kind, columns, values.get("name")),
            kind=kind,
            severity=self.one_of(Severity, "severity", values.get("severity", "error")),
            columns=columns,
            text=self._text(kind, values[kind]),
            values=self._values(kind, values[kind]),
            days=self._days(values[kind]) if kind is CheckKind.FRESH_DAYS else 0,
            modes=self._modes(values.get("modes", [Mode.FULL.value])),
            show_values=self.flag("show_values", values.get("show_values", False)),
        )

    def _kind(self, found: Sequence[CheckKind]) -> CheckKind:
        if len(found) == 1:
            return found[0]
        what = f"has {found[0]} and {found[1]}" if found else "says of nothing that it must hold"
        raise self.error("", what, f"Give it one of {', '.join(CheckKind)}.")

    def _table(self, value: Any, tables: Sequence[TableConfig]) -> str:
        if value is None:
            raise self.error("table", "is missing", 'Name the table: table = "orders".')
        name = self.text("table", value)
        found = {_qualified(table) for table in tables if name in _targets(table)}
        found = found or {_qualified(table) for table in tables if name in _sources(table)}
        if len(found) == 1:
            return found.pop()
        if found:
            raise self.error(
                "table",
                f"is {name!r}, which goes into several tables",
                f"Name one of them: {', '.join(sorted(found))}.",
            )
        known = sorted(
            {each for table in tables for each in (*_targets(table), *_sources(table)) if each}
        )
        near = difflib.get_close_matches(name, known, n=1)
        listed = ", ".join(_qualified(table) for table in tables)
        raise self.error(
            "table",
            f"is {name!r}, which no table is called",
            f"Did you mean {near[0]!r}?" if near else f"The tables are: {listed}.",
        )

    def _name(self, kind: CheckKind, columns: Sequence[str], value: Any) -> str:
        if value is None and kind in _NAMED:
            raise self.error(
                "name", "is missing", 'Say in a few words what must hold: name = "totals add up".'
            )
        if value is None:
            return f"{kind}({', '.join(columns)})" if columns else "freshness"
        name = self.text("name", value)
        if not name.isprintable() or name in BUILT_IN:
            what = "which is no name" if name not in BUILT_IN else "as a check of every table is"
            raise self.error("name", f"is {name!r}, {what}", "Give it another name.")
        return name

    def _columns(self, kind: CheckKind, values: Mapping[str, Any]) -> tuple[str, ...]:
        column = values.get("column")
        if kind in _OF_ONE_COLUMN:
            if column is None:
                raise self.error(
                    "column", "is missing", f'Name the column that {kind} is for: column = "state".'
                )
            return (self.text("column", column),)
        if column is not None:
            there = f', and name it there: {kind} = ["{column}"]' if kind in _OF_COLUMNS else ""
            raise self.error("column", f"is not for {kind}", f"Leave it out{there}.")
        if kind not in _OF_COLUMNS:
            return ()
        given = values[kind]
        names = (self.text(kind, given),) if isinstance(given, str) else self.names(kind, given)
        if not names:
            raise self.error(kind, "names no column", f'Name one or some: {kind} = ["id"].')
        return names

    def _text(self, kind: CheckKind, value: Any) -> str:
        if kind not in (CheckKind.REGEX, CheckKind.REFERENCES, *_NAMED):
            return ""
        # Blanks are a part of a regular expression.
        text = self.text(kind, value) if kind is not CheckKind.REGEX else value
        if not isinstance(text, str) or not text or "\x00" in text:
            raise self.error(kind, f"is {value!r}: it must be a text in quotes")
        if kind is CheckKind.REFERENCES:
            if text.count(".") not in (1, 2) or not all(text.split(".")):
                raise self.error(
                    kind,
                    f"is {text!r}",
                    "It must look like table.column, or schema.table.column.",
                )
            return text if text.count(".") == 2 else f"public.{text}"
        return text.rstrip("; \n") if kind in _NAMED else text

    def _values(self, kind: CheckKind, value: Any) -> tuple[Any, ...]:
        if kind not in (CheckKind.ACCEPTED_VALUES, CheckKind.BETWEEN):
            return ()
        values = self.items(kind, value)
        for each in values:
            number = isinstance(each, int | float) and isfinite(each)
            if not number and not isinstance(each, str | bool | date | datetime | time):
                raise self.error(kind, f"has {each!r}, which no value of a column is")
        if kind is CheckKind.ACCEPTED_VALUES and not values:
            raise self.error(kind, "is empty", 'List the values: accepted_values = ["CA", "TX"].')
        if kind is CheckKind.BETWEEN:
            self._bounds(values)
        return tuple(values)

    def _bounds(self, values: Sequence[Any]) -> None:
        form = "Give the lowest value, then the highest one; both are included: between = [0, 100]."
        if len(values) != 2:
            raise self.error(CheckKind.BETWEEN, f"has {len(values)} values", form)
        low, high = values
        try:
            if low > high:
                raise self.error(CheckKind.BETWEEN, f"goes from {low} down to {high}", form)
        except TypeError:
            raise self.error(
                CheckKind.BETWEEN, f"has {low!r} and {high!r}, which do not compare", form
            ) from None

    def _days(self, value: Any) -> int:
        right = isinstance(value, int) and not isinstance(value, bool)
        if not right or not 0 <= value <= MOST_FRESH_DAYS:
            raise self.error(
                CheckKind.FRESH_DAYS,
                f"is {value!r}",
                f"It must be a whole number of days from 0 to {MOST_FRESH_DAYS}.",
            )
        return int(value)

    def _modes(self, value: Any) -> tuple[Mode, ...]:
        modes = tuple(self.one_of(Mode, "modes", each) for each in self.items("modes", value))
        if not modes or Mode.SCHEMA_ONLY in modes:
            raise self.error(
                "modes",
                f"is {value!r}",
                "Name full, test-data or both: a run of the schema alone brings no rows to judge.",
            )
        return modes


def _qualified(table: TableConfig) -> str:
    return f"{table.schema}.{table.target_name}"


def _targets(table: TableConfig) -> tuple[str, ...]:
    return _qualified(table), table.target_name


def _sources(table: TableConfig) -> tuple[str, ...]:
    return table.source, table.source.rpartition(".")[2]
