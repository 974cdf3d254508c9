"""Setup: the first configuration as one form, each line of it tried for real."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from neonsync.report.wording import printable
from neonsync.tui.ports import SetupField, Tested
from neonsync.tui.screens.base import View
from neonsync.tui.screens.confirm import Ask
from neonsync.tui.setup_form import (
    KEY_TEST,
    LINES,
    REFUSED,
    begin,
    is_secret,
    key_setting,
    preview,
    with_source,
)
from neonsync.tui.widgets.field import Field
from neonsync.tui.widgets.panel import Failure, StatePanel
from neonsync.tui.widgets.tested import KeyLine, KeySource, Result, TestedField, Wanted


class SetupScreen(View):
    """Project, key, lake. Secrets go in by reference only."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "test_all", "Test all", key_display="F5", id="setup.test"),
        Binding("f2", "save", "Save", key_display="F2", id="setup.save"),
    ]
    HELP = (
        "Where your Neon project and your lake are. A key is never written: the configuration "
        "says where it comes from, a variable of the environment, a file or the keyring. AWS keys "
        "come from where every AWS tool finds them.\n\n"
        "Test tries one line with the others as they stand, F5 all of them; nothing is written "
        "by that. F2 shows what would be written, and asks. A setting that a variable of the "
        "environment holds is taken from there all the same: it is stronger than the file."
    )
    CSS = """
    SetupScreen .form { padding: 0 1; height: 1fr; }
    SetupScreen .why { color: $text-muted; height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, str] = {}
        self._refused: set[str] = set()

    def body(self) -> ComposeResult:
        """The form, once it is known what it begins with."""
        yield VerticalScroll(classes="form", can_focus=False)
        yield StatePanel()

    def crumbs(self) -> list[str]:
        """The setup is of no branch."""
        return ["setup"]

    def on_mount(self) -> None:
        """Ask what is there already."""
        self.query_one(".form").display = False
        self.query_one(StatePanel).wait("Reading the configuration")
        setup = self.ui.services.setup
        self.fetch(lambda: (setup.needed(), setup.fields()), self._show, self._failed, group="load")

    def _failed(self, failure: Failure) -> None:
        self.query_one(StatePanel).failed(failure, "esc  back")

    def _show(self, found: tuple[str, tuple[SetupField, ...]]) -> None:
        why, fields = found
        self._values = begin(fields)
        origins = {field.name: field.origin for field in fields}
        path = printable(str(self.ui.services.sync.config_path().absolute()))
        said = f"{printable(why)}\n" if why else ""

        def line(number: int) -> Widget:
            told = LINES[number]
            value, origin = self._values[told.name], origins.get(told.name, "")
            return TestedField(told, value, self._check(told.name), origin)

        form = self.query_one(".form", VerticalScroll)
        form.mount(
            Static(f"{said}F2 writes what stands here to {path}.", markup=False, classes="why"),
            line(0),
            KeySource(self._values, self._check),
            *map(line, range(1, len(LINES))),
        )
        self.query_one(StatePanel).clear()
        form.display = True
        self.call_after_refresh(lambda: form.query(Field).first().focus_line())

    def _check(self, name: str) -> Callable[[str], str]:
        setup = self.ui.services.setup

        def check(value: str) -> str:
            if is_secret(value):
                self._refused.add(name)
            elif value:
                self._refused.discard(name)
            # What was refused is taken away; the reason stays.
            return REFUSED if name in self._refused else setup.problem(name, value)

        return check

    @on(Field.Changed)
    def _changed(self, event: Field.Changed) -> None:
        """A secret that was pasted is taken away at once; the check tells the reason."""
        field = event.field
        if is_secret(event.value):
            field.value = ""
        owner = self.query_one(KeySource) if isinstance(field, KeyLine) else field
        owner.query_one(Result).forget()

    def values(self) -> dict[str, str]:
        """What stands in the form, with one source of the key."""
        found = dict(self._values)
        for field in self.query(Field):
            if isinstance(field, TestedField | KeyLine):
                found[field.setting] = field.value
        return with_source(found, self.query_one(KeySource).source)

    # Trying.

    @on(Wanted)
    def _wanted(self, event: Wanted) -> None:
        self._test(event.name)

    def action_test_all(self) -> None:
        """Try every line."""
        for result in self.query(Result):
            if result.name:
                self._test(result.name)

    def _test(self, name: str) -> None:
        result = next(each for each in self.query(Result) if each.name == name)
        values = self.values()
        result.show_testing()

        def done(tested: Tested) -> None:
            if self.values() == values:
                result.show(tested, ascii_only=self.ui.preferences.ascii_only)
            else:  # what was tried is not what stands there now
                result.forget()

        def failed(failure: Failure) -> None:
            done(Tested(False, failure.message, failure.remedy))

        setup = self.ui.services.setup
        asked = key_setting(values) if name == KEY_TEST else name
        self.fetch(lambda: setup.test(asked, values), done, failed, group=f"test {name}")

    # Writing.

    def action_save(self) -> None:
        """Show what is going to be written, and ask."""
        if not self.query(KeySource):
            return
        for field in self.query(Field):
            if field.display:
                field.recheck()
                if field.problem:
                    field.focus_line()
                    return
        values = self.values()
        shown = preview(values, self.query_one(KeySource).source)
        path = self.ui.services.sync.config_path()
        self.app.push_screen(
            Ask(
                "Write the configuration",
                f"Into {path}; what else stands there stays.\n\n{shown}",
                [("back", "Go on editing"), ("write", "Write")],
            ),
            lambda choice: self._write(values) if choice == "write" else None,
        )

    def _write(self, values: dict[str, str]) -> None:
        services = self.ui.services

        def written(said: str) -> None:
            self.notify(printable(said), markup=False)
            self.ui.close_setup()

        def refused(failure: Failure) -> None:
            self.notify(failure.said, severity="error", markup=False)

        self.fetch(
            lambda: services.setup.save(values, services.sync.config_path()),
            written,
            refused,
            group="save",
        )
