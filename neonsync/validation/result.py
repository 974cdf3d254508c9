"""What a check says, what it is measured against, and what it looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from psycopg import sql

from neonsync.athena.filters import ALL_DATES, DateRange
from neonsync.postgres.catalog import TargetTable
from neonsync.postgres.connect import Connection
from neonsync.tables import Severity, TableSpec

Columns: TypeAlias = Mapping[str, sql.Composable]
"""Columns of a table by their names, and how each is read."""

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
    held against; both as they were sent, and empty where there was none. ``severity`` tells what
    the check makes of a run where it does not hold. ``rule`` is the kind of a check that the user
    has declared, empty for one that each table has.
    """

    check: str
    table: str
    status: Status
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""
    athena_sql: str = ""
    neon_sql: str = ""
    severity: Severity = Severity.ERROR
    seconds: float = 0.0
    rule: str = ""


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
    ``made`` when its rows are made. ``query`` is what Athena was asked. ``scattered`` when the run
    was about days with others between them, so that those are no gaps of the source. ``asked`` are
    the days that the run was about.
    """

    rows: int
    states: frozenset[str | None]
    dates: Counter[str | None]
    complete: bool
    filtered: bool = False
    made: bool = False
    query: str = ""
    scattered: bool = False
    asked: DateRange = ALL_DATES


@dataclass(frozen=True)
class Subject:
    """The table that is checked; ``expected`` is None when the run brings no rows.

    ``statements`` gathers what is asked of the table, for whoever wants to ask it again;
    ``answers`` what several checks ask alike. Values of ``private`` columns are not to be shown.
    """

    connection: Connection
    spec: TableSpec
    table: TargetTable
    expected: Expected | None
    statements: list[str] = field(default_factory=list)
    answers: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    private: frozenset[str] = frozenset()

    @property
    def name(self) -> sql.Identifier:
        """The table, for SQL."""
        return sql.Identifier(self.spec.schema, self.spec.target)

    async def rows(self, statement: sql.Composed) -> list[tuple[Any, ...]]:
        """A query's answer.

        By the extended protocol, which takes one statement and refuses what follows a semicolon:
        what a user has written cannot end the transaction and go on outside of it.
        """
        self.statements.append(statement.as_string(self.connection))
        # Answers in binary form are what makes psycopg use it; no parameters, so % is no mark.
        cursor = await self.connection.execute(statement, binary=True)
        return await cursor.fetchall()

    async def row(self, statement: sql.Composed) -> tuple[Any, ...]:
        """The first row of a query's answer."""
        return next(iter(await self.rows(statement)), ())

    async def counted(self, value: sql.Composable, columns: Columns) -> list[tuple[Any, ...]]:
        """Each value of an expression with its rows, in order; a query that is sent once only.

        ``columns`` are those that it reads. What they hold is counted first, so that the expression
        is computed for each of their values and not for each row.
        """
        rows = sql.Identifier("neonsync rows")
        statement = sql.SQL(
            "SELECT {value}, sum({rows})::bigint FROM (SELECT {columns}, count(*) AS {rows}"
            " FROM {table} GROUP BY {numbers}) AS counted GROUP BY 1 ORDER BY 1"
        ).format(
            value=value,
            rows=rows,
            columns=sql.SQL(", ").join(
                sql.SQL("{} AS {}").format(read, sql.Identifier(name))
                for name, read in columns.items()
            ),
            numbers=sql.SQL(", ").join(map(sql.Literal, range(1, len(columns) + 1))),
            table=self.name,
        )
        text = statement.as_string(self.connection)
        if text in self.answers:
            self.statements.append(text)
        else:
            self.answers[text] = await self.rows(statement)
        return self.answers[text]

    def result(
        self,
        check: str,
        status: Status,
        message: str,
        details: Mapping[str, Any],
        remedy: str = "",
    ) -> CheckResult:
        """The outcome of one check of the table; a remedy is for one that has not passed."""
        remedy = "" if status is Status.PASSED else remedy
        return CheckResult(check, self.spec.qualified, status, message, details, remedy)
