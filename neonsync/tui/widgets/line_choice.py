"""One of several in a single line; the keys of left and right go through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp


class LineChoice(Widget, can_focus=True):
    """``(●) 7  ( ) 30``; where these find no room, ``< 7 > 1/4``. Nothing need be chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Previous", show=False, id="choice.previous"),
        Binding("right,space", "move(1)", "Next", show=False, id="choice.next"),
    ]
    DEFAULT_CSS = """
    LineChoice { height: 1; width: 1fr; }
    LineChoice:focus { background: $accent 25%; }
    """

    value: reactive[str] = reactive("", init=False)

    class Changed(Message):
        """Another one was chosen, by the user."""

        def __init__(self, choice: LineChoice, value: str) -> None:
            super().__init__()
            self.choice = choice
            self.value = value

        @property
        def control(self) -> LineChoice:
            """Which one."""
            return self.choice

    def __init__(
        self,
        choices: Sequence[tuple[str, str]],
        value: str = "",
        id: str | None = None,
    ) -> None:
        """``choices`` are values with labels."""
        super().__init__(id=id)
        self._choices = tuple(choices)
        self.set_reactive(LineChoice.value, value)

    def set_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """Offer others."""
        self._choices = tuple(choices)
        self.refresh()

    def render(self) -> Content:
        """All of them, or the chosen one."""
        on = "*" if cast("NeonsyncApp", self.app).preferences.ascii_only else "●"
        parts = [
            f"({on if value == self.value else ' '}) {label}" for value, label in self._choices
        ]
        if self._fits:
            return Content(" ".join(parts))
        at = self._at
        label = self._choices[at][1] if at is not None else "-"
        place = f" {at + 1}/{len(self._choices)}" if at is not None else ""
        return Content(f"< {label} >{place}")

    def action_move(self, step: int) -> None:
        """The next one in a direction; from the last to the first."""
        at = self._at
        if at is None:
            at = -1 if step > 0 else 0
        self._choose((at + step) % len(self._choices))

    def on_click(self, event: events.Click) -> None:
        """The one that was clicked, or the next."""
        begin = 0
        for number, (_, label) in enumerate(self._choices):
            end = begin + len(label) + 5
            if begin <= event.x < end and self._fits:
                self._choose(number)
                return
            begin = end
        if not self._fits:
            self.action_move(1)

    @property
    def _fits(self) -> bool:
        return sum(len(label) + 5 for _, label in self._choices) - 1 <= self.size.width

    @property
    def _at(self) -> int | None:
        values = [value for value, _ in self._choices]
        return values.index(self.value) if self.value in values else None

    def _choose(self, number: int) -> None:
        value = self._choices[number][0]
        if value != self.value:
            self.value = value
            self.post_message(self.Changed(self, value))
