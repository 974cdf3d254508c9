"""Lists to choose from, whose signs tell what is chosen without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Checkbox, OptionList, RadioButton, SelectionList

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp

ON, OFF = "[x]", "[ ]"


class CheckList(SelectionList[str]):
    """A list of boxes: ``[x]`` and ``[ ]``. All and none by ``a``, the others by ``i``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="list.down"),
        Binding("k", "cursor_up", "Up", show=False, id="list.up"),
        Binding("a", "toggle_all_or_none", "All/none", show=False, id="list.all"),
        Binding("i", "invert", "Invert", show=False, id="list.invert"),
    ]
    DEFAULT_CSS = """
    CheckList { border: round $foreground 30%; height: 1fr; padding: 0; background: $background; }
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

    def action_select(self) -> None:
        """Toggle the row of now. Textual's own toggles whichever row a later key has moved to."""
        if self.highlighted is not None:
            self.toggle(self.get_option_at_index(self.highlighted))

    def render_line(self, y: int) -> Strip:
        """The line of the list with its box; Textual's own tells on and off by colour alone."""
        line = OptionList.render_line(self, y)
        index = self.scroll_offset.y + y
        if index >= self.option_count:
            return line
        box = ON if self.get_option_at_index(index).value in self._selected else OFF
        style = next((segment.style for segment in line if segment.style), self.rich_style)
        meta = Style(meta={"option": index})
        return Strip([Segment(f"{box} ", (style or Style.null()) + meta), *line])


class Choice(RadioButton):
    """One of several: ``(●)`` and ``( )``, or ``(*)`` where only ASCII is shown."""

    @property
    def _button(self) -> Content:
        on = "*" if cast("NeonsyncApp", self.app).preferences.ascii_only else "●"
        return Content(f"({on if self.value else ' '})")


class Tick(Checkbox):
    """A box of its own: ``[x]`` and ``[ ]``."""

    DEFAULT_CSS = """
    Tick { border: none; padding: 0; background: transparent; height: 1; }
    Tick:focus { border: none; }
    """

    @property
    def _button(self) -> Content:
        return Content(ON if self.value else OFF)
