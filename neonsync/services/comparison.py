"""A branch against Athena as the UI asks for it: compared, told, and what would repair it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.proof.compared import Comparisons
from neonsync.engine.validate import Bill, validate
from neonsync.errors import RunCancelled
from neonsync.report.comparison import as_text, stopped, verdict
from neonsync.report.wording import printable
from neonsync.secret import redact
from neonsync.selection import Selection
from neonsync.services.context import Context, hidden, known_secrets, selection_of
from neonsync.services.repair import Repair, repairs
from neonsync.services.values import Compared, RepairOffer, Talk
from neonsync.tables import Mode

_LOOK_SECONDS = 0.1


def compare(context: Context, selection: Selection, talk: Talk) -> Compared:
    """Compare; whoever sets ``talk.cancel`` has the queries stopped.

    Raises:
        NeonsyncError: the settings are wrong, or a service cannot be reached.
        RunCancelled: it was stopped.
    """
    settings = replace(context.chosen(selection), mode=Mode.FULL)
    secrets = (*settings.secrets, *known_secrets(context.environ))

    def tell(text: str) -> None:
        talk.say(printable(redact(text, *secrets)))

    with hidden(secrets):
        plan = make_plan(settings, tell, compares=True)
        found = asyncio.run(_stoppable(plan, tell, talk))
    return Compared(
        found.equal,
        redact(verdict(found), *secrets),
        redact(as_text(plan, found), *secrets),
        tuple(_offer(each, selection.config) for each in repairs(settings, plan, found)),
    )


async def _stoppable(plan: Plan, tell: Callable[[str], None], talk: Talk) -> Comparisons:
    """The comparison, which is cancelled when nobody waits for it any more."""
    bill = Bill()
    comparing = asyncio.ensure_future(validate(plan, tell, bill))
    while not (comparing.done() or talk.cancel.is_set()):
        await asyncio.wait({comparing}, timeout=_LOOK_SECONDS)
    if not comparing.done():
        comparing.cancel()
    try:
        return await comparing
    except asyncio.CancelledError:
        what = "stopped comparing; nothing was written"
        raise RunCancelled(stopped(what, bill, plan.settings.athena.price_per_tb)) from None


def _offer(repair: Repair, config: Path | None) -> RepairOffer:
    selection = replace(selection_of(repair.settings, config), fresh=True)
    return RepairOffer(repair.table, selection, repair.settings.filters.dates)
