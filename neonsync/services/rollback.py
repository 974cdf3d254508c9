"""A branch as it was before a run: which moment, what else goes with it, and the restore."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from neonsync.engine.runs.past import PastRun, read_past
from neonsync.errors import AccessError, ConfigError, RefusedError, UnknownBranchError
from neonsync.history import Entry
from neonsync.neon import guards
from neonsync.neon.models import Branch
from neonsync.neon.moments import write_moment
from neonsync.neon.transport import CLOCK_TOLERANCE
from neonsync.postgres.connect import Database
from neonsync.services.changes import Change, Done, all_databases, kept
from neonsync.services.showing import said
from neonsync.services.work import Work, recorded

_OVERWRITES = ("reset", "restore", "rollback")
_A_MOMENT = timedelta(milliseconds=1)
"""The finest that Neon's times tell apart."""


@dataclass(frozen=True)
class Noted:
    """What this machine's history knows: the run, and what was done to its branch afterwards."""

    run: Entry
    later: Sequence[Entry]


@dataclass(frozen=True)
class _Goal:
    """The moment to go back to, and the runs that are undone beside the one that was named."""

    at: datetime
    others: tuple[str, ...]
    published: bool


def find_run(entries: Sequence[Entry], run: str) -> tuple[Entry, list[Entry]]:
    """The first attempt of a run, and what was done to its branch after the run.

    Raises:
        ConfigError: the history has no such run, or none that could be undone.
        RefusedError: the branch was overwritten since, so that its past is another one.
    """
    attempts = [entry for entry in entries if run and entry.run_id == run and entry.kind == "run"]
    if not attempts or not attempts[0].branch_id:
        raise ConfigError(
            f"the history knows no run {run!r}",
            "neonsync history lists those of this machine. For a run of another one add "
            "--branch NAME: that branch's own ledger knows it.",
        )
    first, last = attempts[0], attempts[-1]
    later = [
        entry
        for entry in entries
        if entry.branch_id == first.branch_id and entry.moment > last.moment and entry.run_id != run
    ]
    for entry in later:
        if entry.kind in _OVERWRITES and entry.status == "succeeded":
            raise RefusedError(
                f"{first.branch} was overwritten after {run}, by {entry.kind} at {entry.time}: "
                "there is nothing left of that run to take back",
                "neonsync branches restore takes it to any moment of its present history.",
            )
    return first, later


def roll_back(
    work: Work, run_id: str, noted: Noted | None, name: str, backup: str | None
) -> Change:
    """Take a branch back to the moment before a run began.

    The branch is the one that the history has noted, or the one called ``name``.

    Raises:
        ConfigError: the branch or the run is not there, or is out of the history's reach.
        RefusedError: the run is not one of this branch's present history.
    """
    branches = work.project.branches()
    branch = _branch_of(work, noted, name, branches)
    goal = _goal(work, branch, run_id, noted)
    kept_as = backup or f"{branch.name[:200]}_before_rollback_{work.project.now():%Y%m%dT%H%M%S}"
    guards.check_restore(branch, branches, kept_as)
    work.project.check_history(goal.at)
    at = write_moment(goal.at)
    others = ", ".join(goal.others)
    runs = f" The runs {others} are taken back too." if goal.others else ""
    if len(goal.others) == 1:
        runs = f" The run {others} is taken back too."
    idle = "" if goal.published else f" {run_id} itself has published nothing."

    def do() -> Done:
        with recorded(work, "rollback", branch.name, branch, f"of {run_id}{kept(kept_as)}"):
            done = work.project.restore(branch, branch.id, at=goal.at, backup=kept_as)
        text = f"took {said(done)} back to before {run_id}{kept(kept_as)}"
        return Done(done, text, {"backup": kept_as, "run_id": run_id, "at": at})

    return Change(
        branch,
        f"taken back to {at}",
        f"This takes {all_databases(work, branch)} back to {at}, before {run_id}, with whatever "
        f"anybody wrote since; connections drop.{idle}{runs} The present state is kept as the "
        f"branch {kept_as}.",
        do,
        at=goal.at,
        backup=kept_as,
    )


def _branch_of(work: Work, noted: Noted | None, name: str, branches: Sequence[Branch]) -> Branch:
    if noted is None:
        return work.project.branch(name)
    run = noted.run
    if run.project and run.project != work.project.id:
        raise ConfigError(
            f"{run.run_id} was done in the project {run.project}, not in {work.project.id}",
            f"Set NEON_PROJECT_ID={run.project}, with a key for it.",
        )
    branch = next((each for each in branches if each.id == run.branch_id), None)
    if branch is None:
        raise UnknownBranchError(
            f"the project {work.project.id} has no branch {run.branch} ({run.branch_id}) any more",
            "What is deleted cannot be taken back.",
        )
    if name and branch.name != name:
        raise RefusedError(
            f"{run.run_id} was done to the branch {branch.name}, not to {name}",
            "Leave out --branch, or name that one.",
        )
    return branch


def _goal(work: Work, branch: Branch, run_id: str, noted: Noted | None) -> _Goal:
    """By the ledger, whose clock is the branch's own; by the history where nobody answers."""
    try:
        address = work.project.address(branch)
        if address.suspended:
            work.tell(f"waking the compute of {branch.name} to look into its ledger")
        run, later = asyncio.run(read_past(Database(address.uri), run_id))
    except AccessError as error:
        if noted is None:
            raise
        work.tell(f"warning: the ledger of {branch.name} could not be read: {error.message}")
        work.tell("The moment is told by this machine's history, and some seconds early.")
        return _goal_by_history(work, noted)
    if run is None:
        raise RefusedError(
            f"the ledger of {branch.name}, database {address.database}, has no run {run_id}",
            "The branch was overwritten since, and nothing is left of that run; or it went into "
            "another database: name that with NEONSYNC_NEON_DATABASE. neonsync branches restore "
            "takes a branch to any moment of its history.",
        )
    if run.branch_id != branch.id:
        raise RefusedError(
            f"{run_id} was done to the branch {run.branch_name} ({run.branch_id}), of which "
            f"{branch.name} is a copy",
            f"neonsync rollback {run_id} --branch {run.branch_name} takes that one back.",
        )
    return _Goal(run.started_at - _A_MOMENT, _others(later, noted), run.published)


def _goal_by_history(work: Work, noted: Noted) -> _Goal:
    run = noted.run
    skew = work.project.now() - datetime.now(UTC)
    # Clocks that differ by less than the tolerance count as the same.
    at = run.moment - timedelta(seconds=run.seconds) + skew - CLOCK_TOLERANCE
    return _Goal(at, _others((), noted), published=True)


def _others(later: Sequence[PastRun], noted: Noted | None) -> tuple[str, ...]:
    known = [entry.run_id for entry in noted.later if entry.run_id] if noted else []
    return tuple(dict.fromkeys([*(run.run_id for run in later), *known]))
