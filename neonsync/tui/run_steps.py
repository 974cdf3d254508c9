"""How far each step of a run is, over all of its tables. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from neonsync.engine.events import Step, StepFinished, StepStarted

Phase: TypeAlias = Literal[
    "waiting", "running", "ready", "done", "failed", "invalid", "stopped", "skipped"
]
"""Where a step or a table is. Which of them can be is said where it is used."""

SHOWN = (Step.EXTRACT, Step.LOAD, Step.AUDIT, Step.INDEX, Step.PUBLISH, Step.VERIFY)
WORDS = {
    Step.EXTRACT: "export",
    Step.LOAD: "copy",
    Step.AUDIT: "audit",
    Step.INDEX: "index",
    Step.PUBLISH: "publish",
    Step.VERIFY: "verify",
    Step.CLEAN_UP: "clean up",
}
"""The steps as the screen calls them."""
_OWN = SHOWN[:4]
"""Those that each table goes through by itself."""


class StepStates:
    """Counts which tables have begun and finished which step."""

    def __init__(self) -> None:
        self._tables: frozenset[str] = frozenset()
        self._started: dict[Step, set[str]] = {step: set() for step in Step}
        self._finished: dict[Step, set[str]] = {step: set() for step in Step}
        self._at: dict[str, Step] = {}
        self._last: dict[str, Step] = {}
        self.shared: Step | None = None
        """The step that all tables share, while there is one."""

    def begin(self, tables: tuple[str, ...]) -> None:
        """The run has a plan."""
        self._tables = frozenset(tables)

    def start(self, event: StepStarted) -> None:
        """A step has begun."""
        self._started[event.step].add(event.table)
        if event.table:
            self._at[event.table] = self._last[event.table] = event.step
        else:
            self.shared = event.step

    def finish(self, event: StepFinished) -> None:
        """A step is done."""
        self._finished[event.step].add(event.table)
        self._at.pop(event.table, None)
        if not event.table:
            self.shared = None

    def at(self, table: str) -> Step | None:
        """The step that a table is in."""
        return self._at.get(table)

    def last(self, table: str) -> Step | None:
        """The step that a table is in, or was in last."""
        return self._last.get(table)

    def all(self, outcome: str, blamed: frozenset[str]) -> tuple[tuple[Step, Phase], ...]:
        """The phase of each step: waiting, running, done, skipped, failed or stopped.

        It is ready while some tables are through with it and none is at it.
        ``outcome`` is how the run ended, empty until then; ``blamed`` are the tables that failed.
        """
        return tuple((step, self._phase(step, outcome, blamed)) for step in SHOWN)

    def _phase(self, step: Step, outcome: str, blamed: frozenset[str]) -> Phase:
        started, finished = self._started[step], self._finished[step]
        open_ = started - finished
        if open_ and outcome:
            return self._broken(open_, outcome, blamed)
        if open_:
            return "running"
        if self._passed(step):
            if step is Step.VERIFY and outcome == "invalid":
                return "failed"
            return "done" if finished else "skipped"
        if outcome and started:
            return "stopped"
        return "ready" if started else "waiting"

    def _broken(self, open_: set[str], outcome: str, blamed: frozenset[str]) -> Phase:
        if outcome == "cancelled":
            return "stopped"
        return "failed" if open_ & blamed or not blamed or "" in open_ else "stopped"

    def _passed(self, step: Step) -> bool:
        """Whether nothing more of a step is to come."""
        if step not in _OWN:
            return bool(self._finished[step])
        if self._started[Step.PUBLISH]:
            return True
        order = _OWN.index(step)
        return bool(self._tables) and all(
            table in self._finished[step] or self._beyond(table, order) for table in self._tables
        )

    def _beyond(self, table: str, order: int) -> bool:
        last = self._last.get(table)
        return last is not None and _OWN.index(last) > order
