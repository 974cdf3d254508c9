"""Lists to choose from, whose signs tell what is chosen without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import RadioButton, SelectionList

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp


class CheckList(SelectionList[str]):
    """A list of boxes: ``[x]`` and ``[ ]``. All and none by ``a``, the others by ``i``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="list.down"),
        Binding("k", "cursor_up", "Up", show=False, id="list.up"),
        Binding("a", "toggle_all_or_none", "All/none", show=False, id="list.all"),
        Binding("i", "invert", "Invert", show=False, id="list.invert"),
    ]
    DEFAULT_CSS = """
    CheckList { border: round $panel-lighten-2; height: 1fr; padding: 0; background: $background; }
    CheckList:focus { border: round $accent; }
    """

    def action_toggle_all_or_none(self) -> None:
        """All of them, or none when all are."""
        if len(self.selected) == self.option_count:
            self.deselect_all()
        else:
            self.select_all()

    def action_invert(self) -> None:
        """Those that are not."""
        self.toggle_all()


class Choice(RadioButton):
    """One of several: ``(●)`` and ``( )``, or ``(*)`` where only ASCII is shown."""

    @property
    def _button(self) -> Content:
        on = "*" if cast("NeonsyncApp", self.app).preferences.ascii_only else "●"
        return Content(f"({on if self.value else ' '})")
