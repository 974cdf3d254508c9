"""The dry run: the whole of a plan as text, with its SQL and DDL; nothing is written."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static, TextArea

from neonsync.selection import Selection
from neonsync.tui.formatting import printable
from neonsync.tui.plan_form import guard_word
from neonsync.tui.plan_search import find, places
from neonsync.tui.ports import BranchRow, PlanPreview
from neonsync.tui.screens.base import View
from neonsync.tui.widgets.panel import Failure, StatePanel


class DryRunScreen(View):
    """Shows the plan it is given, or fetches the selection's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="dry_run.copy"),
        Binding("slash", "search", "Search", id="dry_run.search"),
        Binding("n", "next(1)", "Next", id="dry_run.next"),
        Binding("N", "next(-1)", "Previous", show=False, id="dry_run.previous"),
        Binding("r", "refresh", "Refresh", id="dry_run.refresh"),
        Binding("j", "scroll(1)", "Down", show=False, id="dry_run.down"),
        Binding("k", "scroll(-1)", "Up", show=False, id="dry_run.up"),
    ]
    HELP = "What F5 would do, with the SQL for Athena and the DDL for Postgres. Nothing is written."
    CSS = """
    DryRunScreen TextArea, DryRunScreen TextArea:focus { border: none; padding: 0 1; height: 1fr;
        background: $background; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; }
    DryRunScreen #search { padding: 0 1; background: $panel;
                           display: none; }
    DryRunScreen.-searching #search { display: block; }
    DryRunScreen #place { padding: 0 1; color: $text-muted; }
    """

    def __init__(
        self, branch: BranchRow, selection: Selection, preview: PlanPreview | None = None
    ) -> None:
        super().__init__()
        self.branch = branch
        self._selection = selection
        self._text = preview.text if preview is not None else ""

    def body(self) -> ComposeResult:
        """The text, a line to search, where one is."""
        yield TextArea("", read_only=True, soft_wrap=False, show_cursor=True, id="text")
        yield StatePanel()
        yield Input(id="search", placeholder="search", select_on_focus=False, compact=True)
        yield Static("", markup=False, id="place", classes="line")

    def crumbs(self) -> list[str]:
        """Below the plan."""
        return [self.branch.name, "plan", "dry run"]

    def warning(self) -> str:
        """As on the plan."""
        return guard_word(self.branch)

    def on_mount(self) -> None:
        """Show what is there, or fetch it."""
        self.query_one(TextArea).display = False
        if self._text:
            self._show(self._text)
        else:
            self.action_refresh()

    def action_refresh(self) -> None:
        """Plan anew."""
        self.query_one(StatePanel).wait("working the plan out")
        self.fetch(
            lambda: self.ui.services.lake.preview(self._selection),
            lambda preview: self._show(preview.text),
            self._failed,
            group="preview",
        )

    def action_copy(self) -> None:
        """The whole text."""
        self.ui.copy(self._text, "the plan")

    def action_search(self) -> None:
        """Type what to look for."""
        self.add_class("-searching")
        self.set_focus(self.query_one(Input))  # at once, for what is typed behind

    def action_next(self, step: int) -> None:
        """To the next place, or the one before."""
        self._go(self.query_one(Input).value, step)

    def action_scroll(self, lines: int) -> None:
        """A line down or up."""
        self.query_one(TextArea).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Out of the search first."""
        if self.has_class("-searching"):
            self.remove_class("-searching")
            self.query_one(TextArea).focus()
        else:
            super().action_leave()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is copied or searched before it is there."""
        return None if action in ("copy", "search", "next") and not self._text else True

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        self._go(event.value, 0)

    @on(Input.Submitted, "#search")
    def _searched(self) -> None:
        self.action_leave()

    def _show(self, text: str) -> None:
        self._text = "\n".join(map(printable, text.splitlines()))
        self.query_one(StatePanel).clear()
        area = self.query_one(TextArea)
        area.display = True
        area.text = self._text
        area.focus()
        self._say(f"{len(self._text.splitlines())} lines, nothing was written")
        self.refresh_bindings()

    def _failed(self, failure: Failure) -> None:
        self.query_one(TextArea).display = bool(self._text)
        self.query_one(StatePanel).failed(failure, "r tries again   esc goes back")

    def _go(self, words: str, step: int) -> None:
        area = self.query_one(TextArea)
        found = places(self._text, words)
        at = find(found, area.selection.start, step)
        if at is None:
            self._say(f"{words} is not in it" if words else "")
            return
        row, column = found[at]
        area.selection = type(area.selection)((row, column), (row, column + len(words)))
        area.scroll_cursor_visible(center=True)
        self._say(f"{at + 1} of {len(found)}")

    def _say(self, text: str) -> None:
        self.query_one("#place", Static).update(Content(printable(text)))
