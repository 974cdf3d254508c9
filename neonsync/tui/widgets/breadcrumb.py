"""The line at the top: where one is, which branch is meant, and whether a run is at work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from neonsync.report.wording import printable
from neonsync.tui.widgets.said import Said

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp


class Breadcrumb(Horizontal):
    """``neonsync › project › branch › screen``, and at the right a chip of the run.

    A click on the chip shows the run, one elsewhere all that can be done here.
    """

    DEFAULT_CSS = """
    Breadcrumb { dock: top; height: 1; background: $panel; }
    Breadcrumb .crumbs { width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    Breadcrumb .warning { width: auto; padding: 0 1; color: $warning; text-style: bold; }
    Breadcrumb .chip { width: auto; padding: 0 1; color: $accent; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        # Told before the screen is whole, it is shown when it is.
        self._crumbs, self._warning, self._chip = (
            Said(classes=name) for name in ("crumbs", "warning", "chip")
        )
        self._warning.display = False

    def compose(self) -> ComposeResult:
        """Crumbs, warning and chip."""
        yield from (self._crumbs, self._warning, self._chip)

    def show(self, crumbs: Sequence[str], note: str = "", warning: str = "") -> None:
        """Say where one is; ``note`` stands behind, dimmed.

        ``warning`` is what to be careful of here.
        """
        self._warning.say(f"! {printable(warning)}" if warning else "")
        self._warning.display = bool(warning)
        text = Text(" ")
        for number, crumb in enumerate(crumbs):
            text.append(" › " if number else "", "dim")
            text.append(printable(crumb), "bold" if number else "")
        if note:
            text.append(f"  {printable(note)}", "dim")
        self._crumbs.say(text)

    def chip(self, text: str) -> None:
        """Say of the run in a word, or nothing."""
        self._chip.say(text)

    def on_click(self, event: events.Click) -> None:
        """What has no key at the bottom is found by the mouse too."""
        event.stop()
        ui = cast("NeonsyncApp", self.app)
        if self._chip.region.contains(event.screen_x, event.screen_y):
            ui.open_run()
        else:
            ui.action_command_palette()
