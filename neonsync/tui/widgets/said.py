"""A text that is told again and again, and drawn only when it reads otherwise."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Said(Static):
    """Plain: what it is told is never taken as markup."""

    def __init__(
        self, text: str = "", *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(text, markup=False, id=id, classes=classes)
        self._said: str | Text = text

    def say(self, text: str | Text) -> None:
        """Show it. Two texts of Rich's are equal that differ in their own style only."""
        before, self._said = self._said, text
        if text != before or (
            isinstance(text, Text) and isinstance(before, Text) and text.style != before.style
        ):
            self.update(text)
