"""Tables that fail by themselves, while the others of their run go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg

from neonsync.engine.events import Emit, TableFailed
from neonsync.engine.plan import Plan
from neonsync.engine.runs.session import apart
from neonsync.errors import (
    ExitCode,
    LeaseLostError,
    NeonsyncError,
    OutOfRoomError,
    SyncError,
    TablesFailedError,
)
from neonsync.postgres import refusals
from neonsync.secret import Secret, redact

T = TypeVar("T")


class Failures:
    """The errors of single tables; none is kept where the first one stops the run."""

    def __init__(self, plan: Plan, emit: Emit) -> None:
        self.apart = apart(plan.settings)
        self.errors: dict[str, NeonsyncError] = {}
        self.events: list[TableFailed] = []
        self._plan = plan
        self._emit = emit

    @property
    def resumable(self) -> set[str]:
        """The tables of which a next run can use what is loaded."""
        return {name for name, error in self.errors.items() if error.resumable}

    def lack_room(self, error: BaseException) -> bool:
        """Whether the run has ended, or a table failed, because the branch has no room left."""
        return any(isinstance(each, OutOfRoomError) for each in (error, *self.errors.values()))

    async def watch(self, table: str, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do a table's work; None when it failed and the others go on.

        Raises:
            NeonsyncError: it failed and stops the run, or the run itself may not go on.
        """
        try:
            return await work()
        except LeaseLostError:
            raise
        except Exception as caught:
            if not self.apart:
                raise
            error = as_ours(caught, self._plan.address.uri)
            self.errors[table] = error
            failed = TableFailed(table, error.message, error.remedy, int(error.exit_code))
            self.events.append(failed)
            self._emit(failed)
            return None

    def raise_if_all(self) -> None:
        """End the run where there is no table left.

        Raises:
            NeonsyncError: the error of the only table, or one that counts them.
        """
        if len(self.errors) == len(self._plan.tables):
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """End the run with what its tables failed for.

        Raises:
            NeonsyncError: some have failed, or all.
        """
        if not self.errors:
            return
        errors, total = list(self.errors.values()), len(self._plan.tables)
        if total == 1:
            raise errors[0]
        codes = {error.exit_code for error in errors}
        code = ExitCode.PARTIAL
        if len(errors) == total:
            code = codes.pop() if len(codes) == 1 else ExitCode.SYNC_FAILED
        name, first = next(iter(self.errors.items()))
        raise TablesFailedError(
            f"{len(errors)} of {total} tables failed, {name} for one: {first.message}",
            first.remedy,
            ExitCode(code),
            resumable=bool(self.resumable),
        ) from first


def as_ours(error: BaseException, address: Secret) -> NeonsyncError:
    """An error as one of ours; what nobody has foreseen is told without the address."""
    if isinstance(error, NeonsyncError):
        return error
    wrapped = SyncError(
        f"unexpected: {type(error).__name__}: {words(error, address)}",
        "Run again; if it happens again, report it with the log.",
    )
    wrapped.__cause__ = error
    return wrapped


def words(error: BaseException, address: Secret) -> str:
    """What an error says, without the address, and without the row that Postgres's own has."""
    told = refusals.message(error) if isinstance(error, psycopg.Error) else str(error)
    return redact(told, address)
