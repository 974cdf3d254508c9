"""A whole run for whoever watches: planned, carried out, reported, noted in the history."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import (
    CheckFinished,
    Emit,
    Event,
    Level,
    Notice,
    RunFinished,
    StepFinished,
)
from neonsync.engine.pipeline import run
from neonsync.engine.plan import make_plan
from neonsync.engine.result import RunResult, not_started
from neonsync.errors import ConfigError, NeonsyncError, RefusedError, RunCancelled, SyncError
from neonsync.history import origin
from neonsync.neon.models import Branch
from neonsync.report.documents import report, validation_report
from neonsync.report.files import ReportFiles, write_documents, write_pages
from neonsync.report.history import record_run
from neonsync.report.stored import StoredRun, store_run
from neonsync.secret import redact, redacted
from neonsync.services.context import known_secrets
from neonsync.services.values import RunReport
from neonsync.services.via_branch import Child, find_child, make_child
from neonsync.services.work import opened
from neonsync.settings import Settings

T = TypeVar("T")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How a run ended. ``warnings`` tell of what did not work beside it."""

    result: RunResult
    report: RunReport
    warnings: tuple[str, ...] = ()


class Run:
    """A run that has its settings, and a place for its reports."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        command: tuple[str, ...] = (),
        run_id: str = "",
        via_branch: bool = False,
        branch_id: str = "",
    ) -> None:
        """Open the log.

        ``command`` are the arguments that select the same again. ``run_id`` is the name of a run
        that was named beforehand. ``via_branch`` makes a child of the branch and syncs into that.
        ``branch_id`` is that of the branch that was chosen: another one may have its name by now.

        Raises:
            ConfigError: the reports cannot be written.
        """
        self.settings = settings
        self.secrets = (*settings.secrets, *known_secrets(environ))
        self._environ = environ
        self._command = command
        self._run_id = run_id
        self._via_branch = via_branch
        self._branch_id = branch_id
        self._files = ReportFiles(settings.report_dir, self.secrets)
        self.directory = self._files.directory

    @property
    def diverted(self) -> str:
        """What is to be said when the reports go elsewhere than was asked; or nothing."""
        asked = self.settings.report_dir
        if self.directory == asked:
            return ""
        return f"another run writes to {asked}; these reports go to {self.directory}"

    async def carry_out(self, listen: Emit, cancel: CancelToken, say: Say) -> Ended:
        """Do it, and say how it ended; never raises for what can go wrong in a run.

        ``say`` gets lines for people, in the loop's thread.
        """

        def emit(event: Event) -> None:
            self._files(event)
            listen(event)

        result = await self._plan_and_run(emit, cancel, say)
        if result.error is not None:
            result.error.message = redact(result.error.message, *self.secrets)
            if result.error.__cause__ is not None:
                # Its words, which may hold a value, are told above as far as they may be.
                self._files.log(f"caused by {type(result.error.__cause__).__name__}")
        return self._told(result)

    def record(self, result: RunResult) -> str:
        """Note a run in the history; returns a warning where that did not work."""
        return record_run(result, self.settings, self._environ, self._command)

    def _told(self, result: RunResult) -> Ended:
        """Write what a run leaves behind."""
        documents = RunReport(
            self._plain(report(result, origin(self._environ))),
            self._plain(validation_report(result)),
            self.directory.absolute(),
            self._command,
        )
        stored = StoredRun(
            documents.report, documents.validation, str(documents.directory), self._command
        )
        warnings = [
            *(self._written(documents) if result.reported else ()),
            self.record(result),
            store_run(result.run_id, stored, self._environ, self.secrets),
        ]
        self._files.close()
        return Ended(result, documents, tuple(filter(None, warnings)))

    def _written(self, documents: RunReport) -> list[str]:
        """Write the files. The sync has ended as it has, so what goes wrong is only told."""
        contents = documents.report, documents.validation
        problems = []
        try:
            write_documents(self.directory, *contents)
        except OSError as error:
            problems.append(f"the reports could not be written: {error}")
        try:
            write_pages(self.directory, *contents)
        except Exception as error:
            problems.append(f"the pages of the reports could not be written: {error!r}")
        return problems

    def _plain(self, document: dict[str, Any]) -> dict[str, Any]:
        """A document as its file has it."""
        found: dict[str, Any] = json.loads(
            json.dumps(redacted(document, *self.secrets), default=str)
        )
        return found

    async def _plan_and_run(self, emit: Emit, cancel: CancelToken, say: Say) -> RunResult:
        settings, started_at = self.settings, datetime.now(UTC)
        loop = asyncio.get_running_loop()
        giving_up = threading.Event()

        def tell(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and who watched with it
                loop.call_soon_threadsafe(say, text)

        def branch_off() -> Child:
            with opened(settings, self._environ, tell, giving_up) as work:
                child = find_child(work)
                self._check(child.target)
                make_child(work, child)
                return child

        run_id = self._run_id
        try:
            if self._via_branch:
                child = await _stoppable(branch_off, cancel)
                settings, run_id = replace(settings, branch=child.name), child.run_id
            plan = await _stoppable(lambda: make_plan(settings, tell), cancel)
            if not self._via_branch:
                self._check(plan.branch)
            self._files.begin()
        except asyncio.CancelledError:
            giving_up.set()
            error: NeonsyncError = RunCancelled(
                "stopped before anything was done", cancel.exit_code
            )
        except NeonsyncError as raised:
            error = raised
        except Exception as raised:
            error = SyncError(
                f"unexpected, while planning: {type(raised).__name__}: {redact(str(raised))}",
                "Nothing was written. If it happens again, report it with the log.",
            )
            error.__cause__ = raised
        else:
            return await run(replace(plan, run_id=run_id), emit, cancel)
        result = not_started(settings, started_at, error)
        if result.reported:
            with contextlib.suppress(ConfigError):  # told when the reports are written
                self._files.begin()
        self._files.log(f"the run did not begin: {error.message}")
        if error.remedy:
            self._files.log(error.remedy)
        return result

    def _check(self, branch: Branch) -> None:
        if self._branch_id not in ("", branch.id):
            raise RefusedError(
                f"{branch.name} is another branch now ({branch.id}) than the one that was chosen "
                f"({self._branch_id})",
                "Load the branches again, then choose.",
            )


async def job(run: Run, emit: Emit, cancel: CancelToken) -> RunReport:
    """A run for those who have nothing but its events: all lines for people come as notices.

    What is told in words has lost its secrets.
    """

    def tell(event: Event) -> None:
        match event:
            case Notice() | CheckFinished():
                event = replace(event, message=redact(event.message, *run.secrets))
            case RunFinished():
                event = replace(event, error=redact(event.error, *run.secrets))
            case StepFinished():
                event = replace(event, detail=redact(event.detail, *run.secrets))
        emit(event)

    if run.diverted:
        tell(Notice(Level.WARNING, run.diverted))
    ended = await run.carry_out(tell, cancel, lambda text: tell(Notice(Level.INFO, text)))
    return replace(ended.report, notes=ended.warnings)


async def _stoppable(work: Callable[[], T], cancel: CancelToken) -> T:
    """Work in a thread, awaited until it is done or the run is to stop."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    detach = cancel.attach(working)
    try:
        return await working
    finally:
        detach()
