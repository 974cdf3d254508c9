"""Waiting for Neon: how long, how often, what is told meanwhile, and how it is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neonsync.errors import NeonAccessError, RunCancelled
from neonsync.neon.errors import NeonRequestError, OperationError
from neonsync.neon.models import Operation

POLL_SECONDS = 0.5
TIMEOUT_SECONDS = 300.0
FAILED_GRACE_POLLS = 5
"""Neon may retry an operation that says failed (its docs): so many polls are waited for that."""
_DONE = ("finished", "skipped")
_ENDED_BADLY = ("failed", "error", "cancelled")
_UNSEEN_POLLS = 3
"""An operation that has just begun may not be known everywhere yet: 404 is borne so often."""


def _nobody(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Patience:
    """How to wait for Neon. ``say`` gets a line when there is something to tell.

    ``timeout`` is in seconds, for the operations of one change. When ``cancel`` is set, whoever
    waits raises RunCancelled at once.
    """

    say: Callable[[str], None] = _nobody
    timeout: float = TIMEOUT_SECONDS
    cancel: threading.Event | None = None
    sleep: Callable[[float], None] | None = None
    clock: Callable[[], float] = time.monotonic

    def pause(self, seconds: float) -> None:
        """Sleep, unless it is given up.

        Raises:
            RunCancelled: it is given up.
        """
        if self.cancel is not None and self.cancel.is_set():
            raise _cancelled()
        if self.sleep is not None:
            self.sleep(seconds)
        elif self.cancel is None:
            time.sleep(seconds)
        elif self.cancel.wait(seconds):
            raise _cancelled()


def wait_for(
    operations: Sequence[Operation],
    look: Callable[[str], Operation],
    patience: Patience,
) -> None:
    """Wait until every operation has finished or was skipped; ``look`` asks for one by its id.

    Raises:
        OperationError: one failed for good, or is not at its end in time.
        RunCancelled: it was given up; Neon goes on all the same.
    """
    began = patience.clock()
    for operation in operations:
        _wait_for_one(operation, look, patience, began)


def _wait_for_one(
    operation: Operation, look: Callable[[str], Operation], patience: Patience, began: float
) -> None:
    failures = unseen = 0
    told = ""
    while operation.status not in _DONE:
        if operation.status in _ENDED_BADLY:
            failures += 1
        if failures > FAILED_GRACE_POLLS:
            because = f": {operation.error}" if operation.error else ""
            raise OperationError(
                f"Neon's operation {operation.action} ended as {operation.status}{because} "
                f"({operation.id})",
                "Look at the operation in the Neon console, then run again.",
            )
        waited = patience.clock() - began
        if waited > patience.timeout:
            raise OperationError(
                f"Neon's operation {operation.action} is still {operation.status} "
                f"after {waited:.0f} s ({operation.id})",
                "Neon goes on with it; run again when it has finished.",
            )
        if operation.status != told:
            told = operation.status
            patience.say(f"Neon: {operation.action} {told}")
        patience.pause(POLL_SECONDS)
        try:
            operation = look(operation.id)
            unseen = 0
        except NeonAccessError as error:
            error.message += f". Neon goes on with {operation.action} all the same"
            raise
        except NeonRequestError as error:
            unseen += 1
            if error.status != 404 or unseen > _UNSEEN_POLLS:
                raise


def _cancelled() -> RunCancelled:
    return RunCancelled("stopped while Neon was at work; Neon goes on with what it has begun")
