"""The plan: which branch, which tables, and the SQL that Athena will get. Writes nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from neonsync.athena import sql
from neonsync.athena.catalogue import CatalogueTable, read_table
from neonsync.athena.client import Athena
from neonsync.athena.sql import SourceTable
from neonsync.columns import export_expression, rounding_note
from neonsync.errors import ConfigError, RefusedError
from neonsync.neon.branches import Project
from neonsync.neon.models import Branch, BranchAddress
from neonsync.settings import Settings
from neonsync.tables import FORECAST, TableSpec

_FINGERPRINT_VERSION = 1  # raised when a left-over run of an older version cannot be continued


@dataclass(frozen=True)
class TablePlan:
    """One table: ``select`` is what is exported, ``count`` is Athena's independent word on it.

    ``warnings`` tells of columns whose declared type cannot hold every value of the source's.
    """

    spec: TableSpec
    source: SourceTable
    select: str
    count: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that a run will do. ``fingerprint`` tells whether a left-over run did the same."""

    settings: Settings
    branch: Branch
    address: BranchAddress
    output_location: str
    tables: tuple[TablePlan, ...]
    fingerprint: str


def make_plan(settings: Settings, tables: tuple[TableSpec, ...] = (FORECAST,)) -> Plan:
    """Resolve the branch and the tables. Blocks; contacts Neon and Athena, writes nowhere.

    Raises:
        ConfigError: the branch, the project or a setting is wrong.
        RefusedError: the branch is the default or a protected one and was not confirmed.
        AccessError: Neon or AWS cannot be reached.
        SourceError: a table or column of the lake is not there, or cannot be copied.
    """
    project = Project(settings.neon)
    branch = project.branch(settings.branch)
    check_confirmed(branch, settings.confirm)
    address = project.address(branch)
    athena = Athena(settings.athena)
    planned = tuple(
        _plan_table(read_table(athena, athena.table(spec.source)), spec) for spec in tables
    )
    return Plan(
        settings=settings,
        branch=branch,
        address=address,
        output_location=athena.output_location(),
        tables=planned,
        fingerprint=_fingerprint(settings, branch, address, planned),
    )


def check_confirmed(branch: Branch, confirmed: tuple[str, ...]) -> None:
    """Refuse a branch that needs a confirmation and has none.

    Raises:
        RefusedError: always exit code 6.
    """
    kind = "a protected" if branch.protected else "the default" if branch.default else ""
    if kind and branch.name not in confirmed:
        raise RefusedError(
            f"{branch.name} is {kind} branch, and writing to it was not confirmed",
            f'Add --confirm {branch.name}, or confirm = ["{branch.name}"] to the configuration, '
            "if that is what you want; or name another branch with --branch.",
        )


def _plan_table(table: CatalogueTable, spec: TableSpec) -> TablePlan:
    expressions = {
        column.name: export_expression(
            sql.identifier(column.name), table.column(column.name).type, column.type, column.name
        )
        for column in spec.columns
    }
    if spec.date_column is not None:
        date = next(column for column in spec.columns if column.name == spec.date_column)
        if date.type.base != "date":
            raise ConfigError(f'the date column "{date.name}" of {spec.qualified} is no date')
    return TablePlan(
        spec=spec,
        source=table.table,
        select=sql.select_columns(
            table.table, [(expression, name) for name, expression in expressions.items()]
        ),
        count=sql.count_by(
            table.table,
            expressions.get(spec.date_column or ""),
            expressions.get(spec.state_column or ""),
        ),
        warnings=tuple(
            f"{spec.source}: {note}"
            for column in spec.columns
            if (note := rounding_note(column.name, table.column(column.name).type, column.type))
        ),
    )


def _fingerprint(
    settings: Settings, branch: Branch, address: BranchAddress, tables: tuple[TablePlan, ...]
) -> str:
    parts = [
        _FINGERPRINT_VERSION,
        branch.id,
        address.database,
        settings.mode,
        [[repr(table.spec), table.select, table.count] for table in tables],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
