"""``neonsync validate``: a branch against Athena, as both are now; and what differs, repaired."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neonsync.cli.headless import carry_out
from neonsync.cli.output import say
from neonsync.engine.compared import Comparisons
from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.validate import validate
from neonsync.errors import ConfigError, ExitCode
from neonsync.neon.guards import check_sync
from neonsync.report.comparison import as_json as comparison_as_json
from neonsync.report.comparison import as_text
from neonsync.report.wording import printable
from neonsync.secret import redact, redacted
from neonsync.services.context import known_secrets
from neonsync.services.repair import repairs
from neonsync.settings import Settings, load_settings
from neonsync.tables import Mode, OnMissing


def run_validate(
    flags: Mapping[str, Any], config: Path | None, *, repair: bool, as_json: bool
) -> ExitCode:
    """Compare, and print on stdout what differs; with ``repair`` sync that and compare again.

    Raises:
        NeonsyncError: the settings are wrong, or a service cannot be reached.
    """
    _refuse_in_vain(flags)
    settings = load_settings(flags=flags, environ=os.environ, config=config)
    settings = replace(settings, mode=Mode.FULL)
    secrets = (*settings.secrets, *known_secrets(os.environ))

    def tell(text: str) -> None:
        say(printable(redact(text, *secrets)), err=True)

    plan = make_plan(settings, tell, compares=True)
    if repair and settings.neon.api_key is not None:
        # Before anything is paid for.
        check_sync(plan.branch, settings.confirm)
    found = asyncio.run(validate(plan, tell))
    repaired: tuple[str, ...] = ()
    stopped: ExitCode | None = None
    if repair and any(table.differs for table in found.tables):
        say(redact(as_text(plan, found), *secrets), err=as_json)
        repaired, stopped = _repair(settings, config, plan, found, err=as_json)
        if stopped is None:
            again = asyncio.run(validate(plan, tell))
            found = replace(
                again,
                scanned_bytes=found.scanned_bytes + again.scanned_bytes,
                price=found.price + again.price,
            )
            if found.surplus and settings.on_missing is OnMissing.KEEP:
                tell(
                    "Rows that only the branch has were kept; "
                    "--repair --on-missing delete lets them go."
                )
    if as_json:
        say(json.dumps(redacted(comparison_as_json(plan, found, repaired), *secrets)))
    elif stopped is None:
        say(redact(as_text(plan, found), *secrets))
    if stopped is not None:
        return stopped
    return ExitCode.OK if found.equal else ExitCode.VALIDATION


_IN_VAIN = {
    "dry_run": "--dry-run",
    "mode": "--mode",
    "test_data.rows": "--rows",
    "test_data.seed": "--seed",
    "test_data.scenario": "--scenario",
}


def _refuse_in_vain(flags: Mapping[str, Any]) -> None:
    """Make sure that nobody is in the belief that a flag holds something back.

    Raises:
        ConfigError: a flag was given that has no effect here.
    """
    for name, flag in _IN_VAIN.items():
        if flags.get(name):
            raise ConfigError(
                f"{flag} has no effect on validate",
                "It compares tables of the mode full, and writes nothing without --repair.",
            )


_ENDS = (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.ACCESS, ExitCode.REFUSED)
"""What a run ends with that was asked to stop, or whose reason to fail the next one shares."""


def _repair(
    settings: Settings, config: Path | None, plan: Plan, found: Comparisons, *, err: bool
) -> tuple[tuple[str, ...], ExitCode | None]:
    """Sync what differs, table by table.

    Returns the names of the runs that have published, and the exit code of one after which
    nothing more is to be done, not even a comparison, which is paid for.
    """
    names = []
    for each in repairs(settings, plan, found):
        say(printable(str(each)), err=err)
        result = carry_out(each.settings, config, stdout_is_taken=err)
        if result.status in ("succeeded", "invalid"):
            names.append(result.run_id)
        if result.exit_code in _ENDS:
            return tuple(names), result.exit_code
    return tuple(names), None
