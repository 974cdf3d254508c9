"""All that is known of a branch, for the pane and the dialog. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from neonsync.tui.branch_table import Style, branch_sign, expires, guard_word
from neonsync.tui.formatting import age, cut, printable, size
from neonsync.tui.glyphs import run_sign
from neonsync.tui.ports import BranchRow

DANGERS = ("delete", "reset", "rollback")
"""What overwrites or deletes; each may have its obstacle."""

_LABEL = 10
_CHILDREN_NAMED = 5
DOES = {
    "sync": "sync into it",
    "history": "its history",
    "address": "copy its address",
    "console": "open in the Neon console",
    "reset": "reset to its parent",
    "rollback": "roll the last run back",
    "delete": "delete it",
}
"""What can be done to a branch, by the last word of the id of its key."""


def details(
    branch: BranchRow,
    obstacles: Mapping[str, str],
    now: datetime,
    width: int,
    style: Style,
    key: Callable[[str], str],
    *,
    ascii_only: bool = False,
) -> Text:
    """The whole of it. ``obstacles`` say by danger why not; ``key`` gives an action's key."""
    made = Text(no_wrap=True)
    made.append(cut(branch.name, width, ascii_only=ascii_only), "bold")
    if word := guard_word(branch):
        both = "protected, and the default branch" if branch.protected and branch.default else word
        made.append(f"\n{'*' if ascii_only else '◆'} {both}", style("warn"))
    made.append("\n")
    _facts(made, branch, now, width, style, ascii_only)
    _last_run(made, branch, width, style, ascii_only)
    made.append("\n\nKeys", style("dim"))
    for action, does in DOES.items():
        if not obstacles.get(action):
            made.append(f"\n{key(action)}", "bold")
            made.append(f" {does}")
    refused = [(action, obstacles[action]) for action in DANGERS if obstacles.get(action)]
    if refused:
        made.append("\n\nNot for this branch", style("dim"))
    for action, reason in refused:
        for line in _wrapped(f"{action}: {printable(reason)}", width):
            made.append(f"\n{line}")
    made.append("\n\nTimes are in UTC.", style("dim"))
    return made


def _facts(
    made: Text, branch: BranchRow, now: datetime, width: int, style: Style, ascii_only: bool
) -> None:
    sign = branch_sign(branch.state)
    _fact(made, "id", branch.id, width)
    _fact(made, "parent", _parent(branch), width)
    _fact(made, "state", sign.text(ascii_only=ascii_only), width, style(sign.style))
    compute = [printable(word) for word in (branch.compute, branch.compute_state) if word]
    _fact(made, "compute", " · ".join(compute) or "none", width)
    _fact(made, "size", f"{size(branch.size)} logical" if branch.size is not None else "-", width)
    _expiry(made, branch, now, style)
    _fact(made, "host", branch.host or "-", width)
    if branch.created_at is not None:
        _fact(
            made, "created", f"{_full(branch.created_at)} · {age(now - branch.created_at)}", width
        )
    _fact(made, "made by", "neonsync" if branch.ours else "others", width)
    _fact(made, "children", _children(branch), width)


def _last_run(made: Text, branch: BranchRow, width: int, style: Style, ascii_only: bool) -> None:
    made.append("\n\nFrom this machine", style("dim"))
    _fact(made, "synced", _full(branch.last_sync) if branch.last_sync else "never", width)
    if branch.last_status:
        sign = run_sign(branch.last_status)
        _fact(made, "last run", sign.text(ascii_only=ascii_only), width, style(sign.style))
    if branch.last_run:
        _fact(made, "run", branch.last_run, width)


def _expiry(made: Text, branch: BranchRow, now: datetime, style: Style) -> None:
    made.append(f"\n{'expires':<{_LABEL}}", style("dim"))
    if branch.expires_at is None:
        made.append("never")
        return
    made.append_text(expires(branch.expires_at, now, style))
    made.append(f" · {_full(branch.expires_at)}")


def _fact(made: Text, label: str, value: str, width: int, style: str = "") -> None:
    """A line, or more when the value is long, which then stands below itself."""
    lines = _wrapped(printable(value), width - _LABEL)
    made.append(f"\n{label:<{_LABEL}}", "dim")
    made.append(f"\n{'':<{_LABEL}}".join(lines), style)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells, broken after blanks and dots: hosts have no blanks."""
    lines = [""]
    for word in re.findall(r"[^ .]*[ .]+|[^ .]+", text):
        if cell_len(lines[-1] + word.rstrip()) > width and lines[-1]:
            lines.append("")
        while cell_len(word.rstrip()) > width:
            whole = set_cell_size(word, width).rstrip() or word[:1]
            lines[-1:] = [whole, ""]
            word = word[len(whole) :]
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _parent(branch: BranchRow) -> str:
    if not branch.parent:
        return "none: schema only" if branch.schema_only else "none"
    moment = f" @ {_full(branch.parent_moment)}" if branch.parent_moment is not None else ""
    return f"{branch.parent}{moment}"


def _children(branch: BranchRow) -> str:
    if not branch.children:
        return "none"
    named = ", ".join(branch.children[:_CHILDREN_NAMED])
    more = len(branch.children) - _CHILDREN_NAMED
    return f"{len(branch.children)}: {named}" + (f" and {more} more" if more > 0 else "")


def _full(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
