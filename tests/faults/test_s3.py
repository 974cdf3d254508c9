"""S3 on a bad day: errors, answers that stall or break off, files that are missing or not whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neonsync.athena import client as client_module
from neonsync.athena import export as export_module
from neonsync.engine import retry
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import ChunkLoaded, ChunksPlanned, Event, RowsCopied
from neonsync.engine.pipeline import run
from neonsync.errors import AthenaAccessError, ExportError, InterruptedReadError, ProofError
from neonsync.retry import Backoff
from neonsync.sandbox.aws import Break
from tests.conftest import Outcome, Target
from tests.faults.test_resume import notices

DAYS = {"filters.days": 30}
ROWS = 3_000
SOME = 700  # rows of a chunk, so that there are several


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # Files as small as these would be kept from the reading of their footers.
    monkeypatch.setattr(export_module, "KEPT_BYTES", 0)
    monkeypatch.setattr(retry, "READ", Backoff(3, 0.02))
    monkeypatch.setattr(retry, "CHUNK", Backoff(3, 0.02))


async def sync_with(target: Target, act: Callable[[], None], at: type[Event]) -> Outcome:
    """A run in which something is done, once, when an event of this kind comes."""
    plan = target.plan(jobs=1, **DAYS)
    events: list[Event] = []

    def listen(event: Event) -> None:
        if isinstance(event, at) and not any(isinstance(each, at) for each in events):
            act()
        events.append(event)

    return Outcome(await run(plan, listen, CancelToken()), events)


async def test_errors_of_s3_pass_unseen(target: Target) -> None:
    faults = target.world.aws.faults
    faults.s3_errors_next(1)  # the manifest

    outcome = await sync_with(target, lambda: faults.s3_errors_next(1), ChunksPlanned)

    assert outcome.result.error is None
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_errors_of_s3_that_do_not_pass_end_a_run_that_goes_on_later(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "REQUESTS", Backoff(2, 0.01))
    faults = target.world.aws.faults

    first = await sync_with(target, lambda: faults.s3_errors_next(1000), ChunksPlanned)
    faults.s3_errors_next(0)
    second = await target.sync(jobs=1, **DAYS)

    assert isinstance(first.result.error, AthenaAccessError)
    assert "InternalError" in str(first.result.error)
    assert first.result.exit_code == 3
    assert second.result.error is None
    assert second.result.run_id == first.result.run_id


@pytest.mark.parametrize("how", list(Break))
async def test_an_object_that_breaks_off_is_read_again(
    target: Target, monkeypatch: pytest.MonkeyPatch, how: Break
) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", SOME)
    monkeypatch.setattr(client_module, "READ_TIMEOUT", 1.0)
    faults = target.world.aws.faults
    faults.break_off_next(1, how)  # the manifest

    outcome = await sync_with(target, lambda: faults.break_off_next(1, how), ChunksPlanned)

    assert outcome.result.error is None, outcome.result.error
    assert notices(outcome).count("S3 broke off") == 2
    assert "reading it again" in notices(outcome)
    assert "loading the chunk again" in notices(outcome)
    copied = sum(event.rows for event in outcome.events if isinstance(event, RowsCopied))
    assert copied == ROWS, "rows that were rolled back are not counted"
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_an_object_that_breaks_off_each_time_ends_a_run_that_goes_on_with_that_chunk(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", SOME)
    faults = target.world.aws.faults

    first = await sync_with(target, lambda: faults.break_off_next(1000, Break.CUT), ChunkLoaded)
    faults.break_off_next(0, Break.CUT)
    second = await target.sync(jobs=1, **DAYS)

    assert isinstance(first.result.error, InterruptedReadError)
    assert first.result.exit_code == 3
    assert "every table is as it was" in str(first.result.error)
    assert second.result.error is None
    assert second.result.run_id == first.result.run_id
    (planned,) = [event for event in second.events if isinstance(event, ChunksPlanned)]
    assert planned.loaded_chunks >= 1
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


def _first(root: Path, prefix: str) -> Path:
    folder = root / prefix.removeprefix("s3://")
    return min(path for path in folder.rglob("*") if path.is_file())


def truncate(path: Path, manifest: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path, manifest: Path) -> None:
    path.write_bytes(b"")


def scramble(path: Path, manifest: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = slice(8, len(content) // 3)
    content[middle] = bytes(255 - byte for byte in content[middle])
    path.write_bytes(content)


def delete(path: Path, manifest: Path) -> None:
    path.unlink()


def leave_out(path: Path, manifest: Path) -> None:
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[1:]))


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (truncate, ExportError, "is not a whole Parquet file"),
        (empty, ExportError, "is not a whole Parquet file"),
        (scramble, ExportError, "cannot be read"),
        (delete, ExportError, "files of the manifest are not in S3"),
        (leave_out, ProofError, "the counts differ"),
    ],
    ids=["truncated", "empty", "scrambled", "gone", "missing from the manifest"],
)
async def test_a_file_that_is_not_as_it_should_be_publishes_nothing(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path, Path], None],
    kind: type[Exception],
    said: str,
) -> None:
    real = export_module.read_export
    root = target.world.directory / "aws" / "s3"

    def spoiled(s3: Any, prefix: str, manifest: str) -> Any:
        spoil(_first(root, prefix), root / manifest.removeprefix("s3://"))
        return real(s3, prefix, manifest)

    monkeypatch.setattr("neonsync.engine.loading.extract.read_export", spoiled)

    outcome = await target.sync(jobs=1, **DAYS)

    assert isinstance(outcome.result.error, kind), outcome.result.error
    assert said in str(outcome.result.error)
    assert outcome.result.error.remedy
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert target.staging_tables() == []
    assert target.exported_files() == []
