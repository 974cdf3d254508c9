"""The settings of a run, from everything that was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neonsync.secret import redact
from neonsync.settings.access import Access, find_access, missing
from neonsync.settings.model import (
    AthenaSettings,
    Filters,
    NeonSettings,
    QualitySettings,
    Settings,
    TestDataSettings,
)
from neonsync.settings.resolve import Rank, Resolution, resolve
from neonsync.tables import TableConfig

_FILLED_IN = ("on_bad_value", "on_duplicate", "on_drift")
_OF_A_TABLE = ("publish", "on_missing", "validation", *_FILLED_IN)
"""Settings that an entry of [[tables]] may have for itself; some are filled in where it has not."""


def load_settings(
    *,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Path | None = None,
    directory: Path | None = None,
) -> Settings:
    """Put the settings together.

    ``flags`` has dotted names, and None for a flag that was not given. An empty variable of the
    environment counts as not set, as Actions passes an input that was left empty. ``config`` is
    the project's file; without it, the one that ``NEONSYNC_CONFIG`` or ``directory`` (the working
    directory when None) has.

    Raises:
        ConfigError: something is missing, unknown or wrong; the message names it and its origin.
    """
    result = resolve(flags, environ, config, directory or Path())
    access = find_access(result, environ)
    problem = result.problems[0] if result.problems else missing(result, access)
    if problem is not None:
        # It quotes what was given, which may be a secret in the wrong place.
        problem.message = redact(problem.message, *access.secrets)
        raise problem
    return replace(
        _settings(result, access),
        dry_run=bool(flags.get("dry_run")),
        fresh=bool(flags.get("fresh")),
    )


@dataclass(frozen=True)
class Lake:
    """Where the lake is, and the project's file that a table may be added to, if there is one.

    ``tables`` are those that a run would sync.
    """

    athena: AthenaSettings
    project: Path | None
    tables: tuple[TableConfig, ...] = ()


def load_lake(
    *,
    environ: Mapping[str, str],
    config: Path | None = None,
    directory: Path | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Lake:
    """The part of the settings that tells of the lake; no branch needs to be reachable.

    Raises:
        ConfigError: something is unknown or wrong; the message names it and its origin.
    """
    result = resolve(flags or {}, environ, config, directory or Path())
    if result.problems:
        raise result.problems[0]
    return Lake(_athena(result), result.places.project, result.tables)


def _athena(result: Resolution) -> AthenaSettings:
    values = result.values
    return AthenaSettings(
        database=values["athena.database"],
        region=values["athena.region"],
        workgroup=values["athena.workgroup"],
        output_location=values["athena.output_location"],
        price_per_tb=values["athena.price_per_tb"],
        timeout_minutes=values["athena.timeout_minutes"],
    )


def _tables(result: Resolution) -> tuple[TableConfig, ...]:
    """The tables; what a flag or a variable says comes before what an entry says of itself."""
    overruled: dict[str, Any] = {
        name: None for name in _OF_A_TABLE if result.found[name].rank <= Rank.ENVIRONMENT
    }
    tables = []
    for table in result.tables:
        own = replace(table, **overruled)
        filled = {name: result.values[name] for name in _FILLED_IN if getattr(own, name) is None}
        tables.append(replace(own, **filled))
    return tuple(tables)


def _settings(result: Resolution, access: Access) -> Settings:
    values = result.values
    return Settings(
        branch=values["branch"],
        mode=values["mode"],
        confirm=values["confirm"],
        report_dir=Path(values["report_dir"]),
        jobs=values["jobs"],
        athena=_athena(result),
        neon=NeonSettings(
            project_id=values["neon.project_id"],
            api_key=access.api_key,
            api_host=values["neon.api_host"],
            database=values["neon.database"],
            role=values["neon.role"],
            connection_string=access.address.secret if access.address is not None else None,
        ),
        filters=Filters(
            words=values["filters.table_filter"],
            tables=values["filters.tables"],
            states=values["filters.states"],
            days=values["filters.days"],
            first=values["filters.from"],
            last=values["filters.to"],
        ),
        tables=_tables(result),
        test_data=TestDataSettings(
            rows=values["test_data.rows"],
            seed=values["test_data.seed"],
            scenario=values["test_data.scenario"],
        ),
        publish=values["publish"],
        on_missing=values["on_missing"],
        validation=values["validation"],
        allow_delete=values["allow_delete"],
        verify_target=values["verify_target"],
        show_values=values["show_values"],
        on_error=values["on_error"],
        checks=result.checks,
        check_timeout=values["check_timeout"],
        quality=QualitySettings(
            metrics=values["quality.metrics"],
            volume_drop=values["quality.volume_drop"],
            null_jump=values["quality.null_jump"],
            new_category=values["quality.new_category"],
        ),
        config_path=result.places.project,
        origins=result.origins,
        notices=tuple(result.notices),
    )
