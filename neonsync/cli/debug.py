"""``--debug``: what neonsync asks of Neon and Postgres, line by line on stderr, without secrets."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from neonsync.who import in_actions

_LOGGER = logging.getLogger("neonsync")


class _Lines(logging.Handler):
    """Writes each record as a line. Of the libraries below none is asked: they show headers."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(logging.DEBUG)
        self._actions = in_actions(environ)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        from neonsync.cli.output import known, write_line
        from neonsync.report.github import inert
        from neonsync.report.wording import printable
        from neonsync.secret import redact

        moment = datetime.fromtimestamp(record.created, UTC)
        name = record.name.removeprefix("neonsync.").partition(".")[0]
        line = f"debug {moment:%H:%M:%S.%f} {name}: {record.getMessage()}"
        line = printable(redact(line, *known()))
        write_line(inert(line) if self._actions else line, err=True)


def debugging() -> bool:
    """Whether ``--debug`` was given."""
    return _LOGGER.isEnabledFor(logging.DEBUG)


def debug_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--debug``, which works by itself; before a command it works as well."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_switch_on,
        help="Tell on stderr each request to Neon and each statement for Postgres, no secrets.",
    )(command)


def _switch_on(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or debugging():
        return
    handler = _Lines(os.environ)
    level = _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.DEBUG)

    def switch_off() -> None:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)

    context.find_root().call_on_close(switch_off)
