"""A live display for a terminal: finished steps scroll by above one bar a table."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from neonsync.engine.events import (
    CheckFinished,
    Event,
    Level,
    Notice,
    Step,
    StepFinished,
    StepStarted,
)
from neonsync.engine.result import RunResult
from neonsync.engine.state import RunState, TableState, reduce
from neonsync.report.wording import describe_event, describe_state, duration, printable, short
from neonsync.secret import Secret, redact

BAR_CELLS = 20
ETA_AFTER_SECONDS = 10.0
REFRESHES_PER_SECOND = 8
_STYLES = {"failed": "bold red", "warning": "yellow"}


class LiveReporter:
    """Draws at the foot of the terminal, from the reducer's state, eight times a second at most."""

    def __init__(self, console: Console, secrets: tuple[Secret, ...] = ()) -> None:
        self._console = console
        self._secrets = secrets
        self._state = RunState()
        self._step_since: dict[str, float] = {"": time.monotonic()}
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,  # it may lead elsewhere, and is for data
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        """Take an event in; one that ends something leaves a line behind."""
        self._state = reduce(self._state, event)
        if isinstance(event, StepStarted):
            self._step_since[event.table] = time.monotonic()
        if isinstance(event, StepFinished | CheckFinished | Notice):
            line = describe_event(event)
            if line is not None:
                self.say(line, _style(event))

    def tick(self) -> None:
        """The display refreshes itself."""

    def say(self, line: str, style: str = "") -> None:
        """Leave a line above the display."""
        self._console.print(Text(printable(redact(line, *self._secrets)), style=style))

    def finish(self, result: RunResult, report_dir: str) -> None:
        """The summary is another's."""

    def abandon(self, result: RunResult) -> None:
        """Nothing to add."""

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _render(self) -> Group:
        """One line a table, cut at the terminal's edge rather than wrapped: it must not jump."""
        if self._state.step or not self._state.tables:
            lines = [Text(f"{describe_state(self._state)}  {self._elapsed('')}")]
        else:
            lines = [self._line(name, table) for name, table in self._state.tables.items()]
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    def _line(self, name: str, table: TableState) -> Text:
        line = Text(f"{name.removeprefix('public.')} {table.step} ")
        if table.step == Step.LOAD and table.rows:
            rows = table.loaded_rows + table.copied_rows
            share = rows / table.rows
            filled = round(share * BAR_CELLS)
            line.append("█" * filled, style="green").append("░" * (BAR_CELLS - filled))
            line.append(f" {share:.0%} of {short(table.rows)} rows")
            seconds = time.monotonic() - self._step_since.get(name, time.monotonic())
            if seconds > 1:
                line.append(f", {short(rows / seconds)}/s")
            if seconds > ETA_AFTER_SECONDS and rows:
                line.append(f", {duration(seconds * (1 - share) / share)} left")
        elif table.step == Step.INDEX:
            line.append(f"{table.indexes or '0'} built")
        return line.append(f"  {self._elapsed(name)}", style="dim")

    def _elapsed(self, table: str) -> str:
        return duration(time.monotonic() - self._step_since.get(table, time.monotonic()))


def _style(event: Event) -> str:
    if isinstance(event, CheckFinished):
        return _STYLES.get(event.status, "")
    if isinstance(event, Notice):
        return "yellow" if event.level is Level.WARNING else "dim"
    return ""
