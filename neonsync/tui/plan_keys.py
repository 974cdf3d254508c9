"""The keys of the plan, and what its help says."""

from __future__ import annotations

from textual.binding import Binding

BINDINGS = (
    Binding("f5", "start_run", "Start", key_display="F5", id="plan.start"),
    Binding("p", "dry_run", "Dry run", id="plan.dry_run"),
    Binding("c", "compare", "Compare", id="plan.compare"),
    Binding("y", "copy", "Copy cmd", id="plan.copy"),
    Binding("m", "mode", "Mode", id="plan.mode"),
    Binding("w", "save", "Save", id="plan.save"),
    Binding("l", "load", "Load", id="plan.load"),
    Binding("r", "refresh", "Refresh", show=False, id="plan.refresh"),
    Binding("t", "tables", "Tables", show=False, id="plan.tables"),
)
HELP = (
    "What to sync, and what that would do. Space chooses, a all, i the others, / filters.\n"
    "No state chosen is all of them. Days count back from today, in UTC.\n"
    "swap: the table is built beside and put in place in one step. merge: changed rows are "
    "updated, new ones inserted; what becomes of others is told by Missing.\n"
    "c compares what is chosen with Athena, as branch and lake are now, and can repair what "
    "differs (neonsync validate); in the mode Full, where rows are copied.\n"
    "Nothing else is written before F5. The default branch and protected ones want their name "
    "typed, unless the run goes into a child of them."
)
