"""All bindings that can be given another key, and which keys they would take from each other."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.binding import Binding

from neonsync.tui.preferences import key_problem

_EVERYWHERE = ("app", "view", "table", "list")
"""Scopes whose keys count on every screen."""


@dataclass(frozen=True)
class Known:
    """A binding. ``keys`` are its own ones, with commas; ``scope`` is where it counts."""

    identity: str
    keys: str
    what: str

    @property
    def scope(self) -> str:
        """The screen or widget, by its word."""
        return self.identity.partition(".")[0]

    def keys_now(self, keymap: Mapping[str, str]) -> str:
        """Its keys when a keymap counts."""
        return keymap.get(self.identity, self.keys)


def known_bindings() -> tuple[Known, ...]:
    """Every binding of the App, its screens and its widgets that has an id.

    All of these are imported for it, so that it is only called when keys are looked at.
    """
    import neonsync.tui.screens
    import neonsync.tui.widgets

    modules = [importlib.import_module("neonsync.tui.app")]
    for package in (neonsync.tui.screens, neonsync.tui.widgets):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            modules.append(importlib.import_module(found.name))
    known: dict[str, Known] = {}
    for module in modules:
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                for binding in vars(kind).get("BINDINGS", ()):
                    if isinstance(binding, Binding) and binding.id:
                        known[binding.id] = Known(binding.id, binding.key, binding.description)
    return tuple(sorted(known.values(), key=lambda each: each.identity))


def refusal(known: Sequence[Known], keymap: Mapping[str, str], identity: str, key: str) -> str:
    """Why a binding cannot have a key, empty when it can."""
    if problem := key_problem(key):
        return problem
    scope = identity.partition(".")[0]
    for other in known:
        if other.identity == identity or not _meet(scope, other.scope):
            continue
        taken = [each.strip() for each in other.keys_now(keymap).split(",")]
        if key in taken:
            return f"{key} is taken: {other.what} ({other.scope})"
    return ""


def _meet(one: str, other: str) -> bool:
    return one == other or one in _EVERYWHERE or other in _EVERYWHERE
