"""What all services stand on: where the settings come from, and what they select by themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonsync.errors import ConfigError, NeonsyncError
from neonsync.secret import Secret, redact, secrets_of
from neonsync.selection import Selection

if TYPE_CHECKING:
    from neonsync.settings import Lake, Settings

_SECRET_VARIABLES = (
    "NEON_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


@dataclass(frozen=True)
class Context:
    """The environment, and the project's file when a flag named one.

    The files are read anew at each call, as somebody may have changed them.
    """

    environ: Mapping[str, str]
    config: Path | None = None

    def settings(
        self, flags: Mapping[str, Any] | None = None, config: Path | None = None
    ) -> Settings:
        """The settings; ``config`` takes the place of the file that was named first.

        Raises:
            ConfigError: something is missing, unknown or wrong.
        """
        from neonsync.settings import load_settings

        return load_settings(flags=flags or {}, environ=self.environ, config=config or self.config)

    def lake(self) -> Lake:
        """The part of the settings that tells of the lake; no branch needs to be reachable.

        Raises:
            ConfigError: something is unknown or wrong.
        """
        from neonsync.settings import load_lake

        return load_lake(environ=self.environ, config=self.config)

    def base(self, config: Path | None = None) -> Selection:
        """What configuration and environment select, before anything is chosen.

        Raises:
            ConfigError: something is missing, unknown or wrong.
        """
        return selection_of(self.settings(config=config), config or self.config)

    def chosen(self, selection: Selection) -> Settings:
        """The settings of a run of a selection.

        Raises:
            ConfigError: something is missing, unknown or wrong.
        """
        flags = selection.flags(self.base(selection.config))
        return self.settings(flags, selection.config)


def command_of(context: Context, selection: Selection) -> tuple[str, ...]:
    """The arguments that select the same again, from wherever it is called.

    The branch stands in them whatever is configured, and nothing that was confirmed: that was for
    one run.
    """
    try:
        base = context.base(selection.config)
    except ConfigError:  # what is wrong there, flags have set right
        base = Selection()
    if selection.branch:
        base = replace(base, branch="")
    config = selection.config.absolute() if selection.config is not None else None
    selection = replace(selection, config=config, confirm=base.confirm)
    return selection.arguments(base)


def selection_of(settings: Settings, config: Path | None) -> Selection:
    """What settings select; ``config`` is the file that a flag named."""
    filters, made = settings.filters, settings.test_data
    return Selection(
        branch=settings.branch,
        mode=settings.mode.value,
        words=filters.words,
        tables=filters.tables,
        states=filters.states,
        days=filters.days,
        first=filters.first,
        last=filters.last,
        rows=made.rows,
        seed=made.seed,
        scenario=made.scenario,
        publish=settings.publish.value,
        on_missing=settings.on_missing.value,
        validation=settings.validation.value,
        verify_target=settings.verify_target.value,
        allow_delete=settings.allow_delete,
        on_error=settings.on_error.value,
        jobs=settings.jobs,
        confirm=settings.confirm,
        report_dir=str(settings.report_dir),
        config=config,
    )


def known_secrets(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """The values that must not be shown, as far as the environment tells."""
    found = [Secret(environ[name]) for name in _SECRET_VARIABLES if environ.get(name)]
    address = environ.get("NEON_CONNECTION_STRING")
    return (*found, *secrets_of(None, Secret(address) if address else None))


@contextlib.contextmanager
def hidden(secrets: Iterable[Secret]) -> Iterator[None]:
    """Let the errors from within lose their secrets."""
    try:
        yield
    except NeonsyncError as error:
        error.message = redact(error.message, *secrets)
        raise
