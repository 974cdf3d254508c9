"""Branches that serve one test after the other, each with databases as they were made.

To make a branch and to delete it takes longer than what many tests do with it. One is used again
only when nothing but rows and tables of its databases can have changed; else it is deleted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql

from neonsync.neon.branches import Project
from neonsync.sandbox import Sandbox
from neonsync.sandbox.neon.computes import Computes
from neonsync.sandbox.neon.lookup import children_of, endpoints_of
from neonsync.sandbox.neon.state import Branch, Endpoint, OperationStatus
from neonsync.settings import Settings, load_settings

_names = itertools.count(1)
_BUSY = (OperationStatus.SCHEDULING, OperationStatus.RUNNING)
# What a cluster has beside its databases' contents. Passwords are part of it.
_CLUSTER = (
    "SELECT (SELECT array_agg(a::text ORDER BY oid) FROM pg_authid a),"
    " (SELECT array_agg(m::text ORDER BY oid) FROM pg_auth_members m),"
    " (SELECT array_agg(s::text ORDER BY 1) FROM pg_db_role_setting s),"
    " (SELECT array_agg(datname || coalesce(datacl::text, '') ORDER BY datname)"
    "  FROM pg_database),"
    " (SELECT array_agg(sourcefile || name || setting ORDER BY 1) FROM pg_file_settings)"
)


@dataclass(frozen=True)
class Recyclable:
    """A branch, and what it was when it was made."""

    id: str
    name: str
    records: tuple[Branch, list[Endpoint]]
    cluster: tuple[Any, ...]


@dataclass
class Branches:
    """The branches of a module of tests."""

    world: Sandbox
    delete: Callable[[Project, Settings, str], None]
    _made: dict[str, Recyclable] = field(default_factory=dict)
    _idle: list[Recyclable] = field(default_factory=list)

    def take(self) -> str:
        """A branch's name; its databases are as they were made."""
        if self._idle:
            return self._idle.pop().name
        settings = load_settings(flags={}, environ=self.world.environment())
        branch = Project(settings.neon).create(f"test-{next(_names)}").branch
        self._made[branch.name] = Recyclable(
            branch.id, branch.name, self._records(branch.id), self._cluster(branch.id)
        )
        return branch.name

    def give(self, name: str) -> None:
        """Take a branch back: for the next test, or to be deleted."""
        branch = self._made[name]
        if self._is_as_made(branch):
            self._empty(branch)
            self._idle.append(branch)
        else:
            self._delete(branch)

    def close(self) -> None:
        """Delete those that nobody uses."""
        while self._idle:
            self._delete(self._idle.pop())

    @property
    def _computes(self) -> Computes:
        return self.world.neon._alive().project.computes

    def _records(self, branch_id: str) -> tuple[Branch, list[Endpoint]]:
        with self.world.neon._alive().project.store.read() as state:
            branch = replace(state.branches[branch_id], logical_size=None)
            return branch, endpoints_of(state, branch_id)

    def _cluster(self, branch_id: str) -> tuple[Any, ...]:
        with self._computes.cluster(branch_id).connect() as connection:
            return connection.execute(_CLUSTER).fetchone() or ()

    def _is_as_made(self, made: Recyclable) -> bool:
        with self.world.neon._alive().project.store.read() as state:
            busy = any(each.status in _BUSY for each in state.operations.values())
            if busy or made.id not in state.branches or children_of(state, made.id):
                return False
        if self._records(made.id) != made.records:
            return False
        try:
            return self._cluster(made.id) == made.cluster
        except psycopg.OperationalError:
            return False  # a test has stopped its server, or holds it

    def _empty(self, made: Recyclable) -> None:
        """Make the databases anew, as the sandbox has made them."""
        branch, _ = made.records
        with self._computes.cluster(made.id).connect() as connection:
            for database in branch.databases:
                name, owner = map(sql.Identifier, (database.name, database.owner_name))
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name)
                create = sql.SQL("CREATE DATABASE {} OWNER {} STRATEGY = FILE_COPY")
                connection.execute(drop)
                connection.execute(create.format(name, owner))

    def _delete(self, made: Recyclable) -> None:
        settings = load_settings(flags={}, environ=self.world.environment())
        self.delete(Project(settings.neon), settings, made.id)
