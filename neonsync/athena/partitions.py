"""Partitions of the lake, and the files below them: what a query would read, for free."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

from neonsync.athena.catalogue import CatalogueTable
from neonsync.athena.client import Athena
from neonsync.athena.failures import translated_errors
from neonsync.athena.filters import DateRange
from neonsync.athena.objects import S3Object, list_prefix
from neonsync.athena.s3 import S3
from neonsync.tables import Day, DayForm

_FORMS = {
    DayForm.DASHED: re.compile(r"\d{4}-\d{2}-\d{2}"),
    DayForm.PLAIN: re.compile(r"(19|20|21)\d{2}[01]\d[0-3]\d"),
}
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""How Hive writes the partition of rows whose key is NULL."""
_PROJECTED_FORMS = {"yyyy-MM-dd": DayForm.DASHED, "yyyyMMdd": DayForm.PLAIN}


@dataclass(frozen=True)
class Partition:
    """One partition: its values in the order of the partition keys, and where its files lie."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class Files:
    """The files that a scan would read. ``partitions`` of ``all_partitions`` hold them.

    ``pruned`` is False when the table's files could not be told apart by partition, so that all of
    them are here. ``days`` are those of all partitions, in order; empty where some do not tell.
    """

    objects: tuple[S3Object, ...]
    partitions: int
    all_partitions: int
    newest: str
    pruned: bool
    days: tuple[date, ...] = ()

    @property
    def bytes(self) -> int:
        """Their size together."""
        return sum(entry.size for entry in self.objects)


def is_projected(table: CatalogueTable) -> bool:
    """Whether Athena computes the partitions from the table's properties."""
    return table.parameters.get("projection.enabled", "").lower() == "true"


def list_partitions(athena: Athena, table: CatalogueTable) -> list[Partition]:
    """All partitions that the catalogue has registered."""
    if not table.partition_keys:
        return []
    with translated_errors(f"listing the partitions of {table.table}"):
        pages = athena.glue.get_paginator("get_partitions").paginate(
            DatabaseName=table.table.database,
            TableName=table.table.name,
            ExcludeColumnSchema=True,
        )
        return [
            Partition(
                tuple(entry["Values"]), entry.get("StorageDescriptor", {}).get("Location", "")
            )
            for page in pages
            for entry in page["Partitions"]
        ]


def form_of_values(table: CatalogueTable, position: int, values: Sequence[str]) -> DayForm | None:
    """How a text partition key writes its dates; None when its values are no dates."""
    name = table.partition_keys[position].name
    declared = table.parameters.get(f"projection.{name}.format", "")
    if is_projected(table) and declared in _PROJECTED_FORMS:
        return _PROJECTED_FORMS[declared]
    values = [value for value in values if value != NULL_PARTITION]
    for form, pattern in _FORMS.items():
        if values and all(pattern.fullmatch(value) for value in values):
            return form
    return None


def day_of_values(keys: Sequence[str], values: Sequence[str], day: Day) -> date | None:
    """The day of a partition; None when its values do not tell it."""
    found = dict(zip(keys, values, strict=False))
    texts = [found.get(name, "") for name in day.columns]
    try:
        if day.form is DayForm.PARTS:
            return date(*map(int, texts))
        # A timestamp's partition is written as 2026-01-31 00:00:00.
        return date.fromisoformat(texts[0][:10])
    except ValueError:
        return None


def files_to_read(
    athena: Athena,
    table: CatalogueTable,
    partitions: Sequence[Partition],
    day: Day | None,
    days: DateRange,
    states: tuple[str, Sequence[str]] | None,
) -> Files:
    """List the files of those partitions that a filtered query reads.

    ``states`` is the state column with the values asked for. A filter on a column that is no
    partition key reads everything.

    Raises:
        AthenaAccessError: the role may not list the bucket.
    """
    root = _folder(table.location)
    keys = [column.name for column in table.partition_keys]
    if not keys:
        return Files(tuple(_data_files(athena.s3, root)), 0, 0, "", pruned=True)
    if is_projected(table) or not partitions:
        # Computed partitions are in no list; the folders tell them where they are named so.
        objects = _data_files(athena.s3, root)
        partitions = _partitions_of_folders(root, keys, objects)
        if not partitions:
            return Files(tuple(objects), 0, 0, "", pruned=False)
    chosen = [partition for partition in partitions if _is_read(keys, partition, day, days, states)]
    folders = {_folder(partition.location) for partition in chosen}
    objects = [
        entry
        for listed in _to_list(root, folders)
        for entry in _data_files(athena.s3, listed)
        if listed in folders or any(parent in folders for parent in _parents(entry))
    ]
    return Files(
        tuple(objects),
        len(chosen),
        len(partitions),
        newest_partition(table, partitions),
        pruned=True,
        days=days_of_partitions(keys, partitions, day),
    )


def days_of_partitions(
    keys: Sequence[str], partitions: Sequence[Partition], day: Day | None
) -> tuple[date, ...]:
    """The days of all partitions, in order; empty where some do not tell."""
    if day is None or not set(day.columns) <= set(keys):
        return ()
    told = [each for each in partitions if NULL_PARTITION not in each.values]
    days = {day_of_values(keys, each.values, day) for each in told}
    return tuple(sorted(filter(None, days))) if None not in days else ()


def newest_partition(table: CatalogueTable, partitions: Sequence[Partition]) -> str:
    """The last partition in the order of its values, as ``key=value``; empty without any."""
    told = [partition.values for partition in partitions if NULL_PARTITION not in partition.values]
    values = max(told, key=_as_numbers, default=())
    keys = [column.name for column in table.partition_keys]
    return "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=False))


def _as_numbers(values: tuple[str, ...]) -> list[tuple[int, str]]:
    """An order in which 11 comes after 9, and texts stand as they are."""
    return [(int(value) if value.isdecimal() else 0, value) for value in values]


def _is_read(
    keys: Sequence[str],
    partition: Partition,
    day: Day | None,
    days: DateRange,
    states: tuple[str, Sequence[str]] | None,
) -> bool:
    """Whether a filter leaves a partition in, as far as its values tell."""
    values = dict(zip(keys, partition.values, strict=False))
    if day is not None and days and set(day.columns) <= set(keys):
        found = day_of_values(keys, partition.values, day)
        if found is not None and not days.holds(found):
            return False
    if states is not None and states[0] in values:
        value = values[states[0]]
        return any(value in (state, state.lstrip("0")) for state in states[1])
    return True


FEW_FOLDERS = 50
"""Up to so many are listed one by one; the folder above them all is listed once for more."""


def _to_list(root: str, folders: set[str]) -> list[str]:
    """The fewest listings that show all of the folders."""
    if len(folders) <= FEW_FOLDERS:
        return sorted(folders)
    return [root, *sorted(folder for folder in folders if not folder.startswith(root))]


def _parents(entry: S3Object) -> Iterator[str]:
    """All folders above a file, the nearest first."""
    parts = entry.address.split("/")
    for count in range(len(parts) - 1, 3, -1):
        yield "/".join(parts[:count]) + "/"


def _partitions_of_folders(
    root: str, keys: Sequence[str], objects: Sequence[S3Object]
) -> list[Partition]:
    """The partitions that folders named ``key=value`` tell of."""
    found: dict[tuple[str, ...], str] = {}
    for entry in objects:
        parts = entry.address.removeprefix(root).split("/")[: len(keys)]
        pairs = [part.partition("=") for part in parts]
        if len(parts) == len(keys) and all(
            name == key and there for (name, there, _), key in zip(pairs, keys, strict=True)
        ):
            values = tuple(unquote(value) for _, _, value in pairs)
            found.setdefault(values, root + "/".join(parts))
    return [Partition(values, location) for values, location in found.items()]


def _data_files(s3: S3, folder: str) -> list[S3Object]:
    """The files below a folder that Athena reads: those whose names do not hide them."""
    return [
        entry
        for entry in list_prefix(s3, folder)
        if entry.size and not entry.key.rsplit("/", 1)[-1].startswith(("_", "."))
    ]


def _folder(location: str) -> str:
    return location.rstrip("/") + "/"
