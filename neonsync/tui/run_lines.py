"""The lines around the table of a run: steps, sums, chart, and where it stands. Pure."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from neonsync.tui.formatting import bar, clock, short, size
from neonsync.tui.glyphs import run_sign
from neonsync.tui.run_chart import chart
from neonsync.tui.run_signs import PHASES, counts
from neonsync.tui.run_steps import WORDS
from neonsync.tui.run_view import RunSnapshot

MARGIN = 1
LABEL = 9
LEAST_BAR = 6


def short_id(run_id: str) -> str:
    """A run's id in ten characters or so; whole when it is short."""
    return f"{run_id[:8]}…{run_id[-4:]}" if len(run_id) > 14 else run_id


def note(snapshot: RunSnapshot) -> str:
    """Status and clock. That it has stopped is only said once the engine has."""
    status = snapshot.state.status
    word = "stopping …" if snapshot.stopping else status
    if snapshot.ended and snapshot.report is not None:
        word = run_sign(snapshot.report.status).word
    elif snapshot.ended:
        word = "failed"
    return f"{word} {clock(snapshot.seconds)}"


def steps(
    snapshot: RunSnapshot, width: int, style: Callable[[str], str], *, ascii_only: bool
) -> Text:
    """The steps with their signs, and at the right how far the copying is."""
    line = Text(" " * MARGIN)
    for number, (step, phase) in enumerate(snapshot.steps):
        sign = PHASES[phase]
        glyph = sign.ascii if ascii_only else sign.glyph
        line.append("  " if number else "")
        line.append(f"{WORDS[step].capitalize()} {glyph}", style(sign.style))
    return line.append(_progress(snapshot, width - line.cell_len - MARGIN, ascii_only=ascii_only))


def status(snapshot: RunSnapshot, width: int) -> Text:
    """How many tables are where, and the sums."""
    parts = [counts(snapshot.tables)] if snapshot.tables else []
    total = snapshot.state.rows
    if total is not None and snapshot.tables:
        parts.append(f"{short(snapshot.sent)}/{short(total)} rows")
    elif snapshot.sent:
        parts.append(f"{short(snapshot.sent)} rows")
    if snapshot.rate is not None:
        parts.append(f"{short(snapshot.rate)}/s")
    if snapshot.scanned:
        parts.append(size(snapshot.scanned))
    line = " " * MARGIN + " │ ".join(parts)
    explained = f"{line} scanned"
    return Text(explained if snapshot.scanned and len(explained) <= width else line)


def chart_text(snapshot: RunSnapshot, width: int, height: int, *, ascii_only: bool) -> Text:
    """Rows a second, with what the highest bar means."""
    shown = max(width - LABEL, 0)
    samples = snapshot.samples[-shown:] if shown else ()
    top = max(samples, default=0.0)
    edge = "|" if ascii_only else "┤"
    labels = [f"{short(top)}/s" if top else "", *[""] * (height - 2), "rows/s"]
    lines = chart(samples, shown, height, ascii_only=ascii_only)
    return Text(
        "\n".join(
            f"{label:>{LABEL - 2}} {edge}{line}" for label, line in zip(labels, lines, strict=True)
        )
    )


def _progress(snapshot: RunSnapshot, room: int, *, ascii_only: bool) -> str:
    """A bar and a percentage when the total is known; else a count and a rate."""
    total = snapshot.state.rows
    if total is None:
        rate = f", {short(snapshot.rate)}/s" if snapshot.rate is not None else ""
        said = f"{short(snapshot.sent)} rows{rate}" if snapshot.sent else ""
        return said.rjust(room) if len(said) < room else ""
    if not snapshot.tables:
        return ""
    share = snapshot.sent / total if total else 1.0
    tail = f" {int(share * 100):3d}%"
    left = f" {clock(snapshot.left)} left" if snapshot.left is not None else ""
    if room - len(tail) - len(left) - 2 >= LEAST_BAR:
        tail += left
    width = room - len(tail) - 2
    return f"  {bar(share, width, ascii_only=ascii_only)}{tail}" if width >= LEAST_BAR else ""
