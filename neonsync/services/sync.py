"""Runs and their plans, as the UI asks for them; what the engine wants is imported at a run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from neonsync.errors import ConfigError
from neonsync.services.context import Context, command_of
from neonsync.services.values import Compared, Job, RunReport, Talk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from neonsync.selection import Selection


class Sync:
    """Each method reads the configuration anew."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def base(self) -> Selection:
        """What configuration and environment select, before anything is chosen."""
        return self._context.base()

    def job(self, selection: Selection, branch_id: str = "", dates: Sequence[date] = ()) -> Job:
        """The run of a selection, its log opened; only into the branch of that id, if one is told.

        With ``dates`` it is about these days alone, as a repair is.

        Raises:
            ConfigError: the settings are wrong, or the reports cannot be written.
        """
        from neonsync.services.run import Run, job

        settings = self._context.chosen(selection)
        if dates:
            filters = replace(settings.filters, dates=tuple(dates))
            settings = replace(settings, filters=filters)
        run = Run(
            settings,
            self._context.environ,
            command=command_of(self._context, selection),
            via_branch=selection.via_branch,
            branch_id=branch_id,
        )
        return partial(job, run)

    def compare(self, selection: Selection, talk: Talk) -> Compared:
        """Compare what a selection selects of the branch with Athena, as both are now.

        Raises:
            NeonsyncError: the settings are wrong, a service cannot be reached, or it was stopped.
        """
        from neonsync.services.comparison import compare

        return compare(self._context, selection, talk)

    def config_path(self) -> Path:
        """The project's file: the one that is read, or that would be made."""
        from neonsync.services.config_file import project_file

        return project_file(self._context.config, self._context.environ)

    def save(self, selection: Selection, path: Path) -> str:
        """Write a selection into a configuration, with all else in it kept; says what was done."""
        from neonsync.services.config_file import save

        return save(selection, path, self._context.environ)

    def load(self, path: Path) -> Selection:
        """The selection that a configuration holds; it is a base for what is chosen above it."""
        return self._context.base(path)

    def html(self, report: RunReport) -> Path | None:
        """The report's page for a browser; None where there is no place to put it.

        The one beside the run's reports, if they are still this run's; else it is made anew of the
        documents, for its owner's eyes alone.

        Raises:
            ConfigError: it cannot be written.
        """
        from neonsync.report.files import HTML_NAME, REPORT_NAME
        from neonsync.report.html_page import html_page
        from neonsync.report.stored import store_page

        if report.directory is not None and _is_of(report, report.directory / REPORT_NAME):
            page = report.directory / HTML_NAME
            if page.is_file():
                return page
        text = html_page(report.report, report.validation)
        try:
            return store_page(report.run_id, text, self._context.environ)
        except OSError as error:
            raise ConfigError(
                f"the page cannot be written: {error.strerror or error}",
                "Write the reports into a directory of your choice.",
            ) from error

    def write_reports(self, report: RunReport, directory: Path) -> tuple[Path, ...]:
        """Write a run's reports and pages into a directory, and its log where that is still there.

        Raises:
            ConfigError: it cannot be written to.
        """
        from neonsync.report.files import LOG_NAME, REPORT_NAME, write_documents, write_pages

        documents = report.report, report.validation
        try:
            directory.mkdir(parents=True, exist_ok=True)
            # Asked beforehand: it may be the same directory.
            log = report.directory / LOG_NAME if report.directory is not None else None
            if log is not None and not _is_of(report, log.with_name(REPORT_NAME)):
                log = None
            written = [*write_documents(directory, *documents), *write_pages(directory, *documents)]
            if log is not None:
                if log.resolve() != (directory / LOG_NAME).resolve():
                    shutil.copyfile(log, directory / LOG_NAME)
                written.append(directory / LOG_NAME)
        except OSError as error:
            raise ConfigError(
                f"the reports cannot be written to {directory}: {error.strerror}",
                "Choose another directory.",
            ) from error
        return tuple(written)


def _is_of(report: RunReport, path: Path) -> bool:
    """Whether a report file is of the same run: a later one may have taken its place."""
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(there, dict) and there == dict(report.report)
