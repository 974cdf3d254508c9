"""The live check: 20 rows of every type for Athena to make, and what each value must become."""

from neonsync.validation.live.column import ROWS, LiveColumn
from neonsync.validation.live.moments import MOMENTS
from neonsync.validation.live.nested import NESTED
from neonsync.validation.live.numbers import NUMBERS
from neonsync.validation.live.texts import TEXTS

TABLES: dict[str, tuple[LiveColumn, ...]] = {
    "numbers": NUMBERS,
    "texts": TEXTS,
    "moments": MOMENTS,
    "nested": NESTED,
}
"""The tables of the check by name. They are few, so that each query stays well below Athena's
262,144 bytes, and a type that Athena refuses is told with its neighbours only."""

__all__ = ["ROWS", "TABLES", "LiveColumn"]
