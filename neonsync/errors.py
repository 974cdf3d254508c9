"""Every error that neonsync raises on purpose, with its remedy and its exit code.

    NeonsyncError
    ├── ConfigError              2   a setting is missing, unknown or wrong
    │   ├── UnknownBranchError   2   no branch has that name
    │   ├── UnknownTableError    2   the lake has no such table
    │   ├── DeclaredCheckError   2   one of [[checks]] does not fit its table
    │   └── SourceError          2   a table or column of the lake is not as the plan needs it
    ├── AccessError              3   a service cannot be reached or refuses the credentials
    │   ├── AthenaAccessError
    │   │   └── InterruptedReadError S3 broke off, or fell silent, in the midst of an object
    │   ├── NeonAccessError
    │   └── DatabaseAccessError
    ├── RefusedError             6   allowed only with a confirmation, or never
    │   ├── DeletionRefusedError     more rows would be deleted than may be
    │   ├── LeaseHeldError           another run works on the branch
    │   └── WrongTargetError         the connection leads to another branch
    ├── SyncError                1   the work itself failed; the targets are as they were
    │   ├── TargetError              a table of the branch is not as the plan needs it
    │   ├── ExportError              the UNLOAD failed
    │   │   └── QueryError               Athena ended a query without its result
    │   ├── LoadError                a chunk could not be loaded
    │   ├── QueryDelayedError        Athena had no result in the time that it is given
    │   ├── PublishError             the publishing transaction failed
    │   │   └── PublishDelayedError  others held the tables for too long
    │   ├── ServerError              Postgres has no room, no right or no time for the work
    │   │   └── OutOfRoomError           the disk is full, or the branch as large as it may be
    │   └── LeaseLostError           another run took over this one
    ├── TablesFailedError        5   some tables failed, others are published; or all failed (1, or
    │                                the code that their errors share)
    ├── ProofError               4   what was loaded is not what Athena holds; not published
    └── RunCancelled           130 or 143, by the signal

Exit codes that no error carries: 0 for success, 4 also for published data that fails a check.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process ends with; part of the documented interface."""

    OK = 0
    SYNC_FAILED = 1
    USAGE = 2
    ACCESS = 3
    VALIDATION = 4
    PARTIAL = 5
    REFUSED = 6
    INTERRUPTED = 130
    TERMINATED = 143


class NeonsyncError(Exception):
    """The root: ``message`` says what happened to what, ``remedy`` what to do next."""

    exit_code = ExitCode.SYNC_FAILED
    resumable = False
    """Whether what a run has done so far is of use to the next one, which then goes on from it."""
    transient = False
    """Whether it may pass: the same work may succeed a moment later, without anybody's help."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message


class ConfigError(NeonsyncError):
    """A setting is missing, unknown or wrong."""

    exit_code = ExitCode.USAGE


class UnknownBranchError(ConfigError):
    """No branch of the project has the name that was asked for."""


class DeclaredCheckError(ConfigError):
    """One of ``[[checks]]`` does not fit its table, or Postgres does not take it."""


class UnknownTableError(ConfigError):
    """The lake has no table of the name, or no such database."""


class SourceError(ConfigError):
    """A table or a column of the lake is not as the plan needs it."""


class AccessError(NeonsyncError):
    """A service cannot be reached, or refuses the credentials."""

    exit_code = ExitCode.ACCESS
    resumable = True


class AthenaAccessError(AccessError):
    """AWS cannot be reached, has trouble of its own, or refuses the keys."""


class InterruptedReadError(AthenaAccessError):
    """S3 broke off, or fell silent, in the midst of an object."""

    transient = True


class NeonAccessError(AccessError):
    """Neon's API cannot be reached, or refuses the key."""


class DatabaseAccessError(AccessError):
    """The branch's Postgres cannot be reached, or refuses the role."""


class RefusedError(NeonsyncError):
    """The action needs a confirmation that was not given."""

    exit_code = ExitCode.REFUSED


class DeletionRefusedError(RefusedError):
    """More rows would be deleted than may be without a word on it; what is loaded is kept."""

    resumable = True


class LeaseHeldError(RefusedError):
    """Another run is at work on the same branch."""


class WrongTargetError(RefusedError):
    """The connection address does not belong to the branch that was asked for."""


class SyncError(NeonsyncError):
    """The work failed; every target table is as it was before the run."""


class TargetError(SyncError):
    """A table of the branch is not as the plan needs it."""


class ExportError(SyncError):
    """Athena's UNLOAD failed, or what it wrote cannot be read."""


class QueryError(ExportError):
    """Athena ended a query without its result; it says whether that may pass."""

    def __init__(self, message: str, remedy: str = "", *, transient: bool = False) -> None:
        super().__init__(message, remedy)
        self.transient = transient


class QueryDelayedError(SyncError):
    """Athena had no result in the time that it is given."""


class LoadError(SyncError):
    """A chunk could not be decoded, cast or copied."""


class PublishError(SyncError):
    """The publishing transaction failed and was rolled back."""


class PublishDelayedError(PublishError):
    """Others held the tables for too long."""

    resumable = True


class ServerError(SyncError):
    """Postgres refused for a reason that does not lie in the data: room, rights, limits, locks."""

    resumable = True


class OutOfRoomError(ServerError):
    """The disk is full, or the branch as large as it may be.

    The exported files are kept for the next run, and staging is not: it takes the very room that
    is lacking.
    """


class LeaseLostError(SyncError):
    """Another run took over while this one was away; this one may write no more."""


class ProofError(NeonsyncError):
    """What was loaded differs from what Athena holds; nothing was published.

    ``dates`` are those of ``table`` that differ, ``differing`` counts them all; None stands for the
    rows that have no date. Of many dates only some are named, the first and the last among them.
    """

    exit_code = ExitCode.VALIDATION

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        table: str = "",
        dates: tuple[str | None, ...] = (),
        differing: int = 0,
    ) -> None:
        super().__init__(message, remedy)
        self.table = table
        self.dates = dates
        self.differing = differing


class TablesFailedError(NeonsyncError):
    """Tables of a run that goes on with the others have failed."""

    def __init__(self, message: str, remedy: str, exit_code: ExitCode, *, resumable: bool) -> None:
        super().__init__(message, remedy)
        self.exit_code = exit_code
        self.resumable = resumable


class RunCancelled(NeonsyncError):  # noqa: N818  # an outcome, not a fault
    """The run was asked to stop, and has rolled back."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.INTERRUPTED) -> None:
        super().__init__(message, "Run the same command to start again.")
        self.exit_code = exit_code
