"""A branch's data directory and the Postgres server that works on it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from neonsync.sandbox.httpd import LOOPBACK
from neonsync.sandbox.neon import history
from neonsync.sandbox.neon.errors import SandboxError
from neonsync.sandbox.neon.launcher import Launcher

ADMIN = "cloud_admin"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.01
# Below the range from which systems take the ports of outgoing connections: a server that is
# stopped for a moment finds its port again.
_PORTS = range(20_000, 32_000)
_LOCALES = ("C.UTF-8", "C")


class Cluster:
    """One Postgres of its own; made empty or as a copy of another, then started and stopped."""

    def __init__(
        self, folder: Path, launcher: Launcher, admin_password: str, *, durable: bool = True
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._log = folder / "postgres.log"
        self._launcher = launcher
        self._admin_password = admin_password
        self._settings = [f"wal_keep_size={history.KEPT}"]
        if not durable:
            self._settings.append("fsync=off")
        self.lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def create(self) -> None:
        """Make an empty cluster with a superuser of ours."""
        password_file = self.folder / "password"
        self._prepare()
        password_file.touch(0o600)
        password_file.write_text(self._admin_password)
        try:
            self._launcher.give(password_file)
            for locale in _LOCALES:
                try:
                    self._initdb(locale, password_file)
                    return
                except SandboxError:
                    if locale == _LOCALES[-1]:
                        raise
        finally:
            password_file.unlink()

    def copy(self, parent: Cluster) -> None:
        """Become a copy of another cluster as it is now; a running one is not disturbed."""
        with parent.lock:
            running, port = parent.running, parent.port
            if not running:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
                history.copy_stopped(parent.data, self.data, self._launcher)
                return
        self._prepare()
        self._launcher.run(
            "pg_basebackup",
            *("--pgdata", str(self.data), "--checkpoint=fast", "--wal-method=stream"),
            *("--no-sync", "--no-manifest", "--no-password"),
            *("--host", LOOPBACK, "--port", str(port), "--username", ADMIN),
            secrets={"PGPASSWORD": self._admin_password},
        )

    def save_base(self) -> None:
        """Keep the data as they are now: this branch's history begins here. It must be stopped."""
        history.save_base(self.folder, self._launcher)

    def recover(self, chain: Sequence[Cluster], moment: history.Moment, port: int) -> None:
        """Become what the last of the chain was at a moment; the server runs afterwards."""
        self._prepare()
        folders = [cluster.folder for cluster in chain]

        def start(settings: Iterable[str]) -> None:
            self._log.unlink(missing_ok=True)
            self.start(port, settings=settings)

        history.replay(folders, self.data, moment, self._launcher, start)

    def last_position(self) -> str | None:
        """Where the log of a stopped server ends, or None when there are no data."""
        return history.end_of_log(self.data, self._launcher) if self.data.is_dir() else None

    def mark(self) -> None:
        """Write a commit to the log, behind everything that was committed so far."""
        with self.connect() as connection:
            connection.execute("SELECT pg_logical_emit_message(true, 'sandbox', 'mark')")

    def follow(self, primary_port: int | None) -> None:
        """Be a replica of the server at a port when started next; None follows nobody."""
        (self.data / "standby.signal").touch(0o600)
        if primary_port:
            primary = f"host={LOOPBACK} port={primary_port} user={ADMIN} sslmode=disable"
            with (self.data / "postgresql.auto.conf").open("a") as file:
                file.write(f"primary_conninfo = '{primary} password={self._admin_password}'\n")

    def take(self, other: Cluster) -> None:
        """Replace what is here by another cluster's folder; both must be stopped."""
        self.remove()
        other.folder.rename(self.folder)

    def start(
        self, port: int | None, taken: Collection[int] = (), settings: Iterable[str] = ()
    ) -> int:
        """Start the server, on the port when it is free, else on another; returns which."""
        options = [word for setting in (*self._settings, *settings) for word in ("-c", setting)]
        with self.lock:
            end_left_over(self.data)
            self._launcher.give(self.data)
            self.port = port if port and _is_free(port) else free_port(taken)
            self._process = self._launcher.serve(
                "postgres",
                *("-D", str(self.data), "-h", LOOPBACK, "-p", str(self.port), "-k", ""),
                *options,
                log=self._log,
            )
            self._await_ready(self._process)
            return self.port

    def stop(self) -> None:
        """Stop the server: connections drop, nothing is lost. Safe when it does not run."""
        with self.lock:
            if self._process is None:
                return
            for order, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0)):
                if self._process.poll() is None:
                    self._process.send_signal(order)
                try:
                    self._process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    continue
            else:
                self._process.kill()
                self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop the server and delete its data."""
        with self.lock:
            self.stop()
            end_left_over(self.data)
            shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection as the superuser, in autocommit."""
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=ADMIN,
            password=self._admin_password,
            dbname=database,
            sslmode="disable",
            connect_timeout=10,
            autocommit=True,
        )

    def _prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        self._launcher.give(self.data)

    def _initdb(self, locale: str, password_file: Path) -> None:
        self._launcher.run(
            "initdb",
            *("--pgdata", str(self.data), "--username", ADMIN, "--pwfile", str(password_file)),
            *("--auth=scram-sha-256", "--encoding=UTF8", f"--locale={locale}", "--no-sync"),
            *("--set=timezone=GMT", "--set=log_timezone=GMT", "--set=max_connections=100"),
            # Each clone begins a new file of the log, and all are kept: small files, and the
            # other limits as they are with files of the usual size.
            *("--wal-segsize=1", "--set=min_wal_size=80MB", "--set=max_wal_size=1GB"),
            # Passwords that the sandbox gives are long and random: to stretch them makes each login
            # slow, no safer. One that somebody sets by SQL is as safe as it is long.
            "--set=scram_iterations=1",
        )

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while _status(self.data, process.pid) != "ready":
            if process.poll() is not None:
                raise SandboxError(f"Postgres did not start: {_tail(self._log)}")
            if time.monotonic() > deadline:
                self.stop()
                raise SandboxError(f"Postgres was not ready in {_START_SECONDS:.0f} seconds.")
            time.sleep(_POLL_SECONDS)


def free_port(taken: Collection[int] = ()) -> int:
    """A port that nobody listens on and that is not among those taken."""
    for _ in range(1000):
        port = secrets.choice(_PORTS)
        if port not in taken and _is_free(port):
            return port
    raise SandboxError("No free port was found for Postgres on this machine.")


def end_left_over(data: Path) -> None:
    """Stop a server that a killed sandbox left on this data directory, and clear its pid file.

    Only a process whose command line is Postgres on this very directory is touched; another
    one that has taken the number since then is let be.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if _is_server(pid, data):
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + _STOP_SECONDS
        while _is_server(pid, data):
            if time.monotonic() > deadline:
                raise SandboxError(f"An old Postgres (process {pid}) on {data} does not stop.")
            time.sleep(_POLL_SECONDS)
    pid_file.unlink(missing_ok=True)


def _is_server(pid: int, data: Path) -> bool:
    command = _command_line(pid)
    return "postgres" in command and f"-D {data} " in command


def _command_line(pid: int) -> str:
    """The words of a process's command, joined by spaces; empty when there is no such process."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return ""
        listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        raw = subprocess.run(listing, capture_output=True, check=False).stdout
    return raw.replace(b"\0", b" ").decode(errors="replace")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Postgres does: connections that are just closed do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _status(data: Path, pid: int) -> str:
    """The server's own word about itself, from the last line of its pid file."""
    try:
        lines = (data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return ""
    return lines[7].strip() if len(lines) > 7 and lines[0] == str(pid) else ""


def _tail(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").strip().splitlines()[-5:])
