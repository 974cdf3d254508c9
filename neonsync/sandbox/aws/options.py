"""What a sandbox's AWS half is started with: its key pair and how its Athena behaves."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AwsKeys:
    """The one key pair that the service accepts; requests are verified against it."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class AthenaOptions:
    """How the local Athena behaves.

    ``query_seconds``: the least time that a query spends queued and running.
    ``unload_files``: how many files UNLOAD writes, given at least as many rows.
    ``row_group_rows``: the most rows in a row group of UNLOAD's Parquet files. Groups are cut
    shorter where they would need too much memory.
    """

    query_seconds: float = 0.3
    unload_files: int = 4
    row_group_rows: int = 1_000_000

    def __post_init__(self) -> None:
        if self.query_seconds < 0 or self.unload_files < 1 or self.row_group_rows < 1:
            raise ValueError(f"out of range: {self}")
