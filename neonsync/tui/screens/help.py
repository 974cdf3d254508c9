"""HelpScreen."""

from __future__ import annotations

from neonsync.tui.screens.base import View


class HelpScreen(View):
    """To be written."""
