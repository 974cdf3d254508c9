"""The table of branches: which come, what stands in which column, in how much room. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from neonsync.tui.formatting import cut, expiry, printable, size_or_dash, stamp
from neonsync.tui.glyphs import Sign
from neonsync.tui.ports import BranchRow, ProjectInfo

Style = Callable[[str], str]
"""Rich's style for a class of ``app.tcss``."""

NAME, PARENT, STATE, SIZE, SYNCED, EXPIRES = (
    "NAME",
    "PARENT",
    "STATE",
    "SIZE",
    "LAST SYNC",
    "EXPIRES",
)
_WIDTHS = {STATE: 10, SIZE: 8, SYNCED: 11, EXPIRES: 9}
_PADDING = 2
_SCROLLBAR = 1
# From so many columns on the column is shown: the name needs the room more.
_PARENT_FROM, _SIZE_FROM = 77, 65
_NAME_MOST, _PARENT_LEAST, _PARENT_MOST = 48, 10, 28
_SOON = timedelta(days=1)
GUARDED, GUARDED_ASCII = "◆", "*"

_SIGNS = {
    "ready": Sign("✓", "+", "ready", "good"),
    "init": Sign("▶", ">", "init", "busy"),
    "resetting": Sign("▶", ">", "reset", "busy"),
    "archived": Sign("·", ".", "archived", "dim"),
    "unknown": Sign("?", "?", "unknown", "dim"),
}


def branch_sign(state: str) -> Sign:
    """The sign of a branch's state; a word that nobody knows is shown as it is."""
    return _SIGNS.get(state) or Sign("?", "?", printable(state) or "unknown", "dim")


def ordered(branches: Sequence[BranchRow]) -> tuple[BranchRow, ...]:
    """The default branch first, the others by name."""
    return tuple(sorted(branches, key=lambda each: (not each.default, each.name)))


def matching(branches: Sequence[BranchRow], words: str) -> tuple[BranchRow, ...]:
    """Those that hold each of the words in their name or id, in whatever case."""
    wanted = words.casefold().split()
    return tuple(
        branch
        for branch in branches
        if all(word in f"{branch.name} {branch.id}".casefold() for word in wanted)
    )


def columns(width: int) -> tuple[tuple[str, int], ...]:
    """The columns with their widths that fit into so many cells."""
    shown = [
        label
        for label in (PARENT, STATE, SIZE, SYNCED, EXPIRES)
        if (label != PARENT or width >= _PARENT_FROM) and (label != SIZE or width >= _SIZE_FROM)
    ]
    fixed = sum(_WIDTHS[label] for label in shown if label in _WIDTHS)
    room = width - _SCROLLBAR - fixed - _PADDING * (len(shown) + 1)
    parent = 0
    if PARENT in shown:
        parent = min(max(room // 3, _PARENT_LEAST), _PARENT_MOST)
    widths = {**_WIDTHS, PARENT: parent}
    return (
        (NAME, min(room - parent, _NAME_MOST)),
        *((label, widths[label]) for label in shown),
    )


def rows(
    branches: Sequence[BranchRow],
    now: datetime,
    layout: Sequence[tuple[str, int]],
    style: Style,
    *,
    ascii_only: bool = False,
) -> list[tuple[str, tuple[Text, ...]]]:
    """The rows by their keys, which are the branches' ids."""
    return [(each.id, cells(each, now, layout, style, ascii_only=ascii_only)) for each in branches]


def cells(
    branch: BranchRow,
    now: datetime,
    layout: Sequence[tuple[str, int]],
    style: Style,
    *,
    ascii_only: bool = False,
) -> tuple[Text, ...]:
    """A branch's row, for the columns of ``layout``."""
    made = {
        NAME: lambda width: _name(branch, width, style, ascii_only),
        PARENT: lambda width: Text(cut(branch.parent or "-", width, ascii_only=ascii_only)),
        STATE: lambda width: _state(branch, width, style, ascii_only),
        SIZE: lambda width: Text(size_or_dash(branch.size)),
        SYNCED: lambda width: Text(stamp(branch.last_sync, now)),
        EXPIRES: lambda width: expires(branch.expires_at, now, style),
    }
    return tuple(made[label](width) for label, width in layout)


def guard_word(branch: BranchRow) -> str:
    """Why a branch is to be taken care of, in a word; empty for most."""
    return "protected" if branch.protected else "default" if branch.default else ""


def expires(moment: datetime | None, now: datetime, style: Style) -> Text:
    """When a branch goes; what has gone by, or soon will, stands out."""
    text = expiry(moment, now)
    if moment is None or moment - now > _SOON:
        return Text(text)
    return Text.assemble((text, style("bad" if moment <= now else "warn")))


def summary(
    branches: Sequence[BranchRow], shown: int, now: datetime, notes: Sequence[str] = ()
) -> str:
    """How many there are, and what is to be known of them all."""
    if shown != len(branches):
        return f"{shown} of {_counted(len(branches))} shown · esc clears"
    protected = sum(branch.protected for branch in branches)
    gone = sum(branch.expires_at is not None and branch.expires_at <= now for branch in branches)
    said = [_counted(len(branches))]
    said += [f"{protected} protected"] * bool(protected)
    said += [f"{gone} expired"] * bool(gone)
    said += [f"! {printable(note)}" for note in notes]
    return " · ".join(said)


def absence(branches: Sequence[BranchRow], words: str) -> tuple[str, str]:
    """Why no row is shown, and the key that mends it."""
    if branches:
        return f"No branches match “{printable(words)}”.", "esc clears the filter"
    return "This project has no branches.", "r asks again"


def project_note(project: ProjectInfo | None) -> str:
    """What the breadcrumb adds of the project."""
    if project is None:
        return ""
    said = [f"project {project.id}"] if project.name else []
    said += [project.region.removeprefix("aws-").removeprefix("azure-")] * bool(project.region)
    said += [f"pg{project.postgres}"] * bool(project.postgres)
    return " · ".join(said)


def _counted(number: int) -> str:
    return f"{number} branch" if number == 1 else f"{number} branches"


def _name(branch: BranchRow, width: int, style: Style, ascii_only: bool) -> Text:
    """The mark of a guarded branch, the name, and the mark's word where there is room for it."""
    word = guard_word(branch)
    if not word:
        return Text("  " + cut(branch.name, width - 2, ascii_only=ascii_only))
    mark = GUARDED_ASCII if ascii_only else GUARDED
    name = cut(branch.name, width - 2, ascii_only=ascii_only)
    text = Text.assemble((mark, style("warn")), " ", name)
    if text.cell_len + 1 + len(word) <= width:
        text.append(f" {word}", style("dim"))
    return text


def _state(branch: BranchRow, width: int, style: Style, ascii_only: bool) -> Text:
    sign = branch_sign(branch.state)
    text = cut(sign.text(ascii_only=ascii_only), width, ascii_only=ascii_only)
    return Text.assemble((text, style(sign.style)))
