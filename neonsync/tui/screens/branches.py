"""Branches: the home screen. A table of all of them, and what can be done to the one in hand."""

from __future__ import annotations

from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import DataTable

from neonsync.report.wording import printable
from neonsync.tui import branch_details, branch_keys, branch_table
from neonsync.tui.branch_feed import QUIET_SECONDS, BranchFeed
from neonsync.tui.colours import style_of
from neonsync.tui.ports import BranchList, BranchRow
from neonsync.tui.screens.base import WIDE, View
from neonsync.tui.screens.branch_detail import PANE, PANE_TEXT, BranchDialog, BranchPane
from neonsync.tui.screens.branch_status import BranchStatus
from neonsync.tui.screens.branch_work import BranchWork
from neonsync.tui.screens.reading import ErrorDialog
from neonsync.tui.widgets.panel import Failure, StatePanel
from neonsync.tui.widgets.rows import Rows


class BranchesScreen(View, inherit_bindings=False):
    """All branches of the project."""

    # Not inherited: the keys stand at the bottom in this order, and home has no way back.
    BINDINGS: ClassVar[list[BindingType]] = [*branch_keys.BINDINGS, *Screen.BINDINGS]
    HELP = branch_keys.HELP
    DEFAULT_CSS = """
    BranchesScreen #main { height: 1fr; }
    BranchesScreen #main > Rows { width: 1fr; display: none; }
    BranchesScreen Rows.-stale { text-opacity: 60%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._feed = BranchFeed(monotonic)
        self._shown: tuple[BranchRow, ...] = ()
        self._obstacles: dict[str, str] = {}
        self._keys_for: tuple[object, ...] = ()
        self._run_seen = False

    def body(self) -> ComposeResult:
        """The table with its pane, what stands in its place, the line below."""
        with Horizontal(id="main"):
            yield Rows(*self._columns(), id="branches")
            yield StatePanel()
            yield BranchPane()
        yield BranchStatus()

    def on_mount(self) -> None:
        """Ask for the branches, and again each minute."""
        self.set_interval(1, self._tick)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())

    def on_screen_resume(self) -> None:
        """What was shown may be old by now."""
        if not self._feed.settled:
            self._load()

    def on_resize(self) -> None:
        """Other columns fit."""
        rows = self.query_one(Rows)
        chosen = rows.selected_key
        rows.set_layout(*self._columns())
        self._draw()
        if chosen is not None:
            rows.move_to(chosen)

    def show_crumbs(self, note: str = "") -> None:
        """The project's place stands behind its name."""
        failed = self._feed.failure.word if self._feed.failure is not None else ""
        super().show_crumbs(note or failed or branch_table.project_note(self.ui.project))

    def _columns(self) -> tuple[tuple[str, int], ...]:
        width = self.app.size.width
        return branch_table.columns(width - PANE if width >= WIDE else width)

    @property
    def _current(self) -> BranchRow | None:
        rows = self.query(Rows)
        key = rows.first().selected_key if rows else None
        return next((each for each in self._shown if each.id == key), None)

    @property
    def _work(self) -> BranchWork:
        feed = self._feed
        return BranchWork(
            self.ui,
            lambda: feed.branches,
            lambda: feed.now,
            lambda name: self._load(by_hand=True, select=name),
        )

    def _style(self, name: str) -> str:
        return style_of(name, self.app.current_theme)

    # Asking, and what came of it.

    def _load(self, *, by_hand: bool = False, select: str = "") -> None:
        """Ask for all branches. ``select`` is the name of the one to go to when they are there."""
        self._feed.ask(by_hand=by_hand)
        if self._feed.list is None:
            self.query(StatePanel).first().wait("Asking Neon for the branches")
        self.fetch(
            self.ui.services.branches.load,
            lambda found: self._loaded(found, select),
            self._failed,
            group="branches",
        )
        self.set_timer(QUIET_SECONDS, self._tell)

    def _loaded(self, found: BranchList, select: str) -> None:
        before = self._feed.list.notes if self._feed.list is not None else ()
        self._feed.answer(found)
        self.ui.project = found.project
        for note in found.notes:
            if note not in before:
                self.notify(printable(note), severity="warning", markup=False)
        self._draw(select)

    def _failed(self, failure: Failure) -> None:
        self._feed.fail(failure)
        self._draw()

    def _tick(self) -> None:
        if self.is_active:
            if self._feed.due:
                self._load()
            if self._run_seen != self.ui.run_active:
                self._draw_branch()
        self._tell()  # a dialog lets it be seen

    # Drawing.

    def _draw(self, select: str = "") -> None:
        """All of it anew; only what differs is written."""
        if len(self.query("Rows, StatePanel, BranchPane, BranchStatus")) < 4:
            return  # the answer comes when the program is at its end
        rows = self.query_one(Rows)
        place, chosen = rows.cursor_row, rows.selected_key
        words = self.query_one(BranchStatus).words
        self._shown = branch_table.matching(self._feed.branches, words)
        layout, ascii_only = self._columns(), self.ui.preferences.ascii_only
        rows.show(
            branch_table.rows(
                self._shown, self._feed.now, layout, self._style, ascii_only=ascii_only
            )
        )
        if chosen is not None and all(each.id != chosen for each in self._shown):
            # Its neighbour, never the first one, which is the default branch.
            rows.move_cursor(row=min(place, max(len(self._shown) - 1, 0)), animate=False)
        for each in self._shown:
            if each.name == select:
                rows.move_to(each.id)
        self._draw_panel(words)
        self._draw_branch()
        self.show_crumbs()
        self._tell()

    def _draw_panel(self, words: str) -> None:
        rows, panel, failure = self.query_one(Rows), self.query_one(StatePanel), self._feed.failure
        if self._feed.list is None:
            if failure is not None:
                panel.failed(failure, "r tries again · e shows it for copying · S opens the setup")
            return
        if self._shown:
            panel.clear()
        else:
            panel.empty(*branch_table.absence(self._feed.branches, words))
        rows.display = bool(self._shown)
        if rows.display and self.focused is None:
            rows.focus()

    def _draw_branch(self) -> None:
        """The pane, and the keys of the branch in hand."""
        branch = self._current
        self._run_seen = self.ui.run_active
        self._obstacles = self._work.obstacles(branch) if branch is not None else {}
        pane = self.query_one(BranchPane)
        pane.show(self._details(branch, PANE_TEXT) if branch is not None else Text())
        keys_for = (
            branch is None,
            bool(self._feed.branches),
            self._feed.failure is None,
            *self._obstacles.values(),
        )
        if keys_for != self._keys_for:
            self._keys_for = keys_for
            self.refresh_bindings()

    def _details(self, branch: BranchRow, width: int) -> Text:
        return branch_details.details(
            branch,
            self._obstacles,
            self._feed.now,
            width,
            self._style,
            self._key,
            ascii_only=self.ui.preferences.ascii_only,
        )

    def _tell(self) -> None:
        """The line below, and whether the rows are old."""
        feed = self._feed
        told = ""
        if feed.list is not None:
            told = branch_table.summary(feed.branches, len(self._shown), feed.now, feed.list.notes)
        for line in self.query(BranchStatus):
            line.show(told, feed.word)
        for rows in self.query(Rows):
            rows.set_class(feed.stale, "-stale")

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A branch that may not be overwritten or deleted has no key for it."""
        if action == "do":
            return self._current is not None and not self._obstacles.get(str(parameters[0]))
        if action == "new":
            return bool(self._feed.branches)
        return action != "why" or self._feed.failure is not None

    def on_key(self, event: events.Key) -> None:
        """Say why a key is none, rather than leave it silent."""
        for action, reason in self._obstacles.items():
            if reason and self._key(action) in (event.key, event.character):
                self.notify(printable(reason), title=f"No {action}", markup=False)

    def _key(self, action: str) -> str:
        return branch_keys.key_of(action, self.ui.preferences.keys)

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        self._draw_branch()

    @on(DataTable.RowSelected)
    def action_details(self) -> None:
        """All that is known of the branch."""
        branch = self._current
        if branch is not None:
            keys = {self._key(action): action for action in branch_details.DOES}
            dialog = BranchDialog(lambda width: self._details(branch, width), keys)
            # By its id: while the dialog is open, rows may come and go below it.
            self.app.push_screen(dialog, lambda what: self._work.do(what, branch.id))

    def action_new(self) -> None:
        """Make a branch."""
        if self._feed.branches:
            self._work.create()

    def action_do(self, what: str | None) -> None:
        """Do something to the branch in hand, or go where it is done."""
        if what and (branch := self._current) is not None:
            self._work.do(what, branch.id)

    def action_refresh(self) -> None:
        """Ask Neon now."""
        self._load(by_hand=True)

    def action_why(self) -> None:
        """What went wrong when Neon was asked."""
        if self._feed.failure is not None:
            self.app.push_screen(ErrorDialog("Neon's branches: failed", self._feed.failure))

    def action_setup(self) -> None:
        """The form of the configuration."""
        self.ui.open_setup()

    # The filter.

    def action_filter(self) -> None:
        """Type a part of a name."""
        self.query_one(BranchStatus).open_filter()

    def action_clear_filter(self) -> None:
        """Show all of them."""
        self.query_one(BranchStatus).close_filter(clear=True)
        self._draw()
        self.query_one(Rows).focus()

    def action_to_rows(self) -> None:
        """Go on with what is shown."""
        self.query_one(BranchStatus).close_filter(clear=False)
        self.set_focus(self.query_one(Rows) if self._shown else None)

    def on_branch_status_filtered(self, event: BranchStatus.Filtered) -> None:
        """Show what the words match."""
        self._draw()
        if event.done:
            self.action_to_rows()
