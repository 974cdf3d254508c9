"""A client of the sandbox's Neon API, without any package of Neon's."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import psycopg
import requests

from neonsync.sandbox.neon import NeonService

KEY = "napi_sandbox_test"
BUSY = ("scheduling", "running")
COMPUTE = [{"type": "read_write"}]
T = TypeVar("T")


class Client:
    """Plain requests to the API, with the key."""

    def __init__(self, service: NeonService, key: str = KEY) -> None:
        self.service = service
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"
        self.project = f"{service.api_host}/projects/{service.project_id}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.project + path, timeout=20, **options)

    def get(self, path: str, **query: Any) -> Any:
        reply = self.call("GET", path, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def settle(self, reply: requests.Response) -> Any:
        """The reply's body, when its operations have all finished."""
        assert reply.status_code in (200, 201), reply.text
        body = reply.json()
        for operation in body["operations"]:
            status = until(partial(self.finished, operation["id"]))
            assert status == "finished", self.get(f"/operations/{operation['id']}")
        return body

    def finished(self, operation_id: str) -> str | None:
        status = str(self.get(f"/operations/{operation_id}")["operation"]["status"])
        return None if status in BUSY else status

    def idle(self) -> None:
        """Wait until the newest operation has finished."""
        for newest in self.get("/operations", limit=1)["operations"]:
            until(partial(self.finished, newest["id"]))

    def create(self, name: str, *, compute: bool = True, **body: Any) -> Any:
        branch = {"name": name, **body.pop("branch", {})}
        if compute:
            body["endpoints"] = COMPUTE
        return self.settle(self.call("POST", "/branches", json={"branch": branch, **body}))

    def delete(self, created: Any) -> None:
        self.settle(self.call("DELETE", f"/branches/{created['branch']['id']}"))


def until(condition: Callable[[], T | None], seconds: float = 60) -> T:
    deadline = time.monotonic() + seconds
    while (value := condition()) is None:
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
    return value


def uri(created: Any) -> str:
    return str(created["connection_uris"][0]["connection_uri"])


def rows(address: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address) as connection:
        return connection.execute(query).fetchall()
