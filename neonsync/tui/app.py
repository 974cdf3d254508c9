"""The App: it owns the services, the run and the ways between screens, and no screen's content."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segments
from rich.text import Text
from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from neonsync.report.wording import printable
from neonsync.secret import Secret, redact
from neonsync.tui.ascii import ASCII, key_word
from neonsync.tui.browser import show_page
from neonsync.tui.clipboard import copy_text
from neonsync.tui.lifecycle import Faults, handle_signals, open_first
from neonsync.tui.ports import BranchRow, ProjectInfo, RunReport, Services
from neonsync.tui.preferences import DEFAULT_THEME, THEMES, Preferences
from neonsync.tui.run_watch import RunWatch
from neonsync.tui.screens.too_small import TooSmall, too_small
from neonsync.tui.themes import OWN

if TYPE_CHECKING:
    from datetime import date

    from neonsync.selection import Selection
    from neonsync.tui.run_controller import RunController


class NeonsyncApp(App[int]):
    """``neonsync`` in a terminal. Ends with the exit code of the last run, or 0."""

    TITLE = "neonsync"
    CSS_PATH = "app.tcss"
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="app.quit"),
        Binding("v", "open_run", "View run", show=False, id="app.run"),
        Binding(
            "ctrl+p", "command_palette", "Palette", show=False, priority=True, id="app.palette"
        ),
    ]

    def __init__(
        self,
        services: Services,
        preferences: Preferences | None = None,
        secrets: Callable[[], Sequence[Secret]] = tuple,
        first_plan: Sequence[str] = (),
        notices: Sequence[str] = (),
    ) -> None:
        """``secrets`` are kept out of whatever is printed when the program itself fails.

        ``first_plan`` are arguments whose plan is opened first, ``notices`` are told at the start.
        """
        super().__init__()
        self.services = services
        self.preferences = preferences or Preferences()
        self.run_controller: RunController | None = None
        self.project: ProjectInfo | None = None
        self.takes_signals = False  # of the process: it is this app's alone
        self.leaving = False
        self.changes: list[str] = []  # what is being done to branches, in words
        self.first_plan = tuple(first_plan)
        self.faults = Faults(self.hide)
        self._secrets = secrets
        self._notices = notices
        self.run_watch = RunWatch(self)
        for theme in OWN:
            self.register_theme(theme)
        self.prefer(self.preferences)

    def on_load(self) -> None:
        """Signals count before the terminal is taken: it is to be given back."""
        if self.takes_signals:
            handle_signals(self)

    def on_mount(self) -> None:
        """Home first; the setup in front of it where there is no configuration yet."""
        from neonsync.tui.screens.branches import BranchesScreen

        asyncio.get_running_loop().set_exception_handler(self.faults.in_a_task)
        self.push_screen(BranchesScreen())
        self.run_worker(open_first(self), group="first")
        for notice in self._notices:
            self.notify(notice, severity="warning", markup=False)

    def prefer(self, preferences: Preferences) -> None:
        """Let other preferences count, at once."""
        redraw = preferences.ascii_only != self.preferences.ascii_only
        self.preferences = preferences
        if redraw:
            for screen in self.screen_stack:
                for widget in screen.walk_children(Widget, with_self=True):
                    widget.refresh()
        self.theme = preferences.theme if preferences.theme in THEMES else DEFAULT_THEME
        self.set_keymap(dict(preferences.keys))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to each line before it is drawn."""
        filters = super().get_line_filters()
        return [*filters, ASCII] if self.preferences.ascii_only else filters

    def get_key_display(self, binding: Binding) -> str:
        """How a key is called."""
        shown = super().get_key_display(binding)
        return key_word(shown) if self.preferences.ascii_only else shown

    # The ways between screens. Screens are imported when they are first needed.

    def open_plan(self, branch: BranchRow, selection: Selection | None = None) -> None:
        """Select what to sync into a branch; ``selection`` fills the form in."""
        from neonsync.tui.screens.plan import PlanScreen

        self.push_screen(PlanScreen(branch, selection))

    def start_run(
        self, selection: Selection, branch_id: str = "", dates: Sequence[date] = ()
    ) -> None:
        """Begin a run and show it; into that branch and of these dates alone, if they are told."""
        from neonsync.tui.run_controller import RunController, made_late
        from neonsync.tui.screens.run import RunScreen

        if self.run_active:
            self.notify("A run is at work already.", severity="warning", markup=False)
            return

        job = made_late(self.services.sync.job, selection, branch_id, dates)
        self.run_controller = RunController(job, selection)
        self.run_controller.start()
        self.run_watch.begin()
        self.push_screen(RunScreen(self.run_controller))

    def open_run(self) -> None:
        """Show the run that is at work, or was last."""
        from neonsync.tui.screens.run import RunScreen

        if self.run_controller is None:
            return
        controller = self.run_controller

        def shows_it(screen: Screen[Any]) -> bool:
            return isinstance(screen, RunScreen) and screen.controller is controller

        if any(map(shows_it, self.screen_stack)):
            while not shows_it(self.screen):
                self.pop_screen()
        else:
            self.push_screen(RunScreen(controller))

    def open_results(self, report: RunReport, *, in_place: bool = False) -> None:
        """Show what a run came to; ``in_place`` of the screen that is in front."""
        from neonsync.tui.screens.results import ResultsScreen

        if in_place:
            self.switch_screen(ResultsScreen(report))
        else:
            self.push_screen(ResultsScreen(report))

    def open_history(self, branch: str = "") -> None:
        """Show what was done, to one branch or to all."""
        from neonsync.tui.screens.history import HistoryScreen

        self.push_screen(HistoryScreen(branch))

    def open_setup(self) -> None:
        """The form of the first configuration."""
        from neonsync.tui.screens.setup import SetupScreen

        self.push_screen(SetupScreen())

    def close_setup(self) -> None:
        """Back from the setup to where one was, with what counts now."""
        self.pop_screen()
        refresh = getattr(self.screen, "action_refresh", None)
        if refresh is not None:
            refresh()

    def open_help(self) -> None:
        """The keys of what is in focus, and what the states mean."""
        from neonsync.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def open_preferences(self) -> None:
        """Theme, keys, and how it behaves."""
        from neonsync.tui.screens.preferences import PreferencesScreen

        self.push_screen(PreferencesScreen())

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers."""
        from neonsync.tui.palette import commands

        return commands(self, screen)

    # What all screens share.

    @property
    def run_active(self) -> bool:
        """Whether a run is at work."""
        return self.run_controller is not None and self.run_controller.active

    def run_is_on(self, branch: BranchRow) -> bool:
        """Whether the run that is at work writes to a branch, or to a child of it."""
        return self.run_controller is not None and self.run_controller.is_on(branch)

    def project_crumb(self) -> list[str]:
        """The project's name, once it is known."""
        return [self.project.name or self.project.id] if self.project is not None else []

    def run_word(self) -> str:
        """Where the run stands, empty when none is at work."""
        if self.run_controller is None or not self.run_controller.active:
            return ""
        return self.run_controller.snapshot().word

    def show_chip(self) -> None:
        """Say in the breadcrumb of the front screen that a run is at work."""
        self.run_watch.show_chip()

    def action_open_run(self) -> None:
        """To the run."""
        self.open_run()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a run there is none to be shown."""
        return self.run_controller is not None if action == "open_run" else True

    def notify(self, message: str, *, title: str = "", markup: bool = True, **more: Any) -> None:
        """Tell something at the corner; control characters are no part of it."""
        lines = "\n".join(map(printable, message.splitlines()))
        super().notify(lines, title=printable(title), markup=markup, **more)

    def copy(self, text: str, what: str) -> None:
        """Copy by the terminal (OSC 52), and into a file for those whose terminal does not."""
        self.copy_to_clipboard(text)
        path = copy_text(text)
        where = f"; also in {path}" if path is not None else ""
        self.notify(f"Copied {what}{where}", markup=False)

    @on(events.Key)
    def _type_on(self, event: events.Key) -> None:
        """Let a line have what was typed in one go with the key that opened it.

        It was on its way before the line was there; else "/dev" would open a filter, and delete.
        """
        if event.is_printable and isinstance(self.focused, Input):
            event.prevent_default()
            self.focused.insert_text_at_cursor(event.character or "")

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Show a page in the user's browser, or copy its address."""
        self.run_worker(show_page(self, url), group="browser")

    def on_resize(self, event: events.Resize) -> None:
        """Put the word on the size in front of all screens, or take it away."""
        # A question may be in front of it, as whether to quit; then it goes by itself afterwards.
        there = any(isinstance(screen, TooSmall) for screen in self.screen_stack)
        if too_small(event.size):
            if not there:
                self.push_screen(TooSmall(self.run_word))
        elif isinstance(self.screen, TooSmall):
            self.pop_screen()

    async def action_quit(self) -> None:
        """Leave; where something is at work it is asked first."""
        from neonsync.tui.screens.quit import ask_to_quit

        if not ask_to_quit(self):
            self.exit(self._exit_code())

    def exit(self, result: int | None = None, return_code: int = 0, message: Any = None) -> None:
        """Leave. What comes in from now on has no screen any more."""
        self.leaving = True
        super().exit(result, return_code, message)

    def _exit_code(self) -> int:
        return (self.run_controller.exit_code if self.run_controller is not None else 0) or 0

    def hide(self, text: str) -> str:
        """A text without secrets."""
        return redact(text, *self._secrets())

    def _handle_exception(self, error: Exception) -> None:
        """A fault ends the program. A screen that opened as it ended stays empty: that is none."""
        if not (self.leaving and isinstance(error, NoMatches)):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Print a crash without the values of variables, which Textual would show.

        A failed connection has its password among them.
        """
        self.bell()
        text = Text(self.hide(traceback.format_exc()))
        self._exit_renderables.append(Segments(self.console.render(text, self.console.options)))
        self._close_messages_no_wait()
