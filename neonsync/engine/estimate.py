"""Estimate: rows, bytes and price of an export, as far as listing and looking tell for free."""

from __future__ import annotations

from dataclasses import dataclass

from neonsync.athena.client import Athena, billed_bytes
from neonsync.athena.sample import sample_footers
from neonsync.engine.loading.source_files import source_files
from neonsync.engine.plan import TablePlan
from neonsync.engine.planning.held_dates import HeldDates, held_dates
from neonsync.errors import NeonsyncError
from neonsync.tables import Validation


@dataclass(frozen=True)
class Estimate:
    """What an export would read.

    ``rows`` is None when the files do not tell; ``exact`` when all footers were read and no filter
    is left that they do not know. ``scanned_bytes`` is for the export and the count together,
    ``billed_bytes`` what Athena bills for that. ``note`` says what is missing, if anything.
    ``held`` is None where no dates are asked for, or the partitions do not tell which there are.
    """

    files: int = 0
    file_bytes: int = 0
    partitions: int = 0
    all_partitions: int = 0
    rows: int | None = None
    exact: bool = False
    scanned_bytes: int | None = None
    billed_bytes: int | None = None
    note: str = ""
    held: HeldDates | None = None


def estimate(athena: Athena, table: TablePlan) -> Estimate:
    """List the files that the export would read, and read the footers of some. Blocks."""
    catalogue = table.catalogue
    if catalogue is None:
        return Estimate(note="a query's cost is known when it has run")
    resolved, scope = table.resolved, table.scope
    try:
        files = source_files(athena, table, catalogue)
    except NeonsyncError as error:
        return Estimate(note=f"the files could not be listed: {error}")
    figures = table.validation is Validation.AGGREGATE
    keys = {column.name for column in catalogue.partition_keys}
    filtered = set(resolved.day.columns if resolved.day and scope.days else ())
    filtered |= {resolved.state.name} if resolved.state and scope.states else set()
    exported = set(resolved.sources) | filtered
    counted = set(resolved.day.columns if resolved.day else ()) | filtered
    counted |= {resolved.state.name} if resolved.state else set()
    found = Estimate(
        files=len(files.objects),
        file_bytes=files.bytes,
        partitions=files.partitions,
        all_partitions=files.all_partitions,
        note=_unpruned(filtered - keys),
        held=held_dates(files.days, scope.days),
    )
    try:
        sample = sample_footers(athena.s3, files.objects)
    except NeonsyncError as error:
        return _with(found, note=f"the files could not be read: {error}")
    if not files.objects:
        return _with(found, rows=0, exact=True, scanned_bytes=0, billed_bytes=0)
    if sample is None:
        # No Parquet: a scan reads whole files, once for the export and once for each question.
        scans = 3 if figures else 2
        return _with(
            found,
            scanned_bytes=scans * files.bytes,
            billed_bytes=scans * billed_bytes(files.bytes),
            note="the files are not Parquet, and do not tell their rows",
        )
    share = files.bytes / sample.bytes
    asked = (exported, counted, *([exported] if figures else []))
    read = [round(sample.bytes_of(columns - keys) * share) for columns in asked]
    return _with(
        found,
        rows=sample.rows_in(files.bytes),
        exact=sample.files == len(files.objects) and not filtered - keys,
        scanned_bytes=sum(read),
        billed_bytes=sum(map(billed_bytes, read)),
    )


def _unpruned(columns: set[str]) -> str:
    """What it means that some of the filtered columns are no partition keys."""
    if not columns:
        return ""
    names = " and ".join(sorted(columns))
    return f"{names} is no partition key: each of these files is read, and its rows are filtered"


def _with(found: Estimate, **changes: object) -> Estimate:
    values = {**found.__dict__, **changes}
    return Estimate(**values)
