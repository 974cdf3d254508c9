"""The keys that do something now: for the help and for the palette."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.binding import ActiveBinding
from textual.dom import DOMNode
from textual.screen import Screen

_MOVES = ("cursor_", "scroll_", "page_", "focus_next", "focus_previous")
_EVERYWHERE = ("app", "view")


@dataclass(frozen=True)
class Action:
    """Something that can be done, with its keys. ``place`` is widget, screen or app."""

    what: str
    keys: tuple[str, ...]
    place: str
    action: str
    node: DOMNode
    identity: str
    enabled: bool

    @property
    def shown_keys(self) -> str:
        """All of them."""
        return " ".join(self.keys)

    @property
    def is_move(self) -> bool:
        """Whether it only moves cursor, focus or view."""
        return self.action.removeprefix("app.").removeprefix("screen.").startswith(_MOVES)


def actions_of(screen: Screen[Any]) -> tuple[Action, ...]:
    """What keys do on a screen as it is now: of the focused widget, the screen's, the app's."""
    found: dict[tuple[DOMNode, str, str], Action] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.description or binding.system:
            continue
        which = (active.node, binding.action, binding.description)
        key = screen.app.get_key_display(binding)
        before = found.get(which)
        keys = (*before.keys, key) if before is not None else (key,)
        found[which] = Action(
            binding.description,
            tuple(dict.fromkeys(keys)),
            _place(active, screen),
            binding.action,
            active.node,
            binding.id or "",
            active.enabled,
        )
    return tuple(found.values())


def grouped(actions: Iterable[Action]) -> Iterator[tuple[str, list[Action]]]:
    """The same by place, the screen's own first; what only moves stands last in its group."""
    actions = sorted(actions, key=lambda action: action.is_move)
    for place in ("screen", "widget", "app"):
        if group := [action for action in actions if action.place == place]:
            yield place, group


def _place(active: ActiveBinding, screen: Screen[Any]) -> str:
    scope = (active.binding.id or "").partition(".")[0]
    if scope in _EVERYWHERE or isinstance(active.node, App):
        return "app"
    # What a screen of Textual's own brings along, as copying by the mouse.
    if active.node is screen:
        return "screen" if active.binding.id else "app"
    return "widget"
