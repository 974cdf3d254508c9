"""The help as text: what the screen is for, its keys, and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from neonsync.tui.glyphs import CHECK_SIGNS, DONE, RUN_SIGNS, UNKNOWN, WAITING, Sign
from neonsync.tui.keys import Action, grouped

_MEANINGS: tuple[tuple[Sign, str], ...] = (
    (RUN_SIGNS["succeeded"], "published, and every check passed"),
    (RUN_SIGNS["invalid"], "published, but a check found a difference"),
    (RUN_SIGNS["failed"], "nothing was published; the tables are as they were"),
    (RUN_SIGNS["cancelled"], "somebody stopped it; the tables are as they were"),
    (RUN_SIGNS["running"], "at work"),
    (WAITING, "its turn comes later"),
    (DONE, "a table or an operation is finished"),
    (CHECK_SIGNS["passed"], "a check found no difference"),
    (CHECK_SIGNS["warning"], "a check found something that may be meant so"),
    (CHECK_SIGNS["failed"], "a check found a difference"),
    (UNKNOWN, "it is not known, or not known to this version"),
)
_HEADINGS = {"widget": "Keys of what is in focus", "screen": "Keys of the screen"}
_KEYS = 18
_SIGNS = 12


def help_text(about: str, actions: Iterable[Action], *, ascii_only: bool = False) -> Text:
    """All of it. What a key cannot do just now is said to be so."""
    text = Text()
    if about:
        # Paragraphs flow: where their lines break in the source says nothing of the screen.
        paragraphs = [" ".join(lines.split()) for lines in about.split("\n\n")]
        text.append("\n\n".join(paragraphs) + "\n\n")
    for place, group in grouped(actions):
        text.append(f"{_HEADINGS.get(place, 'Keys everywhere')}\n", "bold")
        for action in group:
            text.append(f"  {action.shown_keys:<{_KEYS}}", "bold")
            text.append(action.what)
            text.append("" if action.enabled else "  (not now)", "dim")
            text.append("\n")
        text.append("\n")
    text.append("Signs\n", "bold")
    for sign, meaning in _MEANINGS:
        text.append(f"  {sign.text(ascii_only=ascii_only):<{_SIGNS}}", "bold")
        text.append(f"{meaning}\n")
    return text
