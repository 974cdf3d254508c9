"""Pages in the user's browser, where there is one that does not need this terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neonsync.threads import in_thread

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser can come up beside the terminal.

    Without a screen of its own Python would start one within the terminal, as lynx or w3m: over
    the UI, which would wait for its end.
    """
    if platform in ("darwin", "win32"):
        return not (environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_page(url: str) -> bool:
    """Open it, and say whether that worked. Blocks."""
    if not has_browser(os.environ, sys.platform):
        return False
    import webbrowser

    return webbrowser.open(url)


async def show_page(app: NeonsyncApp, url: str) -> None:
    """Open it beside the terminal; where that cannot be, its address is copied."""
    if await in_thread(lambda: open_page(url)):
        app.notify(url, title="Opened in the browser", markup=False)
    else:
        app.copy(url, f"the address, as no browser opens from here: {url}")
