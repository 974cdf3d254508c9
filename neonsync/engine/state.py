"""Where a run stands: a pure reducer of events, polled by whatever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from neonsync.engine.events import (
    ChunkLoaded,
    ChunksPlanned,
    Event,
    IndexBuilt,
    Purpose,
    QueryProgress,
    RowsCopied,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TableFailed,
    TablePublished,
)


@dataclass(frozen=True)
class TableState:
    """One table; ``rows`` is None until the export is known.

    ``loaded_rows`` are committed in staging, ``copied_rows`` on their way there.
    ``scanned_bytes`` are the export's; the queries beside it are no part of its progress.
    """

    step: str = "waiting"
    rows: int | None = None
    loaded_rows: int = 0
    copied_rows: int = 0
    indexes: str = ""
    scanned_bytes: int = 0
    done: bool = False


@dataclass(frozen=True)
class RunState:
    """The whole run. ``step`` is the step that all tables share, or empty."""

    run_id: str = ""
    branch: str = ""
    step: str = ""
    status: str = "starting"
    tables: MappingProxyType[str, TableState] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def rows(self) -> int | None:
        """Rows of all tables, None while any is unknown."""
        rows = [table.rows for table in self.tables.values()]
        return None if None in rows else sum(row for row in rows if row is not None)

    @property
    def loaded_rows(self) -> int:
        """Rows of all tables that are in staging."""
        return sum(table.loaded_rows for table in self.tables.values())


def reduce(state: RunState, event: Event) -> RunState:
    """The state after an event."""
    match event:
        case RunStarted():
            return replace(
                state,
                run_id=event.run_id,
                branch=event.branch,
                status="running",
                tables=MappingProxyType({name: TableState() for name in event.tables}),
            )
        case StepStarted(table=""):
            return replace(state, step=event.step.value)
        case StepFinished(table=""):
            return replace(state, step="")
        case StepStarted():
            return _changed(state, event.table, step=event.step.value)
        case QueryProgress(purpose=Purpose.EXPORT):
            return _changed(state, event.table, scanned_bytes=event.scanned_bytes)
        case ChunksPlanned():
            return _changed(state, event.table, rows=event.rows, loaded_rows=event.loaded_rows)
        case ChunkLoaded():
            table = state.tables.get(event.table, TableState())
            return _changed(
                state,
                event.table,
                loaded_rows=table.loaded_rows + event.rows,
                copied_rows=max(table.copied_rows - event.rows, 0),
            )
        case RowsCopied():
            table = state.tables.get(event.table, TableState())
            return _changed(state, event.table, copied_rows=table.copied_rows + event.rows)
        case IndexBuilt():
            return _changed(state, event.table, indexes=f"{event.done} of {event.total}")
        case TablePublished():
            return _changed(state, event.table, step="published", done=True)
        case TableFailed():
            return _changed(state, event.table, step="failed", done=True)
        case RunFinished():
            return replace(state, status=event.status, step="")
        case _:
            return state


def _changed(state: RunState, name: str, **changes: Any) -> RunState:
    table = replace(state.tables.get(name, TableState()), **changes)
    return replace(state, tables=MappingProxyType({**state.tables, name: table}))
