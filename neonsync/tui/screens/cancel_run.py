"""The question before a run is stopped, and what either way of stopping would mean."""

from __future__ import annotations

from neonsync.tui.formatting import short
from neonsync.tui.run_controller import RunController
from neonsync.tui.run_view import RunSnapshot
from neonsync.tui.screens.confirm import Ask

KEEP, ROLL_BACK = "stop", "roll-back"
CHOICES = (("go-on", "Keep running"), (KEEP, "Stop"), (ROLL_BACK, "Stop and roll back"))


class CancelRun(Ask):
    """Gives ``go-on``, ``stop``, ``roll-back`` or None; the first is in focus."""

    def __init__(self, controller: RunController) -> None:
        super().__init__(
            "Stop this run?", lambda: warning(controller.snapshot()), CHOICES, danger=True
        )


def warning(snapshot: RunSnapshot) -> str:
    """What stands to be lost, in words that are true at this moment."""
    if said := no_way_back(snapshot):
        return said
    working = sum(line.phase == "running" for line in snapshot.tables)
    tables = f"{working} table{' is' if working == 1 else 's are'} at work"
    staged = f", {short(snapshot.sent)} rows are in staging" if snapshot.sent else ""
    return (
        f"{tables}{staged}. Every table of the branch stays as it was, either way.\n\n"
        "Stop: what is loaded is kept, and the next run goes on from there.\n"
        "Stop and roll back: staging and the exported files are deleted."
    )


def no_way_back(snapshot: RunSnapshot) -> str:
    """Why stopping does not leave every table as it was; empty as long as it does."""
    if any(table.done for table in snapshot.state.tables.values()):
        return (
            "The tables are published already, and stay so. Stopping only leaves out the checks "
            "and the clearing up."
        )
    if snapshot.state.step == "publish":
        return (
            "The tables are being published in one transaction. Stopped now, it is either undone "
            "whole or done whole; the run will tell which."
        )
    return ""
