"""Neon's own command line works on the sandbox.

It is installed from npm once, into the folder that NEONSYNC_NEONCTL names (CI may cache it), or
else for this session. Without Node the test is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neonsync.sandbox.neon import NeonOptions, NeonService
from tests.sandbox.neon_fixtures import KEY, Client, rows

VERSION = "5.0.1"
FOLDER = "NEONSYNC_NEONCTL"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def neonctl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("neonctl needs Node and npm, which are not on this machine")
    folder = Path(os.environ.get(FOLDER) or tmp_path_factory.mktemp("neonctl"))
    program = folder / "node_modules" / ".bin" / "neonctl"
    if not program.exists():
        command = ["npm", "install", "--prefix", str(folder), f"neonctl@{VERSION}"]
        options = ["--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=150, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"npm could not install neonctl: {done.stderr.strip()[-300:]}")
    return program


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeonService]:
    root = tmp_path_factory.mktemp("neon") / "root"
    neon = NeonService(root, KEY, options=NeonOptions(operation_seconds=0.0, durable=False))
    neon.start()
    yield neon
    neon.stop()


def test_neonctl_lists_creates_resets_connects_and_deletes(
    neonctl: Path, service: NeonService, tmp_path: Path
) -> None:
    client = Client(service)

    def run(*words: str) -> Any:
        client.idle()  # neonctl waits for three seconds when the project is busy
        options = ["--api-host", service.api_host, "--project-id", service.project_id]
        options += ["--config-dir", str(tmp_path), "--no-analytics", "--output", "json"]
        done = subprocess.run(
            [str(neonctl), *words, *options],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CI": "1", "NEON_API_KEY": KEY},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    assert [one["name"] for one in run("branches", "list")] == ["main"]
    made = run("branches", "create", "--name", "by neonctl")
    client.idle()
    address = service.connection_uri("by neonctl")
    assert rows(address, "SELECT 1") == [(1,)]
    reset = run("branches", "reset", "by neonctl", "--parent")
    assert reset["id"] == made["branch"]["id"]
    client.idle()
    assert rows(address, "SELECT 1") == [(1,)]
    shown = run("connection-string", "by neonctl").strip()
    # neonctl composes it of the host, and cannot know the port of a server on this machine.
    user, host = shown.split("?")[0].split("@")
    assert (user, host.split("/")[0]) == (address.split("@")[0], made["endpoints"][0]["host"])
    run("branches", "delete", "by neonctl")
    client.idle()
    assert [one["name"] for one in run("branches", "list")] == ["main"]
