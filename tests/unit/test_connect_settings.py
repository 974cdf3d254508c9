"""What a connection takes from its address alone, whatever the environment says."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from neonsync.postgres.connect import Database, _conninfo
from neonsync.secret import Secret


def given(uri: str) -> dict[str, object]:
    return dict(conninfo_to_dict(_conninfo(Database(Secret(uri))).reveal()))


@pytest.mark.parametrize("name", ["PGHOSTADDR", "PGPORT", "PGOPTIONS"])
def test_the_environment_does_not_lead_a_checked_address_elsewhere(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq fills in what an address leaves open; PGOPTIONS may name another endpoint to Neon."""
    monkeypatch.setenv(name, "203.0.113.9")
    found = given("postgresql://me:x@ep-a.aws.neon.tech/db?sslmode=require")
    assert (found["hostaddr"], found["port"], found["options"]) == ("", "5432", "")


def test_what_the_address_says_itself_is_kept() -> None:
    found = given("postgresql://me:x@ep-a.aws.neon.tech:7/db?options=-cgeqo%3Doff")
    assert (found["port"], found["options"]) == ("7", "-cgeqo=off")
