"""The sandbox as a whole: a lake behind Athena and a Neon project, in one folder."""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from neonsync.sandbox.neon import NeonOptions, NeonService, SandboxError
from neonsync.sandbox.neon.lock import FolderLock
from neonsync.sandbox.neon.state import write_private

if TYPE_CHECKING:
    from neonsync.sandbox.aws import AthenaOptions, AwsService

REGION = "us-east-1"
_KIND = "neonsync sandbox"
_FILE = "sandbox.json"
_OUR_NAMES = {_FILE, "aws", "neon"}


class Sandbox:
    """Everything that a run needs, on this machine: start it, and hand out its environment.

    ``directory`` keeps keys, data and, when they are free, ports: a sandbox that starts again in
    the same one is the same. ``rows`` counts for a new lake only.
    """

    aws: AwsService
    neon: NeonService
    rows: int

    def __init__(
        self,
        directory: Path,
        *,
        rows: int = 100_000,
        athena: AthenaOptions | None = None,
        neon: NeonOptions | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.rows = rows
        self._athena_options = athena
        self._neon_options = neon or NeonOptions()
        self._lock: FolderLock | None = None

    def start(self) -> None:
        """Make what is missing and serve; returns when every part can be used.

        Raises SandboxError when the folder is somebody else's, or in use by another process.
        """
        if self._lock is not None:
            raise SandboxError("The sandbox is running already.")
        _claim(self.directory)
        lock = FolderLock(self.directory)
        lock.acquire()
        self._lock = lock
        try:
            self._start(_read_memory(self.directory) or _Memory())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every part, cleanly. Safe to call twice."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        try:
            for part in ("neon", "aws"):
                if part in vars(self):
                    getattr(self, part).stop()
        finally:
            lock.release()

    def environment(self) -> dict[str, str]:
        """The settings with which any client finds this world."""
        return {
            "AWS_ENDPOINT_URL": self.aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": self._memory.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._memory.secret_access_key,
            "AWS_REGION": REGION,
            "ATHENA_DB_NAME": self.aws.database,
            "ATHENA_OUTPUT_LOCATION": self.aws.output_location,
            "NEON_API_HOST": self.neon.api_host,
            "NEON_API_KEY": self._memory.neon_api_key,
            "NEON_PROJECT_ID": self.neon.project_id,
            "NEON_CONNECTION_STRING": self.neon.connection_uri(self.neon.default_branch),
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self, memory: _Memory) -> None:
        # Before anything is made: a start that is killed half way must find its keys again.
        _write_memory(self.directory, memory)
        self.neon = NeonService(
            self.directory / "neon",
            memory.neon_api_key,
            port=memory.neon_port,
            options=self._neon_options,
        )
        _side_by_side(partial(self._start_aws, memory), self.neon.start)
        self._memory = replace(
            memory, aws_port=_port(self.aws.endpoint_url), neon_port=_port(self.neon.api_host)
        )
        _write_memory(self.directory, self._memory)

    def _start_aws(self, memory: _Memory) -> None:
        from neonsync.sandbox.aws import AthenaOptions, AwsKeys, AwsService
        from neonsync.sandbox.lake import build_sample_lake, lake_rows

        root = self.directory / "aws"
        there = lake_rows(root)
        if there is None:
            # First of all: nothing may serve the folder while the lake is made.
            build_sample_lake(root, rows=self.rows)
        else:
            self.rows = there
        self.aws = AwsService(
            root,
            AwsKeys(memory.access_key_id, memory.secret_access_key),
            region=REGION,
            port=memory.aws_port,
            options=self._athena_options or AthenaOptions(),
        )
        self.aws.start()


@dataclass(frozen=True)
class _Memory:
    """What a sandbox keeps in its file: its keys, and the ports that it had last."""

    # Not in the form of AWS's own ids, so that no scanner takes it for a leaked key.
    access_key_id: str = field(
        default_factory=lambda: "SANDBOX" + _random(string.ascii_uppercase + string.digits, 13)
    )
    secret_access_key: str = field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)
    neon_api_key: str = field(
        default_factory=lambda: f"napi_sandbox_{secrets.token_hex(24)}", repr=False
    )
    aws_port: int | None = None
    neon_port: int | None = None


def _claim(directory: Path) -> None:
    """Make the folder, or see that nothing in it has the name of a part of ours."""
    try:
        directory.mkdir(parents=True, mode=0o700)
    except FileExistsError as error:
        if not directory.is_dir():
            raise SandboxError(f"{directory} is not a folder. Choose another path.") from error
        # Other files may stand beside ours, but nothing of somebody else's is taken for ours.
        taken = sorted({entry.name for entry in directory.iterdir()} & _OUR_NAMES)
        if taken and _read_memory(directory) is None:
            raise SandboxError(
                f"{directory} holds {taken[0]!r}, which is not a sandbox's, and is left alone. "
                "Choose an empty or a new folder."
            ) from error


def _read_memory(directory: Path) -> _Memory | None:
    """What the sandbox in this folder remembers, or None when there is none."""
    try:
        values = json.loads((directory / _FILE).read_text())
        return _Memory(**values["memory"]) if values["kind"] == _KIND else None
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _write_memory(directory: Path, memory: _Memory) -> None:
    values = {"kind": _KIND, "pid": os.getpid(), "memory": asdict(memory)}
    write_private(directory / _FILE, json.dumps(values, indent=1))


def _side_by_side(*tasks: Callable[[], None]) -> None:
    """Do the tasks at the same time; wait for all, then raise the first error."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        pending = [pool.submit(task) for task in tasks]
    for done in pending:
        done.result()


def _port(url: str) -> int | None:
    return urlsplit(url).port


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
