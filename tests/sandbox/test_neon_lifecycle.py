"""Start, stop, restart and sudden death of the Neon service."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import requests

import neonsync
from neonsync.sandbox.neon import NeonOptions, NeonService, SandboxError, account
from neonsync.sandbox.neon.cluster import end_left_over, free_port
from neonsync.sandbox.neon.launcher import Launcher
from tests.faults.processes import servers_below

KEY = "napi_sandbox_test"
QUICK = NeonOptions(operation_seconds=0.0, durable=False)
SERVE = """
import sys, threading
from pathlib import Path
from neonsync.sandbox.neon import NeonService
service = NeonService(Path(sys.argv[1]), sys.argv[2])
service.start()
print(service.connection_uri("main"), flush=True)
threading.Event().wait()
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "neon"
    assert until(lambda: not servers_below(tmp_path)), "a Postgres was left behind"


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return true


def create_branch(neon: NeonService, name: str) -> None:
    project = f"{neon.api_host}/projects/{neon.project_id}"
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"branch": {"name": name}, "endpoints": [{"type": "read_write"}]}
    reply = requests.post(f"{project}/branches", headers=headers, json=body, timeout=20)
    last = reply.json()["operations"][-1]["id"]

    def finished() -> bool:
        now = requests.get(f"{project}/operations/{last}", headers=headers, timeout=20)
        return bool(now.json()["operation"]["status"] == "finished")

    assert until(finished)


def count(address: str) -> int:
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT count(*) FROM film").fetchone()
    assert row is not None
    return int(row[0])


def make_table(address: str) -> None:
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE film AS SELECT generate_series(1, 10) AS id")


def test_a_restart_finds_branches_data_and_addresses_again(root: Path) -> None:
    first = NeonService(root, KEY, options=QUICK)
    first.start()
    try:
        make_table(first.connection_uri("main"))
        create_branch(first, "work")
        addresses = [first.connection_uri(name) for name in ("main", "work")]
        project, port = first.project_id, int(first.api_host.split(":")[2].split("/")[0])
        assert len(servers_below(root)) == 2
    finally:
        first.stop()
    assert servers_below(root) == []
    first.stop()

    second = NeonService(root, KEY, port=port, options=QUICK)
    second.start()
    try:
        assert second.project_id == project
        assert second.api_host.startswith(f"http://127.0.0.1:{port}/")
        assert [second.connection_uri(name) for name in ("main", "work")] == addresses
        assert [count(address) for address in addresses] == [10, 10]
    finally:
        second.stop()


def test_state_and_data_are_for_their_owner_only(root: Path) -> None:
    neon = NeonService(root, KEY)
    neon.start()
    try:
        text = (root / "state.json").read_text()
        assert stat.S_IMODE((root / "state.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(root.stat().st_mode) & 0o066 == 0
        for data in root.glob("branches/*/data"):
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
        for secret in (json.loads(text)["admin_password"], neon.connection_uri("main")):
            password = secret.split("@")[0].rsplit(":", 1)[-1]
            # Postgres stretches none of them.
            assert len(password) >= 24
            logs = [log.read_text() for log in root.glob("branches/*/postgres.log")]
            assert all(password not in shown for shown in [*servers_below(root), *logs, repr(neon)])
    finally:
        neon.stop()


def test_a_root_in_use_is_refused_with_the_holders_pid(root: Path) -> None:
    neon = NeonService(root, KEY)
    neon.start()
    try:
        with pytest.raises(SandboxError, match=str(os.getpid())):
            NeonService(root, KEY).start()
        with psycopg.connect(neon.connection_uri("main")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        neon.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_killed_service_leaves_no_server_and_starts_again(root: Path) -> None:
    source = Path(neonsync.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(root), KEY],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(source)},
    )
    try:
        assert process.stdout is not None
        make_table(process.stdout.readline().strip())
        assert len(servers_below(root)) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    assert until(lambda: not servers_below(root))

    neon = NeonService(root, KEY)
    neon.start()
    try:
        assert count(neon.connection_uri("main")) == 10
    finally:
        neon.stop()


def test_a_stop_in_the_middle_of_a_new_branch_finishes_it(root: Path) -> None:
    neon = NeonService(root, KEY, options=NeonOptions(operation_seconds=30, durable=False))
    neon.start()
    try:
        make_table(neon.connection_uri("main"))
        requests.post(
            f"{neon.api_host}/projects/{neon.project_id}/branches",
            headers={"Authorization": f"Bearer {KEY}"},
            json={"branch": {"name": "work"}, "endpoints": [{"type": "read_write"}]},
            timeout=20,
        )
    finally:
        neon.stop()
    neon = NeonService(root, KEY)
    neon.start()
    try:
        assert count(neon.connection_uri("work")) == 10
    finally:
        neon.stop()


def test_a_foreign_state_file_is_refused_and_kept(root: Path) -> None:
    root.mkdir()
    (root / "state.json").write_text('{"version": 99}')
    for _ in range(2):
        with pytest.raises(SandboxError, match="not the state"):
            NeonService(root, KEY).start()
    assert (root / "state.json").read_text() == '{"version": 99}'


def test_a_pid_file_with_somebody_elses_pid_harms_nobody(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            (tmp_path / "postmaster.pid").write_text(f"{other.pid}\n{tmp_path}\n")
            end_left_over(tmp_path)
            assert other.poll() is None
            assert not (tmp_path / "postmaster.pid").exists()
        finally:
            other.kill()


def test_a_left_over_server_is_stopped_before_its_data_is_used(root: Path) -> None:
    neon = NeonService(root, KEY)
    neon.start()
    make_table(neon.connection_uri("main"))
    neon.stop()
    (data,) = root.glob("branches/*/data")
    launcher = Launcher(root)
    arguments = ("-D", str(data), "-h", "127.0.0.1", "-p", str(free_port()), "-k", "")
    left_over = launcher.serve("postgres", *arguments, log=root / "log")
    pid_file = data / "postmaster.pid"
    try:
        assert until(lambda: pid_file.exists() and "ready" in pid_file.read_text())
        neon.start()
        assert left_over.wait(20) == 0
        assert count(neon.connection_uri("main")) == 10
    finally:
        neon.stop()
        left_over.kill()
        launcher.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way out of root")
@pytest.mark.parametrize("way", [0, 1, 2])
def test_root_runs_postgres_under_another_account(
    way: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = list(account._ways_out_of_root())[way : way + 1]
    monkeypatch.setattr(account, "_ways_out_of_root", lambda: iter(ways))
    # Not pytest's own folder: that one is closed, and a plain change of user cannot enter it.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        neon = NeonService(Path(folder, "neon"), KEY, options=QUICK)
        try:
            neon.start()
        except SandboxError as error:
            pytest.skip(f"not possible on this machine: {error}")
        try:
            create_branch(neon, "work")
            with psycopg.connect(neon.connection_uri("work")) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("neondb_owner",)
        finally:
            neon.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way out of root")
def test_root_without_a_way_out_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setattr(account, "_ways_out_of_root", lambda: iter(()))
    with pytest.raises(SandboxError, match="as an ordinary user"):
        NeonService(root, KEY).start()
