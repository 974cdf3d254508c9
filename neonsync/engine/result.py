"""What a run came to: the value that reports are written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from neonsync.engine.context import DateCounts, QueryCost
from neonsync.engine.events import StepFinished, TableFailed
from neonsync.engine.proof.audit import Proof
from neonsync.engine.publishing.published import Published
from neonsync.errors import ExitCode, NeonsyncError, RunCancelled
from neonsync.settings import Settings
from neonsync.validation.metrics import TableMetrics
from neonsync.validation.result import CheckResult


@dataclass(frozen=True)
class RunResult:
    """The end of a run, good or bad.

    ``status`` is succeeded, invalid (published, but a check failed), partial (``failed`` has tables
    that were not published, others were), failed or cancelled. ``scopes`` says in words what of a
    filtered table the run was about. ``dates`` are the counts that the proofs have compared, equal
    or not. ``quality`` are the metrics of published tables, where they were measured.
    ``scanned_bytes`` counts what Athena read, ``billed_bytes`` what it bills for that. ``reported``
    is False of a run that could not begin for a wrong setting: the reports of the one before stay.
    """

    status: str
    exit_code: ExitCode
    run_id: str
    attempt_resumed: bool
    branch: str
    branch_id: str
    database: str
    mode: str
    started_at: datetime
    finished_at: datetime
    tables: tuple[str, ...]
    scopes: dict[str, str] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    failed: tuple[TableFailed, ...] = ()
    proofs: dict[str, Proof] = field(default_factory=dict)
    dates: dict[str, DateCounts] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    quality: tuple[TableMetrics, ...] = ()
    steps: tuple[StepFinished, ...] = ()
    queries: tuple[QueryCost, ...] = ()
    billed_bytes: int = 0
    price: float = 0.0
    notices: tuple[str, ...] = ()
    error: NeonsyncError | None = None
    reported: bool = True

    @property
    def seconds(self) -> float:
        """Wall time of the whole run."""
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def scanned_bytes(self) -> int:
        """What the queries of the run scanned; those of an earlier attempt count there."""
        return sum(query.scanned_bytes for query in self.queries if not query.resumed)

    @property
    def rows_read(self) -> int:
        """Rows that were exported and proved."""
        return sum(proof.rows for proof in self.proofs.values())


def not_started(settings: Settings, started_at: datetime, error: NeonsyncError) -> RunResult:
    """The result of a run whose plan could not be made.

    It gets its reports like any other, unless a wrong setting is all that there is to say: a typo
    is no reason to lose those of the last run.
    """
    return RunResult(
        status="cancelled" if isinstance(error, RunCancelled) else "failed",
        exit_code=error.exit_code,
        run_id="",
        attempt_resumed=False,
        branch=settings.branch,
        branch_id="",
        database=settings.neon.database,
        mode=settings.mode,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        tables=(),
        error=error,
        reported=error.exit_code is not ExitCode.USAGE,
    )
