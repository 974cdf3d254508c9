"""Resolve: a ``[[tables]]`` entry and the lake's columns become a table with nothing left open."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from neonsync.athena.catalogue import CatalogueColumn
from neonsync.columns import (
    SqlType,
    athena_kind,
    default_postgres,
)
from neonsync.digest import Field, Frame, rule_for
from neonsync.engine.names import check_names
from neonsync.engine.planning.projection import alias, day_text, exported, losses
from neonsync.errors import ConfigError
from neonsync.exporting import exported_type, rounding_note
from neonsync.postgres.names import fitted
from neonsync.tables import (
    ColumnSpec,
    Day,
    DayForm,
    IndexSpec,
    Mode,
    OnBadValue,
    OnDrift,
    Reference,
    TableConfig,
    TableSpec,
    TestDataRules,
)
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO

_TEXTS = ("string", "varchar", "char")
_INTEGERS = ("integer", "bigint")
_FORMATS = {form.value: form for form in (DayForm.DASHED, DayForm.PLAIN)}
_PARTS = ("year", "month", "day")
_TEST_COLUMNS = (
    ColumnSpec(
        TEST_FLAG, SqlType("boolean"), nullable=False, comment="true for a made row", default=True
    ),
    ColumnSpec(TEST_SCENARIO, SqlType("varchar", (100,))),
)
FormOf = Callable[[CatalogueColumn], DayForm | None]
"""How a text or number column writes its dates, or None when it is not known to hold any."""


@dataclass(frozen=True)
class Resolved:
    """A table, and how its source is asked for it.

    ``expressions`` are Athena's SQL and the exported name for each of the spec's columns that come
    from the lake, ``sources`` and ``types`` the lake's names and types of them. ``day`` and
    ``day_types`` are those of the source, for filters; the spec's own day is what its target
    shows, and ``day_text`` is Athena's SQL for that. ``losses`` are columns with Athena's condition
    for a value that becomes NULL, as it does not cast and the configuration wants that.
    """

    spec: TableSpec
    config: TableConfig
    expressions: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    types: tuple[SqlType, ...]
    day: Day | None
    day_types: tuple[SqlType, ...]
    day_text: str | None
    state: CatalogueColumn | None
    rules: TestDataRules
    warnings: tuple[str, ...]
    losses: tuple[tuple[str, str], ...] = ()
    lake: tuple[str, ...] = ()

    @property
    def frame(self) -> Frame:
        """The frame of the digest over all columns that are exported, as planned."""
        columns = zip(self.spec.columns, self.expressions, self.types, strict=True)
        fields = []
        for column, (_, alias_), lake in columns:
            source = exported_type(lake, column.type)
            rule = rule_for(source, column.type)
            fields.append(Field(column.name, alias_, rule, column.type, source))
        return Frame(tuple(fields))


def resolve(
    config: TableConfig,
    mode: Mode,
    columns: Sequence[CatalogueColumn],
    *,
    comment: str = "",
    form_of: FormOf = lambda _: None,
) -> Resolved:
    """Put together what is synced; ``columns`` are the lake's.

    Raises:
        ConfigError: a name is unknown, taken or too long, or a type leads nowhere.
        SourceError: a column of the lake cannot be copied.
    """
    lake = {column.name: column for column in columns}
    taken = _taken(config, lake)
    names = _Names(config, taken, lake)
    specs = {column.name: _column(config, names, column) for column in taken}
    key = tuple(names.target(name, "key") for name in config.key)
    for name in key:
        _make_not_null(specs, name)
    for name in config.not_null:
        _make_not_null(specs, names.target(name, "not_null"))
    day = _source_day(config, lake, form_of)
    target_day = _target_day(day, specs)
    state = _known(config, lake, config.state_column, "state_column")
    copied = tuple(specs.values())
    if mode is Mode.TEST_DATA:
        copied += _TEST_COLUMNS
    made = tuple(name for name in (config.id, config.created_at, config.updated_at) if name)
    spec = TableSpec(
        source=config.name,
        target=config.target_name,
        schema=config.schema,
        columns=copied,
        key=key,
        key_name=config.key_name or fitted(config.target_name, "_key" if config.id else "_pkey"),
        day=target_day,
        state_column=_target_state(state, specs),
        required_columns=tuple(names.target(name, "required") for name in config.required) or key,
        generated_id=config.id or None,
        created_column=config.created_at or None,
        updated_column=config.updated_at or None,
        indexes=tuple(
            names.index(index, (*made, *(column.name for column in copied)))
            for index in config.indexes.get(mode, ())
        ),
        references=tuple(_reference(names, *item) for item in config.references.items()),
        comment=comment,
        on_bad_value=config.on_bad_value or OnBadValue.FAIL,
        on_drift=config.on_drift or OnDrift.FAIL,
    )
    check_names(spec, made)
    return Resolved(
        spec=spec,
        config=config,
        expressions=tuple(
            (exported(column, spec, specs, day), alias(position, specs[column.name]))
            for position, column in enumerate(taken)
        ),
        sources=tuple(column.name for column in taken),
        types=tuple(column.type for column in taken),
        day=day,
        day_types=tuple(lake[name].type for name in day.columns) if day else (),
        day_text=day_text(target_day, day, lake, specs),
        state=state,
        rules=names.rules(config.test_data),
        losses=losses(taken, spec, specs, day),
        lake=tuple(lake),
        warnings=tuple(
            f"{config.name}: {note}"
            for column in taken
            if (note := rounding_note(column.name, column.type, specs[column.name].type))
        ),
    )


def configured_columns(config: TableConfig) -> tuple[CatalogueColumn, ...] | None:
    """The columns as the configuration alone tells them, or None when it leaves a type open.

    Enough for made rows, which need no lake.
    """
    names = config.columns or tuple(config.types)
    if not names or any(name not in config.types for name in names):
        return None
    return tuple(CatalogueColumn(name, athena_kind(config.types[name])) for name in names)


def _taken(config: TableConfig, lake: dict[str, CatalogueColumn]) -> list[CatalogueColumn]:
    for setting in ("columns", "exclude", "rename", "types"):
        renamed = set(config.rename.values()) if setting == "types" else set()
        for name in getattr(config, setting):
            if name not in renamed:
                _known(config, lake, name, setting)
    wanted = config.columns or tuple(lake)
    taken = [lake[name] for name in wanted if name not in config.exclude]
    if not taken:
        raise ConfigError(
            f"{config.name}: no column is left to copy", "Take a name out of exclude."
        )
    return taken


def _known(
    config: TableConfig, lake: dict[str, CatalogueColumn], name: str, setting: str
) -> CatalogueColumn | None:
    """The lake's column of a name, None for an empty name."""
    if not name:
        return None
    if name in lake:
        return lake[name]
    raise _unknown(config, setting, name, lake)


def _unknown(config: TableConfig, setting: str, name: str, there: Iterable[str]) -> ConfigError:
    near = difflib.get_close_matches(name, there, n=1)
    return ConfigError(
        f"{setting} of {config.name} names the column {name!r}, which is not there",
        f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(there)}.",
    )


class _Names:
    """Finds the target's name of a column that a configuration names in either way."""

    def __init__(
        self,
        config: TableConfig,
        taken: Sequence[CatalogueColumn],
        lake: Iterable[str],
    ) -> None:
        self._config = config
        self._lake = frozenset(lake)
        self.renamed = {
            column.name: config.rename.get(column.name, column.name) for column in taken
        }

    def target(self, name: str, setting: str) -> str:
        """The target's name; the lake's name counts first."""
        if name in self.renamed:
            return self.renamed[name]
        if name in self.renamed.values():
            return name
        if name in self._config.exclude or name in self._lake:
            raise ConfigError(
                f"{setting} of {self._config.name} names the column {name!r}, which columns or "
                "exclude leave out",
                "Let it be copied, or name another one.",
            )
        raise _unknown(self._config, setting, name, self.renamed)

    def index(self, index: IndexSpec, there: Sequence[str]) -> IndexSpec:
        """An index with the target's names; it may also stand on columns that neonsync makes."""

        def known(name: str) -> str:
            name = self.renamed.get(name, name)
            if name not in there:
                raise _unknown(self._config, f"the index {index.name}", name, there)
            return name

        where = index.where_not_null
        return IndexSpec(
            index.name, tuple(map(known, index.columns)), None if where is None else known(where)
        )

    def rules(self, rules: TestDataRules) -> TestDataRules:
        """Rules with the target's names."""

        def renamed(name: str | None) -> str | None:
            return None if name is None else self.renamed.get(name, name)

        return replace(
            rules,
            columns={
                self.renamed.get(name, name): replace(
                    rule, follows=renamed(rule.follows), of=renamed(rule.of)
                )
                for name, rule in rules.columns.items()
            },
        )


def _column(config: TableConfig, names: _Names, column: CatalogueColumn) -> ColumnSpec:
    name = names.renamed[column.name]
    declared = config.types.get(column.name)
    if declared is None and name not in names.renamed:
        declared = config.types.get(name)
    type_ = declared or default_postgres(column.type, column.name)
    return ColumnSpec(name, type_, comment=column.comment)


def _make_not_null(specs: dict[str, ColumnSpec], target: str) -> None:
    for name, spec in specs.items():
        if spec.name == target:
            specs[name] = ColumnSpec(spec.name, spec.type, nullable=False, comment=spec.comment)


def _source_day(
    config: TableConfig, lake: dict[str, CatalogueColumn], form_of: FormOf
) -> Day | None:
    if not config.date_column:
        return _partition_day(lake, form_of)
    for name in config.date_column:
        _known(config, lake, name, "date_column")
    if len(config.date_column) == 3:
        return Day(config.date_column, DayForm.PARTS)
    column = lake[config.date_column[0]]
    form = _FORMATS.get(config.date_format) or _form_by_type(column) or form_of(column)
    if form is not None:
        return Day((column.name,), form)
    if column.type.base in _TEXTS:
        raise ConfigError(
            f'how the date column "{column.name}" of {config.name} writes its dates is not known: '
            f"it is of type {column.type}",
            f"Add date_format: {' or '.join(map(repr, _FORMATS))}.",
        )
    raise ConfigError(
        f'the date column "{column.name}" of {config.name} is of type {column.type}, '
        "which holds no date",
        "Name a date, timestamp, text or whole number, or three columns for year, month and day.",
    )


def _partition_day(lake: dict[str, CatalogueColumn], form_of: FormOf) -> Day | None:
    """The day by which a table is partitioned, where its configuration names none."""
    keys = {column.name: column for column in lake.values() if column.partition}
    for column in keys.values():
        form = _form_by_type(column) if column.type.base == "date" else form_of(column)
        if form is DayForm.PLAIN and column.type.base in _INTEGERS:
            form = DayForm.NUMBER
        if form is not None:
            return Day((column.name,), form)
    if all(part in keys for part in _PARTS):
        return Day(_PARTS, DayForm.PARTS)
    return None


def _form_by_type(column: CatalogueColumn) -> DayForm | None:
    base = column.type.base
    if base == "date":
        return DayForm.DATE
    if base.startswith("timestamp"):
        return DayForm.TIMESTAMP
    return DayForm.NUMBER if base in _INTEGERS else None


def _target_day(day: Day | None, specs: dict[str, ColumnSpec]) -> Day | None:
    """How the target shows the day; None when it does not copy the columns."""
    if day is None or any(name not in specs for name in day.columns):
        return None
    columns = tuple(specs[name].name for name in day.columns)
    if day.form is DayForm.PARTS:
        return Day(columns, day.form)
    match specs[day.columns[0]].type.base:
        case "date":
            return Day(columns, DayForm.DATE)
        case "timestamp" | "timestamptz":
            return Day(columns, DayForm.TIMESTAMP)
        case "text" | "varchar" | "char":
            dashed = day.form in (DayForm.DATE, DayForm.TIMESTAMP)
            return Day(columns, DayForm.DASHED if dashed else day.form)
        case "smallint" | "integer" | "bigint":
            return Day(columns, day.form)
    return None  # as a double: each engine writes it in another way


def _target_state(state: CatalogueColumn | None, specs: dict[str, ColumnSpec]) -> str | None:
    """The target's state column; None where it has none whose values compare as text."""
    spec = specs.get(state.name) if state else None
    return None if spec is None or spec.type.base in ("real", "double precision") else spec.name


def _reference(names: _Names, column: str, parent: str) -> Reference:
    table, _, parent_column = parent.rpartition(".")
    qualified = table if "." in table else f"public.{table}"
    return Reference(names.target(column, "references"), qualified, parent_column)
