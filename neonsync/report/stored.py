"""The reports of past runs, beside the history, so that old runs can be opened and run again.

A file for each run, for its owner's eyes alone; only the newest are kept. Like the history they are
a convenience: where they cannot be written, that is no reason to fail.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neonsync.history import history_path
from neonsync.report.replacing import replace_file
from neonsync.secret import Secret, redacted

KEPT = 200
_MODE = 0o600
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class StoredRun:
    """The documents of a run, where its files went, and the arguments that select the same."""

    report: Mapping[str, Any]
    validation: Mapping[str, Any]
    directory: str = ""
    command: tuple[str, ...] = ()


def runs_directory(environ: Mapping[str, str]) -> Path | None:
    """Where they are: beside the history. None where there is none, as with /dev/null."""
    path = history_path(environ)
    if path is None or (path.exists() and not path.is_file()):
        return None
    return path.parent / "runs"


def store_run(
    run_id: str, run: StoredRun, environ: Mapping[str, str], secrets: tuple[Secret, ...]
) -> str:
    """Keep a run; returns a warning where that did not work."""
    directory = runs_directory(environ)
    if directory is None or not _RUN_ID.fullmatch(run_id):
        return ""
    content = {
        "report": run.report,
        "validation": run.validation,
        "directory": run.directory,
        "command": list(run.command),
    }
    text = json.dumps(redacted(content, *secrets), ensure_ascii=False, default=str)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(directory / f"{run_id}.json", text + "\n", _MODE)
        _drop_oldest(directory)
    except OSError as error:
        return f"the reports could not be kept in {directory}: {error.strerror or error}"
    return ""


def stored_run(run_id: str, environ: Mapping[str, str]) -> StoredRun | None:
    """The documents of a run; None where they are gone or cannot be read."""
    directory = runs_directory(environ)
    if directory is None or not _RUN_ID.fullmatch(run_id):
        return None
    try:
        content = json.loads((directory / f"{run_id}.json").read_text(encoding="utf-8"))
        return StoredRun(
            dict(content["report"]),
            dict(content["validation"]),
            str(content.get("directory") or ""),
            tuple(map(str, content.get("command") or ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def store_page(run_id: str, page: str, environ: Mapping[str, str]) -> Path | None:
    """Keep a run's page beside its documents; returns its file, None where there is no place.

    Raises:
        OSError: it cannot be written.
    """
    directory = runs_directory(environ)
    if directory is None or not _RUN_ID.fullmatch(run_id):
        return None
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / f"{run_id}.html"
    replace_file(path, page, _MODE)
    _drop_oldest(directory)
    return path


def _drop_oldest(directory: Path) -> None:
    for pattern in ("*.json", "*.html"):
        found: list[tuple[float, Path]] = []
        for path in directory.glob(pattern):
            with contextlib.suppress(OSError):  # another run has dropped it
                found.append((path.stat().st_mtime, path))
        for _, path in sorted(found)[:-KEPT]:
            path.unlink(missing_ok=True)
