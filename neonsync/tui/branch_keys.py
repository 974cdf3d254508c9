"""The keys of the home screen, and what its help says."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding

BINDINGS = (
    Binding("s", "do('sync')", "Sync", id="branches.sync"),
    Binding("n", "new", "New", id="branches.new"),
    Binding("d", "do('delete')", "Delete", id="branches.delete"),
    Binding("h", "do('history')", "History", id="branches.history"),
    Binding("r", "refresh", "Refresh", id="branches.refresh"),
    Binding("slash", "filter", "Filter", key_display="/", id="branches.filter"),
    Binding("question_mark,f1", "help", "Help", key_display="?", id="view.help"),
    Binding("e", "why", "Error", id="branches.why"),
    Binding("R", "do('reset')", "Reset to parent", show=False, id="branches.reset"),
    Binding("b", "do('rollback')", "Roll the last run back", show=False, id="branches.rollback"),
    Binding("o", "do('console')", "Open in Neon console", show=False, id="branches.console"),
    Binding("y", "do('address')", "Copy address", show=False, id="branches.address"),
    Binding("S", "setup", "Setup", show=False, id="branches.setup"),
    Binding("escape", "clear_filter", "Clear filter", show=False, id="branches.clear"),
    Binding("down", "to_rows", "To the rows", show=False, id="branches.rows"),
)
HELP = """\
All branches of the project, the default one first. A mark before the name tells a default or
protected branch: nothing that overwrites or deletes has a key there, and a sync asks for its name.

STATE is Neon's: ready, init while it is made, reset while it is overwritten, archived when Neon has
put it away; it wakes by itself. LAST SYNC is what this machine has done: looking at a branch never
wakes its compute. EXPIRES is when Neon deletes it. Times are in UTC.

Rows are read anew each minute. When Neon does not answer, the last ones stay, dimmed, with their
age; r asks again and e shows what went wrong."""


def key_of(action: str, configured: Mapping[str, str]) -> str:
    """The key of an action, as it is configured."""
    binding = f"branches.{action}"
    made = next(each for each in BINDINGS if each.id == binding)
    return configured.get(binding, made.key).partition(",")[0]
