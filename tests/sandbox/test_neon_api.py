"""The Neon API of the sandbox, as its real clients see it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from neon_api.client import NeonAPI
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from neonsync.sandbox.neon import NeonOptions, NeonService
from tests.sandbox.neon_fixtures import COMPUTE, KEY, Client, rows, until, uri


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    root: Path = tmp_path_factory.mktemp("neon") / "root"
    service = NeonService(root, KEY, options=NeonOptions(operation_seconds=0.05, durable=False))
    service.start()
    try:
        with psycopg.connect(service.connection_uri("main")) as connection:
            connection.execute("CREATE TABLE film (id int PRIMARY KEY, title text)")
            connection.execute("INSERT INTO film VALUES (1, 'Metropolis'), (2, 'Nosferatu')")
        yield Client(service)
    finally:
        service.stop()


@pytest.fixture
def branch(client: Client) -> Iterator[Any]:
    created = client.create("work")
    yield created
    client.delete(created)


def test_the_neon_api_package_reads_everything(client: Client) -> None:
    neon = NeonAPI(KEY, base_url=client.service.api_host + "/")
    project = client.service.project_id
    (main,) = neon.branches(project).branches
    assert (main.name, main.default, main.current_state) == ("main", True, "ready")
    assert [one.name for one in neon.databases(project, main.id).databases] == ["neondb"]
    assert [one.name for one in neon.roles(project, main.id).roles] == ["neondb_owner"]
    assert neon.role(project, main.id, "neondb_owner").role.password is None
    assert neon.project(project).project.pg_version == 18
    assert [one.id for one in neon.projects().projects] == [project]
    assert neon.me().login == "sandbox"
    assert neon.branch(project, main.id).branch.logical_size > 1_000_000
    (endpoint,) = neon.endpoints(project).endpoints
    assert neon.endpoint(project, endpoint.id).endpoint.branch_id == main.id
    address = neon.connection_uri(project, "neondb", "neondb_owner").uri
    assert rows(address, "SELECT count(*) FROM film") == [(2,)]


def test_the_neon_api_package_makes_and_deletes_a_branch(client: Client) -> None:
    neon = NeonAPI(KEY, base_url=client.service.api_host + "/")
    project = client.service.project_id
    made = neon.branch_create(project, branch={"name": "made"}, endpoints=COMPUTE)
    until(lambda: client.finished(made.operations[-1].id))
    deleted = neon.branch_delete(project, made.branch.id)
    until(lambda: client.finished(deleted.operations[-1].id))
    assert [one.name for one in neon.branches(project).branches] == ["main"]


def test_a_branch_has_its_parents_rows_and_leaves_the_parent_alone(
    client: Client, branch: Any
) -> None:
    with psycopg.connect(uri(branch)) as connection:
        assert connection.execute("SELECT count(*) FROM film").fetchone() == (2,)
        connection.execute("INSERT INTO film VALUES (3, 'M')")
    main = client.service.connection_uri("main")
    assert rows(main, "SELECT count(*) FROM film") == [(2,)]


async def test_a_branch_is_reached_asynchronously(branch: Any) -> None:
    async with await psycopg.AsyncConnection.connect(uri(branch)) as connection:
        cursor = await connection.execute("SELECT title FROM film ORDER BY id")
        assert await cursor.fetchall() == [("Metropolis",), ("Nosferatu",)]


def test_a_new_branch_passes_through_the_states_of_neon(client: Client) -> None:
    reply = client.call("POST", "/branches", json={"branch": {}, "endpoints": COMPUTE})
    created = reply.json()
    branch, (endpoint,) = created["branch"], created["endpoints"]
    assert reply.status_code == 201
    assert branch["current_state"] == "init"
    assert branch["name"] == branch["id"]
    assert branch["id"].startswith("br-")
    assert endpoint["id"].startswith("ep-")
    assert endpoint["current_state"] == "init"
    assert endpoint["host"] == f"{endpoint['id']}.sandbox.localhost"
    assert [one["action"] for one in created["operations"]] == ["create_branch", "start_compute"]
    assert {one["status"] for one in created["operations"]} <= {"scheduling", "running"}
    client.settle(reply)
    path = f"/branches/{branch['id']}"
    assert client.get(path)["branch"]["current_state"] == "ready"
    (endpoint,) = client.get(f"{path}/endpoints")["endpoints"]
    assert endpoint["current_state"] == "active"
    client.delete(created)


def test_without_an_endpoint_there_is_no_connection_until_one_is_made(client: Client) -> None:
    created = client.create("still", compute=False)
    branch_id = created["branch"]["id"]
    assert created["endpoints"] == []
    assert "connection_uris" not in created
    query = {"branch_id": branch_id, "database_name": "neondb", "role_name": "neondb_owner"}
    assert client.call("GET", "/connection_uri", params=query).status_code == 404
    wish = {"endpoint": {"branch_id": branch_id, "type": "read_write"}}
    client.settle(client.call("POST", "/endpoints", json=wish))
    address = client.get("/connection_uri", **query)["uri"]
    assert rows(address, "SELECT count(*) FROM film") == [(2,)]
    client.delete(created)


def test_a_branch_of_a_branch_without_compute_has_its_rows(client: Client) -> None:
    still = client.create("still", compute=False)
    child = client.create("child", branch={"parent_id": still["branch"]["id"]})
    assert rows(uri(child), "SELECT count(*) FROM film") == [(2,)]
    refused = client.call("DELETE", f"/branches/{still['branch']['id']}")
    assert (refused.status_code, "children" in refused.json()["message"]) == (422, True)
    client.delete(child)
    client.delete(still)


def test_a_schema_only_branch_is_an_empty_root(client: Client) -> None:
    created = client.create("shape", branch={"init_source": "schema-only"})
    assert "parent_id" not in created["branch"]
    assert rows(uri(created), "SELECT count(*) FROM film") == [(0,)]
    client.delete(created)


def test_a_child_of_a_protected_branch_gets_new_passwords(client: Client) -> None:
    parent = client.create("guarded", branch={"protected": True})
    child = client.create("child", branch={"parent_id": parent["branch"]["id"]})
    assert uri(parent).split("@")[0] != uri(child).split("@")[0]
    assert rows(uri(child), "SELECT count(*) FROM film") == [(2,)]
    client.delete(child)
    path = f"/branches/{parent['branch']['id']}"
    assert client.call("DELETE", path).status_code == 422
    client.settle(client.call("PATCH", path, json={"branch": {"protected": False}}))
    client.delete(parent)


def test_connection_uri_without_a_branch_is_the_default_branchs(
    client: Client, branch: Any
) -> None:
    query = {"database_name": "neondb", "role_name": "neondb_owner"}
    main = client.service.connection_uri("main")
    assert client.get("/connection_uri", **query)["uri"] == main
    query["branch_id"] = branch["branch"]["id"]
    assert client.get("/connection_uri", **query)["uri"] == uri(branch) != main
    assert "-pooler.sandbox.localhost" in client.get("/connection_uri", pooled=True, **query)["uri"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"role_name": "neondb_owner"}, 400),
        ({"database_name": "neondb"}, 400),
        ({"database_name": "other", "role_name": "neondb_owner"}, 404),
        ({"database_name": "neondb", "role_name": "other"}, 404),
        ({"database_name": "neondb", "role_name": "neondb_owner", "branch_id": "br-no"}, 404),
    ],
)
def test_connection_uri_refuses_what_is_not_there(
    client: Client, query: dict[str, str], status: int
) -> None:
    assert client.call("GET", "/connection_uri", params=query).status_code == status


def test_the_role_is_no_superuser_and_the_server_asks_for_its_password(client: Client) -> None:
    address = client.service.connection_uri("main")
    query = """
        SELECT rolsuper, rolreplication, rolbypassrls, rolcreatedb, rolcreaterole
          FROM pg_roles WHERE rolname = current_user"""
    assert rows(address, query) == [(False, False, False, True, True)]
    assert rows(address, "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'neondb'")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address, password="wrong")
    without: dict[str, Any] = conninfo_to_dict(address)
    del without["password"]
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(make_conninfo(**without))


def test_the_password_is_revealed_on_request_only(client: Client) -> None:
    (main,) = client.get("/branches", search="main")["branches"]
    path = f"/branches/{main['id']}/roles/neondb_owner"
    assert "password" not in client.get(path)["role"]
    password = client.get(f"{path}/reveal_password")["password"]
    assert f":{password}@" in client.service.connection_uri("main")


def test_a_database_can_be_made_and_reached(client: Client, branch: Any) -> None:
    path = f"/branches/{branch['branch']['id']}"
    wish = {"database": {"name": "second", "owner_name": "neondb_owner"}}
    client.settle(client.call("POST", f"{path}/databases", json=wish))
    assert client.call("POST", f"{path}/databases", json=wish).status_code == 409
    names = [one["name"] for one in client.get(f"{path}/databases")["databases"]]
    assert names == ["neondb", "second"]
    query = {"branch_id": branch["branch"]["id"], "role_name": "neondb_owner"}
    address = client.get("/connection_uri", database_name="second", **query)["uri"]
    assert rows(address, "SELECT current_database()") == [("second",)]


def test_branches_come_in_pages_until_next_is_absent(client: Client) -> None:
    made = [client.create(f"page-{n}", compute=False) for n in range(3)]
    names: list[str] = []
    query: dict[str, Any] = {"limit": 2, "search": "page-", "sort_by": "name", "sort_order": "asc"}
    pages = 0
    while True:
        body = client.get("/branches", **query)
        names += [one["name"] for one in body["branches"]]
        pages += 1
        if "next" not in body["pagination"]:
            break
        query["cursor"] = body["pagination"]["next"]
    assert (names, pages) == (["page-0", "page-1", "page-2"], 2)
    for created in made:
        client.delete(created)


def test_operations_come_in_pages_until_one_is_empty(client: Client, branch: Any) -> None:
    every = [one["id"] for one in client.get("/operations")["operations"]]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while page := client.get("/operations", **query):
        if not page["operations"]:
            assert "pagination" not in page
            break
        seen += [one["id"] for one in page["operations"]]
        query["cursor"] = page["pagination"]["cursor"]
    assert seen == every
    assert branch["operations"][-1]["id"] == every[0]


def test_annotations_are_kept(client: Client) -> None:
    created = client.create("noted", compute=False, annotation_value={"by": "test"})
    path = f"/branches/{created['branch']['id']}"
    assert client.get(path)["annotation"]["value"] == {"by": "test"}
    assert client.get("/branches")["annotations"][created["branch"]["id"]]["value"] == {
        "by": "test"
    }
    client.delete(created)


def test_a_branch_is_renamed_and_given_a_life_span(client: Client, branch: Any) -> None:
    path = f"/branches/{branch['branch']['id']}"
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    change = {"branch": {"name": "renamed", "expires_at": soon}}
    changed = client.settle(client.call("PATCH", path, json=change))
    assert changed["branch"]["name"] == "renamed"
    assert "expires_at" in changed["branch"]
    child = {"branch": {"name": "child", "parent_id": branch["branch"]["id"]}}
    assert client.call("POST", "/branches", json=child).status_code == 422
    forget = {"branch": {"expires_at": None}}
    changed = client.settle(client.call("PATCH", path, json=forget))
    assert "expires_at" not in changed["branch"]


def test_a_branch_whose_time_is_over_is_deleted(client: Client) -> None:
    moment = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    created = client.create("brief", compute=False, branch={"expires_at": moment})
    path = f"/branches/{created['branch']['id']}"
    until(lambda: client.call("GET", path).status_code == 404 or None)
    client.idle()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"branch": {"name": "main"}}, 409),
        ({"branch": {"name": ""}}, 400),
        ({"branch": {"name": "x" * 257}}, 400),
        ({"branch": {"name": 7}}, 400),
        ({"branch": "work"}, 400),
        ({"branch": {"name": "x", "parent_id": "br-no"}}, 404),
        ({"branch": {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}}, 422),
        ({"branch": {"name": "x", "expires_at": "tomorrow"}}, 400),
        ({"branch": {"name": "x", "init_source": "thin-air"}}, 400),
        ({"branch": {"name": "x"}, "endpoints": [{}]}, 400),
        ([], 400),
    ],
)
def test_a_wrong_branch_is_refused(client: Client, body: Any, status: int) -> None:
    reply = client.call("POST", "/branches", json=body)
    assert (reply.status_code, set(reply.json())) == (status, {"request_id", "code", "message"})
    assert len(client.get("/branches")["branches"]) == 1


def test_the_default_branch_cannot_be_deleted(client: Client) -> None:
    (main,) = client.get("/branches")["branches"]
    assert client.call("DELETE", f"/branches/{main['id']}").status_code == 422


def test_deleting_what_is_gone_is_an_empty_204(client: Client) -> None:
    created = client.create("short", compute=False)
    client.delete(created)
    reply = client.call("DELETE", f"/branches/{created['branch']['id']}")
    assert (reply.status_code, reply.content) == (204, b"")
    assert client.get("/branches")["branches"], "the connection can still be used"


def test_a_busy_project_refuses_changes_with_423(client: Client) -> None:
    first = client.call("POST", "/branches", json={"branch": {"name": "first"}})
    second = client.call("POST", "/branches", json={"branch": {"name": "second"}})
    assert second.status_code == 423
    assert "already has running operations" in second.json()["message"]
    client.delete(client.settle(first))


def test_a_wrong_key_is_refused(client: Client) -> None:
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}, {}):
        reply = requests.get(client.project, headers=headers, timeout=20)
        assert reply.status_code == 401
        assert "authentication" in reply.json()["message"]


def test_a_foreign_host_header_is_refused(client: Client) -> None:
    reply = client.call("GET", "/branches", headers={"Host": "evil.example"})
    assert reply.status_code == 403


def test_unknown_things_are_404(client: Client) -> None:
    for path in ("/branches/br-no", "/endpoints/ep-no", "/operations/no", "/nowhere"):
        reply = client.call("GET", path)
        assert (reply.status_code, "not" in reply.json()["message"]) == (404, True)
    other = f"{client.service.api_host}/projects/other/branches"
    assert client.session.get(other, timeout=20).status_code == 404
    assert client.call("PUT", "/branches").status_code == 405


def test_faults_of_the_api_come_once_each(client: Client) -> None:
    faults = client.service.faults
    faults.fail_next(1, 429, None, {"Retry-After": "1"})
    reply = client.call("GET", "/branches")
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "1")
    faults.fail_next(1, 524, "<html>a timeout occurred</html>")
    reply = client.call("GET", "/branches")
    assert (reply.status_code, reply.headers["Content-Type"]) == (524, "text/html")
    faults.delay_next(1, 0.2)
    began = time.monotonic()
    assert client.get("/branches")
    assert time.monotonic() - began >= 0.2
    faults.lose_next(1)
    with pytest.raises(requests.ConnectionError):
        client.call("POST", "/branches", json={"branch": {"name": "lost"}})
    until(lambda: client.get("/branches", search="lost")["branches"] or None)
    (lost,) = client.get("/branches", search="lost")["branches"]
    client.idle()
    client.delete({"branch": lost})


def test_faults_of_the_compute_cut_connections(client: Client, branch: Any) -> None:
    faults = client.service.faults
    with psycopg.connect(uri(branch)) as connection:
        assert faults.terminate_backends("work") == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with psycopg.connect(uri(branch)) as connection:
        faults.restart_compute("work")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert rows(uri(branch), "SELECT count(*) FROM film") == [(2,)]
