"""What the live display shows of a run: lines that fit the terminal, however many tables there are.

Knows nothing of terminals: events, a time and a size go in, lines come out.
"""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from neonsync.engine.events import (
    ChunksPlanned,
    Event,
    RowsCopied,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from neonsync.engine.state import RunState, TableState, reduce
from neonsync.report.rate import Rate
from neonsync.report.wording import describe_state, duration, printable, short, size

WAITING, READY = "waiting", "ready"
# What moves most stands on top, and is not among those that are only counted.
_ORDER = (Step.LOAD, Step.INDEX, Step.AUDIT, Step.EXTRACT)
_BARS = ("█", "░")
_ASCII_BARS = ("#", ".")


class LiveView:
    """The state of a run, and what is to be seen of it."""

    def __init__(self, now: float, *, ascii_only: bool = False) -> None:
        self._state = RunState()
        self._bars = _ASCII_BARS if ascii_only else _BARS
        self._since = {"": now}
        self._rates: dict[str, Rate] = {}
        self._ready: set[str] = set()

    def take(self, event: Event, now: float) -> None:
        """Take an event in."""
        self._state = reduce(self._state, event)
        match event:
            case RunStarted():
                self._since[""] = now
            case StepStarted():
                self._since[event.table] = now
                self._ready.discard(event.table)
            case StepFinished():
                # Until its next step begins; after its last one it waits for the others.
                self._ready.add(event.table)
            case ChunksPlanned():
                # What an earlier run has loaded says nothing of this one's pace.
                self._rates[event.table] = Rate(now, event.loaded_rows)
            case RowsCopied() if event.table in self._rates:
                self._rates[event.table].add(now, _rows(self._state.tables[event.table]))

    def lines(self, width: int, height: int, now: float) -> list[Text]:
        """At most half of the terminal, each at most one of its lines: it must not jump."""
        if self._state.step or not self._state.tables:
            shown = [Text(f"{describe_state(self._state)}  {self._elapsed('', now)}")]
        elif len(self._state.tables) == 1:
            shown = self._tables(list(self._state.tables), width, now)
        else:
            shown = self._many(width, max(height // 2, 3), now)
        for line in shown:
            line.no_wrap, line.overflow = True, "ellipsis"
            line.truncate(width, overflow="ellipsis")
        return shown

    def _many(self, width: int, room: int, now: float) -> list[Text]:
        stages = {name: self._stage(name) for name in self._state.tables}
        active = sorted(
            (name for name, stage in stages.items() if stage in _ORDER),
            key=lambda name: _ORDER.index(Step(stages[name])),
        )
        fitting = active if len(active) < room else active[: room - 2]
        counts = Counter(stage for stage in stages.values() if stage not in _ORDER)
        head = f"{len(stages)} tables: {len(active)} at work"
        for stage, count in sorted(counts.items()):
            head += f", {count} {stage}"
        head += f", {short(sum(map(_rows, self._state.tables.values())))} rows loaded  "
        shown = [Text(head).append(self._elapsed("", now), style="dim")]
        shown += self._tables(fitting, width, now)
        if len(fitting) < len(active):
            left = Counter(stages[name] for name in active[len(fitting) :])
            said = ", ".join(f"{count} in {stage}" for stage, count in left.items())
            shown.append(Text(f"… and {left.total()} more: {said}", style="dim"))
        return shown

    def _stage(self, name: str) -> str:
        step = self._state.tables[name].step
        if step not in _ORDER:
            return step
        return READY if name in self._ready else step

    def _tables(self, names: list[str], width: int, now: float) -> list[Text]:
        labels = {name: Text(printable(name.removeprefix("public."))) for name in names}
        longest = max((label.cell_len for label in labels.values()), default=0)
        for label in labels.values():
            label.truncate(min(longest, max(width // 4, 8)), overflow="ellipsis", pad=True)
        return [labels[name] + self._line(name, width, now) for name in names]

    def _line(self, name: str, width: int, now: float) -> Text:
        table = self._state.tables[name]
        line = Text(f" {self._stage(name)} ")
        if table.step == Step.LOAD and table.rows:
            return line.append(self._progress(name, table, table.rows, width, now))
        if table.step == Step.EXTRACT and table.scanned_bytes:
            line.append(f"{size(table.scanned_bytes)} scanned")
        elif table.step == Step.INDEX:
            line.append(f"{table.indexes or '0'} built")
        return line.append(f"  {self._elapsed(name, now)}", style="dim")

    def _progress(self, name: str, table: TableState, total: int, width: int, now: float) -> Text:
        rows = min(_rows(table), total)
        line = Text()
        cells = 20 if width >= 100 else 10 if width >= 60 else 0
        if cells:
            filled = round(rows / total * cells)
            line.append(self._bars[0] * filled, style="green")
            line.append(self._bars[1] * (cells - filled) + " ")
        # Not rounded up: 100% is when it is done.
        line.append(f"{rows * 100 // total}% of {short(total)}{' rows' if width >= 100 else ''}")
        rate = self._rates.get(name)
        if rate is not None and (per_second := rate.per_second(now)) is not None:
            line.append(f", {short(per_second)}/s")
        if rate is not None and (left := rate.seconds_for(total - rows, now)) is not None:
            return line.append(f", {duration(left)} left")
        return line.append(f"  {self._elapsed(name, now)}", style="dim")

    def _elapsed(self, table: str, now: float) -> str:
        return duration(now - self._since.get(table, now))


def _rows(table: TableState) -> int:
    """Rows that have been sent, committed or not."""
    return table.loaded_rows + table.copied_rows
