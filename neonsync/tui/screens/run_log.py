"""The log of a run: grows by what is new, in three sizes, filtered by how much a line matters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import RichLog, Static

from neonsync.tui.formatting import clock
from neonsync.tui.run_events import LOG_LINES, SEVERITIES, LogLine, Severity, visible

SIZES = ("small", "large", "off")
_STYLES: dict[Severity, str] = {"info": "", "warning": "warn", "error": "bad"}
_MARKS: dict[Severity, str] = {"info": "  ", "warning": "! ", "error": "✗ "}
_TITLES: dict[Severity, str] = {
    "info": "all",
    "warning": "warnings and errors",
    "error": "errors only",
}


class RunLogView(Vertical):
    """Lines of text with their heading."""

    DEFAULT_CSS = """
    RunLogView { height: 25%; min-height: 5; }
    RunLogView.-large { height: 60%; }
    RunLogView.-off { display: none; }
    RunLogView .heading { height: 1; color: $text-muted; text-wrap: nowrap; }
    RunLogView RichLog { height: 1fr; background: $background; padding: 0 1;
                         scrollbar-size-vertical: 1; }
    """

    def __init__(self, style: Callable[[str], str], *, ascii_only: bool) -> None:
        super().__init__(id="log")
        self._style = style
        self._ascii = ascii_only
        self._lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self._width = 0
        self.level: Severity = "info"
        self.size_name = SIZES[0]

    def compose(self) -> ComposeResult:
        """Heading and lines."""
        yield Static("", markup=False, classes="heading")
        yield RichLog(wrap=True, markup=False, min_width=20, max_lines=LOG_LINES)

    def on_mount(self) -> None:
        """Say what is shown."""
        self._title()

    def on_resize(self, event: events.Resize) -> None:
        """Long lines are broken anew for another width."""
        if self._width and event.size.width != self._width:
            self._rewrite()
        self._width = event.size.width
        self._title()

    @property
    def number(self) -> int:
        """The newest line that is here."""
        return self._lines[-1].number if self._lines else 0

    def add(self, lines: Sequence[LogLine]) -> None:
        """Append lines; whoever has scrolled up to read stays there."""
        self._lines.extend(lines)
        log = self.query_one(RichLog)
        follow = log.is_vertical_scroll_end
        for line in visible(lines, self.level):
            self._write(log, line, follow=follow)

    def next_level(self) -> None:
        """All, warnings and errors, errors only, and all again."""
        self.level = SEVERITIES[(SEVERITIES.index(self.level) + 1) % len(SEVERITIES)]
        self._rewrite()
        self._title()

    def next_size(self) -> None:
        """Small, large, off, and small again."""
        self.size_name = SIZES[(SIZES.index(self.size_name) + 1) % len(SIZES)]
        self.set_class(self.size_name == "large", "-large")
        self.set_class(self.size_name == "off", "-off")

    def _rewrite(self) -> None:
        log = self.query_one(RichLog)
        log.clear()
        for line in visible(self._lines, self.level):
            self._write(log, line, follow=False)
        log.scroll_end(animate=False)

    def _write(self, log: RichLog, line: LogLine, *, follow: bool) -> None:
        # Told the width: the log itself breaks lines for the whole terminal at most.
        width = log.scrollable_content_region.width
        log.write(self._text(line), width=width or None, scroll_end=follow)

    def _title(self) -> None:
        rule = "-" if self._ascii else "─"
        title = f"{rule}Log: {_TITLES[self.level]}".ljust(self.size.width, rule)
        self.query_one(".heading", Static).update(title)

    def _text(self, line: LogLine) -> Text:
        mark = _MARKS[line.level] if not self._ascii else _MARKS[line.level].replace("✗", "x")
        text = Text(f"{clock(line.seconds)} ", "dim")
        text.append(f"{line.source:<7}", "dim")
        text.append(mark + line.text, self._style(_STYLES[line.level]))
        return text
