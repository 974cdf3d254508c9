"""Reading an entry of a list of the configuration strictly, with messages that say where it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from neonsync.errors import ConfigError

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class EntryReader:
    """Reads one entry; ``where`` it stands, and ``origin``, its file, are for messages."""

    where: str
    origin: str

    def text(self, name: str, value: Any) -> str:
        """A text that is not empty, without blanks around it."""
        if not isinstance(value, str) or not value.strip():
            raise self.error(name, f"is {value!r}: it must be a text in quotes")
        return value.strip()

    def flag(self, name: str, value: Any) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            raise self.error(name, f"is {value!r}: it must be true or false")
        return value

    def names(self, name: str, value: Any) -> tuple[str, ...]:
        """A list of names, none of them twice."""
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(name, f"is {value!r}: it must be a list of names")
        for item in value:
            if value.count(item) > 1:
                raise self.error(name, f"names {item!r} twice")
        return tuple(value)

    def one_of(self, kind: type[E], name: str, value: Any) -> E:
        """A word of a closed set."""
        if value not in [member.value for member in kind]:
            raise self.error(name, f"is {value!r}: it must be one of {', '.join(kind)}")
        return kind(value)

    def mapping(self, name: str, value: Any) -> Mapping[str, Any]:
        """A table of TOML."""
        if not isinstance(value, dict):
            raise self.error(name, f"is {value!r}: it must be a table")
        return value

    def items(self, name: str, value: Any) -> list[Any]:
        """A list."""
        if not isinstance(value, list):
            raise self.error(name, f"is {value!r}: it must be a list")
        return value

    def known(self, entry: Mapping[str, Any], known: Iterable[str], prefix: str = "") -> Any:
        """The items of an entry, all of whose keys are known."""
        known = list(known)
        for name in entry:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise self.error(
                    f"{prefix}.{name}".lstrip("."),
                    "is no setting",
                    f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
                )
        return entry.items()

    def error(self, name: str, what: str, remedy: str = "") -> ConfigError:
        """The error for a value; the entry's own for an empty name."""
        place = f"{self.where}.{name}" if name else self.where
        return ConfigError(
            f"{place} in {self.origin} {what}", remedy or "config.toml.example shows the form."
        )
