"""The DuckDBs that queries are lent: none sees what another has left, or is stopped for another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from neonsync.sandbox.aws import engines as engines_module
from neonsync.sandbox.aws.catalogue import Catalogue
from neonsync.sandbox.aws.engines import CATALOG, Engines
from neonsync.sandbox.aws.session import Session


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    made = Engines(tmp_path / "s3", tmp_path / "scratch")
    yield made
    made.close()


def test_an_engine_is_lent_again_without_what_a_query_has_left(engines: Engines) -> None:
    first = engines.take()
    first.connection.execute(f"CREATE SCHEMA {CATALOG}.lake")
    first.connection.execute(f"CREATE TABLE {CATALOG}.lake.t AS SELECT 1 AS n")
    first.connection.execute(f"SET search_path = '{CATALOG}.lake,memory.main'")
    first.connection.execute("SET preserve_insertion_order = false")
    engines.give(first, sound=True)

    second = engines.take()

    assert second is first
    with pytest.raises(duckdb.CatalogException):
        second.connection.execute(f"SELECT * FROM {CATALOG}.lake.t")
    found = second.connection.execute(
        "SELECT current_setting('search_path'), current_setting('preserve_insertion_order'),"
        " current_setting('TimeZone')"
    ).fetchone()
    assert found == ("", True, "UTC")
    engines.give(second, sound=True)


def test_two_queries_at_a_time_have_one_each(engines: Engines) -> None:
    first, second = engines.take(), engines.take()
    assert first.connection is not second.connection
    for each in (first, second):
        engines.give(each, sound=True)


def test_what_was_interrupted_is_not_lent_again(tmp_path: Path, engines: Engines) -> None:
    catalogue = Catalogue(tmp_path / "catalogue")
    stopped = Session(catalogue, tmp_path / "s3", "lake", engines)
    stopped.interrupt()
    stopped.close()
    with pytest.raises(duckdb.ConnectionException):
        stopped.connection.execute("SELECT 1")

    later = Session(catalogue, tmp_path / "s3", "lake", engines)
    stopped.interrupt()  # too late: it has ended
    later.close()
    assert engines.take().connection is later.connection


def test_an_engine_that_had_its_share_is_closed(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines_module, "_QUERIES", 2)
    first = engines.take()
    engines.give(first, sound=True)
    assert engines.take() is first
    engines.give(first, sound=True)
    assert engines.take() is not first
