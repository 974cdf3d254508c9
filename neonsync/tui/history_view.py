"""What the history screen shows of its entries: rows, the details of one, numbers. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.text import Text

from neonsync.history import RUN, Entry
from neonsync.selection import PROGRAM
from neonsync.tui.formatting import DASH, cut, money, printable, short, spark
from neonsync.tui.glyphs import DONE, Sign, run_sign
from neonsync.tui.ports import HistoryList

TREND = 12
"""Runs in the line of small bars."""
MOST_ROWS = 500
"""So many are drawn, the newest: thousands would hold the keys up, and nobody reads them."""
DAYS = 30
"""Days that the share of passed runs is of."""
COLUMNS = (
    ("WHEN (UTC)", 11),
    ("BRANCH", 15),
    ("MODE", 11),
    ("RESULT", 9),
    ("ROWS", 6),
    ("TOOK", 7),
    ("BY", 6),
)
_GAP = 2  # what the table puts around each cell
_FAILED = ("failed", "invalid", "partial")


@dataclass(frozen=True)
class Shown:
    """Which entries are wanted. ``project`` and ``branch`` are empty for all of them."""

    project: str = ""
    branch: str = ""
    failed_only: bool = False
    text: str = ""

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is wanted."""
        if self.project and entry.project not in ("", self.project):
            return False
        # The name or the id, as neonsync history --branch takes it.
        if self.branch and self.branch not in (entry.branch, entry.branch_id):
            return False
        if self.failed_only and entry.status not in _FAILED:
            return False
        return all(word in _words(entry) for word in self.text.lower().split())


def numbered(entries: Sequence[Entry], shown: Shown) -> list[tuple[str, Entry]]:
    """Those that are wanted, by a key that stays an entry's own when newer ones come."""
    return [
        (str(len(entries) - index), each) for index, each in enumerate(entries) if shown.holds(each)
    ]


def columns(width: int) -> tuple[tuple[str, int], ...]:
    """The columns for a table of so many cells; what is over is the branch's name's, and whose."""
    over = width - sum(cells + _GAP for _, cells in COLUMNS) - 1
    more = {"BRANCH": min(max(over, 0), 25), "BY": min(max(over - 25, 0), 14)}
    return tuple((label, cells + more.get(label, 0)) for label, cells in COLUMNS)


def cells(
    entry: Entry, now: datetime, widths: Sequence[int], *, ascii_only: bool = False
) -> tuple[tuple[str, str], ...]:
    """An entry as the table's texts, each with the class that it is coloured by."""
    sign = sign_of(entry)
    is_run = entry.kind == RUN
    # A merge that found nothing changed has written none, which is no unknown number.
    none = entry.status == "succeeded" and entry.mode != "schema-only"
    texts = (
        (when(entry.moment, now), ""),
        (entry.branch or DASH, "bold"),
        ((entry.mode or DASH) if is_run else entry.kind, ""),
        (sign.text(ascii_only=ascii_only), sign.style),
        (short(entry.rows) if is_run and (entry.rows or none) else DASH, ""),
        (took(entry.seconds), ""),
        (entry.user or DASH, ""),
    )
    return tuple(
        (cut(text, width, ascii_only=ascii_only), style)
        for (text, style), width in zip(texts, widths, strict=True)
    )


def sign_of(entry: Entry) -> Sign:
    """How it ended. An operation on a branch is done where a run has passed."""
    if entry.kind != RUN and entry.status == "succeeded":
        return DONE
    return run_sign(entry.status)


def when(moment: datetime, now: datetime) -> str:
    """A moment in UTC: ``01:34 today``, ``Sun 22:40`` within a week, ``11-20``, ``2025-11-20``."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    days = (now.date() - moment.date()).days
    if days == 0:
        return f"{moment:%H:%M} today"
    if 0 < days < 7:
        return f"{moment:%a %H:%M}"
    return f"{moment:%m-%d}" if moment.year == now.year else f"{moment:%Y-%m-%d}"


def took(seconds: float) -> str:
    """A time in at most seven characters: ``0.9 s``, ``4m 31s``, ``1h 02m``."""
    if seconds <= 0:
        return DASH
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m"


def summary(entries: Sequence[Entry], now: datetime) -> str:
    """``148 runs kept · 96 % passed in 30 days``. Runs that were stopped count for neither."""
    runs = [entry for entry in entries if entry.kind == RUN]
    said = [_number(len(runs), "run") + " kept"]
    if others := len(entries) - len(runs):
        said.append(_number(others, "branch operation"))
    since = now - timedelta(days=DAYS)
    ended = [run for run in runs if run.status != "cancelled" and run.moment >= since]
    if ended:
        passed = sum(run.status == "succeeded" for run in ended)
        said.append(f"{passed * 100 // len(ended)} % passed in {DAYS} days")
    return " · ".join(said)


def status_line(found: HistoryList, shown: Shown, count: int, now: datetime, home: str) -> str:
    """What there is, of which so much is shown, and where it is kept."""
    scope = Shown(shown.project, shown.branch)
    kept = summary([entry for entry in found.entries if scope.holds(entry)], now)
    narrowed = f"{count:,} shown · " if shown != scope else ""
    if count > MOST_ROWS:
        narrowed = f"newest {MOST_ROWS} of {count:,} shown · "
    return f"{narrowed}{kept} · {home_path(found.path, home)}"


def nothing(shown: Shown) -> tuple[str, str]:
    """What to say where no entry is to be shown, and the keys that help."""
    if shown.text:
        return f"Nothing matches “{printable(shown.text)}”.", "esc  clears the filter"
    if shown.failed_only:
        return "Nothing has failed.", "f  shows all"
    if shown.branch:
        where = printable(shown.branch)
        return f"Nothing was done to {where} from this machine.", "b  all branches     esc  back"
    return "Nothing was done from this machine yet.", "esc  back to the branches; s syncs there"


def home_path(path: Path | None, home: str) -> str:
    """A path with ``~`` for the home, for a line that is short."""
    if path is None:
        return "no history file"
    text = printable(str(path))
    home = home.rstrip("/")
    return f"~{text[len(home) :]}" if home and text.startswith(f"{home}/") else text


def command_of(entry: Entry) -> tuple[str, ...]:
    """The arguments that select the same run again; empty where the history does not know them."""
    return entry.command if entry.kind == RUN else ()


def command_line(entry: Entry) -> str:
    """The same as a command for a shell."""
    arguments = command_of(entry)
    return printable(shlex.join([*PROGRAM, *arguments])) if arguments else ""


def trend(entry: Entry, entries: Sequence[Entry]) -> list[float]:
    """The rows of the last runs into the entry's branch, the oldest first."""
    runs = [
        each
        for each in entries
        if each.kind == RUN and each.branch == entry.branch and each.branch_id == entry.branch_id
    ]
    runs.sort(key=lambda each: each.moment)
    return [float(each.rows) for each in runs[-TREND:]]


def details(
    entry: Entry, entries: Sequence[Entry], *, ascii_only: bool = False
) -> list[tuple[str, str]]:
    """All that is known of an entry: labels with texts, a label without text is a heading."""
    sign = sign_of(entry).text(ascii_only=ascii_only)
    code = f" (exit {entry.exit_code})" if entry.exit_code else ""
    about = f"{entry.run_id}  " if entry.run_id else ""
    by = "@".join(part for part in (entry.user, entry.host) if part)
    branch_id = f" ({entry.branch_id})" if entry.branch_id else ""
    lines = [
        ("", f"{about}{sign}{code}"),
        ("", ""),
        ("ended", f"{entry.moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"),
        ("by", by),
        ("branch", f"{entry.branch or DASH}{branch_id}"),
        ("did" if entry.kind != RUN else "mode", entry.mode if entry.kind == RUN else entry.kind),
        ("tables", _tables(entry.tables)),
        ("rows", f"{entry.rows:,}" if entry.kind == RUN else ""),
        ("took", took(entry.seconds) if entry.seconds else ""),
        ("price", money(entry.price) if entry.price else ""),
        ("from", " @ ".join(part for part in (entry.repository, entry.commit[:12]) if part)),
    ]
    shown = [
        (label, printable(text)) for label, text in lines if text or label in ("", lines[0][0])
    ]
    if entry.detail:
        shown += [("", ""), ("", printable(entry.detail))]
    rows = trend(entry, entries) if entry.kind == RUN else []
    if len(rows) > 1:
        heading = f"Rows of its last {len(rows)} runs"
        shown += [("", ""), (heading, ""), ("", spark(rows, ascii_only=ascii_only))]
    if line := command_line(entry):
        shown += [("", ""), ("", f"$ {line}")]
    return shown


def details_text(entry: Entry, entries: Sequence[Entry], *, ascii_only: bool = False) -> Text:
    """The same as a text, its headings bold."""
    text = Text()
    for label, said in details(entry, entries, ascii_only=ascii_only):
        if label and said:
            text.append(f"{label:<8}", "dim")
            text.append(f"{said}\n")
        else:
            text.append(f"{label or said}\n", "bold" if label else "")
    return text


def _tables(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)}: {', '.join(names[:3])}{more}"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _words(entry: Entry) -> str:
    said = (entry.branch, entry.kind, entry.mode, entry.status, entry.run_id, entry.user)
    return " ".join((*said, sign_of(entry).word, entry.detail, *entry.tables)).lower()
