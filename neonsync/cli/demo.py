"""``neonsync demo``: a sandbox in a process of its own, and a real run against it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neonsync.cli.headless import run_headless
from neonsync.cli.loaded import loaded
from neonsync.cli.output import say
from neonsync.cli.sandbox import READY, existing_lake, read_env_file, require_sandbox
from neonsync.errors import ConfigError, ExitCode
from neonsync.history import HISTORY_VARIABLE

BRANCH = "demo"
STOP_SECONDS = 20.0

# What a user's shell may hold that would lead the demo's clients away from the sandbox.
_FOREIGN_PREFIXES = ("AWS_", "NEON", "ATHENA_", "TARGET_BRANCH", "DATA_MODE", "PG")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_FILTERS = ("TABLE_FILTER", "DATE_RANGE_DAYS")


def run_demo(
    rows: int, directory: Path | None, flags: Mapping[str, Any], *, as_json: bool = False
) -> ExitCode:
    """Start the sandbox, make the branch, sync, and say what to try next."""
    require_sandbox()
    say("Starting a sandbox of Athena, S3 and Neon on this machine …", err=True)
    with sandbox_process(directory, rows) as environment:
        _enter(environment)
        _ensure_branch()
        return run_headless(
            {**flags, "branch": BRANCH}, None, _next_steps(directory), as_json=as_json
        )


def open_demo(rows: int, directory: Path | None, flags: Mapping[str, Any]) -> int:
    """Start the sandbox, make the branch, and open the UI on them; what the process ends with.

    What the UI writes by itself (its configuration, reports) stays in the sandbox's folder.

    Raises:
        ConfigError: there is no terminal.
    """
    from neonsync.tui.start import leave_soon, open_ui, require_terminal

    command = "neonsync demo --headless"
    require_terminal(command, os.environ)
    require_sandbox()
    say("Starting a sandbox of Athena, S3 and Neon on this machine …", err=True)
    with sandbox_process(directory, rows) as environment:
        _enter(environment)
        home = Path(environment[HISTORY_VARIABLE]).parent
        config = home / "neonsync.toml"
        config.touch()
        own = {
            "XDG_CONFIG_HOME": str(home / "config"),
            "NEONSYNC_CONFIG": str(config),
            "NEONSYNC_REPORT_DIR": str(flags.get("report_dir") or home / "reports"),
        }
        if flags.get("jobs") is not None:
            own["NEONSYNC_JOBS"] = str(flags["jobs"])
        _ensure_branch()
        code = open_ui(None, (), command, own)
    leave_soon(code)
    return code


@contextlib.contextmanager
def sandbox_process(directory: Path | None, rows: int) -> Iterator[dict[str, str]]:
    """A sandbox in a child process, as far from the engine as AWS is; gives its environment.

    The history of what is done in it is kept in its folder.

    The child holds one end of a pipe and stops when it closes: it cannot outlive this process,
    and removes the temporary folder itself, even if this process is killed.
    """
    folder = Path(tempfile.mkdtemp(prefix="neonsync-demo-"))
    env_file, log = folder / "env", folder / "log"
    home = directory if directory is not None else folder / "sandbox"
    command = [
        *(sys.executable, "-m", "neonsync", "sandbox", "--until-stdin-closes"),
        *("--dir", str(home), "--rows", str(rows), "--env-file", str(env_file)),
        *("--remove-at-end", str(folder)),
    ]
    with log.open("wb") as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            # Ctrl-C is for the run, which needs the sandbox to roll back.
            start_new_session=True,
        )
    with child, log.open() as said:
        try:
            word, _, there = _line(child).partition(" ")
            if word != READY:
                child.wait(STOP_SECONDS)
                reason = said.read().strip().removeprefix("neonsync: ")
                raise ConfigError(f"the sandbox did not start: {reason}")
            if int(there) != rows and directory is not None:
                say(existing_lake(int(there)), err=True)
            # What is tried in a sandbox is not part of what was done to real branches.
            history = str(home.absolute() / "history.jsonl")
            yield {**read_env_file(env_file), HISTORY_VARIABLE: history}
        finally:
            if child.stdin is not None:
                child.stdin.close()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def _line(child: subprocess.Popen[bytes]) -> str:
    return child.stdout.readline().decode().strip() if child.stdout is not None else ""


def _enter(environment: Mapping[str, str]) -> None:
    """Make this process see the sandbox and nothing else."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN_PREFIXES) or name in _FILTERS or name.upper() in _PROXIES:
            del os.environ[name]
    os.environ.update(environment)
    # A file of the user's may name another branch, endpoint or profile.
    os.environ["NEONSYNC_CONFIG"] = os.devnull
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def _ensure_branch() -> None:
    from neonsync.neon.branches import Project

    project = Project(loaded({}, None).neon)
    if project.create(BRANCH).created:
        say(f"Created the branch {BRANCH}.", err=True)


def _next_steps(directory: Path | None) -> str:
    # As it was called: in a fresh venv that is not activated, the bare name is not found.
    called = sys.argv[0]
    program = (
        called if called.endswith("/neonsync") and not shutil.which("neonsync") else "neonsync"
    )
    if directory is None:
        return (
            "Next, keep the sandbox, and run twice to see the second run write nothing:\n"
            f"  {program} demo --headless --dir ./sandbox"
        )
    return (
        "Next, run it again (nothing has changed, so nothing is written), or serve it:\n"
        f"  {program} demo --headless --dir {directory}\n"
        f"  {program} sandbox --dir {directory} --env-file sandbox.env"
    )
