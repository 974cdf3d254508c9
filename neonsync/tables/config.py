"""Tables as a configuration names them: ``[[tables]]``, read strictly, with nothing looked up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from types import MappingProxyType
from typing import Any

from neonsync.columns import SqlType, is_loadable, parse_postgres
from neonsync.errors import ConfigError
from neonsync.tables.reading import EntryReader
from neonsync.tables.rules import DEFAULT_RULES, ColumnRule, TestDataRules
from neonsync.tables.spec import (
    IndexSpec,
    Mode,
    OnBadValue,
    OnDrift,
    OnDuplicate,
    OnMissing,
    Publish,
    Validation,
)


@dataclass(frozen=True)
class TableConfig:
    """One ``[[tables]]`` entry. Only ``source`` or ``query``, and ``key``, are needed.

    Columns are named as in the lake, or as ``rename`` calls them in the target; the one that is
    copied counts. ``columns`` takes these alone, in this order; ``exclude`` takes all but these.
    ``date_column`` is one name, or three for year, month and day. ``whole`` tells that the table is
    copied whole whatever dates and states a run asks for. ``private`` columns are copied, and no
    report shows their values. ``references`` maps a column to ``target.column`` of another table.
    ``publish``, ``validation`` and what begins with ``on_`` are None where the run's own counts;
    ``order_column`` tells which of several rows with a key is the last.
    """

    source: str = ""
    query: str = ""
    target: str = ""
    key: tuple[str, ...] = ()
    key_name: str = ""
    date_column: tuple[str, ...] = ()
    date_format: str = ""
    state_column: str = ""
    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    types: Mapping[str, SqlType] = field(default_factory=lambda: MappingProxyType({}))
    not_null: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    id: str = ""
    created_at: str = ""
    updated_at: str = ""
    whole: bool = False
    on_bad_value: OnBadValue | None = None
    on_duplicate: OnDuplicate | None = None
    on_drift: OnDrift | None = None
    order_column: str = ""
    publish: Publish | None = None
    on_missing: OnMissing | None = None
    validation: Validation | None = None
    indexes: Mapping[Mode, tuple[IndexSpec, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    references: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    test_data: TestDataRules = DEFAULT_RULES

    @property
    def schema(self) -> str:
        """The target's schema; ``public`` when the target names none."""
        return self.target.rpartition(".")[0] or "public"

    @property
    def target_name(self) -> str:
        """The target's name without its schema; the source's when no target is named."""
        return self.target.rpartition(".")[2] or self.source.rpartition(".")[2]

    @property
    def name(self) -> str:
        """What people call the entry."""
        return self.source or self.target or "the query"


DATE_FORMATS = ("2026-01-31", "20260131")


def preset() -> tuple[TableConfig, ...]:
    """What is synced when a configuration names no tables."""
    text = resources.files(__package__).joinpath("forecast.toml").read_text(encoding="utf-8")
    return parse_tables(tomllib.loads(text)["tables"], "the preset")


def parse_tables(entries: Any, origin: str) -> tuple[TableConfig, ...]:
    """Read the value of ``tables``; ``origin`` names the file in messages.

    Raises:
        ConfigError: a key is unknown or missing, or a value is of the wrong form.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(
            f"tables in {origin} is not a list of tables",
            "Begin each with a line [[tables]], then source and key.",
        )
    if not entries:
        raise ConfigError(f"tables in {origin} is empty", "Leave it out to sync the preset.")
    tables = tuple(
        _Reader(f"tables[{number}]", origin).table(entry)
        for number, entry in enumerate(entries, start=1)
    )
    targets = [f"{table.schema}.{table.target_name}" for table in tables]
    for number, target in enumerate(targets):
        if target in targets[:number]:
            raise ConfigError(
                f"tables[{targets.index(target) + 1}] and tables[{number + 1}] in {origin} have "
                f"the same target {target}",
                "Give one of them another target.",
            )
    return tables


@dataclass(frozen=True)
class _Reader(EntryReader):
    """Reads one entry of ``[[tables]]``."""

    def table(self, entry: Mapping[str, Any]) -> TableConfig:
        values = {name: _READ[name](self, name, value) for name, value in self.known(entry, _READ)}
        table = TableConfig(**values)
        if bool(table.source) == bool(table.query):
            what = "both source and query" if table.source else "neither source nor query"
            raise self.error("", f"has {what}", 'Name one: source = "orders".')
        if table.query and not table.target:
            raise self.error("", "has a query and no target", 'Add target = "orders".')
        if table.source.count(".") > 1 or table.target.count(".") > 1:
            raise self.error(
                "source" if table.source.count(".") > 1 else "target",
                "has more than one dot",
                "Write table, database.table or schema.table.",
            )
        if not table.key:
            raise self.error(
                "key",
                f"is missing: {table.name} has no key to tell its rows by",
                'Name the columns that identify a row: key = ["id"].',
            )
        both = sorted(set(table.columns) & set(table.exclude))
        if both:
            raise self.error("exclude", f"names {both[0]!r}, which columns names too")
        return table

    def date_column(self, name: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            return (self.text(name, value),)
        columns = self.names(name, value)
        if len(columns) not in (1, 3):
            raise self.error(name, f"is {value!r}: it must be one name, or year, month and day")
        return columns

    def date_format(self, name: str, value: Any) -> str:
        if value not in DATE_FORMATS:
            raise self.error(name, f"is {value!r}: it must be one of {', '.join(DATE_FORMATS)}")
        return str(value)

    def on_bad_value(self, name: str, value: Any) -> OnBadValue:
        return self.one_of(OnBadValue, name, value)

    def on_duplicate(self, name: str, value: Any) -> OnDuplicate:
        return self.one_of(OnDuplicate, name, value)

    def on_drift(self, name: str, value: Any) -> OnDrift:
        return self.one_of(OnDrift, name, value)

    def publish(self, name: str, value: Any) -> Publish:
        return self.one_of(Publish, name, value)

    def on_missing(self, name: str, value: Any) -> OnMissing:
        return self.one_of(OnMissing, name, value)

    def validation(self, name: str, value: Any) -> Validation:
        return self.one_of(Validation, name, value)

    def texts(self, name: str, value: Any) -> Mapping[str, str]:
        if not isinstance(value, dict):
            raise self.error(name, f"is {value!r}: it must be a table of names")
        return {key: self.text(f"{name}.{key}", item) for key, item in value.items()}

    def references(self, name: str, value: Any) -> Mapping[str, str]:
        for column, parent in self.texts(name, value).items():
            if "." not in parent:
                raise self.error(
                    f"{name}.{column}", f"is {parent!r}: it must look like table.column"
                )
        return self.texts(name, value)

    def types(self, name: str, value: Any) -> Mapping[str, SqlType]:
        types = {key: parse_postgres(text) for key, text in self.texts(name, value).items()}
        for key, type_ in types.items():
            if not is_loadable(type_):
                raise self.error(
                    f"{name}.{key}", f"is {value[key]!r}, which is no type that neonsync loads"
                )
        return types

    def indexes(self, name: str, value: Any) -> Mapping[Mode, tuple[IndexSpec, ...]]:
        if not isinstance(value, dict):
            raise self.error(name, f"is {value!r}: it must be a table of lists by mode")
        modes = {mode.value: mode for mode in Mode}
        return {
            modes[mode]: tuple(
                self._index(f"{name}.{mode}[{number}]", item)
                for number, item in enumerate(self.items(f"{name}.{mode}", items), start=1)
            )
            for mode, items in self.known(value, modes, name)
        }

    def test_data(self, name: str, value: Any) -> TestDataRules:
        known = ("rows", "days", "columns")
        entry = dict(self.known(self.mapping(name, value), known, name))
        columns = self.mapping(f"{name}.columns", entry.pop("columns", {}))
        for key, number in entry.items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise self.error(f"{name}.{key}", f"is {number!r}: it must be a number from 1 on")
        rules = {
            column: self._rule(f"{name}.columns.{column}", rule) for column, rule in columns.items()
        }
        return TestDataRules(**entry, columns=rules)

    def _index(self, name: str, value: Any) -> IndexSpec:
        known = ("name", "columns", "where_not_null")
        entry = dict(self.known(self.mapping(name, value), known, name))
        if "name" not in entry or not entry.get("columns"):
            raise self.error(name, "needs name and columns")
        where = entry.get("where_not_null")
        return IndexSpec(
            self.text(f"{name}.name", entry["name"]),
            self.names(f"{name}.columns", entry["columns"]),
            None if where is None else self.text(f"{name}.where_not_null", where),
        )

    def _rule(self, name: str, value: Any) -> ColumnRule:
        known = {item.name: item.type for item in fields(ColumnRule)}
        entry = dict(self.known(self.mapping(name, value), known, name))
        for key, item in entry.items():
            wanted: tuple[type, ...] = {
                "values": (list,),
                "count": (int,),
                "follows": (str,),
                "of": (str,),
                "demand": (bool,),
            }.get(key, (int, float))
            right = isinstance(item, wanted) and (bool in wanted or not isinstance(item, bool))
            if not right or (key == "count" and item < 1) or (key == "values" and not item):
                raise self.error(f"{name}.{key}", f"is {item!r}, which it cannot be")
        if "values" in entry:
            entry["values"] = tuple(entry["values"])
        if not 0 <= entry.get("null_share", 0) <= 1:
            raise self.error(f"{name}.null_share", "must be from 0 to 1")
        if entry.get("low", 0) > entry.get("high", entry.get("low", 0)):
            raise self.error(f"{name}.low", "is above high")
        return ColumnRule(**entry)


_READ: Mapping[str, Any] = {
    "source": _Reader.text,
    "query": _Reader.text,
    "target": _Reader.text,
    "key": _Reader.names,
    "key_name": _Reader.text,
    "date_column": _Reader.date_column,
    "date_format": _Reader.date_format,
    "state_column": _Reader.text,
    "columns": _Reader.names,
    "exclude": _Reader.names,
    "rename": _Reader.texts,
    "types": _Reader.types,
    "not_null": _Reader.names,
    "required": _Reader.names,
    "private": _Reader.names,
    "id": _Reader.text,
    "created_at": _Reader.text,
    "updated_at": _Reader.text,
    "whole": _Reader.flag,
    "on_bad_value": _Reader.on_bad_value,
    "on_duplicate": _Reader.on_duplicate,
    "on_drift": _Reader.on_drift,
    "order_column": _Reader.text,
    "publish": _Reader.publish,
    "on_missing": _Reader.on_missing,
    "validation": _Reader.validation,
    "indexes": _Reader.indexes,
    "references": _Reader.references,
    "test_data": _Reader.test_data,
}
