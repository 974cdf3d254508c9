"""A statement word by word: for those that only name things of the catalogue."""

from __future__ import annotations

import re

from neonsync.sandbox.aws.errors import QueryFailed

_TOKEN = re.compile(
    r"\s+|--[^\n]*|/\*.*?\*/|(?P<text>'(?:[^']|'')*')|(?P<name>`[^`]+`|\"[^\"]+\")"
    r"|(?P<word>[\w$]+)|(?P<mark>[(),.<>:=;])",
    re.DOTALL,
)


class Words:
    """The words, names, strings and marks of a statement, taken from the left."""

    def __init__(self, text: str) -> None:
        self._items: list[tuple[str, str]] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match:
                raise _unexpected(text[position : position + 1])
            position = match.end()
            if match.lastgroup:
                self._items.append((match.lastgroup, match[match.lastgroup]))
        if self._items and self._items[-1] == ("mark", ";"):
            self._items.pop()

    @property
    def next(self) -> str:
        """What comes next, in upper case; '' at the end."""
        return self._items[0][1].upper() if self._items else ""

    def take(self, *words: str) -> bool:
        """Take these words if they all come next."""
        if [item[1].upper() for item in self._items[: len(words)]] != list(words):
            return False
        del self._items[: len(words)]
        return True

    def expect(self, *words: str) -> None:
        """Take these words; raises QueryFailed where something else comes."""
        if not self.take(*words):
            raise _unexpected(self.next, " ".join(words))

    def name(self) -> str:
        """Take one name, in lower case."""
        kind, text = self._pop()
        if kind not in {"name", "word"}:
            raise _unexpected(text, "a name")
        return text.strip('`"').lower()

    def full_name(self) -> str:
        """Take a name with what it is qualified by, parted by dots."""
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        return ".".join(parts)

    def text(self) -> str:
        """Take a string."""
        kind, text = self._pop()
        if kind != "text":
            raise _unexpected(text, "a string")
        return text[1:-1].replace("''", "'")

    def value(self) -> str:
        """Take a string, a number or a word."""
        kind, text = self._pop()
        if kind == "mark":
            raise _unexpected(text, "a value")
        return text[1:-1].replace("''", "'") if kind == "text" else text

    def type(self) -> str:
        """Take a Hive type, up to the comma, bracket or COMMENT that follows it."""
        pieces: list[str] = []
        depth = 0
        while self._items:
            piece = self._items[0][1]
            if depth == 0 and (piece in {",", ")"} or piece.upper() == "COMMENT"):
                break
            depth += (piece in "<(") - (piece in ">)")
            pieces.append(self._pop()[1].strip("`").lower())
        return "".join(pieces)

    def pairs(self) -> dict[str, str]:
        """Take ``('key' = 'value', …)``; keys may be names."""
        self.expect("(")
        found = {}
        while not self.take(")"):
            key = self.value().strip('`"')
            self.expect("=")
            found[key] = self.value()
            if not self.take(","):
                self.expect(")")
                break
        return found

    def end(self) -> None:
        """Raises QueryFailed unless all is taken."""
        if self._items:
            raise _unexpected(self.next)

    def _pop(self) -> tuple[str, str]:
        if not self._items:
            raise _unexpected("<EOF>")
        return self._items.pop(0)


def _unexpected(seen: str, expected: str = "") -> QueryFailed:
    hint = f". Expecting: {expected}" if expected else ""
    return QueryFailed(f"SYNTAX_ERROR: line 1:1: mismatched input '{seen or '<EOF>'}'{hint}")
