"""Plans in files: save one into a configuration, load one out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from neonsync.selection import Selection
from neonsync.threads import in_thread
from neonsync.tui.formatting import printable
from neonsync.tui.screens.base import Dialog
from neonsync.tui.widgets.panel import Failure

T = TypeVar("T")


class PlanFile(Dialog[T]):
    """Asks for a path, which is the project's file at first. Cancel is in front of the action."""

    DEFAULT_CSS = """
    PlanFile > .box { width: 76; }
    PlanFile Input { padding: 0 1; background: $panel; }
    PlanFile Input:focus { background: $accent 25%; }
    PlanFile .said { height: auto; min-height: 2; margin: 1 0 0 0; }
    """
    HEADING = ""
    ACTION = ""

    def compose(self) -> ComposeResult:
        """The path, what is said of it, the buttons."""
        box = VerticalScroll(classes="box", can_focus=False)
        box.border_title = self.HEADING
        with box:
            yield Label("File", markup=False)
            yield Input(id="path", select_on_focus=False, compact=True)
            yield Static("", markup=False, classes="said")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(self.ACTION, id="go", disabled=True, compact=True)

    def on_mount(self) -> None:
        """The project's file, unless one has typed already."""
        self.query_one(Input).focus()
        self._propose()

    def say_of(self, path: Path, there: bool) -> tuple[str, bool]:
        """What is to be said of a path, and whether it can be taken."""
        raise NotImplementedError

    def take(self, path: Path) -> T:
        """Do it; called in a thread."""
        raise NotImplementedError

    def say(self, text: str, style: str = "") -> None:
        """Say something below the path."""
        if self.is_mounted:
            self.query_one(".said", Static).update(Content.styled(printable(text), style))

    def fail(self, error: Exception) -> None:
        """Say what went wrong; the path can be changed."""
        failure = Failure.of(error, self.ui.hide)
        self.say(f"✗ {failure.message} {failure.remedy}".rstrip(), "$error")

    @work(exclusive=True, group="propose")
    async def _propose(self) -> None:
        try:
            path = await in_thread(self.ui.services.sync.config_path)
        except Exception as error:
            self.fail(error)
            return
        line = self.query_one(Input)
        if not line.value:
            line.value = str(path)
            self.call_after_refresh(line.action_end)

    @on(Input.Changed)
    @work(exclusive=True, group="look")
    async def _look(self, event: Input.Changed) -> None:
        text = event.value.strip()
        self.query_one("#go", Button).disabled = True
        if not text:
            self.say("")
            return
        try:
            path, there = await in_thread(lambda: _look_at(text))
        except (OSError, RuntimeError, ValueError) as error:
            self.say(f"✗ no path: {error}", "$error")
            return
        said, good = self.say_of(path, there)
        self.say(said, "" if good else "$error")
        self.query_one("#go", Button).disabled = not good

    @on(Button.Pressed, "#go")
    @on(Input.Submitted)
    def _go(self) -> None:
        if not self.query_one("#go", Button).disabled:
            self.query_one("#go", Button).disabled = True
            self._take(self.query_one(Input).value.strip())

    @work(exclusive=True, group="take")
    async def _take(self, text: str) -> None:
        try:
            result = await in_thread(lambda: self.take(_look_at(text)[0]))
        except Exception as error:
            self.fail(error)
            self.query_one("#go", Button).disabled = False
        else:
            self.dismiss(result)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()


class SavePlan(PlanFile[str]):
    """Writes a selection into a configuration; gives what was done."""

    HEADING = "Save this plan"
    ACTION = "Save"

    def __init__(self, selection: Selection) -> None:
        super().__init__()
        self._selection = selection

    def say_of(self, path: Path, there: bool) -> tuple[str, bool]:
        """Whether a file is changed or made."""
        if there:
            return "! It exists: its plan is overwritten, all else in it stays.", True
        return "A new file.", True

    def take(self, path: Path) -> str:
        """Write it."""
        return self.ui.services.sync.save(self._selection, path)


class LoadPlan(PlanFile[tuple[Path, Selection]]):
    """Reads the selection of a configuration; gives it with its path."""

    HEADING = "Load a plan"
    ACTION = "Load"

    def say_of(self, path: Path, there: bool) -> tuple[str, bool]:
        """Whether there is one."""
        if not there:
            return "There is no such file.", False
        return "Replaces mode, tables, states, days and options of the form.", True

    def take(self, path: Path) -> tuple[Path, Selection]:
        """Read it."""
        return path, self.ui.services.sync.load(path)


def _look_at(text: str) -> tuple[Path, bool]:
    """The path that is meant, and whether it is a file."""
    path = Path(text).expanduser()
    return path, path.is_file()
