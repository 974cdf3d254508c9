"""Branches of a past moment, and restores, on the sandbox's Neon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from neonsync.sandbox.neon import NeonOptions, NeonService
from tests.sandbox.neon_fixtures import KEY, Client, rows, uri

QUICK = NeonOptions(operation_seconds=0.0, durable=False)
FILMS = "SELECT count(*) FROM film"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    root: Path = tmp_path_factory.mktemp("neon") / "root"
    service = NeonService(root, KEY, options=QUICK)
    service.start()
    try:
        with psycopg.connect(service.connection_uri("main")) as connection:
            connection.execute("CREATE TABLE film (id int PRIMARY KEY)")
            connection.execute("INSERT INTO film VALUES (1), (2)")
        yield Client(service)
    finally:
        service.stop()


@pytest.fixture
def branch(client: Client) -> Iterator[Any]:
    created = client.create("work")
    yield created
    client.delete(created)


def run(address: str, statement: str) -> datetime:
    """Run a statement, and return a moment after it by the server's clock."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())
    return datetime.now(UTC)


def position(address: str) -> str:
    return str(rows(address, "SELECT pg_current_wal_lsn()::text")[0][0])


def restore(client: Client, branch: Any, source: Any, **body: Any) -> Any:
    path = f"/branches/{branch['branch']['id']}/restore"
    body["source_branch_id"] = source["branch"]["id"]
    return client.settle(client.call("POST", path, json=body))


def refusal(client: Client, branch: Any, **body: Any) -> tuple[int, str]:
    path = f"/branches/{branch['branch']['id']}/restore"
    reply = client.call("POST", path, json=body)
    return reply.status_code, reply.json()["message"]


def main_branch(client: Client) -> Any:
    (main,) = [b for b in client.get("/branches")["branches"] if b["default"]]
    return {"branch": main}


def test_a_branch_begins_at_a_past_time_of_its_parent(client: Client, branch: Any) -> None:
    before = run(uri(branch), "INSERT INTO film VALUES (3)")
    run(uri(branch), "DELETE FROM film")
    past = {"parent_id": branch["branch"]["id"], "parent_timestamp": before.isoformat()}
    child = client.create("past", branch=past)
    assert rows(uri(child), FILMS) == [(3,)]
    assert rows(uri(branch), FILMS) == [(0,)]
    assert child["branch"]["parent_timestamp"].startswith(before.isoformat()[:19])
    client.delete(child)


def test_a_branch_begins_at_a_log_position_of_its_parent(client: Client, branch: Any) -> None:
    run(uri(branch), "INSERT INTO film VALUES (3)")
    lsn = position(uri(branch))
    run(uri(branch), "INSERT INTO film VALUES (4)")
    child = client.create("past", branch={"parent_id": branch["branch"]["id"], "parent_lsn": lsn})
    assert child["branch"]["parent_lsn"] == lsn
    assert rows(uri(child), FILMS) == [(3,)]
    grandchild = client.create("deeper", branch={"parent_id": child["branch"]["id"]})
    moment = run(uri(grandchild), "INSERT INTO film VALUES (5)")
    run(uri(grandchild), "DROP TABLE film")
    restore(
        client,
        grandchild,
        grandchild,
        source_timestamp=moment.isoformat(),
        preserve_under_name="deeper-old",
    )
    assert rows(uri(grandchild), FILMS) == [(4,)], "a past can be made of a past"
    client.delete(grandchild)
    (old,) = client.get("/branches", search="deeper-old")["branches"]
    client.delete({"branch": old})
    client.delete(child)


def test_a_moment_after_the_last_commit_of_a_sleeping_branch_is_its_head(client: Client) -> None:
    still = client.create("still", compute=False)
    moment = datetime.now(UTC).isoformat()
    past = {"parent_id": still["branch"]["id"], "parent_timestamp": moment}
    child = client.create("past", branch=past)
    assert rows(uri(child), FILMS) == [(2,)]
    client.delete(child)
    client.delete(still)


def test_a_schema_only_branch_of_the_past_has_that_times_structure(
    client: Client, branch: Any
) -> None:
    before = run(uri(branch), "INSERT INTO film VALUES (3)")
    run(uri(branch), "DROP TABLE film")
    past = {
        "parent_id": branch["branch"]["id"],
        "parent_timestamp": before.isoformat(),
        "init_source": "schema-only",
    }
    shape = client.create("shape", branch=past)
    assert rows(uri(shape), FILMS) == [(0,)]
    client.delete(shape)


@pytest.mark.parametrize(
    ("past", "status"),
    [
        ({"parent_timestamp": "2020-01-01T00:00:00Z"}, 422),
        ({"parent_timestamp": "2999-01-01T00:00:00Z"}, 422),
        ({"parent_timestamp": "yesterday"}, 400),
        ({"parent_lsn": "0/1"}, 422),
        ({"parent_lsn": "FFFF/0"}, 422),
        ({"parent_lsn": "one"}, 400),
        ({"parent_lsn": "0/1", "parent_timestamp": "2020-01-01T00:00:00Z"}, 400),
    ],
)
def test_what_is_outside_of_the_history_is_refused(
    client: Client, branch: Any, past: dict[str, str], status: int
) -> None:
    body = {"branch": {"name": "past", "parent_id": branch["branch"]["id"], **past}}
    reply = client.call("POST", "/branches", json=body)
    assert (reply.status_code, set(reply.json())) == (status, {"request_id", "code", "message"})


def test_a_past_whose_log_is_gone_is_refused(tmp_path: Path) -> None:
    service = NeonService(tmp_path / "neon", KEY, options=QUICK)
    service.start()
    try:
        client, moment = Client(service), datetime.now(UTC)
        (log,) = tmp_path.glob("neon/branches/*/data/pg_wal")
        oldest = min(path for path in log.iterdir() if len(path.name) == 24)
        oldest.rename(tmp_path / oldest.name)
        past = {"name": "past", "parent_timestamp": moment.isoformat()}
        reply = client.call("POST", "/branches", json={"branch": past})
        assert (reply.status_code, "history" in reply.json()["message"]) == (422, True)
        (tmp_path / oldest.name).rename(oldest)
        assert client.create("past", compute=False, branch=past)
    finally:
        service.stop()


def test_the_history_window_moves_on_with_the_clock(client: Client) -> None:
    moment = datetime.now(UTC)
    client.service.faults.set_clock(timedelta(days=2))
    try:
        past = {"name": "past", "parent_timestamp": moment.isoformat()}
        assert client.call("POST", "/branches", json={"branch": past}).status_code == 422
    finally:
        client.service.faults.set_clock(timedelta(0))


def test_a_reset_takes_the_parents_head_and_keeps_the_address(client: Client, branch: Any) -> None:
    run(uri(branch), "CREATE TABLE mine ()")
    main = main_branch(client)
    with psycopg.connect(uri(branch)) as connection:
        done = restore(client, branch, main)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert done["branch"]["current_state"] == "resetting"
    assert rows(uri(branch), "SELECT to_regclass('mine')") == [(None,)]
    assert rows(uri(branch), FILMS) == [(2,)]
    shown = client.get(f"/branches/{branch['branch']['id']}")["branch"]
    assert shown["current_state"] == "ready"
    assert shown["parent_id"] == main["branch"]["id"]
    assert "last_reset_at" in shown


def test_a_reset_takes_the_databases_of_the_parent(client: Client, branch: Any) -> None:
    path = f"/branches/{branch['branch']['id']}/databases"
    wish = {"database": {"name": "second", "owner_name": "neondb_owner"}}
    client.settle(client.call("POST", path, json=wish))
    restore(client, branch, main_branch(client))
    assert [one["name"] for one in client.get(path)["databases"]] == ["neondb"]
    names = "SELECT datname FROM pg_database WHERE datname = 'second'"
    assert rows(uri(branch), names) == []


def test_a_branch_goes_back_and_the_old_data_stay_under_a_name(client: Client, branch: Any) -> None:
    run(uri(branch), "INSERT INTO film VALUES (3)")
    child = client.create("child", branch={"parent_id": branch["branch"]["id"]})
    before = run(uri(branch), "INSERT INTO film VALUES (4)")
    run(uri(branch), "DELETE FROM film")
    past = {"source_timestamp": before.isoformat(), "preserve_under_name": "work-old"}
    restore(client, branch, branch, **past)
    assert rows(uri(branch), FILMS) == [(4,)]
    (old,) = client.get("/branches", search="work-old")["branches"]
    shown = client.get(f"/branches/{branch['branch']['id']}")["branch"]
    moved = client.get(f"/branches/{child['branch']['id']}")["branch"]
    assert shown["parent_id"] == moved["parent_id"] == old["id"]
    compute = {"endpoint": {"branch_id": old["id"], "type": "read_write"}}
    client.settle(client.call("POST", "/endpoints", json=compute))
    query = {"database_name": "neondb", "role_name": "neondb_owner", "branch_id": old["id"]}
    assert rows(client.get("/connection_uri", **query)["uri"], FILMS) == [(0,)]
    restore(client, branch, {"branch": main_branch(client)["branch"]})
    client.delete(child)
    client.delete({"branch": old})


def test_restores_that_neon_refuses_are_refused(client: Client, branch: Any) -> None:
    main = main_branch(client)
    work_id, main_id = branch["branch"]["id"], main["branch"]["id"]
    moment = datetime.now(UTC).isoformat()
    assert refusal(client, branch)[0] == 400
    assert refusal(client, branch, source_branch_id="br-no")[0] == 404
    assert refusal(client, branch, source_branch_id=work_id)[0] == 422
    status, message = refusal(client, branch, source_branch_id=work_id, source_timestamp=moment)
    assert (status, "preserve_under_name" in message) == (422, True)
    assert refusal(client, main, source_branch_id=work_id) == (422, "root branch cannot be reset")
    taken = {"preserve_under_name": "main", "source_timestamp": moment}
    assert refusal(client, branch, source_branch_id=work_id, **taken)[0] == 409
    child = client.create("child", compute=False, branch={"parent_id": work_id})
    status, message = refusal(client, branch, source_branch_id=main_id)
    assert (status, "preserve_under_name" in message) == (422, True)
    client.delete(child)
    path = f"/branches/{work_id}"
    client.call("PATCH", path, json={"branch": {"protected": True}})
    status, message = refusal(client, branch, source_branch_id=main_id)
    assert (status, message) == (422, "protected branch cannot be reset")
    client.call("PATCH", path, json={"branch": {"protected": False}})


def test_another_branch_becomes_the_default(client: Client, branch: Any) -> None:
    main = main_branch(client)["branch"]["id"]
    work = branch["branch"]["id"]
    client.settle(client.call("POST", f"/branches/{work}/set_as_default"))
    assert main_branch(client)["branch"]["id"] == work
    assert client.call("DELETE", f"/branches/{work}").status_code == 422
    client.settle(client.call("POST", f"/branches/{main}/set_as_default"))
    assert client.get("/branches/count", search="work") == {"count": 1}


def test_history_survives_a_restart_of_the_service(tmp_path: Path) -> None:
    service = NeonService(tmp_path / "neon", KEY, options=QUICK)
    service.start()
    try:
        moment = run(service.connection_uri("main"), "CREATE TABLE film (id int)")
        run(service.connection_uri("main"), "DROP TABLE film")
        service.stop()
        service.start()
        past = {"parent_timestamp": moment.isoformat()}
        assert rows(uri(Client(service).create("past", branch=past)), FILMS) == [(0,)]
    finally:
        service.stop()
