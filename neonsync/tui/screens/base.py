"""What all screens have in common: the breadcrumb, the keys, and calls that do not block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import ActiveBinding, Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import Worker

from neonsync.threads import in_thread
from neonsync.tui.widgets.breadcrumb import Breadcrumb
from neonsync.tui.widgets.key_bar import KeyBar
from neonsync.tui.widgets.panel import Failure

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp

T = TypeVar("T")
_LAST = ("view.back", "view.help")
_A_MOMENT = 0.01
WIDE = 110
"""Columns from which on there is a pane for details."""


class View(Screen[None]):
    """A whole screen. A subclass gives ``body``, and ``crumbs`` for where one is."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # Textual's own
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="view.back"),
        Binding("question_mark,f1", "help", "Help", key_display="?", id="view.help"),
    ]
    CHIP = True
    """Whether the breadcrumb tells of a run that is at work."""
    HELP = ""
    """What the help says of this screen and of its states; plain text."""

    @property
    def ui(self) -> NeonsyncApp:
        """The app, by its type."""
        return cast("NeonsyncApp", self.app)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys, what the screen is for first: the way back and the help stand last."""
        found = super().active_bindings
        last = {key: each for key, each in found.items() if each.binding.id in _LAST}
        return {**{key: each for key, each in found.items() if key not in last}, **last}

    def compose(self) -> ComposeResult:
        """The breadcrumb, the screen's own, the keys."""
        yield Breadcrumb()
        yield from self.body()
        yield KeyBar()

    def body(self) -> ComposeResult:
        """The widgets between the breadcrumb and the keys."""
        yield from ()

    def crumbs(self) -> list[str]:
        """Where one is, after the program and the project: the branch, the screen."""
        return []

    def warning(self) -> str:
        """What to be careful of on this screen, in a word or two; empty for nothing."""
        return ""

    def show_crumbs(self, note: str = "") -> None:
        """Draw the breadcrumb anew."""
        found = self.query(Breadcrumb)
        if found:
            crumbs = ["neonsync", *self.ui.project_crumb(), *self.crumbs()]
            found.first().show(crumbs, note, self.warning())

    def on_screen_resume(self) -> None:
        """What was shown may have changed while another screen was in front."""
        self.show_crumbs()
        self.ui.show_chip()

    @property
    def gone(self) -> bool:
        """Whether one has left, or the program ends: nothing is there to show an answer in."""
        return self.ui.leaving or not (self.app.is_running and self.is_attached and self.children)

    def fetch(
        self,
        call: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Failure], None],
        *,
        group: str,
    ) -> Worker[None]:
        """Call a service beside the loop. A newer call of the same ``group`` takes its place."""

        async def work() -> None:
            result: T | None = None
            failure: Failure | None = None
            try:
                result = await in_thread(call)
            except Exception as error:
                failure = Failure.of(error, self.ui.hide)
            # A quick answer may come before the widgets have theirs in them.
            while not all(widget.is_mounted for widget in self.walk_children(Widget)):  # noqa: ASYNC110
                await asyncio.sleep(_A_MOMENT)
            if self.gone:
                return
            if failure is not None:
                failed(failure)
            else:
                done(cast("T", result))

        return self.run_worker(work(), group=group, exclusive=True, exit_on_error=True)

    def start(self, work: Coroutine[Any, Any, None], *, group: str) -> Worker[None]:
        """Let a coroutine of the screen run beside."""
        return self.run_worker(work, group=group, exclusive=True)

    def action_leave(self) -> None:
        """Back to the screen before; of keys in a burst, the second must not leave that one too."""
        if self.is_active:
            self.app.pop_screen()

    def action_help(self) -> None:
        """The keys and the states."""
        self.ui.open_help()


class Dialog(ModalScreen[T]):
    """A question over a screen. Escape is always the answer that changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel"),
    ]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > .box { width: 62; max-width: 100%; height: auto; max-height: 100%;
                    border: round $accent; background: $surface; padding: 1 2; }
    Dialog > .box.-danger { border: round $error; }
    Dialog .buttons { height: auto; align-horizontal: right; margin: 1 0 0 0; }
    Dialog Button { margin: 0 0 0 2; min-width: 10; }
    """

    @property
    def ui(self) -> NeonsyncApp:
        """The app, by its type."""
        return cast("NeonsyncApp", self.app)

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Close, once: keys in a burst reach a dialog that has gone, and would close the next."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(None)
