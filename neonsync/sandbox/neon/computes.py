"""The data of all branches: made, cloned, rebuilt, exchanged, measured and removed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import RLock

import psycopg
from psycopg import sql

from neonsync.sandbox.neon.cluster import ADMIN, Cluster, end_left_over, free_port
from neonsync.sandbox.neon.history import Moment, is_complete
from neonsync.sandbox.neon.launcher import Launcher
from neonsync.sandbox.neon.state import Branch, Database, Role, Store

_SYSTEM_DATABASES = ("template0", "template1", "postgres")


class Computes:
    """The data of branches: clusters on disk, and work on them."""

    def __init__(
        self, folder: Path, launcher: Launcher, store: Store, *, durable: bool = True
    ) -> None:
        self._folder = folder
        self._durable = durable
        self._launcher = launcher
        self._store = store
        self._clusters: dict[str, Cluster] = {}
        self._lock = RLock()
        with store.read() as state:
            self._admin_password = state.admin_password

    def create_root(self, branch: Branch, port: int) -> None:
        """Make a branch without a parent."""
        cluster = self.cluster(branch.id)
        cluster.create()
        cluster.save_base()
        cluster.start(port)
        with cluster.connect() as connection:
            for role in branch.roles:
                connection.execute(_create_role(connection, role))
        for database in branch.databases:
            self.create_database(branch.id, database)
        cluster.stop()

    def create_child(self, branch_id: str, parent_id: str) -> None:
        """Copy the parent as it is now; its server goes on undisturbed."""
        self.cluster(branch_id).copy(self.cluster(parent_id))

    def empty(self, branch_id: str, port: int) -> None:
        """Take a new branch's rows away; its history begins afterwards."""
        cluster = self.cluster(branch_id)
        cluster.start(port)
        for database in _databases(cluster):
            _empty_tables(cluster, database)
        cluster.stop()
        cluster.save_base()

    def create_past(
        self, branch_id: str, chain: Sequence[str], moment: Moment
    ) -> tuple[list[str], list[tuple[str, str]]]:
        """Rebuild what the last branch of the chain was at a moment; it begins its own history.

        Returns the roles that it had, and its databases with their owners.
        """
        cluster, clusters = self.cluster(branch_id), [self.cluster(each) for each in chain]
        if clusters[-1].running:
            clusters[-1].mark()
        try:
            cluster.recover(clusters, moment, free_port())
            found = _inventory(cluster)
            cluster.stop()
            cluster.save_base()
        except BaseException:
            cluster.remove()  # nobody else knows of it yet
            raise
        return found

    def has_history(self, chain: Sequence[str]) -> bool:
        """Whether the log of a branch is there from its base on."""
        return is_complete([self.cluster(each).folder for each in chain], self._launcher)

    def exchange(self, branch_id: str, new_id: str, preserved_id: str | None) -> None:
        """Give a branch the data of another; its old ones go to a third, or away."""
        cluster = self.cluster(branch_id)
        cluster.stop()
        if preserved_id:
            self.cluster(preserved_id).take(cluster)
        cluster.take(self.cluster(new_id))
        with self._lock:
            del self._clusters[new_id]

    def stop_all(self) -> None:
        """Stop every server, side by side."""
        with self._lock:
            clusters = list(self._clusters.values())
        if clusters:
            with ThreadPoolExecutor(min(8, len(clusters))) as pool:
                list(pool.map(Cluster.stop, clusters))

    def remove(self, branch_id: str) -> None:
        """Stop the server of a branch and delete its data."""
        self.cluster(branch_id).remove()
        with self._lock:
            del self._clusters[branch_id]

    def remove_all_but(self, branch_ids: set[str]) -> None:
        """Delete what a killed sandbox left half made or half deleted."""
        for folder in self._folder.glob("br-*"):
            if folder.name not in branch_ids:
                self.remove(folder.name)
            else:
                end_left_over(folder / "data")

    def create_database(self, branch_id: str, database: Database) -> None:
        """Make a database on a running branch."""
        with self.cluster(branch_id).connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(database.name), sql.Identifier(database.owner_name)
                )
            )

    def alter_database(self, branch_id: str, name: str, database: Database) -> None:
        """Rename a database of a running branch, and give it its owner."""
        with self.cluster(branch_id).connect() as connection:
            _cut_off(connection, name)
            renamed = sql.Identifier(database.name)
            if name != database.name:
                old = sql.Identifier(name)
                connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, renamed))
            owner = sql.Identifier(database.owner_name)
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(renamed, owner))

    def drop_database(self, branch_id: str, name: str) -> None:
        """Drop a database of a running branch; its connections are cut."""
        with self.cluster(branch_id).connect() as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    def create_role(self, branch_id: str, role: Role) -> None:
        """Make a role on a running branch."""
        with self.cluster(branch_id).connect() as connection:
            connection.execute(_create_role(connection, role))

    def set_password(self, branch_id: str, role: Role) -> None:
        """Give a role of a running branch its password."""
        set_passwords(self.cluster(branch_id), [role])

    def drop_role(self, branch_id: str, name: str, databases: Sequence[str]) -> None:
        """Drop a role of a running branch, with what it owns in these databases."""
        role = sql.Identifier(name)
        for database in databases:
            with self.cluster(branch_id).connect(database) as connection:
                connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
        with self.cluster(branch_id).connect() as connection:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))

    def wal_position(self, branch_id: str) -> str | None:
        """Where the branch's log stands, or None while its server starts or stops."""
        cluster = self.cluster(branch_id)
        if not cluster.running:
            return cluster.last_position()
        try:
            with cluster.connect() as connection:
                row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        except psycopg.OperationalError:
            return None
        return None if row is None else str(row[0])

    def measure(self, branch_id: str) -> None:
        """Note the size of the branch's databases, when its server is there to be asked."""
        cluster = self.cluster(branch_id)
        if not cluster.running:
            return
        try:
            with cluster.connect() as connection:
                row = connection.execute(
                    "SELECT sum(pg_database_size(oid))::int8 FROM pg_database"
                    " WHERE datname <> ALL (%s)",
                    [list(_SYSTEM_DATABASES)],
                ).fetchone()
        except psycopg.OperationalError:
            return  # it is just being stopped or restarted: the last size stands
        # Not worth a write to disk: it is measured again after a restart.
        with self._store.read() as state:
            if row is not None and branch_id in state.branches:
                state.branches[branch_id] = replace(
                    state.branches[branch_id], logical_size=int(row[0])
                )

    def terminate_backends(self, branch_id: str) -> int:
        """Cut every client's connection to the branch; returns how many there were."""
        with self.cluster(branch_id).connect() as connection:
            rows = connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND usename <> %s",
                [ADMIN],
            ).fetchall()
        return len(rows)

    def cluster(self, branch_id: str) -> Cluster:
        """The server of a branch, or of a replica."""
        with self._lock:
            if branch_id not in self._clusters:
                folder = self._folder / branch_id
                self._clusters[branch_id] = Cluster(
                    folder, self._launcher, self._admin_password, durable=self._durable
                )
            return self._clusters[branch_id]


def set_passwords(cluster: Cluster, roles: Sequence[Role]) -> None:
    """Give the roles of a running cluster their passwords."""
    with cluster.connect() as connection:
        there = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in roles:
            if role.name in there:  # else it is just going to be made
                connection.execute(_set_password(connection, role))


def _create_role(connection: psycopg.Connection[tuple[object, ...]], role: Role) -> sql.Composed:
    return sql.SQL(
        "CREATE ROLE {} LOGIN CREATEDB CREATEROLE NOSUPERUSER NOREPLICATION NOBYPASSRLS PASSWORD {}"
    ).format(sql.Identifier(role.name), _verifier(connection, role))


def _set_password(connection: psycopg.Connection[tuple[object, ...]], role: Role) -> sql.Composed:
    return sql.SQL("ALTER ROLE {} PASSWORD {}").format(
        sql.Identifier(role.name), _verifier(connection, role)
    )


def _verifier(connection: psycopg.Connection[tuple[object, ...]], role: Role) -> sql.Literal:
    """The password as the server stores it: the plain one never comes near a server's log."""
    verifier = connection.pgconn.encrypt_password(
        role.password.encode(), role.name.encode(), b"scram-sha-256"
    )
    return sql.Literal(verifier.decode())


def _cut_off(connection: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid()",
        [database],
    )


def _databases(cluster: Cluster) -> list[str]:
    with cluster.connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall()
    return [str(row[0]) for row in rows if row[0] not in _SYSTEM_DATABASES]


def _empty_tables(cluster: Cluster, database: str) -> None:
    with cluster.connect(database) as connection:
        rows = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
            " AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
        ).fetchall()
        if rows:
            tables = sql.SQL(", ").join(sql.Identifier(str(row[0]), str(row[1])) for row in rows)
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))


def _inventory(cluster: Cluster) -> tuple[list[str], list[tuple[str, str]]]:
    """The roles that are in a running cluster, and its databases with their owners."""
    with cluster.connect() as connection:
        roles = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname <> %s ORDER BY oid",
            [ADMIN],
        ).fetchall()
        databases = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database"
            " WHERE datname <> ALL (%s) ORDER BY oid",
            [list(_SYSTEM_DATABASES)],
        ).fetchall()
    return [str(row[0]) for row in roles], [(str(row[0]), str(row[1])) for row in databases]
