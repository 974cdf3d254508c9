"""How options that are more than a text are read: spans, times, LSNs, sizes of computes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import click

from neonsync.neon.moments import parse_duration, parse_moment

Callback: TypeAlias = Callable[[click.Context, click.Parameter, str | None], Any]


def _callback(parse: Callable[[str], Any]) -> Callback:
    """Let a function read an option; its ValueError says what the text must be."""

    def read(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} {error}", context, parameter) from None

    return read


def _lsn(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", text, re.ASCII):
        raise ValueError("must be an LSN like 0/1F3A5B0")
    return text.upper()


def _cu(text: str) -> tuple[float, float]:
    found = re.fullmatch(r"(\d{1,4}(?:\.\d{1,4})?)(?:-(\d{1,4}(?:\.\d{1,4})?))?", text, re.ASCII)
    low, high = (float(found[1]), float(found[2] or found[1])) if found else (0.0, 0.0)
    if not 0 < low <= high:
        raise ValueError("must be a size like 0.25, or a range like 0.25-2")
    return low, high


SPAN = _callback(parse_duration)
MOMENT = _callback(parse_moment)
LSN = _callback(_lsn)
CU = _callback(_cu)
