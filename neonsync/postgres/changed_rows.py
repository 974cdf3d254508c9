"""Digests of rows of which the loader has changed a value, as Postgres cannot hold Athena's.

Athena's digest tells of the row as it was; what is proved is the row as it shall be, and the
change is counted and told beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neonsync.digest import Frame, plain_values, row_digest


def corrected(digests: Any, before: pa.RecordBatch, after: pa.RecordBatch, frame: Frame) -> Any:
    """The digests of a batch, computed anew for each row that differs.

    ``before`` is as Athena has exported it, with our columns in their order; ``after`` goes on.
    """
    rows = np.flatnonzero(
        np.logical_or.reduce(
            [
                _changed(before.column(position), after.column(position))
                for position in range(after.num_columns)
            ]
        )
    )
    if not len(rows):
        return digests
    taken = after.take(rows)
    values = [plain_values(taken.column(field.name)) for field in frame.fields]
    made = digests.to_numpy().copy()
    made[rows] = [row_digest(frame, row) for row in zip(*values, strict=True)]
    return pa.array(made, pa.int64())


def _changed(before: Any, after: Any) -> Any:
    """Where a value has become NULL, or a text another one."""
    changed = pc.and_(pc.is_valid(before), pc.is_null(after))
    if pa.types.is_string(before.type) and pa.types.is_string(after.type):
        changed = pc.or_kleene(changed, pc.fill_null(pc.not_equal(before, after), False))
    return changed.to_numpy(zero_copy_only=False)
