"""Operations: the steps of a change, done one after another while clients poll."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.state import Operation, OperationStatus, Store, now

_BUSY = (OperationStatus.SCHEDULING, OperationStatus.RUNNING)
_SCHEDULING_SHARE = 0.25


@dataclass(frozen=True)
class Step:
    """An operation to be: its name as in Neon, and what it does."""

    action: str
    work: Callable[[], None]
    branch_id: str | None = None
    endpoint_id: str | None = None


@dataclass(frozen=True)
class Fate:
    """What becomes of one operation, other than that it finishes.

    ``seconds`` that it takes at least, or ``until`` somebody sets that; ``failures`` that are seen
    before it is tried again, each for ``pause_seconds``, or ``for_good``; ``skipped`` is how it
    then ends.
    """

    seconds: float = 0.0
    until: threading.Event | None = None
    failures: int = 0
    pause_seconds: float = 0.2
    for_good: bool = False
    skipped: bool = False


class OperationFaults:
    """Fates for the operations to come. Safe to use from any thread."""

    def __init__(self) -> None:
        self._fates: deque[Fate] = deque()

    def add(self, fate: Fate) -> None:
        """Let the next operation that has none yet have this fate."""
        self._fates.append(fate)

    def take(self) -> Fate:
        """The fate of the operation that begins now."""
        try:
            return self._fates.popleft()
        except IndexError:
            return Fate()


class Operations:
    """Does chains of steps, one chain at a time, as Neon allows for a project.

    ``seconds`` is the least time that each operation is seen as scheduling or running.
    """

    def __init__(self, store: Store, seconds: float, faults: OperationFaults) -> None:
        self._store = store
        self._seconds = seconds
        self._faults = faults
        self._hurry = threading.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="neon-operations")

    def refuse_when_busy(self) -> None:
        """Raise the 423 of Neon while operations of the project are under way."""
        with self._store.read() as state:
            if any(operation.status in _BUSY for operation in state.operations.values()):
                raise ApiError(
                    423,
                    "project already has running operations, scheduling of new ones is prohibited",
                )

    def schedule(self, *steps: Step) -> list[Operation]:
        """Record the steps and begin with them in the background."""
        moment = now()
        operations = [
            Operation(
                id=str(uuid.uuid4()),
                action=step.action,
                status=OperationStatus.SCHEDULING,
                created_at=moment,
                updated_at=moment,
                branch_id=step.branch_id,
                endpoint_id=step.endpoint_id,
            )
            for step in steps
        ]
        with self._store.edit() as state:
            state.operations.update({operation.id: operation for operation in operations})
        chain = [(operation.id, step) for operation, step in zip(operations, steps, strict=True)]
        self._worker.submit(self._follow, chain)
        return operations

    def close(self) -> None:
        """Finish what is under way without further waiting."""
        self._hurry.set()
        self._worker.shutdown()

    def _follow(self, chain: Sequence[tuple[str, Step]]) -> None:
        failed = False
        for operation_id, step in chain:
            if failed:
                self._note(operation_id, OperationStatus.CANCELLED)
            else:
                failed = not self._do(operation_id, step)

    def _do(self, operation_id: str, step: Step) -> bool:
        began = time.monotonic()
        fate = self._faults.take()
        seconds = max(self._seconds, fate.seconds)
        self._hurry.wait(seconds * _SCHEDULING_SHARE)
        for failure in range(1, fate.failures + 1):
            # As Neon may: it says that the operation failed, and then tries it again.
            self._note(operation_id, OperationStatus.FAILED, "a try of it failed", failures=failure)
            self._hurry.wait(fate.pause_seconds)
            if fate.for_good:
                return False
        self._note(operation_id, OperationStatus.RUNNING)
        error: str | None = None
        try:
            step.work()
        # Whatever went wrong belongs into the operation's record: that is where clients look.
        except Exception as failure:
            error = str(failure) or type(failure).__name__
        self._hurry.wait(max(0.0, began + seconds - time.monotonic()))
        while fate.until is not None and not (fate.until.wait(0.02) or self._hurry.is_set()):
            pass
        done = OperationStatus.SKIPPED if fate.skipped else OperationStatus.FINISHED
        status = done if error is None else OperationStatus.FAILED
        failures = fate.failures + (error is not None)
        spent = int((time.monotonic() - began) * 1000)
        self._note(operation_id, status, error, spent, failures)
        return error is None

    def _note(
        self,
        operation_id: str,
        status: OperationStatus,
        error: str | None = None,
        milliseconds: int = 0,
        failures: int = 0,
    ) -> None:
        with self._store.edit() as state:
            state.operations[operation_id] = replace(
                state.operations[operation_id],
                status=status,
                updated_at=now(),
                error=error,
                total_duration_ms=milliseconds,
                failures=failures,
            )
