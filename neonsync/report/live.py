"""A live display for a terminal: finished steps scroll by above one bar a table."""

from __future__ import annotations

import time

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from neonsync.engine.events import CheckFinished, Event, Level, Notice, StepFinished
from neonsync.engine.state import RunState, TableState, reduce
from neonsync.report.wording import describe_event, describe_state, duration, printable

BAR_CELLS = 24
ETA_AFTER_SECONDS = 10.0
REFRESHES_PER_SECOND = 8
_STYLES = {"failed": "bold red", "warning": "yellow"}


class LiveReporter:
    """Draws at the foot of the terminal, from the reducer's state, eight times a second at most."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = RunState()
        self._loading_since: dict[str, float] = {}
        self._started = time.monotonic()
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        """Take an event in; one that ends something leaves a line behind."""
        self._state = reduce(self._state, event)
        for name, table in self._state.tables.items():
            if table.step == "load" and table.rows is not None:
                self._loading_since.setdefault(name, time.monotonic())
        if isinstance(event, StepFinished | CheckFinished | Notice):
            line = describe_event(event)
            if line is not None:
                self.say(line, _style(event))

    def tick(self) -> None:
        """The display refreshes itself."""

    def say(self, line: str, style: str = "") -> None:
        """Leave a line above the display."""
        self._console.print(Text(printable(line), style=style))

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _render(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        elapsed = duration(time.monotonic() - self._started)
        if self._state.step or not self._state.tables:
            grid.add_row(Text(f"{describe_state(self._state)}  {elapsed}"))
            return grid
        for name, table in self._state.tables.items():
            grid.add_row(Text(name), Text(table.step), *self._progress(name, table), Text(elapsed))
        return grid

    def _progress(self, name: str, table: TableState) -> tuple[Text, Text]:
        if not table.rows or table.step != "load":
            return Text(""), Text("")
        rows = table.loaded_rows + table.copied_rows
        share = rows / table.rows
        filled = round(share * BAR_CELLS)
        bar = Text("█" * filled, style="green") + Text("░" * (BAR_CELLS - filled))
        seconds = time.monotonic() - self._loading_since.get(name, time.monotonic())
        words = f"{share:4.0%} {rows:,} of {table.rows:,} rows"
        if seconds > 1:
            words += f", {rows / seconds:,.0f}/s"
        if seconds > ETA_AFTER_SECONDS and rows:
            words += f", {duration(seconds * (1 - share) / share)} left"
        return bar, Text(words)


def _style(event: Event) -> str:
    if isinstance(event, CheckFinished):
        return _STYLES.get(event.status, "")
    if isinstance(event, Notice):
        return "yellow" if event.level is Level.WARNING else "dim"
    return ""
