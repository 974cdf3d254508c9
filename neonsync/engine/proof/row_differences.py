"""Differences: of dates whose digests differ, the rows by their keys, and their columns.

Rows of both sides meet by key and digest, and only those are kept that find no equal. Keys are
shown, as a row has no other name; values where the configuration allows it, and nothing of
columns that are private.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neonsync.digest import Frame, digest_of
from neonsync.engine.proof.compare import DATES_SHOWN, listed
from neonsync.engine.proof.readable import Readable, is_null
from neonsync.postgres.comparison import Key

Fields = Mapping[Key, Sequence[tuple[str, ...]]]
"""All fields of the rows of some keys."""


class Unmatched:
    """Digests by key of the rows of either side that have found no equal on the other.

    Some keys may stand twice. A row is kept only as long as it is alone.
    """

    def __init__(self) -> None:
        self.theirs: dict[Key, tuple[int, ...]] = {}
        self.ours: dict[Key, tuple[int, ...]] = {}

    def exported(self, key: Key, digest: int) -> bool:
        """A row of Athena's; whether it is alone as yet."""
        return _meet(self.theirs, self.ours, key, digest)

    def held(self, key: Key, digest: int) -> bool:
        """A row of ours; whether it is alone as yet."""
        return _meet(self.ours, self.theirs, key, digest)

    def differing(self) -> list[Key]:
        """The keys whose rows differ, in order."""
        return sorted({*self.theirs, *self.ours})

    def surplus(self, key: Key) -> int:
        """How many more rows of a key stand here: less than 0 where some are missing."""
        return len(self.ours.get(key, ())) - len(self.theirs.get(key, ()))


def _meet(
    own: dict[Key, tuple[int, ...]], other: dict[Key, tuple[int, ...]], key: Key, digest: int
) -> bool:
    waiting = other.get(key, ())
    if digest not in waiting:
        own[key] = (*own.get(key, ()), digest)
        return True
    place = waiting.index(digest)
    if rest := waiting[:place] + waiting[place + 1 :]:
        other[key] = rest
    else:
        del other[key]
    return False


@dataclass(frozen=True)
class Differences:
    """Keys by what is wrong with their rows, and in how many of the ``changed`` a column differs.

    ``disputed`` counts rows of which Athena's digest is not that of the values it exported.
    ``values`` are some of those that differ, in words, where they may be shown. ``made_null`` are
    columns whose differing values are all NULL here, which a table's on_bad_value may have done.
    """

    readable: Readable
    missing: tuple[Key, ...] = ()
    surplus: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()
    columns: Mapping[str, int] = field(default_factory=dict)
    disputed: int = 0
    values: tuple[str, ...] = ()
    made_null: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = []
        for one, many, keys in (
            ("row is missing", "rows are missing", self.missing),
            ("row too many", "rows too many", self.surplus),
            ("row has other values", "rows have other values", self.changed),
        ):
            if keys:
                words = [self.readable.key_of(key) for key in keys[:DATES_SHOWN]]
                more = f" and {len(keys) - len(words):,} more" if len(keys) > len(words) else ""
                shown = ", ".join(words) + more
                told.append(f"{len(keys):,} {one if len(keys) == 1 else many}: {shown}")
        if self.columns:
            of_shown = " in the rows shown" if len(self.changed) > DATES_SHOWN else ""
            told.append(f"columns that differ{of_shown}: {listed(list(self.columns))}")
        if self.values:
            told.append(f"as {listed(self.values)}")
        if self.made_null:
            told.append(
                f"all that differs of {listed(self.made_null)} is NULL here: on_bad_value may have "
                "made it so, which no repair mends"
            )
        if self.disputed:
            told.append(
                f"of {self.disputed:,} rows Athena's digest is not that of the values in its own "
                "files: either a value is read wrongly from them, or this Athena writes one "
                'otherwise than is known here; validation = "aggregate" does without digests'
            )
        return "; ".join(told) or "no row of the dates that were looked at differs any more"


def compare_rows(
    frame: Frame,
    unmatched: Unmatched,
    exported: Fields,
    held: Fields,
    readable: Readable,
    *,
    show_values: bool = False,
    makes_null: bool = False,
) -> Differences:
    """Sort the keys out; ``exported`` and ``held`` have the fields of some of them.

    Rows of a key that are not as many on both sides by then are passed over: somebody writes.
    ``makes_null`` tells that values which a column cannot hold were made NULL.
    """
    differing = unmatched.differing()
    changed = tuple(key for key in differing if not unmatched.surplus(key))
    columns: Counter[str] = Counter()
    nulls: Counter[str] = Counter()
    values: list[str] = []
    disputed = 0
    for key in changed:
        theirs, ours = Counter(exported.get(key, ())), Counter(held.get(key, ()))
        if not theirs or theirs.total() != ours.total():
            continue
        digests = Counter(map(digest_of, theirs.elements()))
        disputed += not Counter(unmatched.theirs[key]) <= digests
        alone = ((theirs - ours).elements(), (ours - theirs).elements())
        for left, right in zip(*map(sorted, alone), strict=True):
            for each, a, b in zip(frame.fields, left, right, strict=True):
                if a == b:
                    continue
                columns[each.name] += 1
                nulls[each.name] += is_null(each, b)
                if show_values and each.name not in readable.private:
                    values.append(readable.change(key, each, a, b))
    return Differences(
        readable,
        tuple(key for key in differing if unmatched.surplus(key) < 0),
        tuple(key for key in differing if unmatched.surplus(key) > 0),
        changed,
        columns,
        disputed,
        tuple(values),
        tuple(name for name in columns if makes_null and nulls[name] == columns[name]),
    )
