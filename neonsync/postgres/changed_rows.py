"""Digests of rows of which the loader has changed a value, as Postgres cannot hold Athena's.

Athena's digest tells of the row as it was; what is proved is the row as it shall be, and the
change is counted and told beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neonsync.digest import Field, Frame, Rule, digest_of, field_text, plain_values


def corrected(digests: Any, before: pa.RecordBatch, after: pa.RecordBatch, frame: Frame) -> Any:
    """The digests of a batch, computed anew for each row that differs.

    ``before`` is as Athena has exported it, with our columns in their order; ``after`` goes on.
    Where Athena's digest can be found again in the row as it was, it must be: else it is left
    alone, and the proof finds that something is wrong with more than what was changed.
    """
    changed = {
        name: _changed(before.column(position), after.column(position))
        for position, name in enumerate(after.schema.names)
    }
    rows = np.flatnonzero(np.logical_or.reduce(list(changed.values())))
    if not len(rows):
        return digests
    was, is_now = [], []
    for field in frame.fields:
        position = after.schema.get_field_index(field.name)
        texts = [field_text(field, value) for value in _values(after.column(position), rows)]
        is_now.append(texts)
        old = _values(before.column(position), rows) if changed[field.name].any() else None
        hit = changed[field.name][rows]
        was.append(
            texts
            if old is None
            else [
                _text_before(field, value) if touched else text
                for text, value, touched in zip(texts, old, hit, strict=True)
            ]
        )
    made = digests.to_numpy().copy()
    for row, old_texts, new_texts in zip(
        rows, zip(*was, strict=True), zip(*is_now, strict=True), strict=True
    ):
        known = [text for text in old_texts if text is not None]
        if len(known) < len(old_texts) or digest_of(known) == made[row]:
            made[row] = digest_of(new_texts)
    return pa.array(made, pa.int64())


def _values(array: Any, rows: Any) -> list[Any]:
    return plain_values(array.take(pa.array(rows)))


def _text_before(field: Field, value: Any) -> str | None:
    """The field as Athena has hashed it; None where that is not known here, as of what it cast."""
    known = field.rule in (Rule.TEXT, Rule.PADDED) and isinstance(value, str)
    known = known or (field.rule is Rule.WHOLE and isinstance(value, int))
    return field_text(field, value) if known else None


def _changed(before: Any, after: Any) -> Any:
    """Where a value has become NULL, or a text another one."""
    changed = pc.and_(pc.is_valid(before), pc.is_null(after))
    if pa.types.is_string(before.type) and pa.types.is_string(after.type):
        changed = pc.or_kleene(changed, pc.fill_null(pc.not_equal(before, after), False))
    return changed.to_numpy(zero_copy_only=False)
