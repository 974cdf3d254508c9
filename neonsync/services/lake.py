"""The tables that a run could take, the states in them, and what a run would do with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from neonsync.errors import AccessError, NeonsyncError
from neonsync.secret import redact
from neonsync.services.context import Context, hidden, known_secrets
from neonsync.services.values import LakeTable, PlanPreview, TablePreview

if TYPE_CHECKING:
    from neonsync.athena.client import Athena
    from neonsync.engine import preview as engine
    from neonsync.engine.planning.source import Source
    from neonsync.selection import Selection
    from neonsync.settings import AthenaSettings
    from neonsync.tables import TableConfig


class Lake:
    """Looks; writes nothing. What AWS wants of a client is imported when it is first asked."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._made: tuple[AthenaSettings, Athena] | None = None

    def tables(self) -> tuple[LakeTable, ...]:
        """The configured tables, from the configuration alone."""
        return tuple(map(_unseen, self._context.lake().tables))

    def look(self, table: LakeTable) -> LakeTable:
        """The table with its size and newest date; with ``problem`` when that is not to be had."""
        from neonsync.engine.planning.source import look_up
        from neonsync.tables import Mode

        try:
            lake = self._context.lake()
            config = next(each for each in lake.tables if _unseen(each).target == table.target)
            athena = self._athena(lake.athena)
            return _measured(_unseen(config), athena, look_up(athena, config, Mode.FULL))
        except StopIteration:
            return replace(table, problem="it is not in the configuration any more")
        except NeonsyncError as error:
            if isinstance(error, AccessError):
                self._forget()
            return replace(table, problem=self._redact(error.message))

    def states(self, tables: Sequence[str]) -> tuple[str, ...]:
        """The states in the data of these tables, sorted; of all tables when none is named."""
        from neonsync.engine.planning.source import look_up
        from neonsync.engine.planning.states import find_states
        from neonsync.tables import Mode

        lake = self._context.lake()
        wanted = [
            config
            for config in lake.tables
            if config.state_column and (not tables or config.name in tables)
        ]
        if not wanted:
            return ()
        athena = self._athena(lake.athena)
        try:
            with hidden(known_secrets(self._context.environ)):
                return find_states(athena, [look_up(athena, each, Mode.FULL) for each in wanted])
        except AccessError:
            self._forget()
            raise

    def preview(self, selection: Selection) -> PlanPreview:
        """The plan with its price."""
        from neonsync.engine.plan import make_plan
        from neonsync.engine.preview import preview
        from neonsync.report.preview import as_text

        settings = self._context.chosen(selection)
        if selection.via_branch:
            from neonsync.services.via_branch import settings_to_plan

            settings = settings_to_plan(settings, settings.branch)
        secrets = (*settings.secrets, *known_secrets(self._context.environ))
        with hidden(secrets):
            found = asyncio.run(preview(make_plan(settings, reads=True)))
        return _as_values(found, redact(as_text(found), *secrets))

    def _athena(self, settings: AthenaSettings) -> Athena:
        """One client for all threads, made anew when the settings have changed."""
        from neonsync.athena.client import Athena

        with self._lock:
            if self._made is None or self._made[0] != settings:
                self._made = (settings, Athena(settings))
            return self._made[1]

    def _forget(self) -> None:
        """Let the next call read AWS's keys again: those of a profile may be new by then."""
        with self._lock:
            self._made = None

    def _redact(self, text: str) -> str:
        return redact(text, *known_secrets(self._context.environ))


def _unseen(config: TableConfig) -> LakeTable:
    return LakeTable(
        source=config.name,
        target=f"{config.schema}.{config.target_name}",
        date_column=", ".join(config.date_column),
        state_column=config.state_column,
    )


def _measured(table: LakeTable, athena: Athena, source: Source) -> LakeTable:
    """With what the files tell; of a query they tell nothing."""
    from neonsync.athena.filters import ALL_DATES
    from neonsync.athena.partitions import files_to_read
    from neonsync.athena.sample import sample_footers

    if source.catalogue is None:
        return table
    files = files_to_read(athena, source.catalogue, source.partitions, None, ALL_DATES, None)
    # As the plan estimates them: two figures of one table would make both doubtful.
    sample = sample_footers(athena.s3, files.objects)
    rows = None if files.objects else 0
    if sample is not None:
        rows = sample.rows_in(files.bytes)
    newest = max(_days(source), default=None)
    return replace(
        table,
        rows=rows,
        bytes=files.bytes,
        newest=newest.isoformat() if newest is not None else _told(source, files.newest),
    )


def _days(source: Source) -> Iterator[date]:
    """The days of the registered partitions, where partitions are days."""
    from neonsync.athena.partitions import day_of_values

    day, catalogue = source.resolved.day, source.catalogue
    if day is None or catalogue is None:
        return
    keys = [column.name for column in catalogue.partition_keys]
    for partition in source.partitions:
        found = day_of_values(keys, partition.values, day)
        if found is not None:
            yield found


def _told(source: Source, newest: str) -> str:
    """The newest partition, ``key=value/key=value``, as a day where it is one."""
    from neonsync.athena.partitions import day_of_values

    pairs = [part.partition("=") for part in newest.split("/")]
    keys, values = [key for key, _, _ in pairs], [value for _, _, value in pairs]
    day = source.resolved.day
    found = day_of_values(keys, values, day) if day is not None else None
    return found.isoformat() if found is not None else newest


def _as_values(found: engine.Preview, text: str) -> PlanPreview:
    from neonsync.report.preview import warnings_of

    plan = found.plan
    tables = tuple(map(_table, found.tables))
    estimates = [table.estimate for table in found.tables if table.estimate is not None]
    return PlanPreview(
        branch=plan.branch.name,
        database=plan.address.database,
        tables=tables,
        rows=_sum(table.rows for table in tables),
        scanned_bytes=_sum(estimate.scanned_bytes for estimate in estimates),
        billed_bytes=_sum(estimate.billed_bytes for estimate in estimates),
        price=found.price,
        warnings=(*plan.warnings, *(w for table in found.tables for w in warnings_of(table))),
        text=text,
    )


def _table(found: engine.TablePreview) -> TablePreview:
    from neonsync.report.preview import dates_of

    estimate, made = found.estimate, found.table.made_rows
    shown = TablePreview(
        source=found.table.spec.source,
        target=found.table.spec.qualified,
        method=found.method,
        reason=found.reason,
    )
    if estimate is None:
        # Nothing is read: rows are made, or there are none.
        return replace(shown, rows=made, rows_exact=True, billed_bytes=0)
    return replace(
        shown,
        rows=estimate.rows,
        rows_exact=estimate.exact,
        billed_bytes=estimate.billed_bytes,
        note=estimate.note,
        dates=dates_of(found),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    """The sum; None when a part of it is not known."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
