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
from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.validate import Comparisons, validate
from neonsync.errors import ExitCode
from neonsync.neon.guards import check_sync
from neonsync.report.comparison import as_json as comparison_as_json
from neonsync.report.comparison import as_text
from neonsync.report.wording import printable
from neonsync.secret import redact
from neonsync.services.context import known_secrets
from neonsync.services.repair import repairs
from neonsync.settings import Settings, load_settings
from neonsync.tables import Mode


def run_validate(
    flags: Mapping[str, Any], config: Path | None, *, repair: bool, as_json: bool
) -> ExitCode:
    """Compare, and print on stdout what differs; with ``repair`` sync that and compare again.

    Raises:
        NeonsyncError: the settings are wrong, or a service cannot be reached.
    """
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
    if repair and any(table.differing for table in found.tables):
        say(redact(as_text(plan, found), *secrets), err=as_json)
        repaired = _repair(settings, config, plan, found, err=as_json)
        found = asyncio.run(validate(plan, tell))
    if as_json:
        text = json.dumps(comparison_as_json(plan, found, repaired))
    else:
        text = as_text(plan, found)
    say(redact(text, *secrets))
    return ExitCode.OK if found.equal else ExitCode.VALIDATION


def _repair(
    settings: Settings, config: Path | None, plan: Plan, found: Comparisons, *, err: bool
) -> tuple[str, ...]:
    """Sync what differs, table by table; the names of the runs."""
    names = []
    for each in repairs(settings, plan, found):
        say(printable(str(each)), err=err)
        result = carry_out(each.settings, config, stdout_is_taken=err)
        names.append(result.run_id)
        if result.exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
            break
    return tuple(names)
