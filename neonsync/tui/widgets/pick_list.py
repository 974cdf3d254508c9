"""A list to choose from in a box, with a filter for long ones, and a reason where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, SelectionList
from textual.widgets.selection_list import Selection

from neonsync.report.wording import printable
from neonsync.tui.widgets.choices import CheckList
from neonsync.tui.widgets.said import Said

BOX = 4
"""Cells that the box before a label takes."""


class PickList(Vertical):
    """Items by key, with labels for a width. What is chosen stays so while a filter hides it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", show=False, id="pick.filter"),
        Binding("escape", "end_filter", "All", id="pick.clear"),
    ]
    DEFAULT_CSS = """
    PickList { border: round $foreground 30%; height: 1fr; border-title-color: $foreground;
               border-subtitle-color: $text-muted; }
    PickList:focus-within { border: round $accent; }
    PickList CheckList, PickList CheckList:focus { border: none; scrollbar-size-vertical: 1;
                                                   background-tint: $background 0%; }
    PickList > Input { background: $panel; display: none; }
    PickList.-filtered > Input { display: block; }
    PickList > .reason { color: $text-muted; display: none; height: 1fr; }
    PickList.-off > .reason { display: block; }
    PickList.-off > CheckList, PickList.-off > Input { display: none; }
    PickList.-old CheckList { color: $text-muted; }
    """

    class Changed(Message):
        """Others are chosen, by the user."""

        def __init__(self, pick: PickList, chosen: tuple[str, ...]) -> None:
            super().__init__()
            self.pick = pick
            self.chosen = chosen

        @property
        def control(self) -> PickList:
            """Which list."""
            return self.pick

    def __init__(
        self, title: str, note: Callable[[str], str], none: str = "", id: str | None = None
    ) -> None:
        """``note`` says of the key under the cursor what has no room in its row.

        ``none`` says in a word what it means when none is chosen.
        """
        super().__init__(id=id)
        self._heading = title
        self._none = none
        self._note = note
        self._keys: tuple[str, ...] = ()
        self._label: Callable[[str, int], str] = lambda key, width: key
        self._chosen: frozenset[str] = frozenset()
        self._shown: dict[str, str] = {}
        self._told = ("", "")

    def compose(self) -> ComposeResult:
        """The filter, the list, the reason why there is none."""
        yield Input(placeholder="filter", select_on_focus=False, compact=True)
        yield CheckList(compact=True)
        yield Said(classes="reason")

    @property
    def keys(self) -> tuple[str, ...]:
        """All that is offered, whatever the filter hides."""
        return self._keys

    @property
    def chosen(self) -> tuple[str, ...]:
        """The keys that are chosen, in the order of the list."""
        return tuple(key for key in self._keys if key in self._chosen)

    @property
    def boxes(self) -> CheckList:
        """What has the focus."""
        return self.query_one(CheckList)

    def show(
        self, keys: Sequence[str], chosen: Sequence[str], label: Callable[[str, int], str]
    ) -> None:
        """Offer these keys; the cursor stays where it is as long as they are the same."""
        self._keys, self._label = tuple(keys), label
        self._chosen = frozenset(chosen) & frozenset(keys)
        self._draw()

    def switch_off(self, reason: str) -> None:
        """Say why there is nothing to choose; empty switches on again."""
        self.query_one(Said).say("\n".join(map(printable, reason.splitlines())))
        self.set_class(bool(reason), "-off")
        self._say_title()
        self._say_note()

    def age(self, old: bool) -> None:
        """Dim the list while another one is on its way."""
        self.set_class(old, "-old")

    def on_resize(self) -> None:
        """Labels for the width of now, which the list within has a moment later."""
        self.call_after_refresh(self._draw)

    def action_filter(self) -> None:
        """Type what the items shall hold."""
        self.add_class("-filtered")
        self.screen.set_focus(self.query_one(Input))  # at once, for what is typed behind

    def action_end_filter(self) -> None:
        """Show all again."""
        self.query_one(Input).value = ""
        self.remove_class("-filtered")
        self.boxes.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's while there is no filter."""
        if action == "end_filter":
            return self.has_class("-filtered")
        return not (action == "filter" and self.has_class("-off"))

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    @on(Input.Submitted)
    def _filtered(self, event: Input.Submitted) -> None:
        event.stop()
        self.boxes.focus()

    @on(SelectionList.SelectedChanged)
    def _selected(self, event: SelectionList.SelectedChanged[str]) -> None:
        event.stop()
        visible = frozenset(self._shown)
        before = self._chosen
        self._chosen = (before - visible) | frozenset(self.boxes.selected)
        if self._chosen != before:
            self._say_title()
            self.post_message(self.Changed(self, self.chosen))

    @on(SelectionList.SelectionHighlighted)
    def _highlighted(self, event: SelectionList.SelectionHighlighted[str]) -> None:
        event.stop()
        self._say_note()

    def _draw(self) -> None:
        width = max(self.boxes.scrollable_content_region.width - BOX, 1)
        wanted = {key: printable(self._label(key, width)) for key in self._visible()}
        if list(wanted) == list(self._shown):
            self._update(wanted)
        else:
            self._rebuild(wanted)
        self._shown = wanted
        self._say_title()
        self._say_note()

    def _visible(self) -> list[str]:
        words = self.query_one(Input).value.strip().lower()
        return [key for key in self._keys if words in key.lower()]

    def _update(self, wanted: dict[str, str]) -> None:
        boxes = self.boxes
        with boxes.prevent(SelectionList.SelectedChanged):
            for index, (key, label) in enumerate(wanted.items()):
                if label != self._shown[key]:
                    boxes.replace_option_prompt_at_index(index, Content(label))
                if key in self._chosen:
                    boxes.select(key)
                else:
                    boxes.deselect(key)

    def _rebuild(self, wanted: dict[str, str]) -> None:
        boxes = self.boxes
        at = boxes.highlighted
        under = list(self._shown)[at] if at is not None and at < len(self._shown) else None
        with boxes.prevent(SelectionList.SelectedChanged):
            boxes.clear_options()
            boxes.add_options(
                Selection(Content(label), key, key in self._chosen) for key, label in wanted.items()
            )
        if wanted:
            boxes.highlighted = list(wanted).index(under) if under in wanted else 0

    def _say_title(self) -> None:
        chosen = self.chosen
        count = f"{len(chosen)}/{len(self._keys)}" if chosen or not self._none else self._none
        off = self.has_class("-off")
        self._write(self._heading if off else f"{self._heading} {count}", self._told[1])

    def _say_note(self) -> None:
        at = self.boxes.highlighted
        key = list(self._shown)[at] if at is not None and at < len(self._shown) else ""
        note = self._note(key) if key and not self.has_class("-off") else ""
        self._write(self._told[0], printable(note))

    def _write(self, title: str, note: str) -> None:
        """On the border; only what differs is drawn."""
        if title != self._told[0]:
            self.border_title = Content(title)
        if note != self._told[1]:
            self.border_subtitle = Content(note)
        self._told = (title, note)
