"""The line at the top: where one is, which branch is meant, and whether a run is at work."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from neonsync.report.wording import printable


class Breadcrumb(Horizontal):
    """``neonsync › project › branch › screen``, and at the right a chip of the run."""

    DEFAULT_CSS = """
    Breadcrumb { dock: top; height: 1; background: $panel; }
    Breadcrumb .crumbs { width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    Breadcrumb .warning { width: auto; padding: 0 1; color: $warning; text-style: bold; }
    Breadcrumb .chip { width: auto; padding: 0 1; color: $accent; text-style: bold; }
    """

    def compose(self) -> ComposeResult:
        """Crumbs, warning and chip."""
        yield Static("", markup=False, classes="crumbs")
        yield Static("", markup=False, classes="warning")
        yield Static("", markup=False, classes="chip")

    def show(self, crumbs: Sequence[str], note: str = "", warning: str = "") -> None:
        """Say where one is; ``note`` stands behind, dimmed.

        ``warning`` is what to be careful of here.
        """
        said = f"! {printable(warning)}" if warning else ""
        self.query_one(".warning", Static).update(said)
        self.query_one(".warning").display = bool(said)
        text = Text(" ")
        for number, crumb in enumerate(crumbs):
            text.append(" › " if number else "", "dim")
            text.append(printable(crumb), "bold" if number else "")
        if note:
            text.append(f"  {printable(note)}", "dim")
        self.query_one(".crumbs", Static).update(text)

    def chip(self, text: str) -> None:
        """Say of the run in a word, or nothing."""
        self.query_one(".chip", Static).update(text)
