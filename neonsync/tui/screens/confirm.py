"""Questions before something is done: by a choice, or by typing the name of what it is done to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static

from neonsync.report.wording import printable
from neonsync.tui.screens.base import Dialog
from neonsync.tui.widgets.said import Said

_TOLD_EACH = 0.5


class TypeName(Dialog[str]):
    """Asks for the branch's name; gives what was typed, or None. Nothing is preselected."""

    def __init__(self, title: str, warning: str, name: str, action: str) -> None:
        """``action`` is the word on the button, as ``Delete branch``."""
        super().__init__()
        self._heading = title
        self._warning = warning
        self._wanted = name
        self._action = action

    def compose(self) -> ComposeResult:
        """The warning, the line, the buttons."""
        box = VerticalScroll(classes="box -danger", can_focus=False)
        box.border_title = Text(printable(self._heading))
        with box:
            yield Static(printable(self._warning), markup=False)
            yield Static(
                Text.assemble("\nType ", (printable(self._wanted), "bold"), " to confirm:")
            )
            yield Input(id="name", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(self._action, id="go", variant="error", disabled=True, compact=True)

    def on_mount(self) -> None:
        """One types at once."""
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        self.query_one("#go", Button).disabled = event.value != self._wanted

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        if event.value == self._wanted:
            self.dismiss(event.value)

    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        self.dismiss(self.query_one(Input).value)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()


class Ask(Dialog[str]):
    """A choice; gives the id of the button, or None. The first one is the safe one, in focus."""

    def __init__(
        self,
        title: str,
        text: str | Callable[[], str],
        choices: Sequence[tuple[str, str]],
        *,
        danger: bool = False,
    ) -> None:
        """``choices`` are ids with labels; the first changes nothing.

        A ``text`` that is called is told anew while it is asked: what is at stake may change.
        """
        super().__init__()
        self._heading = title
        self._said = text
        self._choices = choices
        self._danger = danger

    def compose(self) -> ComposeResult:
        """The text and the buttons."""
        box = VerticalScroll(classes="box -danger" if self._danger else "box", can_focus=False)
        box.border_title = Text(printable(self._heading))
        with box:
            yield Said(self._text(), id="said")
            with Horizontal(classes="buttons"):
                for identity, label in self._choices:
                    yield Button(label, id=identity, compact=True)

    def on_mount(self) -> None:
        """Enter alone does nothing."""
        self.query(Button).first().focus()
        if callable(self._said):
            self.set_interval(_TOLD_EACH, lambda: self.query_one(Said).say(self._text()))

    def _text(self) -> str:
        text = self._said() if callable(self._said) else self._said
        return "\n".join(map(printable, text.splitlines()))

    @on(Button.Pressed)
    def _choose(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id)
