"""What a run needs to know, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from neonsync.secret import Secret, secrets_of
from neonsync.tables import DeclaredCheck, Mode, OnMissing, Publish, TableConfig, Validation


class OnError(StrEnum):
    """What becomes of the other tables when one fails."""

    STOP = "stop"
    CONTINUE = "continue"


class VerifyTarget(StrEnum):
    """Of which published rows the digest is taken once more, from the target itself."""

    CHANGED = "changed"
    """Those of the dates that a merge has written into."""
    ALL = "all"
    """All that were published."""


@dataclass(frozen=True)
class AthenaSettings:
    """Where the lake is. ``output_location`` may be empty when the workgroup has its own.

    A query is waited for ``timeout_minutes``; 0 is for ever.
    """

    database: str
    region: str
    workgroup: str
    output_location: str
    price_per_tb: float
    timeout_minutes: float = 60.0


@dataclass(frozen=True)
class NeonSettings:
    """How the branch is found: by the API, or by an address alone.

    With ``api_key``, ``project_id`` is set too, and the branch is found by its name; a connection
    string beside it only tells ``database`` and ``role``, which may be empty when the branch has
    only one. Without ``api_key``, ``connection_string`` is set and leads to the branch itself; it
    has a role, a host and a database, and an ``sslmode`` of ``require`` at least unless the host is
    this machine.
    """

    project_id: str
    api_key: Secret | None
    api_host: str
    database: str
    role: str
    connection_string: Secret | None = None


@dataclass(frozen=True)
class Filters:
    """Which rows of which tables; what is empty or None does not filter.

    ``words`` are of the old table filter: each is a table or a state. ``days`` is the number of
    days up to today, ``first`` and ``last`` bound the days, both included; ``days`` is None when
    one of them is set. ``dates`` names the days one by one, and comes before these; no setting
    does, but a repair.
    """

    words: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    days: int | None = None
    first: date | None = None
    last: date | None = None
    dates: tuple[date, ...] = ()


@dataclass(frozen=True)
class TestDataSettings:
    """How rows are made in the mode test-data; ``rows`` is for each table, None is its own."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    rows: int | None = None
    seed: int = 1
    scenario: str = "all"


@dataclass(frozen=True)
class QualitySettings:
    """Whether tables are measured after publishing, and from when on a change is told.

    ``volume_drop`` and ``null_jump`` are in percent; 100 tells of none.
    """

    metrics: bool = True
    volume_drop: float = 20.0
    null_jump: float = 10.0
    new_category: bool = True


@dataclass(frozen=True)
class Settings:
    """All that a run needs to know; made by ``load_settings``.

    ``branch`` is the exact name, empty for the project's default branch. ``confirm`` lists the
    default or protected branches that may be written. ``publish``, ``on_missing`` and
    ``validation`` count for tables that do not say themselves; ``allow_delete`` is the share of a
    table's rows, in percent, that may be missing and deleted. ``verify_target`` is what is proved
    once more after publishing, and ``show_values`` lets messages show values that differ. With
    ``on_error`` continue each table is published by itself. ``jobs`` is the number of connections
    that load chunks. ``checks`` are those that the user has declared; a query of a check may take
    ``check_timeout`` seconds, any time where it is 0.
    ``fresh`` continues no earlier run. ``config_path`` is the project's file, None without one.
    ``origins`` tells where each value came from, by its dotted name; ``notices`` is what the user
    should hear about them.
    """

    branch: str
    mode: Mode
    confirm: tuple[str, ...]
    report_dir: Path
    jobs: int
    athena: AthenaSettings
    neon: NeonSettings
    filters: Filters = Filters()
    tables: tuple[TableConfig, ...] = ()
    test_data: TestDataSettings = TestDataSettings()
    publish: Publish = Publish.AUTO
    on_missing: OnMissing = OnMissing.KEEP
    validation: Validation = Validation.EXACT
    verify_target: VerifyTarget = VerifyTarget.CHANGED
    show_values: bool = False
    allow_delete: float = 10.0
    on_error: OnError = OnError.STOP
    checks: tuple[DeclaredCheck, ...] = ()
    check_timeout: float = 30.0
    quality: QualitySettings = QualitySettings()
    fresh: bool = False
    dry_run: bool = False
    config_path: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Whatever must not be shown, for those who mask it."""
        return secrets_of(self.neon.api_key, self.neon.connection_string)
