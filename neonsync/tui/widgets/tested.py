"""Lines of a form that can be tried for real, with what came of it below."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Label, RadioSet

from neonsync.report.wording import printable
from neonsync.tui.ports import Tested
from neonsync.tui.setup_form import KEY_TEST, SOURCE_LINES, SOURCES, Line, source_of
from neonsync.tui.widgets.choices import Choice
from neonsync.tui.widgets.field import Field


class Wanted(Message):
    """A test of a setting is wanted."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Result(Label):
    """What came of a test; hidden until there was one."""

    DEFAULT_CSS = """
    Result { display: none; height: auto; width: 100%; padding: 0 0 0 18; }
    Result.-on { display: block; }
    """

    def __init__(self, name: str) -> None:
        """``name`` is that of the setting."""
        super().__init__("", markup=False, name=name)

    def show_testing(self) -> None:
        """Say that it is being tried."""
        self._say("… testing", "dim")

    def show(self, tested: Tested, *, ascii_only: bool = False) -> None:
        """Say what came of it."""
        mark = ("+" if ascii_only else "✓") if tested.ok else ("x" if ascii_only else "✗")
        said = "\n  ".join(printable(part) for part in (tested.message, tested.remedy) if part)
        self._say(f"{mark} {said}", "good" if tested.ok else "bad")

    def forget(self) -> None:
        """What came of an earlier text says nothing of this one."""
        self.set_classes("")

    def _say(self, text: str, style: str) -> None:
        self.update(text)
        self.set_classes(f"-on {style}")


class TestedField(Field):
    """Label, input and a button in one line; a mistake and the result of a test below."""

    __test__ = False  # pytest takes what begins with Test for one

    DEFAULT_CSS = """
    TestedField { margin: 1 0 0 0; }
    TestedField Horizontal { height: 1; }
    TestedField .caption { width: 18; }
    TestedField Input { width: 1fr; }
    TestedField Button { min-width: 8; margin: 0 0 0 1; }
    TestedField .mistake { padding: 0 0 0 18; width: 100%; }
    """

    def __init__(
        self, line: Line, value: str, check: Callable[[str], str], origin: str = ""
    ) -> None:
        """``origin`` says where the value comes from that counts without one here."""
        hint = f"{line.hint} ({origin})" if origin else line.hint
        super().__init__(line.label, value, check=check, placeholder=hint)
        self.setting = line.name

    def compose(self) -> ComposeResult:
        """The line, and what is said of it."""
        with Horizontal():
            yield Label(self._caption, markup=False, classes="caption")
            yield Input(self._begin, placeholder=self._placeholder, select_on_focus=False)
            yield Button("Test", compact=True)
        yield Label("", markup=False, classes="mistake")
        yield Result(self.setting)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Ask for a test."""
        event.stop()
        self.post_message(Wanted(self.setting))


class KeyLine(Field):
    """Where the key is, in the line below the choice of its source."""

    DEFAULT_CSS = """
    KeyLine { margin: 0; display: none; }
    KeyLine.-on { display: block; }
    KeyLine Horizontal { height: 1; }
    KeyLine .caption { width: 18; }
    KeyLine Input { width: 1fr; }
    KeyLine .mistake { padding: 0 0 0 18; width: 100%; }
    """

    def __init__(self, line: Line, value: str, check: Callable[[str], str]) -> None:
        super().__init__(line.label, value, check=check, placeholder=line.hint)
        self.setting = line.name

    def compose(self) -> ComposeResult:
        """The line, and its mistake."""
        with Horizontal():
            yield Label(self._caption, markup=False, classes="caption")
            yield Input(self._begin, placeholder=self._placeholder, select_on_focus=False)
        yield Label("", markup=False, classes="mistake")


class KeySource(Vertical):
    """The choice of where the API key comes from; never the key."""

    DEFAULT_CSS = """
    KeySource { height: auto; margin: 1 0 0 0; }
    KeySource .choice { height: 1; }
    KeySource .choice Label { width: 18; }
    KeySource RadioSet { layout: horizontal; height: 1; width: 1fr; border: none; padding: 0;
                         background: $background; }
    KeySource RadioSet:focus { border: none; }
    KeySource RadioSet > Choice { width: auto; margin: 0 2 0 0; }
    KeySource .choice Button { min-width: 8; margin: 0 0 0 1; }
    """

    def __init__(
        self, values: Mapping[str, str], checks: Callable[[str], Callable[[str], str]]
    ) -> None:
        """``checks`` gives the check for a setting."""
        super().__init__()
        self._values = values
        self._checks = checks
        self.source = source_of(values)

    def compose(self) -> ComposeResult:
        """The choice, the line of the chosen one, the result."""
        with Horizontal(classes="choice"):
            yield Label("API key from", markup=False)
            yield RadioSet(*(Choice(label, key == self.source) for key, label in SOURCES))
            yield Button("Test", compact=True)
        for key, line in SOURCE_LINES.items():
            field = KeyLine(line, self._values[line.name], self._checks(line.name))
            field.set_class(key == self.source, "-on")
            yield field
        yield Result(KEY_TEST)

    @on(RadioSet.Changed)
    def _choose(self, event: RadioSet.Changed) -> None:
        event.stop()
        self.source = SOURCES[event.index][0]
        wanted = SOURCE_LINES.get(self.source)
        for field in self.query(KeyLine):
            field.set_class(wanted is not None and field.setting == wanted.name, "-on")
        self.query_one(Result).forget()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Ask for a test."""
        event.stop()
        self.post_message(Wanted(KEY_TEST))
