"""What a comparison with Athena has found, as its screen says it. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import timedelta

from neonsync.tui.formatting import age, printable
from neonsync.tui.ports import BranchRow, Compared, RepairOffer

_INDENT = "    "
_NARROWEST = 20


def findings(compared: Compared, width: int) -> str:
    """All but the verdict, each line wrapped within its own indentation."""
    text = compared.text.removesuffix(compared.verdict).rstrip("\n")
    return "\n".join(
        wrapped for line in text.splitlines() for wrapped in _wrapped(printable(line), width)
    )


def state_words(
    compared: Compared, left: Sequence[RepairOffer], seconds: float, *, busy: bool
) -> str:
    """What can be done now. ``left`` are the repairs that no run has carried out.

    ``busy`` tells that a run is at work, ``seconds`` how long ago it was compared.
    """
    ago = "just now" if seconds < 60 else f"{age(timedelta(seconds=seconds))} ago"
    if left and busy:
        said = "R waits for the run that is at work"
    elif left:
        more = f", then {len(left) - 1} more" if len(left) > 1 else ""
        said = f"R repairs {_what(left[0])}{more}"
    elif compared.repairs:
        said = "repaired; r compares again"
    elif compared.equal:
        said = "nothing differs"
    else:
        said = "nothing can be repaired; r compares again"
    return f"{said} · compared {ago}"


def question(offer: RepairOffer, branch: BranchRow, more: int) -> str:
    """What a repair does, before it is begun; ``more`` tables differ beside this one."""
    only = (
        "Rows that only the branch has are deleted."
        if offer.selection.on_missing == "delete"
        else "Rows that only the branch has stay where Missing is keep."
    )
    text = f"A run into {branch.name} syncs {_what(offer)} again. {only}"
    if more:
        tables = "table differs" if more == 1 else "tables differ"
        text += f"\n\n{more} more {tables}: R goes on with the next when it has ended."
    return text


def _what(offer: RepairOffer) -> str:
    """The table with its days: many that are scattered are told by their bounds, as they go."""
    chosen = offer.selection
    if offer.dates:
        days = f"on {len(offer.dates):,} date{'' if len(offer.dates) == 1 else 's'}"
    elif chosen.days is not None:
        days = f"of the last {chosen.days:,} days"
    else:
        bounds = (("from", chosen.first), ("to", chosen.last))
        days = " ".join(f"{word} {day}" for word, day in bounds if day is not None)
    return f"{offer.table} {days}".rstrip()


def _wrapped(line: str, width: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())] + _INDENT
    return textwrap.wrap(
        line, max(width, _NARROWEST), subsequent_indent=indent, break_on_hyphens=False
    ) or [""]
