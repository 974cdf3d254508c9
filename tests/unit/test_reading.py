"""How an exported piece is read: by rows, or by columns when it is wide, with the same rows."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neonsync.athena import export, reading
from neonsync.athena.export import Export, ExportedFile, Piece, plan_chunks
from neonsync.athena.objects import S3Object
from neonsync.athena.reading import memory_of, read_batches
from neonsync.athena.s3 import S3
from neonsync.errors import ExportError
from tests.sandbox.aws_fixtures import Aws, serving

ROWS = 5_000
NAMES = ("id", "day", "price", "name", "moment", "data")
KEY = "exported"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(tmp_path_factory.mktemp("aws")) as service:
        yield service


def made_rows() -> pa.Table:
    """Rows of several types with NULLs, few values in some columns and many in others."""
    numbers = range(ROWS)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "day": pa.array([date(2026, 1, 1 + n % 28) for n in numbers], pa.date32()),
            "price": pa.array(
                [None if n % 7 == 0 else Decimal(n).scaleb(-2) for n in numbers],
                pa.decimal128(18, 2),
            ),
            "name": pa.array([None if n % 5 == 0 else f"name {n % 11} 🍕" for n in numbers]),
            "moment": pa.array([datetime(2026, 1, 1, n % 24, 30) for n in numbers]),
            "data": pa.array([str(n) * (n % 40) for n in numbers]),
        }
    )


def put(aws: Aws, folder: Path, table: pa.Table, group_rows: int) -> ExportedFile:
    """The table as one exported file, as Athena writes timestamps."""
    path = folder / "file"
    pq.write_table(table, path, row_group_size=group_rows, use_deprecated_int96_timestamps=True)
    bucket = aws.service.bucket
    aws.s3.upload_file(str(path), bucket, KEY)
    etag = aws.s3.head_object(Bucket=bucket, Key=KEY)["ETag"]
    source = S3Object(bucket, KEY, path.stat().st_size, etag)
    return ExportedFile(source, pq.read_metadata(path))


def pieces(exported: ExportedFile) -> list[Piece]:
    return [piece for chunk in plan_chunks(Export((exported,))) for piece in chunk.pieces]


def read(aws: Aws, exported: ExportedFile, columns: Sequence[str]) -> list[pa.RecordBatch]:
    return [
        batch.select(list(columns))
        for piece in pieces(exported)
        for batch in read_batches(S3(aws.s3), piece, exported, columns)
    ]


@pytest.mark.parametrize("columns", [NAMES, NAMES[::-1], ("moment", "id")])
def test_a_wide_piece_read_by_columns_has_the_same_rows(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: Sequence[str]
) -> None:
    table = made_rows()
    exported = put(aws, tmp_path, table, group_rows=2_000)
    monkeypatch.setattr(reading, "BATCH_ROWS", 300)
    by_rows = pa.Table.from_batches(read(aws, exported, columns))
    assert by_rows == table.select(list(columns))

    monkeypatch.setattr(reading, "MOST_OPEN_BYTES", 0)
    batches = read(aws, exported, columns)

    assert pa.Table.from_batches(batches) == by_rows
    assert max(batch.num_rows for batch in batches) == 300


def test_a_wide_piece_is_fetched_in_large_steps_and_no_byte_of_another(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHUNK_ROWS", 2_000)
    monkeypatch.setattr(reading, "MOST_OPEN_BYTES", 0)
    monkeypatch.setattr(reading, "BUFFER_BYTES", 1_000)
    monkeypatch.setattr(reading, "AHEAD_BYTES", 20_000)
    exported = put(aws, tmp_path, made_rows(), group_rows=2_000)
    ranges: list[tuple[int, int]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        start, _, end = params["Range"].removeprefix("bytes=").partition("-")
        ranges.append((int(start), int(end)))

    aws.s3.meta.events.register("provide-client-params.s3.GetObject", note)
    try:
        (first, *_) = pieces(exported)
        read_rows = sum(b.num_rows for b in read_batches(S3(aws.s3), first, exported, NAMES))
    finally:
        aws.s3.meta.events.unregister("provide-client-params.s3.GetObject", note)

    assert read_rows == 2_000
    assert len(ranges) <= first.length // 10_000
    assert min(start for start, _ in ranges) == first.start
    assert max(end for _, end in ranges) < first.start + first.length


def test_a_wide_file_that_is_kept_whole_is_not_fetched_again(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_OPEN_BYTES", 0)
    table = made_rows()
    exported = put(aws, tmp_path, table, group_rows=2_000)
    kept = ExportedFile(exported.file, exported.metadata, (tmp_path / "file").read_bytes())

    batches = [b for p in pieces(kept) for b in read_batches(S3(aws.s3), p, kept, NAMES)]

    assert pa.Table.from_batches(batches) == table


def test_a_disk_without_room_is_no_damaged_file(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_OPEN_BYTES", 0)
    exported = put(aws, tmp_path, made_rows(), group_rows=ROWS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ExportError, match=r"temporary file.*large") as raised:
            read(aws, exported, NAMES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "TMPDIR" in str(raised.value.remedy)


def test_a_damaged_wide_file_is_told_as_such(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_OPEN_BYTES", 0)
    exported = put(aws, tmp_path, made_rows(), group_rows=ROWS)
    content = bytearray((tmp_path / "file").read_bytes())
    content[100:-2_000] = bytes(len(content) - 2_100)
    damaged = ExportedFile(exported.file, exported.metadata, bytes(content))

    with pytest.raises(ExportError, match="cannot be read"):
        list(read_batches(S3(aws.s3), pieces(damaged)[0], damaged, NAMES))


def test_many_columns_and_long_row_groups_take_the_memory_of_few(tmp_path: Path) -> None:
    """What is promised of a piece: little for one of any size that is read by columns."""
    rng = np.random.default_rng(7)

    def memory(columns: int, rows: int) -> int:
        table = pa.table({f"c{n}": rng.integers(0, 2**62, rows) for n in range(columns)})
        path = tmp_path / f"{columns}-{rows}"
        pq.write_table(table, path)
        exported = ExportedFile(
            S3Object("b", path.name, path.stat().st_size, "e"), pq.read_metadata(path)
        )
        (piece,) = pieces(exported)
        return memory_of(piece, exported, columns)

    assert memory(100, 30_000) == memory(100, 60_000) == memory(200, 30_000) < 60e6
    assert memory(100, 100) < memory(10, 100_000) < 60e6


def test_batches_of_texts_from_a_dictionary_are_no_larger_than_others(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_OPEN_BYTES", 0)
    rows = 20_000
    texts = pa.array([f"{n % 7}" * 2_000 for n in range(rows)])
    exported = put(aws, tmp_path, pa.table({"text": texts}), group_rows=rows)
    (piece,) = pieces(exported)
    monkeypatch.setattr("tempfile.TemporaryFile", None)  # nor is the disk to hold them all

    sizes = [batch.nbytes for batch in read_batches(S3(aws.s3), piece, exported, ["text"])]

    assert piece.length < 1e6
    assert max(sizes) < 1.1 * reading.BATCH_BYTES
