"""The AWS command line, unmodified, in processes of their own that need not import anything first.

As a program, this file imports what a command needs, once, and forks a child for each: a line on
stdin has its words, variables and folder, a line on stdout its exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent.parent


class AwsCli:
    """Runs ``aws``, one command at a time."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(self, *words: str, env: Mapping[str, str], cwd: Path) -> tuple[int, str]:
        """Run a command to its end; its exit code, and what it has printed."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        files = [cwd / ".aws-stdout", cwd / ".aws-stderr"]
        order = [words, dict(env), str(cwd), [str(file) for file in files]]
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        printed = "".join(file.read_text(encoding="utf-8") for file in files)
        for file in files:
            file.unlink()
        return code, printed


@contextmanager
def aws_cli() -> Iterator[AwsCli]:
    """The command line, for the length of a block."""
    command = [sys.executable, "-X", "utf8", "-m", __name__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=_ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        yield AwsCli(server)


def _serve() -> None:
    from awscli.clidriver import create_clidriver

    from tests import speed

    speed.load_descriptions_once()
    session = create_clidriver().session
    for service in ("athena", "glue", "s3"):
        session.create_client(service, "us-east-1")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(words: list[str], env: dict[str, str], cwd: str, files: list[str]) -> None:
    """What ``python -m awscli`` does; never returns."""
    from awscli.clidriver import main

    os.chdir(cwd)
    paths = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}  # set by awscli as it is imported
    os.environ.clear()
    os.environ.update(env | paths)
    for number, name in zip((1, 2), files, strict=True):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["aws", *words]
    code: Any = 1
    try:
        code = main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))


if __name__ == "__main__":
    _serve()
