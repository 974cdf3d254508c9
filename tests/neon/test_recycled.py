"""Branches that serve test after test: with empty databases, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from neonsync.sandbox import Sandbox
from tests.conftest import delete_branch
from tests.recycled import Branches


@pytest.fixture
def kept(world: Sandbox, environment: dict[str, str]) -> Iterator[Branches]:
    made = Branches(world, delete_branch)
    yield made
    made.close()


def sql(world: Sandbox, name: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(world.neon.connection_uri(name), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_branch_is_used_again_without_what_a_test_has_left(
    world: Sandbox, kept: Branches
) -> None:
    first = kept.take()
    sql(world, first, "CREATE SCHEMA neonsync CREATE TABLE runs (id int)")
    sql(world, first, "CREATE TABLE public.t (id int); ALTER SCHEMA neonsync RENAME TO s")
    with psycopg.connect(world.neon.connection_uri(first)):  # whoever forgets to leave
        kept.give(first)

    assert kept.take() == first
    left = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'"
    assert sql(world, first, left) == [("public",)]
    assert sql(world, first, "SELECT relname FROM pg_class WHERE relname = 't'") == []
    kept.give(first)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE somebody",
        "ALTER ROLE CURRENT_USER SET search_path = 'elsewhere'",
        "ALTER DATABASE neondb SET statement_timeout = '1s'",
        "CREATE DATABASE another",
    ],
)
def test_a_branch_whose_cluster_has_changed_is_deleted(
    world: Sandbox, kept: Branches, statement: str
) -> None:
    first = kept.take()
    sql(world, first, statement)
    kept.give(first)
    second = kept.take()
    assert second != first
    kept.give(second)


def test_a_branch_whose_server_was_restarted_is_deleted(world: Sandbox, kept: Branches) -> None:
    first = kept.take()
    world.neon.faults.restart_compute(first)
    kept.give(first)
    second = kept.take()
    assert second != first
    kept.give(second)
