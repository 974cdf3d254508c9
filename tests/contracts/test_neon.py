"""What goes over the wire is what ``neon.yaml`` describes: requests and replies, both sides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from neon_api.client import NeonAPI
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.exceptions import OpenAPIError

from neonsync.neon.branches import Project
from neonsync.sandbox.neon import NeonOptions, NeonService
from neonsync.settings import load_settings
from tests.sandbox.neon_fixtures import KEY, Client

DESCRIPTION = OpenAPI.from_file_path(str(Path(__file__).parent / "neon.yaml"))


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
        """Validate all; returns the operations that were seen, as method and path template."""
        templates = set()
        for request, reply in self.seen:
            described = RequestsOpenAPIRequest(request)
            if reply.status_code < 400:  # what is refused may well be wrong
                DESCRIPTION.validate_request(described)
            DESCRIPTION.validate_response(described, RequestsOpenAPIResponse(reply))
            found = DESCRIPTION.unmarshal_response(described, RequestsOpenAPIResponse(reply))
            assert not found.errors
            templates.add(f"{request.method} {_template(str(request.path_url))}")
        return templates


def _template(path: str) -> str:
    """The path without ids, to count what was covered."""
    parts = path.split("?")[0].removeprefix("/api/v2/").split("/")
    return "/".join(part if n % 2 == 0 else "*" for n, part in enumerate(parts))


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
    assert client.call("DELETE", endpoint).status_code == 204
    client.delete(created)
    assert client.call("DELETE", branch).status_code == 204
    refused = [
        client.call("GET", "/branches/br-no"),
        client.call("POST", "/branches", json={"branch": {"name": "main"}}),
        client.call("GET", "/branches", headers={"Authorization": "Bearer wrong"}),
    ]
    assert [reply.status_code for reply in refused] == [404, 409, 401]
    assert len(exchanges.check()) >= 27


def test_what_neonsync_asks_and_gets_is_as_described(
    service: NeonService, exchanges: Exchanges
) -> None:
    environment = {
        "NEON_API_HOST": service.api_host,
        "NEON_API_KEY": KEY,
        "NEON_PROJECT_ID": service.project_id,
    }
    project = Project(load_settings(flags={}, environ=environment).neon)
    branch = project.create("from-neonsync").branch
    assert project.address(branch).host
    branch = project.set_expiry(branch, datetime.now(UTC) + timedelta(days=1))
    branch = project.rename(branch, "renamed")
    project.reset(branch)
    assert project.delete(branch)
    seen = exchanges.check()
    for asked in ("POST projects/*/branches", "DELETE projects/*/branches/*"):
        assert asked in seen
    assert "POST projects/*/branches/*/restore" in seen


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
