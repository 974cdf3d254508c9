"""``neonsync`` in a terminal: the UI, at home or with the plan of the flags that were given."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from neonsync.tui.start import leave_soon, open_ui


def run_ui(arguments: Sequence[str], config: Path | None) -> int:
    """Run the UI; gives what the process shall end with.

    ``arguments`` are those of the command line.

    Raises:
        ConfigError: there is no terminal; the message has the command that needs none.
    """
    command = shlex.join(["neonsync", "--headless", *arguments])
    code = open_ui(config, plan_arguments(arguments), command)
    leave_soon(code)
    return code


def plan_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments that select something, each value a word of its own.

    The file is where the rest comes from, and not a part of what is selected.
    """
    words: list[str] = []
    for argument in arguments:
        name, joined, value = argument.partition("=")
        words += [name, value] if joined and name.startswith("--") else [argument]
    if "--config" in words:
        place = words.index("--config")
        del words[place : place + 2]
    return words
