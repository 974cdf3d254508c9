"""The plan: which branch, which tables, and the SQL that Athena will get. Writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from neonsync.athena import sql
from neonsync.athena.aggregates import DAY
from neonsync.athena.catalogue import CatalogueTable
from neonsync.athena.client import Athena
from neonsync.athena.filters import DateRange
from neonsync.athena.partitions import Partition
from neonsync.engine.names import check_apart
from neonsync.engine.planning.declared import checks_of, private_of
from neonsync.engine.planning.duplicates import Chosen, one_of_each_key
from neonsync.engine.planning.missing import target_scope
from neonsync.engine.planning.resolve import Resolved, configured_columns, resolve
from neonsync.engine.planning.scope import (
    EVERYTHING,
    Scope,
    check_replace,
    choose,
    conditions,
    days_of,
    scope_of,
)
from neonsync.engine.planning.source import Source, look_up
from neonsync.engine.planning.states import check_states
from neonsync.engine.planning.target import find_target, target_needs
from neonsync.neon.models import Branch, BranchAddress
from neonsync.postgres.scope import WHOLE, TargetScope
from neonsync.settings import Settings, VerifyTarget
from neonsync.tables import (
    DeclaredCheck,
    Mode,
    OnMissing,
    Publish,
    TableConfig,
    TableSpec,
    Validation,
)
from neonsync.testdata import TestData, TestTable

_FINGERPRINT_VERSION = 5  # raised when a left-over run of an older version cannot be continued


DUPLICATES = ""
"""In ``TablePlan.losses``, where no column's name is empty: rows that are left out, as another row
has their key."""


@dataclass(frozen=True)
class TablePlan:
    """One table: ``select`` is what is exported, ``count`` is Athena's independent word on it.

    ``relation`` is the source as it stands after FROM, ``by_day`` what is exported with the day of
    each row as one more column. All of them are empty where nothing is exported: then
    ``made_rows`` are made, or none. ``exported`` are the names of the columns in the exported
    files, in the order of the spec's columns. ``validation`` is how the copy is proved.
    ``losses`` names what ``count`` counts besides: columns whose values may become NULL,
    and ``DUPLICATES``. ``warnings`` tells of columns whose declared type cannot hold every value
    of the source's.
    ``publish`` is how its rows get in, ``on_missing`` what becomes of the target's rows within
    ``target_scope`` that its source no longer has. ``catalogue`` and ``partitions`` are what the
    lake says of a table; None for a query. ``checks`` are those that the user has declared.
    """

    spec: TableSpec
    resolved: Resolved
    relation: str = ""
    select: str = ""
    count: str = ""
    by_day: str = ""
    losses: tuple[str, ...] = ()
    exported: tuple[str, ...] = ()
    scope: Scope = EVERYTHING
    made_rows: int = 0
    warnings: tuple[str, ...] = ()
    catalogue: CatalogueTable | None = None
    partitions: tuple[Partition, ...] = ()
    publish: Publish = Publish.AUTO
    on_missing: OnMissing = OnMissing.KEEP
    target_scope: TargetScope = WHOLE
    validation: Validation = Validation.COUNTS
    checks: tuple[DeclaredCheck, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that a run will do. ``fingerprint`` tells whether a left-over run did the same.

    ``test_data`` makes the rows of the mode test-data; None in the others. ``run_id`` is the name
    of a new run, empty for one of its own making.
    """

    settings: Settings
    mode: Mode
    branch: Branch
    address: BranchAddress
    output_location: str
    tables: tuple[TablePlan, ...]
    fingerprint: str
    warnings: tuple[str, ...] = ()
    test_data: TestData | None = None
    run_id: str = ""

    @property
    def confirmation(self) -> str:
        """What has to be confirmed before a run of it, and how; empty where nothing has."""
        return target_needs(self.settings, self.address)


def make_plan(
    settings: Settings,
    say: Callable[[str], None] | None = None,
    *,
    reads: bool = False,
    compares: bool = False,
) -> Plan:
    """Resolve the branch and the tables. Blocks; contacts Neon and Athena, writes nowhere.

    ``say`` gets a line when Neon has to be waited for, in the thread of the caller.
    With ``reads`` nobody will write by it, and nothing needs to be confirmed. With ``compares`` it
    is a plan for comparing only, which reads, and knows the rows of the target within the scope.
    Athena is not asked in the mode test-data for tables whose columns are configured.

    Raises:
        ConfigError: the branch, the project, a table, a filter or a setting is wrong.
        RefusedError: the branch is the default or a protected one, is to be written, and was not
            confirmed.
        AccessError: Neon or AWS cannot be reached.
    """
    configs, states = choose(settings.tables, settings.filters)
    days = days_of(settings.filters)
    address, warnings = find_target(settings, say, reads=reads or compares)
    planner = _Planner(settings, days, states, compares)
    tables = tuple(planner.table(config) for config in configs)
    check_apart([table.spec for table in tables])
    exports = settings.mode is Mode.FULL
    if exports and states:
        filtered = [table for table in tables if table.scope.states]
        check_states(planner.athena, filtered, states, settings.filters.words)
    test_data = _test_data(settings, tables) if settings.mode is Mode.TEST_DATA else None
    return Plan(
        settings=settings,
        mode=settings.mode,
        branch=address.branch,
        address=address,
        output_location=planner.athena.output_location() if exports else "",
        tables=tables,
        fingerprint=_fingerprint(settings, address, tables),
        warnings=(
            *settings.notices,
            *warnings,
            *_passed_over(settings, days, states),
            *_not_verified(settings, tables),
        ),
        test_data=test_data,
    )


def _passed_over(settings: Settings, days: DateRange, states: Sequence[str]) -> list[str]:
    """What has no meaning where no rows of the lake are copied, as filters on them."""
    if settings.mode is Mode.FULL:
        return []
    asked = [str(each) for each in (days, ", ".join(states)) if each]
    publish = {table.publish for table in settings.tables} | {settings.publish}
    asked += ["publish = replace"] if Publish.REPLACE in publish else []
    on_missing = {table.on_missing for table in settings.tables} | {settings.on_missing}
    asked += ["on_missing = delete"] if OnMissing.DELETE in on_missing else []
    levels = {table.validation for table in settings.tables} | {settings.validation}
    asked += [f"validation = {each}" for each in Validation if each in levels - {Validation.EXACT}]
    asked += ["verify_target = all"] if settings.verify_target is VerifyTarget.ALL else []
    if not asked:
        return []
    return [
        f"the mode {settings.mode} copies no rows of the lake: {' and '.join(asked)} "
        f"{'has' if len(asked) == 1 else 'have'} no effect"
    ]


def _not_verified(settings: Settings, tables: Sequence[TablePlan]) -> list[str]:
    """What is proved without digests cannot be looked at by them once more."""
    if settings.mode is not Mode.FULL or settings.verify_target is not VerifyTarget.ALL:
        return []
    return [
        f"verify_target has no effect on {table.spec.qualified}, whose validation is "
        f"{table.validation}"
        for table in tables
        if table.validation is not Validation.EXACT
    ]


@dataclass
class _Planner:
    """Plans one table after the other; connects to Athena when the first one needs it."""

    settings: Settings
    days: DateRange
    states: tuple[str, ...]
    compares: bool = False
    _athena: Athena | None = None

    @property
    def athena(self) -> Athena:
        if self._athena is None:
            self._athena = Athena(self.settings.athena)
        return self._athena

    def table(self, config: TableConfig) -> TablePlan:
        table = self._table(config)
        checks = checks_of(self.settings.checks, table.resolved, self.settings.mode)
        spec = replace(table.spec, private=private_of(table.resolved))
        return replace(table, spec=spec, checks=checks)

    def _table(self, config: TableConfig) -> TablePlan:
        mode = self.settings.mode
        if mode is Mode.TEST_DATA:
            columns = configured_columns(config)
            if columns is not None:
                return self._made(resolve(config, mode, columns))
        return self._planned(look_up(self.athena, config, mode))

    def _planned(self, source: Source) -> TablePlan:
        resolved, relation = source.resolved, source.relation
        catalogue, partitions = source.catalogue, source.partitions
        if self.settings.mode is Mode.TEST_DATA:
            return self._made(resolved)
        if self.settings.mode is Mode.SCHEMA_ONLY:
            return TablePlan(resolved.spec, resolved, catalogue=catalogue, partitions=partitions)
        spec = resolved.spec
        scope = scope_of(resolved, self.days, self.states)
        publish = resolved.config.publish or self.settings.publish
        if not self.compares:
            check_replace(resolved, publish, scope)
        on_missing = resolved.config.on_missing or self.settings.on_missing
        deletes = on_missing is OnMissing.DELETE
        validation = resolved.config.validation or self.settings.validation
        chosen = conditions(resolved, scope)
        expressions = {
            column.name: expression
            for column, (expression, _) in zip(spec.columns, resolved.expressions, strict=True)
        }
        state = expressions.get(spec.state_column or "")
        rows = one_of_each_key(relation, resolved, expressions, chosen)
        losses = list(resolved.losses)
        if rows.kept:
            # A value of a row that is left out is none that was changed.
            losses = [(name, f"{rows.kept} AND {condition}") for name, condition in losses]
            losses.append((DUPLICATES, f"NOT {rows.kept}"))
        return TablePlan(
            spec=spec,
            resolved=resolved,
            relation=relation,
            select=sql.select_columns(rows.relation, resolved.expressions, rows.exported),
            count=sql.count_by(
                rows.relation,
                resolved.day_text,
                sql.as_text(state) if state else None,
                rows.conditions,
                kept=rows.kept,
                losses=[condition for _, condition in losses],
            ),
            by_day=by_day(resolved, rows),
            losses=tuple(name for name, _ in losses),
            exported=tuple(alias for _, alias in resolved.expressions),
            scope=scope,
            warnings=resolved.warnings,
            catalogue=catalogue,
            partitions=partitions,
            publish=publish,
            on_missing=on_missing,
            validation=validation,
            target_scope=target_scope(
                resolved, scope, catalogue, partitions, compared=self.compares
            )
            if deletes or self.compares
            else WHOLE,
        )

    def _made(self, resolved: Resolved) -> TablePlan:
        rows = self.settings.test_data.rows or resolved.rules.rows
        return TablePlan(resolved.spec, resolved, made_rows=rows)


def by_day(resolved: Resolved, rows: Chosen) -> str:
    """The SELECT of an export with the day of each row, as text."""
    day = (resolved.day_text or "CAST(NULL AS varchar)", DAY)
    return sql.select_columns(rows.relation, [*resolved.expressions, day], rows.exported)


def _test_data(settings: Settings, tables: Sequence[TablePlan]) -> TestData:
    return TestData(
        [TestTable(table.spec, table.resolved.rules, table.made_rows) for table in tables],
        seed=settings.test_data.seed,
        scenario=settings.test_data.scenario,
        last_day=_yesterday(),
    )


def _yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)


def _fingerprint(settings: Settings, address: BranchAddress, tables: tuple[TablePlan, ...]) -> str:
    made = settings.mode is Mode.TEST_DATA
    parts = [
        _FINGERPRINT_VERSION,
        address.branch.id,
        address.database,
        settings.mode,
        [
            [repr(table.spec), table.select, table.count, table.made_rows, table.validation]
            for table in tables
        ],
        # A query's names mean what the database, and the region's catalogue, hold.
        [] if made else [settings.athena.database, settings.athena.region],
        [repr(settings.test_data), str(_yesterday())] if made else [],
        [repr(table.resolved.rules) for table in tables] if made else [],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
