"""What was done from this machine, and the reports of its runs."""

from __future__ import annotations

from pathlib import Path

from neonsync.history import history_path, read_history
from neonsync.services.context import Context
from neonsync.services.values import HistoryList, RunReport


class LocalHistory:
    """Files of this machine; nothing is asked of Neon."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def load(self) -> HistoryList:
        """All of it, the newest first."""
        found = read_history(self._context.environ)
        # Of two that ended at one moment, the one that was written last is the newer.
        entries = sorted(found.entries, key=lambda entry: entry.moment)[::-1]
        return HistoryList(tuple(entries), history_path(self._context.environ), found.notes)

    def report(self, run_id: str) -> RunReport | None:
        """The reports of a run that was done from this machine; None where they are gone."""
        from neonsync.report.stored import stored_run

        found = stored_run(run_id, self._context.environ)
        if found is None:
            return None
        directory = Path(found.directory) if found.directory else None
        return RunReport(found.report, found.validation, directory, found.command)
