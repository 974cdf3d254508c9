"""How an export is cut: every row once, small files together, large ones at row groups."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neonsync.athena import export as module
from neonsync.athena.export import Export, ExportedFile, plan_chunks
from neonsync.athena.objects import S3Object


def exported(folder: Path, *files: tuple[int, int]) -> Export:
    """An export of files with so many rows, in row groups of so many."""
    found = []
    for number, (rows, group) in enumerate(files):
        path = folder / f"{number}"
        pq.write_table(pa.table({"n": range(rows)}), path, row_group_size=group)
        source = S3Object("b", path.name, path.stat().st_size, "e")
        found.append(ExportedFile(source, pq.read_metadata(path)))
    return Export(tuple(found))


def test_small_files_are_grouped(tmp_path: Path) -> None:
    export = exported(tmp_path, *[(10, 10)] * 50)

    (chunk,) = plan_chunks(export)

    assert chunk.rows == 500
    assert len(chunk.pieces) == 50


def test_a_large_file_is_cut_at_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 250)
    export = exported(tmp_path, (1000, 100))

    chunks = plan_chunks(export)

    assert [chunk.rows for chunk in chunks] == [200] * 5
    assert [(p.first, p.last) for c in chunks for p in c.pieces] == [
        (0, 1),
        (2, 3),
        (4, 5),
        (6, 7),
        (8, 9),
    ]


def test_the_cut_is_the_same_again_without_what_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 250)
    export = exported(tmp_path, (1000, 100), (30, 30), (40, 40))
    chunks = plan_chunks(export)
    loaded = frozenset(piece.key for chunk in chunks[:2] for piece in chunk.pieces)

    rest = plan_chunks(export, loaded=loaded)

    assert sum(chunk.rows for chunk in rest) == export.rows - sum(c.rows for c in chunks[:2])
    assert not loaded & {piece.key for chunk in rest for piece in chunk.pieces}


def test_an_empty_export_has_no_chunks() -> None:
    assert plan_chunks(Export(())) == []
