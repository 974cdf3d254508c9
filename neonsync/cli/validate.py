"""``neonsync validate``: a branch against Athena, as both are now; and what differs, repaired."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neonsync.cli.headless import carry_out
from neonsync.cli.loaded import loaded
from neonsync.cli.output import fitted, print_error, say, say_json, write_line
from neonsync.cli.reporters import report_unstarted
from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.planning.target import check_target
from neonsync.engine.proof.compared import Comparisons
from neonsync.engine.validate import Bill, validate
from neonsync.errors import ExitCode, NeonsyncError, RunCancelled
from neonsync.report.comparison import as_json as comparison_as_json
from neonsync.report.comparison import as_text, stopped
from neonsync.report.wording import printable
from neonsync.services.repair import repairs
from neonsync.settings import Settings
from neonsync.tables import Mode, OnMissing
from neonsync.validation.result import CheckResult, Status


def run_validate(
    flags: Mapping[str, Any], config: Path | None, *, repair: bool, as_json: bool
) -> ExitCode:
    """Compare, and print on stdout what differs; with ``repair`` sync that and compare again.

    Raises:
        NeonsyncError: the settings are wrong, or a service cannot be reached; nothing was repaired.
        RunCancelled: it was stopped before it knew what differs.
    """
    settings = loaded({**flags, "mode": Mode.FULL.value}, config)

    def tell(text: str) -> None:
        say(printable(text), err=True)

    plan = make_plan(settings, tell, compares=True)
    if repair:
        # Before anything is paid for.
        check_target(settings, plan.address)
    bill, per_tb = Bill(), settings.athena.price_per_tb
    try:
        found = asyncio.run(validate(plan, tell, bill))
    except (KeyboardInterrupt, SystemExit) as stop:
        what = stopped("stopped comparing; nothing was written", bill, per_tb)
        raise RunCancelled(what, _code(stop)) from None
    repaired: dict[str, str] = {}
    failed: list[CheckResult] = []
    end: ExitCode | None = None
    if repair and any(table.differs for table in found.tables):
        write_line(fitted(as_text(plan, found), err=as_json), err=as_json)
        try:
            end = _repair(settings, config, plan, found, repaired, failed, err=as_json)
            if end is None:
                found = asyncio.run(validate(plan, tell, bill))
                if found.surplus and settings.on_missing is OnMissing.KEEP:
                    tell(
                        "Rows that only the branch has were kept; "
                        "--repair --on-missing delete lets them go."
                    )
        except (KeyboardInterrupt, SystemExit) as stop:
            end = _code(stop)
            told = stopped(f"stopped; {_done(repaired)}", bill, per_tb)
            tell(f"{told}. neonsync validate compares again.")
        except NeonsyncError as error:
            # Told here: what was published by then is not to be lost with it.
            end = error.exit_code
            print_error(error)
            report_unstarted(error, os.environ, as_json=False)
            tell(f"{_done(repaired)}. neonsync validate compares again.")
    # The second comparison is paid for as well, be it stopped or not.
    found = replace(found, scanned_bytes=bill.scanned_bytes, price=bill.price(per_tb))
    if as_json:
        say_json(comparison_as_json(plan, found, tuple(repaired), failed))
    elif end is None:
        write_line(fitted(as_text(plan, found)))
        if not repair and any(table.differs for table in found.tables):
            tell("Add --repair to sync again what differs, and nothing else.")
    if failed:
        told = ", ".join(f"{each.table}: {each.check}" for each in failed)
        tell(f"Of what was repaired a check failed: {told}. The report of its run tells more.")
    if end is not None:
        return end
    return ExitCode.OK if found.equal and not failed else ExitCode.VALIDATION


def _code(stop: BaseException) -> ExitCode:
    """Of Ctrl-C, or of SIGTERM, which ends the program by an exception as well."""
    return ExitCode.INTERRUPTED if isinstance(stop, KeyboardInterrupt) else ExitCode.TERMINATED


def _done(repaired: Mapping[str, str]) -> str:
    if not repaired:
        return "no repair has been published"
    told = ", ".join(f"{table} by {run}" for run, table in repaired.items())
    return f"repaired and published before: {told}"


_ENDS = (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.ACCESS, ExitCode.REFUSED)
"""What a run ends with that was asked to stop, or whose reason to fail the next one shares."""


def _repair(
    settings: Settings,
    config: Path | None,
    plan: Plan,
    found: Comparisons,
    repaired: dict[str, str],
    failed: list[CheckResult],
    *,
    err: bool,
) -> ExitCode | None:
    """Sync what differs, table by table; ``repaired`` gets those published, by their runs' names,
    ``failed`` the checks that these runs failed.

    Returns the exit code of a run after which nothing more is to be done, not even a comparison,
    which is paid for.
    """
    for each in repairs(settings, plan, found):
        say(printable(str(each)), err=err)
        result = carry_out(each.settings, config, stdout_is_taken=err)
        if result.status in ("succeeded", "invalid"):
            repaired[result.run_id] = each.table
            failed += [check for check in result.checks if check.status is Status.FAILED]
        if result.exit_code in _ENDS:
            return result.exit_code
    return None
