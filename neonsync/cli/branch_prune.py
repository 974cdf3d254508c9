"""``neonsync branches prune``: branches that neonsync made and nobody needs any more."""

from __future__ import annotations

import sys
from datetime import datetime

from neonsync.cli.branch_views import branch_as_json
from neonsync.cli.output import known, print_error, say, say_json
from neonsync.cli.tabular import Row, as_table, terminal_width
from neonsync.errors import NeonsyncError, RefusedError
from neonsync.neon import guards
from neonsync.neon.guards import PruneRule, prune_candidates
from neonsync.neon.models import Branch
from neonsync.neon.moments import in_words
from neonsync.services.work import Work, recorded


def prune_branches(work: Work, rule: PruneRule, *, yes: bool, as_json: bool) -> None:
    """List the candidates, and delete them one after the other when that was said.

    Raises:
        NeonsyncError: some could not be deleted; the others are.
    """
    project = work.project
    branches = project.branches()
    candidates = prune_candidates(branches, rule, project.now())
    if not as_json:
        _show(work, candidates)
    deleted: list[Branch] = []
    failed: dict[str, str] = {}
    for branch in candidates if yes else ():
        try:
            if _delete(work, branch, rule):
                deleted.append(branch)
        except NeonsyncError as error:
            failed[branch.name] = error.message
            work.tell(f"{branch.name} stays: {error.message}")
    if as_json:
        names = {branch.id: branch.name for branch in branches}
        answer = {
            "candidates": [branch_as_json(branch, names) for branch in candidates],
            "deleted": [branch.name for branch in deleted],
            "failed": failed,
        }
        say_json(answer)
    elif yes:
        say(f"deleted {len(deleted)} of {len(candidates)} branches")
    elif candidates:
        work.tell("Nothing was deleted; add --yes to delete these.")
    if failed:
        failure = NeonsyncError(
            f"{len(failed)} of {len(candidates)} branches could not be deleted: "
            f"{', '.join(failed)}",
            "The lines above say why; run again when that is mended.",
        )
        if not as_json:
            raise failure
        print_error(failure)  # the one object that was promised is printed, and tells it too
        sys.exit(int(failure.exit_code))


def _delete(work: Work, listed: Branch, rule: PruneRule) -> bool:
    """Delete a branch if it may still go; while others were deleted, somebody may have used it.

    Raises:
        RefusedError: it may not go any more.
    """
    branches = work.project.branches()
    branch = next((each for each in branches if each.id == listed.id), None)
    if branch is None:
        return False
    guards.check_delete(branch, branches)
    # By now it may live longer, or be guarded in another way.
    if branch not in prune_candidates(branches, rule, work.project.now()):
        raise RefusedError(f"{branch.name} is not to be pruned any more", "List them again.")
    with recorded(work, "delete", branch.name, branch, "pruned"):
        return work.project.delete(branch)


def _show(work: Work, candidates: list[Branch]) -> None:
    if not candidates:
        say("no branches to prune")
        return
    now = work.project.now()
    rows = [_row(branch, now) for branch in candidates]
    header = Row(("NAME", "AGE", ""), ("ID", "MADE BY", "FROM"))
    for line in as_table(header, rows, terminal_width(), secrets=known()):
        say(line)


def _row(branch: Branch, now: datetime) -> Row:
    user = branch.annotation.get("neonsync-user", "")
    repository = branch.annotation.get("neonsync-repository", "")
    words = [branch.id, user and f"made by {user}", repository and f"from {repository}"]
    return Row(
        (
            branch.name,
            in_words(now - branch.created_at) if branch.created_at is not None else "-",
            "expired" if branch.expires_at is not None and branch.expires_at <= now else "",
        ),
        (branch.id, user or "-", repository or "-"),
        ", ".join(filter(None, words)),
    )
