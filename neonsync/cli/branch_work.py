"""What all commands about branches stand on: the project, and the confirmation at the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from neonsync.cli.loaded import loaded
from neonsync.cli.output import say
from neonsync.services.changes import Change, Done
from neonsync.services.work import Work, opened


@contextlib.contextmanager
def open_project(
    config: Path | None,
    *,
    flags: Mapping[str, Any] | None = None,
    database: str | None = None,
    role: str | None = None,
) -> Iterator[Work]:
    """The project of the settings, which speaks on stderr.

    Raises:
        ConfigError: the settings are wrong, or hold no API key.
    """
    settings = loaded(flags or {}, config)
    neon = settings.neon
    neon = replace(neon, database=database or neon.database, role=role or neon.role)
    with opened(replace(settings, neon=neon), os.environ, partial(say, err=True)) as work:
        yield work


def confirmed_by_name(work: Work, change: Change, confirm: str | None) -> Done:
    """Say what would be lost, have the name said once more, by the flag or at the terminal; do it.

    Raises:
        RefusedError: it was not.
    """
    if change.must_confirm:
        work.tell(change.warning)
        if confirm is None and sys.stdin.isatty() and sys.stderr.isatty():
            ask = "Type its name to go on"
            confirm = click.prompt(ask, default="", show_default=False, err=True)
    return change.carry_out(confirm)
