"""A line to type in, with its label above and its mistake below."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Label


class Field(Vertical):
    """A labelled input. ``check`` gets each text as it is typed, and says what is wrong with it."""

    DEFAULT_CSS = """
    Field { height: auto; margin: 0 0 1 0; }
    Field Input { height: 1; border: none; padding: 0 1; background: $panel; }
    Field Input:focus { border: none; background: $accent 25%; }
    Field.-compact { margin: 0; }
    Field .mistake { color: $error; height: auto; display: none; }
    Field.-wrong .mistake { display: block; }
    """

    class Changed(Message):
        """The text has changed; ``problem`` is empty when it is good."""

        def __init__(self, field: Field, value: str, problem: str) -> None:
            super().__init__()
            self.field = field
            self.value = value
            self.problem = problem

        @property
        def control(self) -> Field:
            """Which one."""
            return self.field

    def __init__(
        self,
        label: str,
        value: str = "",
        *,
        check: Callable[[str], str] | None = None,
        placeholder: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._caption = label
        self._begin = value
        self._check = check
        self._placeholder = placeholder
        self.problem = ""

    def compose(self) -> ComposeResult:
        """Label, line, mistake."""
        yield Label(self._caption, markup=False)
        yield Input(self._begin, placeholder=self._placeholder, select_on_focus=False)
        yield Label("", markup=False, classes="mistake")

    @property
    def value(self) -> str:
        """What stands there, without blanks around it."""
        return self.query_one(Input).value.strip()

    @value.setter
    def value(self, text: str) -> None:
        self.query_one(Input).value = text

    def show_problem(self, problem: str) -> None:
        """Say what is wrong, or nothing."""
        self.problem = problem
        self.query_one(".mistake", Label).update(f"✗ {problem}" if problem else "")
        self.set_class(bool(problem), "-wrong")

    def recheck(self) -> None:
        """Check anew, as what it depends on has changed."""
        self.show_problem(self._check(self.value) if self._check is not None else "")

    def focus_line(self) -> None:
        """Put the cursor there."""
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check what was typed, and pass it on as ours."""
        event.stop()
        self.recheck()
        self.post_message(self.Changed(self, self.value, self.problem))
