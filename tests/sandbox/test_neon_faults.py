"""Faults of the sandbox's Neon on request, and its roles and databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from neonsync.sandbox.neon import Fate, NeonOptions, NeonService
from tests.sandbox.neon_fixtures import KEY, Client, rows, until, uri


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    root: Path = tmp_path_factory.mktemp("neon") / "root"
    service = NeonService(root, KEY, options=NeonOptions(operation_seconds=0.0, durable=False))
    service.start()
    try:
        yield Client(service)
    finally:
        service.stop()


@pytest.fixture(scope="module")
def branch(client: Client) -> Any:
    return client.create("work")


@pytest.fixture
def path(branch: Any) -> str:
    return f"/branches/{branch['branch']['id']}"


def address(client: Client, branch: Any, database: str, role: str) -> str:
    query = {"branch_id": branch["branch"]["id"], "database_name": database, "role_name": role}
    return str(client.get("/connection_uri", **query)["uri"])


def test_a_database_is_made_renamed_and_deleted(client: Client, branch: Any, path: str) -> None:
    wish = {"database": {"name": "first", "owner_name": "neondb_owner"}}
    client.settle(client.call("POST", f"{path}/databases", json=wish))
    with psycopg.connect(address(client, branch, "first", "neondb_owner")) as connection:
        change = {"database": {"name": "second"}}
        client.settle(client.call("PATCH", f"{path}/databases/first", json=change))
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    second = address(client, branch, "second", "neondb_owner")
    assert rows(second, "SELECT current_database()") == [("second",)]
    taken = {"database": {"name": "neondb"}}
    assert client.call("PATCH", f"{path}/databases/second", json=taken).status_code == 409
    client.settle(client.call("DELETE", f"{path}/databases/second"))
    assert client.call("DELETE", f"{path}/databases/second").status_code == 404
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(second)


def test_a_role_is_made_gets_a_new_password_and_is_deleted(
    client: Client, branch: Any, path: str
) -> None:
    wish = {"role": {"name": "reader of films"}}
    role = f"{path}/roles/reader of films"
    made = client.settle(client.call("POST", f"{path}/roles", json=wish))
    assert client.call("POST", f"{path}/roles", json=wish).status_code == 409
    assert client.get(f"{role}/reveal_password")["password"] == made["role"]["password"]
    first = address(client, branch, "neondb", "reader of films")
    assert rows(first, "SELECT current_user") == [("reader of films",)]
    client.settle(client.call("POST", f"{role}/reset_password"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(first)
    assert rows(address(client, branch, "neondb", "reader of films"), "SELECT 1") == [(1,)]
    client.settle(client.call("DELETE", role))
    assert client.call("GET", role).status_code == 404
    assert client.call("DELETE", f"{path}/roles/neondb_owner").status_code == 422


def test_a_sleeping_compute_is_woken_for_a_new_role(client: Client, branch: Any, path: str) -> None:
    endpoint = f"/endpoints/{branch['endpoints'][0]['id']}"
    client.settle(client.call("POST", f"{endpoint}/suspend"))
    client.settle(client.call("POST", f"{path}/roles", json={"role": {"name": "late"}}))
    assert rows(address(client, branch, "neondb", "late"), "SELECT current_user") == [("late",)]


def test_an_operation_is_skipped_or_fails_and_is_tried_again(client: Client, path: str) -> None:
    faults = client.service.faults
    faults.next_operation(Fate(failures=1, pause_seconds=0.3))
    (begun,) = client.call("POST", f"{path}/roles", json={"role": {"name": "slow"}}).json()[
        "operations"
    ]
    one = f"/operations/{begun['id']}"
    until(lambda: client.get(one)["operation"]["status"] == "failed" or None)
    until(lambda: client.get(one)["operation"]["status"] == "finished" or None)
    assert client.get(one)["operation"]["failures_count"] == 1
    faults.next_operation(Fate(skipped=True))
    (begun,) = client.call("DELETE", f"{path}/roles/slow").json()["operations"]
    until(
        lambda: client.get(f"/operations/{begun['id']}")["operation"]["status"] == "skipped" or None
    )
    faults.next_operation(Fate(failures=1, for_good=True))
    (begun,) = client.call("POST", f"{path}/roles", json={"role": {"name": "never"}}).json()[
        "operations"
    ]
    until(
        lambda: client.get(f"/operations/{begun['id']}")["operation"]["status"] == "failed" or None
    )


def test_a_slow_operation_keeps_the_project_busy(client: Client, path: str) -> None:
    client.service.faults.next_operation(Fate(seconds=0.5))
    slow = client.call("POST", f"{path}/roles", json={"role": {"name": "patient"}})
    refused = client.call("POST", f"{path}/roles", json={"role": {"name": "other"}})
    assert refused.status_code == 423
    client.settle(slow)


@pytest.mark.parametrize("status", [401, 403, 404, 409, 412, 422, 423, 500, 503])
def test_any_error_comes_in_neons_shape(client: Client, status: int) -> None:
    client.service.faults.fail_next(1, status)
    reply = client.call("GET", "/branches")
    assert (reply.status_code, set(reply.json())) == (status, {"request_id", "code", "message"})


def test_changes_are_refused_for_a_time_while_reading_goes_on(client: Client, path: str) -> None:
    client.service.faults.fail_for(0.3, 423)
    rename = {"branch": {"name": "work"}}
    assert client.call("PATCH", path, json=rename).status_code == 423
    assert client.get("/branches")
    until(lambda: client.call("PATCH", path, json=rename).status_code == 200 or None)


def test_a_request_that_hangs_ends_when_it_is_released(client: Client) -> None:
    faults = client.service.faults
    faults.hang_next(1)
    with pytest.raises(requests.ReadTimeout):
        requests.get(client.project, headers={"Authorization": f"Bearer {KEY}"}, timeout=(5, 0.2))
    faults.hang_next(1)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(client.call, "GET", "/branches")
        until(lambda: faults.hanging == 0 or None)
        faults.release()
        with pytest.raises(requests.ConnectionError):
            hanging.result()


def test_replies_have_unknown_words_and_lack_fields(client: Client, path: str) -> None:
    client.service.faults.distort_replies(True)
    try:
        shown = client.get(path)["branch"]
        assert (shown["name"], shown["current_state"]) == ("work", "sandbox_never_heard_of_it")
        assert "created_at" not in shown
        assert client.get("/operations")["operations"][0]["action"] == "sandbox_never_heard_of_it"
    finally:
        client.service.faults.distort_replies(False)
    assert client.get(path)["branch"]["current_state"] == "ready"


def test_the_clock_moves_the_date_header_and_the_expiries(client: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    created = client.create("week", compute=False, branch={"expires_at": soon})
    one = f"/branches/{created['branch']['id']}"
    client.service.faults.set_clock(timedelta(days=8))
    try:
        date = parsedate_to_datetime(client.call("GET", "/branches").headers["Date"])
        assert date > datetime.now(UTC) + timedelta(days=7)
        until(lambda: client.call("GET", one).status_code == 404 or None)
        client.idle()
    finally:
        client.service.faults.set_clock(timedelta(0))


def test_life_spans_follow_neons_rules(client: Client, branch: Any, path: str) -> None:
    def refused(one: str, **change: Any) -> bool:
        return client.call("PATCH", one, json={"branch": change}).status_code == 422

    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    late = (datetime.now(UTC) + timedelta(days=31)).isoformat()
    (main,) = [one for one in client.get("/branches")["branches"] if one["default"]]
    assert refused(f"/branches/{main['id']}", expires_at=soon)
    assert refused(path, expires_at=late)
    assert refused(path, expires_at=soon, protected=True)
    child = client.create("child", compute=False, branch={"parent_id": branch["branch"]["id"]})
    assert refused(path, expires_at=soon), "it has a child"
    client.delete(child)
    client.settle(client.call("PATCH", path, json={"branch": {"expires_at": soon}}))
    body = {"branch": {"name": "child", "parent_id": branch["branch"]["id"]}}
    assert client.call("POST", "/branches", json=body).status_code == 422
    assert client.call("POST", f"{path}/set_as_default").status_code == 422
    client.settle(client.call("PATCH", path, json={"branch": {"expires_at": None}}))
    assert rows(uri(branch), "SELECT 1") == [(1,)]
