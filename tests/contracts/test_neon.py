"""What goes over the wire is what ``neon.yaml`` describes: requests and replies, both sides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from neon_api.client import NeonAPI
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.exceptions import OpenAPIError

from neonsync.neon.annotation import annotation
from neonsync.neon.branches import Project
from neonsync.neon.creation import BranchWish
from neonsync.sandbox.neon import NeonOptions, NeonService
from neonsync.settings import load_settings
from tests.sandbox.neon_fixtures import KEY, Client

FILE = Path(__file__).parent / "neon.yaml"


@cache
def _description() -> OpenAPI:
    """Not read before it is needed: each worker imports this module, and one runs its tests."""
    return OpenAPI.from_file_path(str(FILE))


@cache
def _content() -> dict[str, Any]:
    return cast("dict[str, Any]", _description().spec.read_value())


class Exchanges:
    """Sends as requests does, and remembers what was sent and answered."""

    def __init__(self) -> None:
        self.seen: list[tuple[requests.PreparedRequest, requests.Response]] = []
        self._send = requests.Session.send

    def send(
        self, session: requests.Session, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        reply = self._send(session, request, **options)
        self.seen.append((request, reply))
        return reply

    def check(self) -> set[str]:
        """Validate all; returns the operations that were seen, as method and described path."""
        templates = set()
        for request, reply in self.seen:
            described = RequestsOpenAPIRequest(request)
            if reply.status_code < 400:  # what is refused may well be wrong
                _description().validate_request(described)
                asked = {name for name, _ in parse_qsl(urlsplit(str(request.url)).query)}
                assert asked <= _parameters(request), f"{request.url} asks for the unknown"
            _description().validate_response(described, RequestsOpenAPIResponse(reply))
            found = _description().unmarshal_response(described, RequestsOpenAPIResponse(reply))
            assert not found.errors
            templates.add(f"{request.method} {_described(request)}")
        return templates


def _described(request: requests.PreparedRequest) -> str:
    """The path as it is described, the one with the fewest names open."""
    parts = str(request.path_url).split("?")[0].removeprefix("/api/v2/").split("/")
    fitting = [
        path
        for path in _content()["paths"]
        if len(open_parts := path.strip("/").split("/")) == len(parts)
        and all(o.startswith("{") or o == part for o, part in zip(open_parts, parts, strict=True))
    ]
    return str(min(fitting, key=lambda path: path.count("{")))


def _parameters(request: requests.PreparedRequest) -> set[str]:
    """The names of the query's parameters that are described for a request."""
    operation = _content()["paths"][_described(request)][str(request.method).lower()]
    references = [each["$ref"].split("/")[-1] for each in operation.get("parameters", [])]
    return {_content()["components"]["parameters"][name]["name"] for name in references}


def _all_operations() -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, entry in _content()["paths"].items()
        for method in entry
        if method != "parameters"
    }


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> Exchanges:
    seen = Exchanges()
    monkeypatch.setattr(
        requests.Session, "send", lambda session, request, **o: seen.send(session, request, **o)
    )
    return seen


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeonService]:
    root = tmp_path_factory.mktemp("neon") / "root"
    neon = NeonService(root, KEY, options=NeonOptions(operation_seconds=0.0, durable=False))
    neon.start()
    yield neon
    neon.stop()


def test_the_sandbox_answers_as_described(service: NeonService, exchanges: Exchanges) -> None:
    client = Client(service)
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    created = client.create("wire", branch={"expires_at": soon}, annotation_value={"by": "test"})
    branch_id, endpoint_id = created["branch"]["id"], created["endpoints"][0]["id"]
    branch, endpoint = f"/branches/{branch_id}", f"/endpoints/{endpoint_id}"
    for path in ("", "/branches", "/branches/count", branch, f"{branch}/endpoints", "/endpoints"):
        client.get(path)
    client.get(endpoint)
    client.get("/branches", search="wire", sort_by="name", sort_order="asc", limit=1)
    changes = ({"name": "wired"}, {"expires_at": None}, {"protected": False})
    for change in changes:
        client.settle(client.call("PATCH", branch, json={"branch": change}))
    limits = {"endpoint": {"autoscaling_limit_max_cu": 1, "suspend_timeout_seconds": 600}}
    client.settle(client.call("PATCH", endpoint, json=limits))
    for action in ("suspend", "start", "restart"):
        client.settle(client.call("POST", f"{endpoint}/{action}"))
    role = f"{branch}/roles/reader"
    client.settle(client.call("POST", f"{branch}/roles", json={"role": {"name": "reader"}}))
    client.settle(client.call("POST", f"{role}/reset_password"))
    wish = {"database": {"name": "films", "owner_name": "reader"}}
    client.settle(client.call("POST", f"{branch}/databases", json=wish))
    rename = {"database": {"name": "movies", "owner_name": "neondb_owner"}}
    client.settle(client.call("PATCH", f"{branch}/databases/films", json=rename))
    for path in (f"{branch}/databases", f"{branch}/databases/movies", f"{branch}/roles", role):
        client.get(path)
    client.get(f"{role}/reveal_password")
    client.get("/connection_uri", database_name="movies", role_name="reader", branch_id=branch_id)
    client.settle(client.call("DELETE", f"{branch}/databases/movies"))
    client.settle(client.call("DELETE", role))
    parent = {"source_branch_id": created["branch"]["parent_id"]}
    client.settle(client.call("POST", f"{branch}/restore", json=parent))
    client.settle(client.call("DELETE", endpoint))
    compute = {"endpoint": {"branch_id": branch_id, "type": "read_write"}}
    client.settle(client.call("POST", "/endpoints", json=compute))
    client.get("/operations", limit=5)
    assert client.call("DELETE", endpoint).status_code == 204
    client.delete(created)
    assert client.call("DELETE", branch).status_code == 204
    refused = [
        client.call("GET", "/branches/br-no"),
        client.call("POST", "/branches", json={"branch": {"name": "main"}}),
        client.call("GET", "/branches", headers={"Authorization": "Bearer wrong"}),
    ]
    assert [reply.status_code for reply in refused] == [404, 409, 401]
    client.settle(client.call("POST", f"/branches/{parent['source_branch_id']}/set_as_default"))
    api = client.service.api_host
    for url in (f"{api}/users/me", f"{api}/projects", f"{api}/projects?limit=1&search=sandbox"):
        assert client.session.get(url, timeout=20).status_code == 200
    assert exchanges.check() == _all_operations()


def test_what_neonsync_asks_and_gets_is_as_described(
    service: NeonService, exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neonsync.neon.waiting.POLL_SECONDS", 0.05)
    environment = {
        "NEON_API_HOST": service.api_host,
        "NEON_API_KEY": KEY,
        "NEON_PROJECT_ID": service.project_id,
    }
    project = Project(load_settings(flags={}, environ=environment).neon)
    moment = project.now()
    wish = BranchWish(
        parent="main",
        expires_in=timedelta(days=1),
        min_cu=0.25,
        max_cu=1,
        annotation=annotation({}),
    )
    branch = project.create("from-neonsync", wish).branch
    assert not project.create("from-neonsync").created
    address = project.address(branch)
    assert project.endpoint(address.endpoint_id) is not None
    branch = project.set_expiry(branch, None)
    branch = project.set_expiry(branch, datetime.now(UTC) + timedelta(days=1))
    branch = project.rename(branch, "renamed")
    project.reset(branch)
    project.create("past", BranchWish(at=moment))
    project.create("shape", BranchWish(schema_only=True))
    project.restore(branch, branch.id, at=project.now(), backup="before")
    for name in ("past", "shape", "renamed", "before"):
        assert project.delete(project.branch(name))
    asked = "/projects/{project_id}"
    assert exchanges.check() == {
        f"GET {asked}",
        f"GET {asked}/connection_uri",
        f"GET {asked}/endpoints",
        f"GET {asked}/operations",
        f"GET {asked}/operations/{{operation_id}}",
        f"GET {asked}/branches",
        f"POST {asked}/branches",
        f"GET {asked}/branches/{{branch_id}}",
        f"PATCH {asked}/branches/{{branch_id}}",
        f"DELETE {asked}/branches/{{branch_id}}",
        f"POST {asked}/branches/{{branch_id}}/restore",
        f"GET {asked}/branches/{{branch_id}}/endpoints",
        f"GET {asked}/branches/{{branch_id}}/databases",
        f"GET {asked}/branches/{{branch_id}}/roles",
    }


def test_what_the_neon_api_package_asks_and_gets_is_as_described(
    service: NeonService, exchanges: Exchanges
) -> None:
    neon = NeonAPI(KEY, base_url=service.api_host + "/")
    assert neon.me()
    assert neon.projects()
    assert neon.branches(service.project_id)
    assert neon.endpoints(service.project_id)
    assert len(exchanges.check()) == 4


def test_a_reply_that_lacks_what_is_described_is_found(
    service: NeonService, exchanges: Exchanges
) -> None:
    client = Client(service)
    service.faults.distort_replies(True)
    try:
        client.get("/branches")
    finally:
        service.faults.distort_replies(False)
    with pytest.raises(OpenAPIError):
        exchanges.check()
