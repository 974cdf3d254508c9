"""``neonsync config check``: everything that a run needs, looked at without writing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from neonsync.cli.config_live import run_live
from neonsync.cli.loaded import loaded
from neonsync.cli.output import print_error, say
from neonsync.engine.plan import Plan, make_plan
from neonsync.errors import (
    AthenaAccessError,
    DatabaseAccessError,
    DeclaredCheckError,
    ExitCode,
    NeonAccessError,
    NeonsyncError,
    RefusedError,
    SourceError,
    UnknownBranchError,
    UnknownTableError,
    WrongTargetError,
)
from neonsync.postgres.connect import Connection, Database, connected, server_error
from neonsync.settings import Settings
from neonsync.tables import Mode
from neonsync.validation.explained import Refusal, Refused, refused

_CHECKS_ARE = (
    "values have the types of their columns, regular expressions and SQL are Postgres's, and names "
    "are those of the branch."
)
# Which side an error speaks of; the first that fits.
_SIDES: tuple[tuple[tuple[type[NeonsyncError], ...], str], ...] = (
    ((NeonAccessError, UnknownBranchError, WrongTargetError), "Neon"),
    ((AthenaAccessError, UnknownTableError, SourceError), "Athena"),
    ((DatabaseAccessError,), "database"),
    ((RefusedError,), "permission"),
    ((DeclaredCheckError,), "checks"),
)


def run_check(flags: Mapping[str, Any], config: Path | None, *, live: bool = False) -> ExitCode:
    """Print a line for each thing that was checked; the exit code is that of the first fault.

    ``live`` goes on, when all is in order, to send values of every type through the whole way.
    """
    return asyncio.run(_run(flags, config, live))


async def _run(flags: Mapping[str, Any], config: Path | None, live: bool) -> ExitCode:
    at_work = "settings"
    try:
        settings = loaded(flags, config)
        _good("settings", _places(settings))
        at_work = "plan"
        for notice in settings.notices:
            _note(notice)
        async for what, detail in _checks(settings, live=live):
            _good(what, detail)
    except NeonsyncError as error:
        side = next((name for kinds, name in _SIDES if isinstance(error, kinds)), at_work)
        say(f"✗ failed  {side}")
        print_error(error)
        return error.exit_code
    return await run_live(settings) if live else ExitCode.OK


async def _checks(settings: Settings, *, live: bool) -> AsyncIterator[tuple[str, str]]:
    """Each thing that is in order, as it is found out; what comes later needs what came before.

    Before ``live``, which writes, the branch has to be confirmed.

    Raises:
        NeonsyncError: something is not in order.
    """
    plan = await asyncio.to_thread(make_plan, settings, reads=not live)
    for warning in plan.warnings:
        if warning not in settings.notices:
            _note(warning)
    if plan.confirmation:
        _note(plan.confirmation)
    for line in _planned(plan):
        yield line
    declared = sum(len(table.checks) for table in plan.tables)
    unseen: list[Refused] = []
    try:
        async with connected(Database(plan.address.uri, "neonsync config check")) as connection:
            yield "database", await _database(plan, connection)
            if declared:
                unseen = await _declared(plan, connection)
    except psycopg.Error as error:
        raise server_error(error) from error
    for each in unseen:
        _note(f"{_called(each)} {each.refusal}: {each.why}")
    if taken := declared - len(unseen):
        yield "checks", f"{taken} of {declared} declared ones are as Postgres takes them"


def _planned(plan: Plan) -> list[tuple[str, str]]:
    settings = plan.settings
    branch = plan.branch
    lines = [("Neon", f"branch {branch.name} ({branch.id}), host {plan.address.host}")]
    if plan.output_location:
        lines.append(
            (
                "Athena",
                f"database {settings.athena.database} in {settings.athena.region}, "
                f"exports go to {plan.output_location}",
            )
        )
    for table in plan.tables:
        lines.append(
            (
                "table",
                f"{table.spec.source} → {table.spec.qualified}, "
                f"{len(table.spec.columns)} columns, key {', '.join(table.spec.key)}",
            )
        )
    if settings.mode is not Mode.FULL:
        lines.append(("mode", f"{settings.mode}: no rows of the lake are copied"))
    return lines


async def _declared(plan: Plan, connection: Connection) -> list[Refused]:
    """Those of the declared checks that cannot be judged now.

    Raises:
        DeclaredCheckError: Postgres does not take some of them.
    """
    tables = [(table.spec, table.checks) for table in plan.tables]
    found = await refused(connection, tables, plan.settings.check_timeout)
    if wrong := [each for each in found if each.refusal is Refusal.WRONG]:
        raise DeclaredCheckError(
            "; ".join(f"{_called(each)}: {each.why}" for each in wrong),
            f"Mend {'it' if len(wrong) == 1 else 'them'} under [[checks]]: {_CHECKS_ARE}",
        )
    return found


def _called(refused: Refused) -> str:
    check = refused.check
    return f"the check {check.name!r} of {check.table} ({check.kind})"


async def _database(plan: Plan, connection: Connection) -> str:
    """Look who answers to whom a run would log in as."""
    cursor = await connection.execute(
        "SELECT current_setting('server_version'), current_database(), current_user,"
        " to_regnamespace('neonsync') IS NOT NULL"
        " OR has_database_privilege(current_database(), 'CREATE'),"
        # Neon's computes know their branch; other servers know no such setting.
        " current_setting('neon.branch_id', true)"
    )
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError("a SELECT without FROM gives a row")
    version, database, role, may_create, branch_id = row
    by_name = plan.settings.neon.api_key is not None
    if branch_id and by_name and branch_id != plan.branch.id:
        raise WrongTargetError(
            f"the server says that it serves the branch {branch_id}, "
            f"not {plan.branch.name} ({plan.branch.id})",
            "Nothing was written. Check the branch's computes in the Neon console.",
        )
    if not may_create:
        raise RefusedError(
            f"the role {role} may not create schemas in the database {database}",
            f'Grant it: GRANT CREATE ON DATABASE "{database}" TO "{role}".',
        )
    serves = f", which says that it serves {branch_id}" if branch_id else ""
    return f"Postgres {version}{serves}, database {database} as {role}"


def _places(settings: Settings) -> str:
    place = f"from {settings.config_path}" if settings.config_path else "without a project file"
    count = len(settings.tables)
    return f"{place}, mode {settings.mode}, {count} table{'' if count == 1 else 's'}"


def _good(what: str, detail: str) -> None:
    say(f"✓ ok      {what}: {detail}")


def _note(text: str) -> None:
    say(f"! note    {text}")
