"""SetupScreen."""

from __future__ import annotations

from neonsync.tui.screens.base import View


class SetupScreen(View):
    """To be written."""
