"""Replies of which any part is missing, unknown or of another type: borne, or said to be odd.

What the sandbox's Neon answers is recorded once, and then played back with one part changed.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from neonsync.errors import NeonsyncError
from neonsync.neon import guards
from neonsync.neon.annotation import annotation
from neonsync.neon.branches import Project
from neonsync.neon.creation import BranchWish
from neonsync.neon.waiting import Patience
from neonsync.sandbox.neon import NeonOptions, NeonService
from neonsync.secret import Secret
from neonsync.settings import NeonSettings
from tests.neon.scripted import Clock
from tests.sandbox.neon_fixtures import KEY

Path_ = tuple[str, ...]
Reply = tuple[str, str, int, Any]
"""Method, path, status and body."""
NOW = datetime.now(UTC)


def _create(project: Project) -> None:
    wish = BranchWish(annotation=annotation({}), parent="main", at=project.now())
    assert project.create("dev", wish).branch.id


def _address(project: Project) -> None:
    branch = project.branch("dev")
    address = project.address(branch)
    assert address.branch.id == branch.id
    assert address.endpoint_id in address.host


def _endpoint(project: Project) -> None:
    project.endpoint("ep-none")


def _change(project: Project) -> None:
    branch = project.rename(project.branch("dev"), "renamed")
    branch = project.set_expiry(branch, NOW + timedelta(days=1))
    project.set_expiry(branch, None)


def _reset(project: Project) -> None:
    branch = project.branch("renamed")
    guards.check_reset(branch, project.branches(), None)
    project.reset(branch)


def _delete(project: Project) -> None:
    project.delete(project.branch("renamed"))


FLOWS = [_create, _address, _endpoint, _change, _reset, _delete]


@dataclass
class Recorded:
    """Replies in the order in which they came, for each request."""

    settings: NeonSettings
    replies: dict[str, list[Reply]]


class Playback(BaseAdapter):
    """Answers with what was recorded, with the part at a path of one reply changed."""

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__()
        self._replies = replies
        self._used = [False] * len(replies)
        self.changed: tuple[int, Path_, Callable[[Any, str], None]] | None = None
        self.sent: list[str] = []

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        path = str(request.path_url).split("?")[0]
        self.sent.append(f"{request.method} {path}")
        answer = requests.Response()
        answer.status_code, answer._content = 404, b'{"message": "not found"}'
        alike = [n for n, one in enumerate(self._replies) if one[:2] == (request.method, path)]
        if alike:
            # Each once, and the last one for ever.
            number = next((n for n in alike if not self._used[n]), alike[-1])
            self._used[number] = True
            answer.status_code = self._replies[number][2]
            answer._content = json.dumps(self._body(number)).encode()
        return answer

    def close(self) -> None: ...

    def _body(self, number: int) -> Any:
        body = self._replies[number][3]
        if self.changed is None or self.changed[0] != number:
            return body
        body = copy.deepcopy(body)
        _, path, change = self.changed
        for parent in _at(body, path[:-1]):
            if path[-1] in parent:
                change(parent, path[-1])
        return body


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    root: Path = tmp_path_factory.mktemp("neon") / "root"
    service = NeonService(root, KEY, options=NeonOptions(operation_seconds=0.0, durable=False))
    service.start()
    try:
        settings = NeonSettings(service.project_id, Secret(KEY), service.api_host, "", "")
        replies = {flow.__name__: _record(settings, flow) for flow in FLOWS}
    finally:
        service.stop()
    return Recorded(settings, replies)


def _record(settings: NeonSettings, flow: Callable[[Project], None]) -> list[Reply]:
    seen: list[Reply] = []

    def note(reply: requests.Response, **options: Any) -> None:
        path = str(reply.request.path_url).split("?")[0]
        body = reply.json() if reply.content else None
        seen.append((str(reply.request.method), path, reply.status_code, body))

    project = Project(settings, Patience(sleep=lambda seconds: time.sleep(0.05)))
    project._api._session.hooks["response"].append(note)
    flow(project)
    # Of many polls of an operation the first and the last: the others say nothing else.
    return [
        one
        for number, one in enumerate(seen)
        if "/operations/" not in one[1] or not _is_between(one, seen[:number], seen[number + 1 :])
    ]


def _is_between(one: Reply, before: list[Reply], after: list[Reply]) -> bool:
    """Whether the same was asked earlier, and is asked again later."""
    return all(any(other[:2] == one[:2] for other in others) for others in (before, after))


@pytest.mark.parametrize("flow", FLOWS)
def test_each_part_of_each_reply_may_be_missing_or_odd(
    recorded: Recorded, flow: Callable[[Project], None]
) -> None:
    replies = recorded.replies[flow.__name__]
    posts = sum(method == "POST" for method, *_ in replies)
    tried = 0
    for number, reply in enumerate(replies):
        if _is_between(reply, replies[:number], replies[number + 1 :]):
            continue  # neither the first nor the last of many
        for path in sorted(set(_paths(reply[3]))):
            for change in (_remove, _to_null, _to_word):
                playback = Playback(replies)
                playback.changed = number, path, change
                _play(recorded.settings, flow, playback)
                sent = sum(one.startswith("POST") for one in playback.sent)
                assert sent <= posts, f"a POST was repeated: {path} {change.__name__}"
                tried += 1
    assert tried > 50


def _play(settings: NeonSettings, flow: Callable[[Project], None], playback: Playback) -> None:
    project = Project(settings, Clock().patience(timeout=4))
    project._api._session.mount("http://", playback)
    try:
        flow(project)
    except NeonsyncError as error:
        if not error.remedy:
            raise AssertionError(f"{error.message} has no remedy") from error
    except Exception as error:
        raise AssertionError(f"{playback.changed} makes {error!r}") from error


def _paths(body: Any, above: Path_ = ()) -> Iterator[Path_]:
    """The paths of all fields; the items of a list count as one."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield (*above, name)
            yield from _paths(value, (*above, name))
    elif isinstance(body, list):
        for item in body:
            yield from _paths(item, above)


def _at(body: Any, path: Path_) -> Iterator[dict[str, Any]]:
    if isinstance(body, list):
        for item in body:
            yield from _at(item, path)
    elif isinstance(body, dict):
        if not path:
            yield body
        elif path[0] in body:
            yield from _at(body[path[0]], path[1:])


def _remove(parent: dict[str, Any], name: str) -> None:
    del parent[name]


def _to_null(parent: dict[str, Any], name: str) -> None:
    parent[name] = None


def _to_word(parent: dict[str, Any], name: str) -> None:
    parent[name] = ["unheard of"] if isinstance(parent[name], str) else "unheard_of"
