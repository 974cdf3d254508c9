"""What a benchmark has found: figures with their goals, as a table and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Options:
    """What the command line asks of a benchmark; ``rows`` is None for the benchmark's own."""

    rows: int | None = None
    rounds: int = 3


@dataclass(frozen=True)
class Goal:
    """A bound: at most so much, or at least."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value is on the right side."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """One thing that was measured.

    ``proof`` is the level at which what was loaded was proved, empty where nothing was. ``samples``
    are the single rounds, ``parts`` what the figure is made of or is to be read with. ``what`` says
    exactly what is in it.
    """

    name: str
    value: float
    unit: str
    goal: Goal | None = None
    proof: str = ""
    samples: Sequence[float] = ()
    parts: Mapping[str, float] = field(default_factory=dict)
    what: str = ""

    @property
    def met(self) -> bool:
        """Whether there is no goal, or it is met."""
        return self.goal is None or self.goal.met(self.value)


@dataclass(frozen=True)
class Absent:
    """Something that cannot be measured here, and why."""

    name: str
    why: str


Found = Figure | Absent


def median(samples: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(samples)


def as_json(found: Iterable[Found]) -> dict[str, Any]:
    """By name, with only what there is."""
    documents: dict[str, Any] = {}
    for each in found:
        if isinstance(each, Absent):
            documents[each.name] = {"absent": each.why}
            continue
        document: dict[str, Any] = {"value": round(each.value, 4), "unit": each.unit}
        if each.goal is not None:
            document |= {"goal": str(each.goal), "met": each.met}
        optional = {
            "proof": each.proof,
            "samples": [round(sample, 4) for sample in each.samples],
            "parts": {name: round(value, 4) for name, value in each.parts.items()},
            "what": each.what,
        }
        documents[each.name] = document | {name: held for name, held in optional.items() if held}
    return documents


def as_lines(found: Iterable[Found]) -> Iterable[str]:
    """The table, and under each row what is in it."""
    for each in found:
        if isinstance(each, Absent):
            yield f"{each.name:<44}          -  {each.why}"
            continue
        verdict = ""
        if each.goal is not None:
            verdict = f"   goal {each.goal} {each.unit}: {'met' if each.met else 'MISSED'}"
        proof = f"   proof: {each.proof}" if each.proof else ""
        yield f"{each.name:<44} {_shown(each.value):>10} {each.unit}{verdict}{proof}"
        if each.parts:
            yield "    " + ", ".join(f"{name} {_shown(part)}" for name, part in each.parts.items())
        if each.what:
            yield f"    {each.what}"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
