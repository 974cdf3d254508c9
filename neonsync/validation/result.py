"""What a check says, what it is measured against, and what it looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from psycopg import sql

from neonsync.postgres.catalog import TargetTable
from neonsync.postgres.connect import Connection
from neonsync.tables import TableSpec

VALUES_SHOWN = 20
NOT_JUDGED = "a schema-only run brings no rows and judges none"


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """One check of one table; ``details`` is JSON-like and holds measured and expected values.

    ``neon_sql`` are the statements that measured, ``athena_sql`` the query whose answer they are
    held against; both as they were sent, and empty where there was none.
    """

    check: str
    table: str
    status: Status
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""
    athena_sql: str = ""
    neon_sql: str = ""


def overall(results: list[CheckResult]) -> Status:
    """The worst status of all."""
    statuses = {result.status for result in results}
    for status in (Status.FAILED, Status.WARNING):
        if status in statuses:
            return status
    return Status.PASSED


@dataclass(frozen=True)
class Expected:
    """What the source says of itself. ``complete`` when the target holds nothing else.

    ``filtered`` when the run was about a part of the source, so that it says nothing of the rest.
    ``made`` when its rows are made. ``query`` is what Athena was asked.
    """

    rows: int
    states: frozenset[str | None]
    dates: Counter[str | None]
    complete: bool
    filtered: bool = False
    made: bool = False
    query: str = ""


@dataclass(frozen=True)
class Subject:
    """The table that is checked; ``expected`` is None when the run brings no rows.

    ``statements`` gathers what is asked of the table, for whoever wants to ask it again.
    """

    connection: Connection
    spec: TableSpec
    table: TargetTable
    expected: Expected | None
    statements: list[str] = field(default_factory=list)

    @property
    def name(self) -> sql.Identifier:
        """The table, for SQL."""
        return sql.Identifier(self.spec.schema, self.spec.target)

    async def rows(self, statement: sql.Composed) -> list[tuple[Any, ...]]:
        """A query's answer."""
        self.statements.append(statement.as_string(self.connection))
        cursor = await self.connection.execute(statement)
        return await cursor.fetchall()

    async def row(self, statement: sql.Composed) -> tuple[Any, ...]:
        """The first row of a query's answer."""
        return next(iter(await self.rows(statement)), ())

    def result(
        self,
        check: str,
        status: Status,
        message: str,
        details: Mapping[str, Any],
        remedy: str = "",
    ) -> CheckResult:
        """The outcome of one check of the table."""
        return CheckResult(check, self.spec.qualified, status, message, details, remedy)
