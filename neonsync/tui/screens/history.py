"""History: what was done from this machine, to one branch or to all of the project's."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from neonsync.history import RUN, Entry
from neonsync.selection import Selection, from_arguments
from neonsync.tui.again import branch_again
from neonsync.tui.colours import coloured, style_of
from neonsync.tui.formatting import printable
from neonsync.tui.history_view import (
    MOST_ROWS,
    Shown,
    cells,
    columns,
    command_line,
    command_of,
    details_text,
    nothing,
    numbered,
    status_line,
)
from neonsync.tui.ports import BranchRow, HistoryList, RunReport
from neonsync.tui.screens.base import WIDE, View
from neonsync.tui.widgets.panel import Failure, StatePanel
from neonsync.tui.widgets.rows import Rows

LOG = "etl-manual.log"
GONE = "The reports of this run are gone: written over by a later run, or deleted."
PANE = 42
"""Cells of the details' pane, as ``.pane`` in ``app.tcss``."""


class HistoryScreen(View):
    """Runs and branch operations, the newest first. Nothing is asked of Neon to show them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "again", "Run again", id="history.again"),
        Binding("f", "failed", "Failed only", id="history.failed"),
        Binding("slash", "filter", "Filter", key_display="/", id="history.filter"),
        Binding("b", "scope", "Branch/all", id="history.scope"),
        Binding("d", "details", "Details", show=False, id="history.details"),
        Binding("o", "log", "Log", show=False, id="history.log"),
        Binding("y", "copy", "Copy cmd", show=False, id="history.copy"),
        Binding("r", "refresh", "Refresh", show=False, id="history.refresh"),
    ]
    HELP = (
        "What was done from this machine: runs, and operations on branches. It is kept in a local "
        "file, which no reset of a branch erases. Runs done elsewhere, as in GitHub Actions, are "
        "in the history of the machine that did them.\n\n"
        "enter opens the results of a run as long as its reports are there; x fills a plan in with "
        "what the run had selected; d shows the details where the terminal has no room for their "
        "pane; o says where the run's log is, and y copies its command."
    )
    CSS = """
    HistoryScreen .main { height: 1fr; }
    HistoryScreen .left { width: 1fr; height: 1fr; }
    HistoryScreen #filter { display: none; height: 1; border: none; padding: 0 1;
                            background: $panel; }
    HistoryScreen #filter.-on { display: block; }
    HistoryScreen .pane { height: 1fr; }
    HistoryScreen.-narrow.-details .pane { display: block; width: 1fr; border-left: none; }
    HistoryScreen.-narrow.-details .left { display: none; }
    HistoryScreen .status { color: $text-muted; padding: 0 1; }
    """

    def __init__(self, branch: str = "", now: Callable[[], datetime] | None = None) -> None:
        """``branch`` narrows it to one branch, by name or id; ``now`` is for tests."""
        super().__init__()
        self._branch = branch
        self._now = now or (lambda: datetime.now(UTC))
        self._shown = Shown(branch=branch)
        self._list: HistoryList | None = None
        self._entries: dict[str, Entry] = {}
        self._columns = columns(80)
        self._drawn = False

    def body(self) -> ComposeResult:
        """The table with its pane, the filter, the line of numbers."""
        with Horizontal(classes="main"):
            with VerticalScroll(classes="left", can_focus=False):
                yield Rows(*columns(80), id="entries")
                yield StatePanel()
            with VerticalScroll(classes="pane"):
                yield Static("", markup=False, id="details")
        yield Input(placeholder="Filter: a branch, a mode, a table, a name …", id="filter")
        yield Static("", markup=False, classes="status line")

    def crumbs(self) -> list[str]:
        """The branch, when it is of one."""
        return [self._shown.branch, "history"] if self._shown.branch else ["history"]

    def on_mount(self) -> None:
        """Read it."""
        self.action_refresh()

    def on_screen_resume(self) -> None:
        """Theme and signs may be others now."""
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Give the room that there is to the columns; the rows are told anew."""
        wanted = columns(event.size.width - (PANE if event.size.width >= WIDE else 0))
        if wanted != self._columns:
            self._columns = wanted
            self.query_one(Rows).set_layout(*wanted)
            self._draw()

    # Reading and drawing.

    def action_refresh(self) -> None:
        """Read the history anew; what is shown stays meanwhile."""
        if self._list is None:
            self.query_one(Rows).display = False
            self.query_one(StatePanel).wait("Reading the history")
        self.fetch(self.ui.services.history.load, self._loaded, self._failed, group="load")

    def _loaded(self, found: HistoryList) -> None:
        self._list = found
        self._draw()
        for note in found.notes:
            self.notify(printable(note), severity="warning", markup=False)

    def _failed(self, failure: Failure) -> None:
        if self._list is not None:
            self.notify(failure.message, title="Not read anew", severity="error", markup=False)
        else:
            self.query_one(StatePanel).failed(failure, "r  try again     esc  back")

    def _draw(self) -> None:
        if self._list is None:
            return
        rows, panel = self.query_one(Rows), self.query_one(StatePanel)
        if self.ui.project is not None:
            self._shown = replace(self._shown, project=self.ui.project.id)
        wanted = numbered(self._list.entries, self._shown)
        self._entries = dict(wanted[:MOST_ROWS])
        typing = self.query_one("#filter", Input).has_focus
        had_focus = rows.has_focus or not (self._drawn or typing)
        rows.show([(key, self._cells(each)) for key, each in self._entries.items()])
        rows.display = bool(self._entries)
        if not self._entries:
            panel.empty(*nothing(self._shown))
        else:
            panel.clear()
            if had_focus:
                rows.focus()
        self._drawn = bool(self._entries)
        self._draw_details()
        status = status_line(
            self._list, self._shown, len(wanted), self._now(), os.environ.get("HOME", "")
        )
        self.query_one(".status", Static).update(status)
        self.show_crumbs()

    def _cells(self, entry: Entry) -> list[Text]:
        widths = [width for _, width in self._columns]
        found = cells(entry, self._now(), widths, ascii_only=self.ui.preferences.ascii_only)
        theme = self.ui.current_theme
        return [coloured(text, style_of(style, theme)) for text, style in found]

    @on(Rows.RowHighlighted)
    def _draw_details(self) -> None:
        entry = self._entry
        text = Text()
        if entry is not None and self._list is not None:
            plain = self.ui.preferences.ascii_only
            text = details_text(entry, self._list.entries, ascii_only=plain)
        self.query_one("#details", Static).update(text)
        self.refresh_bindings()

    @property
    def _entry(self) -> Entry | None:
        """The one under the cursor."""
        key = self.query_one(Rows).selected_key
        return self._entries.get(key) if key is not None else None

    # What is shown.

    def action_failed(self) -> None:
        """Only runs and operations that failed, or all."""
        self._shown = replace(self._shown, failed_only=not self._shown.failed_only)
        self._draw()

    def action_scope(self) -> None:
        """The whole project, or the one branch: the screen's own, or the one under the cursor."""
        entry = self._entry
        branch = self._branch or (entry.branch if entry is not None else "")
        self._shown = replace(self._shown, branch="" if self._shown.branch else branch)
        self._draw()

    def action_filter(self) -> None:
        """Type what is looked for."""
        line = self.query_one("#filter", Input)
        line.add_class("-on")
        self.set_focus(line)  # at once, for what is typed behind

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self._shown = replace(self._shown, text=event.value)
        self._draw()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.query_one(Rows).focus()

    def action_details(self) -> None:
        """The details in the table's place, where the terminal has no room for both."""
        self.toggle_class("-details")
        self.query_one(".pane" if self.has_class("-details") else "#entries").focus()

    def action_leave(self) -> None:
        """Out of the details, the filter, and then of the screen."""
        line = self.query_one("#filter", Input)
        if self.has_class("-details"):
            self.action_details()
        elif line.has_class("-on"):
            line.value = ""
            line.remove_class("-on")
            self.query_one(Rows).focus()
        else:
            super().action_leave()

    # What can be done with an entry.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys for runs are dimmed on operations, and where nothing is known to do."""
        if not self.is_mounted or action not in ("again", "log", "copy", "details"):
            return True
        entry = self._entry
        if entry is None or (action == "log" and entry.kind != RUN):
            return None
        return None if action in ("again", "copy") and not command_of(entry) else True

    @on(Rows.RowSelected)
    def _open(self) -> None:
        """The results of the run, as its reports tell them."""
        self._with_report(self.ui.open_results)

    def action_log(self) -> None:
        """Say where the run's log is."""

        def tell(report: RunReport) -> None:
            if report.directory is not None:
                path = report.directory / LOG
                self.ui.copy(str(path), f"the log's path {path}")

        self._with_report(tell)

    def _with_report(self, use: Callable[[RunReport], None]) -> None:
        entry = self._entry
        if entry is None or entry.kind != RUN:
            return

        def found(report: RunReport | None) -> None:
            if report is None:
                self.notify(GONE, severity="warning", markup=False)
            elif self.is_active:  # else one has gone on to something else
                use(report)

        history = self.ui.services.history
        self.fetch(lambda: history.report(entry.run_id), found, self._refused, group="report")

    def action_copy(self) -> None:
        """The run's command."""
        if self._entry is not None and command_of(self._entry):
            self.ui.copy(command_line(self._entry), "the command")

    def action_again(self) -> None:
        """A plan, filled in with what the run had selected. The branch must still be there."""
        entry = self._entry
        if entry is None or not command_of(entry):
            return
        services = self.ui.services

        def look() -> tuple[BranchRow, Selection]:
            selection = from_arguments(command_of(entry), services.sync.base())
            branches = services.branches.load().branches
            return branch_again(entry.branch_id, entry.branch, selection, branches), selection

        def found(plan: tuple[BranchRow, Selection]) -> None:
            if self.is_active:  # else one has gone on to something else
                self.ui.open_plan(*plan)

        self.fetch(look, found, self._refused, group="again")

    def _refused(self, failure: Failure) -> None:
        self.notify(failure.said, severity="error", markup=False)
