"""Computes of the sandbox's Neon: they suspend, wake, refuse, and have replicas."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from neonsync.sandbox.neon import ComputeOptions, NeonOptions, NeonService
from tests.faults.processes import servers_below
from tests.sandbox.neon_fixtures import KEY, Client, rows, until, uri

FILMS = "SELECT count(*) FROM film"
START_SECONDS = 0.3


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    root: Path = tmp_path_factory.mktemp("neon") / "root"
    compute = ComputeOptions(start_seconds=START_SECONDS)
    options = NeonOptions(operation_seconds=0.0, durable=False, compute=compute)
    service = NeonService(root, KEY, options=options)
    service.start()
    try:
        with psycopg.connect(service.connection_uri("main")) as connection:
            connection.execute("CREATE TABLE film (id int PRIMARY KEY)")
            connection.execute("INSERT INTO film VALUES (1), (2)")
        yield Client(service)
    finally:
        service.stop()
    assert until(lambda: not servers_below(root) or None), "a Postgres was left behind"


@pytest.fixture(scope="module")
def branch(client: Client) -> Any:
    return client.create("work")


@pytest.fixture
def endpoint(client: Client, branch: Any) -> Iterator[str]:
    """The path of a compute that sleeps."""
    path = f"/endpoints/{branch['endpoints'][0]['id']}"
    client.settle(client.call("POST", f"{path}/suspend"))
    assert state(client, path) == "idle"
    yield path
    client.settle(client.call("PATCH", path, json={"endpoint": {"disabled": False}}))
    client.settle(client.call("POST", f"{path}/start"))


def state(client: Client, path: str) -> str:
    return str(client.get(path)["endpoint"]["current_state"])


def connect_error(address: str) -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(address)
    return str(caught.value)


def test_a_suspended_compute_wakes_when_somebody_connects(
    client: Client, branch: Any, endpoint: str
) -> None:
    began = time.monotonic()
    assert rows(uri(branch), FILMS) == [(2,)]
    assert time.monotonic() - began >= START_SECONDS, "a slow compute takes its time"
    assert state(client, endpoint) == "active"
    with psycopg.connect(uri(branch)) as connection:
        big = connection.execute("SELECT repeat('x', 5000000)").fetchone()
        assert big is not None
        assert len(big[0]) == 5_000_000, "bytes pass in both directions"
        with connection.cursor().copy("COPY film FROM STDIN") as copy:
            copy.write("".join(f"{n}\n" for n in range(1000, 200_000)))
        connection.rollback()
        with pytest.raises(psycopg.errors.QueryCanceled):
            _cancel_soon(connection)


def _cancel_soon(connection: psycopg.Connection[Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        sleeping = pool.submit(connection.execute, "SELECT pg_sleep(60)")
        while not sleeping.done():
            connection.cancel_safe()
            time.sleep(0.05)
        sleeping.result()


def test_many_who_connect_at_once_wake_it_once(branch: Any, endpoint: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: rows(uri(branch), FILMS), range(8)))
    assert seen == [[(2,)]] * 8


def test_a_compute_is_started_suspended_and_restarted_by_the_api(
    client: Client, branch: Any, endpoint: str
) -> None:
    done = client.settle(client.call("POST", f"{endpoint}/start"))
    assert [one["action"] for one in done["operations"]] == ["start_compute"]
    assert client.settle(client.call("POST", f"{endpoint}/start"))["operations"] == []
    with psycopg.connect(uri(branch)) as connection:
        client.settle(client.call("POST", f"{endpoint}/restart"))
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with psycopg.connect(uri(branch)) as connection:
        client.settle(client.call("POST", f"{endpoint}/suspend"))
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert client.call("POST", f"{endpoint}/restart").status_code == 422
    assert client.call("POST", "/endpoints/ep-no/start").status_code == 404


def test_a_disabled_compute_says_so_and_cannot_be_started(
    client: Client, branch: Any, endpoint: str
) -> None:
    client.settle(client.call("PATCH", endpoint, json={"endpoint": {"disabled": True}}))
    assert "endpoint is disabled" in connect_error(uri(branch))
    assert client.call("POST", f"{endpoint}/start").status_code == 422
    assert client.get(endpoint)["endpoint"]["disabled"] is True


def test_a_refused_connection_gives_neons_text(client: Client, branch: Any) -> None:
    faults = client.service.faults
    text = "Your account or project has exceeded the compute time quota."
    faults.refuse_connections("work", text)
    assert text in connect_error(uri(branch))
    faults.refuse_connections("work", None)
    assert rows(uri(branch), FILMS) == [(2,)]


def test_limits_of_a_compute_are_changed(client: Client, endpoint: str) -> None:
    limits: dict[str, Any] = {
        "autoscaling_limit_min_cu": 0.5,
        "autoscaling_limit_max_cu": 2,
        "suspend_timeout_seconds": 600,
    }
    client.settle(client.call("PATCH", endpoint, json={"endpoint": limits}))
    shown = client.get(endpoint)["endpoint"]
    assert {name: shown[name] for name in limits} == limits
    wrong: dict[str, Any] = {"endpoint": {"autoscaling_limit_min_cu": 4}}
    assert client.call("PATCH", endpoint, json=wrong).status_code == 422
    wrong = {"endpoint": {"autoscaling_limit_min_cu": "much"}}
    assert client.call("PATCH", endpoint, json=wrong).status_code == 400


def test_a_deleted_compute_cannot_be_found(client: Client) -> None:
    created = client.create("brief")
    path = f"/endpoints/{created['endpoints'][0]['id']}"
    client.settle(client.call("DELETE", path))
    assert "endpoint cannot be found" in connect_error(uri(created))
    assert client.call("DELETE", path).status_code == 204
    client.delete(created)


def test_a_deleted_branch_cannot_be_connected_to(client: Client) -> None:
    created = client.create("brief")
    client.delete(created)
    assert "endpoint cannot be found" in connect_error(uri(created))


def test_who_connects_during_a_reset_waits_for_its_end(client: Client, branch: Any) -> None:
    (main,) = [one for one in client.get("/branches")["branches"] if one["default"]]
    path = f"/branches/{branch['branch']['id']}/restore"
    begun = client.call("POST", path, json={"source_branch_id": main["id"]})
    with ThreadPoolExecutor(1) as pool:
        reset = pool.submit(client.settle, begun)
        seen = set()
        while not reset.done():
            with contextlib.suppress(psycopg.OperationalError):
                seen.add(rows(uri(branch), FILMS)[0])
    reset.result()
    assert rows(uri(branch), FILMS) == [(2,)]
    assert seen <= {(2,)}


def test_a_replica_reads_what_is_written_and_writes_nothing(client: Client, branch: Any) -> None:
    wish = {"endpoint": {"branch_id": branch["branch"]["id"], "type": "read_only"}}
    made = client.settle(client.call("POST", "/endpoints", json=wish))["endpoint"]
    again = {"endpoint": wish["endpoint"] | {"type": "read_write"}}
    assert client.call("POST", "/endpoints", json=again).status_code == 422
    query = {
        "branch_id": branch["branch"]["id"],
        "database_name": "neondb",
        "role_name": "neondb_owner",
    }
    assert client.get("/connection_uri", **query)["uri"] == uri(branch)
    replica = client.get("/connection_uri", **query, endpoint_id=made["id"])["uri"]
    with psycopg.connect(uri(branch)) as connection:
        connection.execute("INSERT INTO film VALUES (3)")
    assert until(lambda: rows(replica, FILMS) == [(3,)] or None)
    with (
        psycopg.connect(replica) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("INSERT INTO film VALUES (4)")
    client.settle(client.call("DELETE", f"/endpoints/{made['id']}"))
    with psycopg.connect(uri(branch)) as connection:
        connection.execute("DELETE FROM film WHERE id = 3")


def test_an_idle_compute_suspends_by_itself_and_stays_so_over_a_restart(tmp_path: Path) -> None:
    options = NeonOptions(
        operation_seconds=0.0, durable=False, compute=ComputeOptions(idle_seconds=0.3)
    )
    service = NeonService(tmp_path / "neon", KEY, options=options)
    service.start()
    try:
        client = Client(service)
        (main,) = client.get("/endpoints")["endpoints"]
        path = f"/endpoints/{main['id']}"
        with psycopg.connect(service.connection_uri("main")) as connection:
            connection.execute("SELECT 1")
            assert until(lambda: state(client, path) == "active" or None), "a transaction is open"
        until(lambda: state(client, path) == "idle" or None)
        assert servers_below(tmp_path) == []
        service.stop()
        service.start()
        assert servers_below(tmp_path) == []
        assert rows(service.connection_uri("main"), "SELECT 1") == [(1,)]
    finally:
        service.stop()
    assert servers_below(tmp_path) == []
