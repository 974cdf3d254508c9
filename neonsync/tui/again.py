"""Which branch a run is to be done into again: the very one, as it is now. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.errors import UnknownBranchError
from neonsync.selection import Selection
from neonsync.tui.ports import BranchRow


def branch_again(
    branch_id: str, name: str, selection: Selection, branches: Sequence[BranchRow]
) -> BranchRow:
    """The branch that a run wrote to, by its id; by its name only where no id is known.

    Of a run via a child it is the child's parent, of which another child is to be made.

    Raises:
        UnknownBranchError: it is gone; another one of its name is not what was meant.
    """
    if selection.via_branch:
        branch_id, name = "", selection.branch
    for branch in branches:
        named = branch.name == name or (not name and branch.default)
        if branch.id == branch_id or (not branch_id and named):
            return branch
    namesake = any(branch.name == name for branch in branches)
    about = f"{name} ({branch_id})" if branch_id else name
    raise UnknownBranchError(
        f"the branch {about} of this run is gone",
        f"Another one is named {name} now; sync it from the branches."
        if namesake
        else "Sync another one from the branches.",
    )
