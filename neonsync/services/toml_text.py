"""A TOML text in which single settings change, and every other line stays as somebody wrote it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w


class UnfitError(ValueError):
    """The text writes a section in a form that has no line of its own for each setting."""


@dataclass(frozen=True)
class _Statement:
    """``key = value`` on the lines from ``first`` to ``last``; ``values`` is what it says."""

    first: int
    last: int
    section: str
    values: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The dotted names that it sets."""
        start = f"{self.section}." if self.section else ""
        return tuple(f"{start}{name}" for name in _leaves(self.values))


class TomlText:
    """Lines, and where each setting of a plain section stands in them."""

    def __init__(self, text: str) -> None:
        """Take a text.

        Raises:
            tomllib.TOMLDecodeError: it is no TOML.
        """
        tomllib.loads(text)
        self._lines = [line for line in re.split(r"(?<=\n)", text) if line]
        self._end = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
        self._read()

    def __str__(self) -> str:
        return "".join(self._lines)

    def __contains__(self, name: str) -> bool:
        """Whether a setting, by its dotted name, stands in the text."""
        return any(name in statement.names for statement in self._statements)

    def set(self, name: str, value: Any) -> None:
        """Let a setting have a value: in its place, or in its section, or in one at the end.

        Raises:
            UnfitError: its section is written as an inline table.
        """
        section, _, key = name.rpartition(".")
        for statement in self._statements:
            if section and not statement.section and section in statement.values:
                start = self._lines[statement.first].partition("=")[2]
                if start.lstrip().startswith("{"):
                    raise UnfitError(section)
            if name in statement.names:
                self._replace(statement, value)
                return
        self._add(section, key, value)

    def _replace(self, statement: _Statement, value: Any) -> None:
        lines = self._lines[statement.first : statement.last + 1]
        start = re.match(r"[^=]*=[ \t]*", lines[0])
        if start is None:
            raise AssertionError("a statement has a sign of equality")
        comment = _comment("".join(lines), statement.values)
        self._lines[statement.first : statement.last + 1] = [
            start[0] + written(value) + (comment or self._end)
        ]
        self._read()

    def _add(self, section: str, key: str, value: Any) -> None:
        line = f"{key} = {written(value)}{self._end}"
        if section not in self._headers:
            dotted = [s for s in self._statements if not s.section and section in s.values]
            if section and dotted:  # filters.days = 3: no header may follow such a line
                self._insert(dotted[-1].last + 1, f"{section}.{line}")
                return
            if self._lines and not self._lines[-1].endswith("\n"):
                self._lines[-1] += self._end
            blank = [self._end] if self._lines and self._lines[-1].strip() else []
            self._lines += [*blank, f"[{section}]{self._end}", line]
            self._read()
            return
        begin = self._headers[section]
        end = min((at for at in self._starts if at > begin), default=len(self._lines))
        hint = re.compile(rf"#[ \t]?{re.escape(key)}[ \t]*=")
        hints = [at for at in range(begin + 1, end) if hint.match(self._lines[at])]
        inside = [s.last for s in self._statements if s.section == section and s.last < end]
        if hints or inside:
            self._insert((hints or inside)[-1] + 1, line)
        elif section:
            self._insert(begin + 1, line)
        else:
            # What stands right above the first section is that section's comment.
            while end > 0 and self._lines[end - 1].startswith("#") and end < len(self._lines):
                end -= 1
            self._insert(end, line + (self._end if end < len(self._lines) else ""))

    def _insert(self, at: int, line: str) -> None:
        if at and not self._lines[at - 1].endswith("\n"):
            self._lines[at - 1] += self._end
        self._lines.insert(at, line)
        self._read()

    def _read(self) -> None:
        self._headers: dict[str, int] = {"": -1}
        self._starts: list[int] = []
        self._statements: list[_Statement] = []
        section, at = "", 0
        while at < len(self._lines):
            line = self._lines[at].strip()
            if line.startswith("["):
                section = _section(line)
                self._starts.append(at)
                if not line.startswith("[["):
                    self._headers[section] = at
            elif line and not line.startswith("#"):
                statement = self._statement(at, section)
                self._statements.append(statement)
                at = statement.last
            at += 1

    def _statement(self, first: int, section: str) -> _Statement:
        """The statement that begins here: as many lines as it takes to be one."""
        for last in range(first, len(self._lines)):
            try:
                values = tomllib.loads("".join(self._lines[first : last + 1]))
            except tomllib.TOMLDecodeError:
                continue
            return _Statement(first, last, section, values)
        raise AssertionError("the text was TOML as a whole")


def written(value: Any) -> str:
    """A value as it stands in TOML, on one line."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(written, value)) + "]"
    return tomli_w.dumps({"k": value}).removeprefix("k = ").rstrip("\n")


def _section(line: str) -> str:
    """The dotted name in a header; that of a list of tables is none that a setting is in."""
    found: Any = tomllib.loads(line)
    names = []
    while isinstance(found, dict) and found:
        ((name, found),) = found.items()
        names.append(name)
    return ".".join(names) + ("[]" if isinstance(found, list) else "")


def _comment(text: str, values: Mapping[str, Any]) -> str:
    """The comment after a statement, with the blanks before it and the end of the line."""
    for found in re.finditer(r"[ \t]*#", text):
        try:
            if tomllib.loads(text[: found.start()]) == values:
                comment = text[found.start() :]
                # An earlier line's comment within a list goes with the list.
                return comment if comment.count("\n") <= 1 else ""
        except tomllib.TOMLDecodeError:
            continue
    return ""


def _leaves(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from (f"{name}.{inner}" for inner in _leaves(value))
        else:
            yield name
