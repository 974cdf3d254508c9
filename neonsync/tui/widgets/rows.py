"""A table that is told all of its rows at each look, and writes only cells that have changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable


class Rows(DataTable[Text]):
    """Rows by key, columns of fixed widths.

    Cells are ``rich.text.Text``: what stands in a name of a database is never taken as markup.
    The cursor stays on its row, by the row's key, when others come and go.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="table.down"),
        Binding("k", "cursor_up", "Up", show=False, id="table.up"),
        Binding("g", "scroll_top", "Top", show=False, id="table.top"),
        Binding("G", "scroll_bottom", "Bottom", show=False, id="table.bottom"),
    ]
    DEFAULT_CSS = """
    Rows { height: 1fr; background: $background; scrollbar-size-vertical: 1; }
    Rows > .datatable--header { background: $background; color: $text-muted; text-style: bold; }
    Rows > .datatable--cursor { background: $accent 25%; color: $foreground; text-style: bold; }
    Rows:blur > .datatable--cursor { background: $panel; text-style: none; }
    Rows:ansi > .datatable--header { background: ansi_default; color: ansi_default; }
    """

    def __init__(self, *columns: tuple[str, int], id: str | None = None) -> None:
        """``columns`` are labels with their widths in cells."""
        super().__init__(cursor_type="row", zebra_stripes=False, cell_padding=1, id=id)
        self._told = columns
        self._shown: dict[str, tuple[Text, ...]] = {}

    def on_mount(self) -> None:
        """Make the columns."""
        self.set_layout(*self._told)

    def set_layout(self, *columns: tuple[str, int]) -> None:
        """Other columns; the rows must be told anew."""
        self._told = columns
        self._shown = {}
        self.clear(columns=True)
        for label, width in columns:
            self.add_column(label, width=width, key=label)

    @property
    def selected_key(self) -> str | None:
        """The key of the row under the cursor; None in an empty table."""
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def show(self, rows: Sequence[tuple[str, Sequence[Text]]]) -> None:
        """Make the table hold exactly these rows, in this order."""
        wanted = {key: tuple(cells) for key, cells in rows}
        with self.app.batch_update():
            if list(wanted) != list(self._shown):
                self._rebuild(wanted)
            else:
                for key, cells in wanted.items():
                    for (label, _), cell, before in zip(
                        self._told, cells, self._shown[key], strict=True
                    ):
                        if cell != before:
                            self.update_cell(key, label, cell)
        self._shown = wanted

    def move_to(self, key: str) -> None:
        """Put the cursor on a row, if it is there."""
        if key in self._shown:
            self.move_cursor(row=self.get_row_index(key), animate=False)

    def _rebuild(self, wanted: dict[str, tuple[Text, ...]]) -> None:
        chosen, top = self.selected_key, self.scroll_y
        self.clear()
        for key, cells in wanted.items():
            self.add_row(*cells, key=key)
        if chosen is not None and chosen in wanted:
            self.move_cursor(row=self.get_row_index(chosen), animate=False)
            self.scroll_to(y=top, animate=False)
