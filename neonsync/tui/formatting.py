"""Values in few characters, for tables and panes. Pure; what comes from outside is made inert."""

from __future__ import annotations

from datetime import datetime, timedelta

from rich.cells import cell_len, set_cell_size

from neonsync.neon.moments import units_left
from neonsync.report.wording import DASH, duration, money, printable, short, size

__all__ = [
    "DASH",
    "age",
    "bar",
    "clock",
    "count",
    "cut",
    "duration",
    "expiry",
    "money",
    "printable",
    "short",
    "size",
    "size_or_dash",
    "spark",
    "stamp",
]

_SHORT = {"day": "d", "hour": "h", "minute": "min", "second": "s"}
_EIGHTHS = "▁▂▃▄▅▆▇█"


def count(number: int | None) -> str:
    """A whole number with commas, or a dash."""
    return DASH if number is None else f"{number:,}"


def size_or_dash(number: int | None) -> str:
    """Bytes with a unit, or a dash."""
    return DASH if number is None else size(number)


def stamp(moment: datetime | None, now: datetime | None = None) -> str:
    """A moment in UTC as ``11-23 01:12``, with the year when that is another one than now's."""
    if moment is None:
        return DASH
    same_year = now is None or moment.year == now.year
    return f"{moment:%m-%d %H:%M}" if same_year else f"{moment:%Y-%m-%d}"


def age(span: timedelta) -> str:
    """A span in its largest unit: 12 s, 5 min, 3 h, 2 d."""
    seconds = max(span.total_seconds(), 0)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds / length)} {unit}"
    return f"{int(seconds)} s"


def expiry(moment: datetime | None, now: datetime) -> str:
    """When something expires, seen from now: ``in 2 d``, ``EXPIRED``, or a dash for never."""
    if moment is None:
        return DASH
    number, unit = units_left(moment - now)
    return "EXPIRED" if moment <= now else f"in {number} {_SHORT[unit]}"


def clock(seconds: float) -> str:
    """A time as ``02:31``, or ``1:02:31`` from an hour on."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def cut(text: str, width: int, *, ascii_only: bool = False) -> str:
    """A text of at most ``width`` cells, made printable; what is cut off is shown as such."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    mark = "~" if ascii_only else "…"
    return set_cell_size(text, max(width - 1, 0)) + mark


def bar(share: float, width: int, *, ascii_only: bool = False) -> str:
    """A bar of ``width`` cells; full only when the share is 1."""
    share = min(max(share, 0.0), 1.0)
    filled = int(share * width)
    full, empty = ("#", ".") if ascii_only else ("━", "─")
    return full * filled + empty * (width - filled)


def spark(values: list[float], *, ascii_only: bool = False) -> str:
    """A line of small bars, one for each value, the highest one full."""
    top = max(values, default=0.0)
    if top <= 0:
        return ("_" if ascii_only else _EIGHTHS[0]) * len(values)
    if ascii_only:
        return "".join(str(min(int(value / top * 9), 9)) for value in values)
    return "".join(_EIGHTHS[min(int(value / top * 7.999), 7)] for value in values)
