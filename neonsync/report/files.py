"""The files of a run: its log, its reports for programs, and their pages for people.

The reports are the documents of ``report/documents.py``; the pages are made of them alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from neonsync.engine.events import Event, QueryProgress
from neonsync.errors import ConfigError
from neonsync.report.documents import RUNNING
from neonsync.report.html_page import html_page
from neonsync.report.markdown import markdown_page
from neonsync.report.replacing import replace_file
from neonsync.report.wording import describe_detail, printable
from neonsync.secret import Secret, redact

LOG_NAME = "etl-manual.log"
REPORT_NAME = "etl-report.json"
VALIDATION_NAME = "etl-validation-report.json"
HTML_NAME = "etl-report.html"
MARKDOWN_NAME = "etl-report.md"
_MODE = 0o644


class ReportFiles:
    """Writes the log while the run goes on, and both reports at its end."""

    def __init__(self, directory: Path, secrets: tuple[Secret, ...]) -> None:
        """Open the log; what stands there stays until ``begin``.

        When another run is writing to the directory, a folder below it is taken instead, so that
        the two do not spoil each other's; ``self.directory`` tells which it is.

        Raises:
            ConfigError: the directory cannot be written to; better known before than after.
        """
        self._secrets = secrets
        self._queries: dict[str, str] = {}
        try:
            self.directory, self._log = _open_log(directory)
        except OSError as error:
            raise _not_writable(directory, error) from error

    def begin(self) -> None:
        """Let log and reports begin anew.

        Raises:
            ConfigError: they cannot be written; better known before than after.
        """
        try:
            self._log.truncate(0)
            # Whatever stands there is of an earlier run; should this one be killed, it shows.
            write_documents(self.directory, *RUNNING)
            write_pages(self.directory, *RUNNING)
        except OSError as error:
            raise _not_writable(self.directory, error) from error

    def __call__(self, event: Event) -> None:
        """Write an event to the log; of a query only the changes of its state."""
        if isinstance(event, QueryProgress):
            if self._queries.get(event.query_id) == event.state:
                return
            self._queries[event.query_id] = event.state
        line = describe_detail(event)
        if line is not None:
            self.log(line)

    def log(self, line: str) -> None:
        """Write a line to the log, at once."""
        if self._log.closed:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # A full disk under the log is no reason to stop a sync.
        with contextlib.suppress(OSError):
            self._log.write(f"{now} {printable(redact(line, *self._secrets))}\n")
            self._log.flush()

    def close(self) -> None:
        """Close the log; what comes now is not in it."""
        self._log.close()


def write_documents(
    directory: Path, report: Mapping[str, Any], validation: Mapping[str, Any]
) -> tuple[Path, ...]:
    """Write both reports; returns their files.

    Raises:
        OSError: they cannot be written.
    """
    files = {REPORT_NAME: report, VALIDATION_NAME: validation}
    for name, content in files.items():
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
        replace_file(directory / name, text + "\n", _MODE)
    return tuple(directory / name for name in files)


def write_pages(
    directory: Path, report: Mapping[str, Any], validation: Mapping[str, Any]
) -> tuple[Path, ...]:
    """Write the pages of the reports; returns their files.

    Raises:
        OSError: they cannot be written.
    """
    files = {
        HTML_NAME: html_page(report, validation),
        MARKDOWN_NAME: markdown_page(report, validation),
    }
    for name, text in files.items():
        replace_file(directory / name, text, _MODE)
    return tuple(directory / name for name in files)


def _open_log(directory: Path) -> tuple[Path, TextIO]:
    directory.mkdir(parents=True, exist_ok=True)
    log = (directory / LOG_NAME).open("a", encoding="utf-8")
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.close()
        own = directory / f"run-{os.getpid()}"
        own.mkdir(exist_ok=True)
        return own, (own / LOG_NAME).open("w", encoding="utf-8")
    return directory, log


def _not_writable(directory: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the report directory {directory} cannot be written to: {error.strerror}",
        "Choose another one with --report-dir.",
    )
