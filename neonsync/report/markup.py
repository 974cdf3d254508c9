"""Building HTML: whatever is not made by ``tag`` is text, and escaped."""

from __future__ import annotations

import re
from html import escape
from typing import TypeAlias

from neonsync.report.wording import printable


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "Html | str | None"


def tag(name: str, *children: Child, **attributes: object) -> Html:
    """An element. An attribute's name loses the underscore at its end, others become dashes.

    An attribute that is None or False is left out, one that is True has no value.
    """
    given = "".join(
        f" {_name(key)}" if value is True else f' {_name(key)}="{_text(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{given}>{group(*children)}</{name}>")


def group(*children: Child) -> Html:
    """Children without an element around them."""
    return Html(
        "".join(
            child if isinstance(child, Html) else _text(child)
            for child in children
            if child is not None
        )
    )


def breakable(name: str) -> Html:
    """A name that may be broken after its dots and underscores, and seldom elsewhere."""
    return Html(re.sub(r"([._])", r"\1<wbr>", _text(name)))


def _text(text: str) -> str:
    """Text as the browser shall show it; control characters are shown, and do nothing."""
    return escape("\n".join(map(printable, text.split("\n"))), quote=True)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
