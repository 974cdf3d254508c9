"""A small HTTP server that answers what a test tells it to: for states that no service is in."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from neonsync.neon.branches import Project
from neonsync.neon.waiting import Patience
from neonsync.secret import Secret
from neonsync.settings import NeonSettings

KEY = "napi_scripted_key_0123456789"
PROJECT = "quiet-moon-12345678"


@dataclass(frozen=True)
class Call:
    """A request as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """What is sent back: an object as JSON, a text as HTML; ``cut`` hangs up instead.

    ``trickle`` sends a byte of a header now and then, until it is set.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    wait: threading.Event | None = None
    trickle: threading.Event | None = None


class Scripted:
    """Serves while it is entered; ``answer`` gets each call, ``calls`` has those that came."""

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        self.calls: list[Call] = []
        self._answer = answer
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _respond(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                content = self.rfile.read(length)
                path, _, query = self.path.partition("?")
                call = Call(
                    self.command,
                    path.removeprefix("/api/v2/"),
                    query,
                    dict(self.headers),
                    json.loads(content) if content else None,
                )
                outer.calls.append(call)
                reply = outer._answer(call)
                if reply.wait is not None:
                    reply.wait.wait(30)
                if reply.trickle is not None:
                    self._trickle(reply.trickle)
                if reply.cut:
                    self.close_connection = True
                    return
                self.send_response_only(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
                payload = b"" if reply.body is None else text.encode()
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def _trickle(self, end: threading.Event) -> None:
                with contextlib.suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not end.wait(0.02):
                        self.wfile.write(b"x")

            do_GET = do_POST = do_PATCH = do_DELETE = _respond  # noqa: N815

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def settings(self) -> NeonSettings:
        """How the product finds it."""
        host = f"http://127.0.0.1:{self._server.server_port}/api/v2"
        return NeonSettings(PROJECT, Secret(KEY), host, "", "")

    def sent(self, method: str, path: str = "") -> list[Call]:
        """The calls of a method, whose path ends so."""
        return [c for c in self.calls if c.method == method and c.path.endswith(path)]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class Clock:
    """A time that goes on only while somebody sleeps, so that a minute takes no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def patience(self, **options: Any) -> Patience:
        return Patience(say=self.said.append, sleep=self.sleep, clock=lambda: self.now, **options)


class FakeNeon:
    """The least of Neon's API that branches need, with a hook for what goes wrong."""

    def __init__(self, *branches: dict[str, Any]) -> None:
        self.branches = list(branches) or [branch("main", default=True)]
        self.operations: dict[str, dict[str, Any]] = {}
        self.annotations: dict[str, Any] = {}
        self.resets = 0
        self.before: Callable[[Call], Answer | None] = lambda call: None
        self.after: Callable[[Call, Answer], Answer] = lambda call, answer: answer

    def __call__(self, call: Call) -> Answer:
        return self.before(call) or self.after(call, self._answer(call))

    def _answer(self, call: Call) -> Answer:
        parts = call.path.split("/")[2:]
        if not parts:
            return Answer({"project": {"history_retention_seconds": 86_400}})
        if parts == ["branches"] and call.method == "GET":
            return Answer({"branches": self.branches, "annotations": self.annotations})
        if parts == ["branches"]:
            made = branch(call.body["branch"]["name"], parent_id="br-main")
            self.branches.append(made)
            if "annotation_value" in call.body:
                self.annotations[made["id"]] = {"value": call.body["annotation_value"]}
            return Answer({"branch": made, "operations": [self.operation()]}, 201)
        if parts[0] == "operations":
            found = list(self.operations.values())
            if parts[1:]:
                return Answer({"operation": self.operations[parts[1]]})
            return Answer({"operations": found})
        there = [each for each in self.branches if each["id"] == parts[1]]
        if not there:
            return Answer({"code": "", "message": "branch not found"}, 404)
        if call.method == "DELETE":
            self.branches.remove(there[0])
            return Answer({"branch": there[0], "operations": []})
        if call.method == "PATCH":
            there[0].update(call.body["branch"])
        if parts[-1] == "restore":
            # Each its own moment: as Neon's, which tell one reset from the next.
            self.resets += 1
            there[0]["last_reset_at"] = f"2026-01-01T00:00:{self.resets:02}Z"
            if "preserve_under_name" in call.body:
                self.branches.append(branch(call.body["preserve_under_name"]))
        return Answer({"branch": there[0], "operations": []})

    def operation(self, status: str = "finished", **more: Any) -> dict[str, Any]:
        number = f"op-{len(self.operations)}"
        self.operations[number] = {"id": number, "action": "do", "status": status, **more}
        return self.operations[number]


def branch(name: str, **more: Any) -> dict[str, Any]:
    """A branch as Neon shows it."""
    return {
        # As Neon's own: fit for a path, whatever the name is.
        "id": f"br-{name if name.isidentifier() else name.encode().hex()}",
        "name": name,
        "current_state": "ready",
        "default": False,
        "created_at": "2026-01-01T00:00:00Z",
        **more,
    }


@contextmanager
def project(neon: FakeNeon, **patience: Any) -> Iterator[tuple[Project, Scripted, Clock]]:
    """The product's view of it, in a time that goes on while somebody sleeps."""
    clock = Clock()
    with Scripted(neon) as server:
        yield Project(server.settings, clock.patience(**patience)), server, clock
