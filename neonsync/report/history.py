"""A run as an entry of the local history."""

from __future__ import annotations

from collections.abc import Mapping

from neonsync.engine.result import RunResult
from neonsync.history import RUN, Entry, append, origin
from neonsync.settings import Settings


def record_run(
    result: RunResult,
    settings: Settings,
    environ: Mapping[str, str],
    command: tuple[str, ...] = (),
) -> str:
    """Add a run to the history; returns a warning where that did not work."""
    written = sum(table.inserted + table.updated for table in result.published)
    entry = Entry(
        time=result.finished_at.isoformat(timespec="milliseconds"),
        kind=RUN,
        branch=result.branch,
        branch_id=result.branch_id,
        project=settings.neon.project_id,
        run_id=result.run_id,
        status=result.status,
        exit_code=int(result.exit_code),
        mode=str(result.mode),
        tables=result.tables,
        rows=written,
        seconds=round(result.seconds, 3),
        price=result.price,
        detail=result.error.message if result.error is not None else "",
        command=command,
        **origin(environ),
    )
    return append(entry, environ, settings.secrets)
