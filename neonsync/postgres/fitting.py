"""What a column of Postgres cannot hold: found before it is sent, and dealt with as configured.

A value that is changed is counted with its column and the reason: nothing is lost in silence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neonsync.columns import fraction_limit, length_limit
from neonsync.errors import LoadError
from neonsync.postgres.arrow import cast_exactly
from neonsync.postgres.json_texts import not_json
from neonsync.tables import ColumnSpec, OnBadValue, TableSpec

VALUES_SHOWN = 3
NULL, STRIPPED = "null", "stripped"
_LONGEST_SHOWN = 60
_NUL = "\x00"
# U+0000 as JSON writes it, an escape that no other backslash has taken; or as it is.
_NUL_IN_JSON = r"((?:^|[^\\])(?:\\\\)*)\\u0000|\x00"
_ESCAPE = re.compile(rb"\\u0000")


@dataclass(frozen=True)
class Change:
    """Values that were changed, since Postgres cannot hold them: what of which column, and why."""

    column: str
    action: str
    reason: str


@dataclass(frozen=True)
class _Rule:
    """One way not to fit. ``find`` gives a mask of the values, None when there can be none."""

    reason: Callable[[ColumnSpec], str]
    find: Callable[[Any, ColumnSpec], Any]
    strip: Callable[[Any, ColumnSpec], Any] | None = None


class Fitting:
    """Makes arrays fit the columns of one table, or refuses them.

    Whether a text is JSON is left to Postgres, which looks anyway, and faster: unless those that
    are none become NULL, or Postgres has refused one and it is to be ``found``.
    """

    def __init__(self, spec: TableSpec, *, found: bool = False) -> None:
        self._spec = spec
        self._tries_json = found or spec.on_bad_value is OnBadValue.NULL
        day = spec.day.columns if spec.day is not None else ()
        # The day of a row is what the proof counts by, and its state what a check does: they
        # cannot be others than Athena's.
        self._never_null = frozenset((*spec.key, *day))
        self._never_stripped = frozenset((*day, spec.state_column))

    def fit(
        self, array: Any, wanted: pa.DataType, column: ColumnSpec, source: str
    ) -> tuple[Any, Counter[Change]]:
        """The array as exactly ``wanted``, with what was changed in it.

        ``source`` names the file for messages.

        Raises:
            LoadError: a value does not fit, and nothing else was asked for.
        """
        changes: Counter[Change] = Counter()
        if array.type != wanted:
            # pgpq encodes by the declared type: an array of another type with the same width
            # would arrive as other values, so nothing but this exact type goes on.
            try:
                array = cast_exactly(array, wanted)
            except pa.ArrowException as error:
                array = self._cast_the_rest(array, wanted, column, source, error, changes)
        for rule in _rules(column, self._tries_json):
            mask = rule.find(array, column)
            count = 0 if mask is None else pc.sum(mask).as_py() or 0
            if not count:
                continue
            reason = rule.reason(column)
            strips = rule.strip is not None and self._spec.on_bad_value is OnBadValue.STRIP
            if rule.strip is not None and strips and column.name not in self._never_stripped:
                array = rule.strip(array, column)
                changes[Change(column.name, STRIPPED, reason)] += count
                continue
            if strips or not self._becomes_null(column):
                what = f"values {reason} ({count:,} of them)"
                raise self._refused(column, source, what, array.filter(mask))
            array = pc.if_else(mask, pa.scalar(None, array.type), array)
            changes[Change(column.name, NULL, reason)] += count
        if array.null_count and (not column.nullable or column.name in self._spec.key):
            values = "1 value is" if array.null_count == 1 else f"{array.null_count:,} values are"
            raise LoadError(
                f'{self._spec.source}, column "{column.name}", file {source}: '
                f"{values} NULL, where the target allows none",
                "Mend the source; a key has no NULLs."
                if column.name in self._spec.key
                else "Mend the source, or allow NULL in the target column.",
            )
        return array, changes

    def _cast_the_rest(
        self,
        array: Any,
        wanted: pa.DataType,
        column: ColumnSpec,
        source: str,
        error: pa.ArrowException,
        changes: Counter[Change],
    ) -> Any:
        """Leave out what does not cast, where that is wanted; else say which values those are."""
        what = f"values do not fit {column.type}"
        # Where Arrow has no cast at all, that is no matter of the values.
        if isinstance(error, pa.ArrowNotImplementedError) or not self._becomes_null(column):
            bad = array.take(pa.array(_unfit(array, wanted, VALUES_SHOWN), pa.int64()))
            raise self._refused(column, source, what, bad) from error
        wrong = _unfit(array, wanted)
        fits = np.ones(len(array), dtype=bool)
        fits[wrong] = False
        changes[Change(column.name, NULL, f"do not fit {column.type}")] += len(wrong)
        return cast_exactly(pc.if_else(pa.array(fits), array, pa.scalar(None, array.type)), wanted)

    def _becomes_null(self, column: ColumnSpec) -> bool:
        """Whether a bad value of a column becomes NULL."""
        nulls = self._spec.on_bad_value is OnBadValue.NULL
        return nulls and column.nullable and column.name not in self._never_null

    def _refused(self, column: ColumnSpec, source: str, what: str, bad: Any) -> LoadError:
        match self._spec.on_bad_value:
            case OnBadValue.NULL if not self._becomes_null(column):
                remedy = "The column cannot be NULL. Mend the source."
            case OnBadValue.STRIP if column.name in self._never_stripped:
                remedy = "Rows are counted by the column: it stays as it is. Mend the source."
            case _:
                remedy = (
                    "Widen the target column or mend the source; or see on_bad_value in "
                    "config.toml.example."
                )
        private = column.name in self._spec.private
        shown = "" if private else f", as {', '.join(map(_shown, _first(bad)))}"
        return LoadError(
            f'{self._spec.source}, column "{column.name}", file {source}: {what}{shown}', remedy
        )


def _rules(column: ColumnSpec, tries_json: bool) -> list[_Rule]:
    rules = []
    if column.type.base in ("text", "varchar", "char", "jsonb"):
        rules.append(_Rule(lambda _: "hold U+0000, which Postgres has no place for", _nul, _no_nul))
    if column.type.base == "jsonb" and tries_json:
        rules.append(_Rule(lambda _: "are no JSON", lambda array, _: not_json(array)))
    if length_limit(column.type) is not None:
        rules.append(_Rule(lambda c: f"are longer than {c.type}", _too_long))
    if fraction_limit(column.type) is not None:
        rules.append(
            _Rule(lambda c: f"have more digits of a second than {c.type} keeps", _too_fine)
        )
    return rules


def _nul(array: Any, column: ColumnSpec) -> Any:
    """A mask of the texts with U+0000; a look at the bytes of all of them spares it mostly."""
    data = _bytes(array)
    raw = bool(data.size) and data.min() == 0
    if column.type.base == "jsonb":
        found = raw or _ESCAPE.search(data.data) is not None
        return pc.match_substring_regex(array, _NUL_IN_JSON) if found else None
    return pc.match_substring(array, _NUL) if raw else None


def _bytes(array: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bytes of all texts of an array, one after the other; NULLs may have some as well."""
    _, _, data = array.buffers()
    if data is None or not len(array):
        return np.empty(0, np.uint8)
    ends = _ends(array)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def _ends(array: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Where the first text of an array begins, and where each of them ends."""
    return np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)


def _no_nul(array: Any, column: ColumnSpec) -> Any:
    if column.type.base != "jsonb":
        return pc.replace_substring(array, _NUL, "")
    # Neighbours share the character between them.
    while (found := _nul(array, column)) is not None and pc.any(found).as_py():
        array = pc.replace_substring_regex(array, _NUL_IN_JSON, r"\1")
    return array


def _too_long(array: Any, column: ColumnSpec) -> Any:
    limit = length_limit(column.type) or 0
    # Characters are counted only where there may be too many: a text has at least as many bytes.
    if not len(array) or np.diff(_ends(array)).max() <= limit:
        return None
    lengths = pc.utf8_length(array)
    # A scalar made of a Python value makes Arrow import pandas where there is one, which takes
    # longer than most loads.
    if (pc.max(lengths).as_py() or 0) <= limit:
        return None
    return pc.greater(lengths, pa.scalar(limit))


def _too_fine(array: Any, column: ColumnSpec) -> Any:
    unit = pa.scalar(10 ** (6 - (fraction_limit(column.type) or 0)), pa.int64())
    micros = array.cast(pa.int64())
    return pc.not_equal(pc.multiply(pc.divide(micros, unit), unit), micros)


def _unfit(array: Any, wanted: pa.DataType, most: int | None = None) -> list[int]:
    """The positions of values that do not cast, at most so many; found by halving."""
    found: list[int] = []
    waiting = [(0, len(array))] if len(array) else []
    while waiting and (most is None or len(found) < most):
        start, length = waiting.pop()
        try:
            cast_exactly(array.slice(start, length), wanted)
        except pa.ArrowException:
            if length == 1:
                found.append(start)
                continue
            half = length // 2
            waiting += [(start + half, length - half), (start, half)]
    return found


def _first(array: Any) -> list[Any]:
    """Some values, to be shown: those that Python has no type for, as a year 10000, as text."""
    some = array[:VALUES_SHOWN]
    try:
        return list(some.to_pylist())
    except (OverflowError, ValueError):
        return [str(value) for value in some.cast(pa.string()).to_pylist()]


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
