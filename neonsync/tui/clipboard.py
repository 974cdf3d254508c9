"""A file with what was copied last, for terminals and a tmux that do not take OSC 52."""

from __future__ import annotations

import os
from pathlib import Path

from neonsync.history import state_directory

FILE_NAME = "clipboard.txt"


def copy_text(text: str) -> Path | None:
    """Write the text where only this user reads it; None where there is no place for it."""
    folder = state_directory(os.environ)
    if folder is None:
        return None
    path = folder / FILE_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, 0o600)
            file.write(text)
    except OSError:
        return None
    return path
