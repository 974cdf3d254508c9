"""Which deletions are let through: a pure decision."""

from __future__ import annotations

import pytest

from neonsync.columns import SqlType
from neonsync.engine.planning.missing import check_deletion
from neonsync.errors import DeletionRefusedError, RefusedError
from neonsync.tables import ColumnSpec, TableSpec

SPEC = TableSpec("lake", "t", (ColumnSpec("id", SqlType("integer")),), ("id",), "t_pkey")


@pytest.mark.parametrize(
    ("exported", "held", "missing", "allowed"),
    [
        (90, 100, 10, 10.0),
        (0, 100, 0, 10.0),
        (1, 100, 99, 100.0),
        (1, 100, 100, 100.0),
        (0, 0, 0, 0.0),
        (999, 1000, 1, 0.1),
    ],
)
def test_so_much_may_go(exported: int, held: int, missing: int, allowed: float) -> None:
    check_deletion(SPEC, exported=exported, held=held, missing=missing, allowed=allowed)


@pytest.mark.parametrize(
    ("held", "missing", "allowed", "enough"),
    [(100, 11, 10.0, 12), (5, 1, 10.0, 21), (3, 3, 99.0, 100), (1000, 1, 0.0, 1)],
)
def test_more_wants_a_word_that_the_remedy_gives(
    held: int, missing: int, allowed: float, enough: int
) -> None:
    with pytest.raises(DeletionRefusedError) as caught:
        check_deletion(SPEC, exported=1, held=held, missing=missing, allowed=allowed)
    assert caught.value.resumable, "what is loaded serves the run that has the word"
    assert f"--allow-delete {enough};" in caught.value.remedy
    check_deletion(SPEC, exported=1, held=held, missing=missing, allowed=enough)


def test_nothing_lets_an_export_without_rows_delete() -> None:
    with pytest.raises(RefusedError, match="never deletes") as caught:
        check_deletion(SPEC, exported=0, held=100, missing=1, allowed=100.0)
    assert not caught.value.resumable, "an empty export is of no use to the next run"
