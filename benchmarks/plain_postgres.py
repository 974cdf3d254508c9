"""A Postgres as initdb makes it, with no setting changed: what the sandbox's branches are not.

Those keep their log for time travel, in files of 1 MB, which makes COPY some 40 % slower.
"""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from neonsync.sandbox.httpd import LOOPBACK
from neonsync.sandbox.neon.cluster import free_port
from neonsync.sandbox.neon.launcher import Launcher

SUPERUSER, ROLE, DATABASE = "postgres", "bench", "bench"
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Served:
    """Where a server answers, and its postmaster's process."""

    port: int
    password: str
    pid: int

    def uri(self, user: str = ROLE, *, port: int | None = None, sslmode: str = "disable") -> str:
        """The address for a role; another port is that of something in between."""
        place = f"{LOOPBACK}:{port or self.port}/{DATABASE}"
        return f"postgresql://{user}:{self.password}@{place}?sslmode={sslmode}"


class PlainPostgres:
    """Made in a folder, started, and stopped; both of its roles have one password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._launcher = Launcher(folder)

    def start(self) -> Served:
        """Make it and wait until it answers."""
        password = secrets.token_hex(16)
        data = self._folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, mode=0o700)
        file = self._folder / "password"
        file.touch(0o600)
        file.write_text(password)
        for path in (data, file):
            self._launcher.give(path)
        self._launcher.run(
            "initdb",
            *("--pgdata", str(data), "--username", SUPERUSER, "--pwfile", str(file)),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
        )
        file.unlink()
        port = free_port()
        self._process = self._launcher.serve(
            "postgres",
            *("-D", str(data), "-h", LOOPBACK, "-p", str(port), "-k", ""),
            log=self._folder / "postgres.log",
        )
        served = Served(port, password, self._process.pid)
        self._prepare(served)
        return served

    def stop(self) -> None:
        """Stop it without ado: its data are of no use any more."""
        self._process.terminate()
        self._process.wait()
        self._launcher.close()

    def _prepare(self, served: Served) -> None:
        deadline = time.monotonic() + _START_SECONDS
        uri = served.uri(SUPERUSER).replace(f"/{DATABASE}?", "/postgres?")
        while True:
            try:
                connection = psycopg.connect(uri, autocommit=True)
                break
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
        with connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(ROLE), sql.Literal(served.password)
                )
            )
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(ROLE)
                )
            )
