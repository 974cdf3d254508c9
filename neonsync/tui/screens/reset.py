"""Before a branch is overwritten with its parent: its name typed, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static

from neonsync.report.wording import printable
from neonsync.tui.ports import BranchRow
from neonsync.tui.screens.base import Dialog
from neonsync.tui.widgets.field import Field


@dataclass(frozen=True)
class ResetAnswer:
    """What was typed; an empty ``backup`` keeps nothing."""

    confirmed: str
    backup: str


class ResetDialog(Dialog[ResetAnswer]):
    """Asks for the branch's name, and for one under which the present state is kept.

    A branch with children needs the latter: they hang on the present state.
    """

    DEFAULT_CSS = """
    ResetDialog Field { margin: 1 0 0 0; }
    ResetDialog Field .mistake { display: block; height: 1; }
    """

    def __init__(
        self, branch: BranchRow, suggestion: str, check_name: Callable[[str], str]
    ) -> None:
        """``check_name`` says what is wrong with a name for the backup."""
        super().__init__()
        self._branch = branch
        self._suggestion = suggestion
        self._check_name = check_name

    def compose(self) -> ComposeResult:
        """The warning, the two lines, the buttons."""
        box = VerticalScroll(classes="box -danger", can_focus=False)
        box.border_title = "Reset branch"
        branch = self._branch
        children = len(branch.children)
        label = "Keep its present state as"
        if children:
            label += (
                f" (needed: {children} {'child hangs' if children == 1 else 'children hang'} on it)"
            )
        with box:
            yield Static(
                printable(
                    f"This overwrites all databases of {branch.name} ({branch.id}) with the "
                    f"present state of {branch.parent}; connections drop. Its address stays."
                ),
                markup=False,
            )
            yield Field(
                label,
                self._suggestion if children else "",
                check=self._check_backup,
                placeholder="empty: it is not kept",
                id="backup",
            )
            yield Static(Text.assemble("Type ", (printable(branch.name), "bold"), " to confirm:"))
            yield Input(id="name", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Reset branch", id="go", variant="error", disabled=True, compact=True)

    def on_mount(self) -> None:
        """One types the name at once: the suggestion for the backup will do."""
        self.query_one("#name", Input).focus()

    def _check_backup(self, name: str) -> str:
        if name:
            return self._check_name(name)
        return "a name is needed: the children stay with it" if self._branch.children else ""

    @property
    def _ready(self) -> bool:
        backup = self.query_one(Field).value
        typed = self.query_one("#name", Input).value
        return typed == self._branch.name and not self._check_backup(backup)

    @on(Input.Changed, "#name")
    @on(Field.Changed)
    def _check(self) -> None:
        self.query_one("#go", Button).disabled = not self._ready

    @on(Input.Submitted)
    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        if self._ready:
            typed = self.query_one("#name", Input).value
            self.dismiss(ResetAnswer(typed, self.query_one(Field).value))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()
