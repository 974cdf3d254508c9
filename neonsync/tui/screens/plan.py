"""Plan: what to sync into a branch, what that would do, and F5 to do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from neonsync.selection import Selection
from neonsync.tui.formatting import printable
from neonsync.tui.plan_form import (
    Around,
    Judged,
    PlanForm,
    fill,
    guard_word,
    judge,
    left_out,
    next_mode,
    states_obstacle,
    tables_with_states,
)
from neonsync.tui.plan_keys import BINDINGS, HELP
from neonsync.tui.plan_words import status
from neonsync.tui.ports import BranchRow, LakeTable
from neonsync.tui.screens.base import View
from neonsync.tui.screens.plan_lists import StateList, TableList
from neonsync.tui.screens.plan_options import PlanOptions
from neonsync.tui.screens.plan_summary import PlanSummary
from neonsync.tui.widgets.panel import Failure, StatePanel
from neonsync.tui.widgets.pick_list import PickList


def _today() -> date:
    return datetime.now(UTC).date()


class PlanScreen(View):
    """What to sync into a branch. ``selection`` fills the form in; else the configuration does."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tight"), (76, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-middle"), (34, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = list(BINDINGS)
    HELP = HELP
    CSS_PATH = "plan.tcss"
    tables = getters.query_one(TableList)
    states = getters.query_one(StateList)
    options = getters.query_one(PlanOptions)
    bottom = getters.query_one(PlanSummary)

    def __init__(
        self,
        branch: BranchRow,
        selection: Selection | None = None,
        today: Callable[[], date] = _today,
    ) -> None:
        super().__init__()
        self.branch = branch
        self.form = PlanForm()
        self._wish = selection
        self._today = today
        self._around: Around | None = None
        self._judged: Judged | None = None
        self._keys: tuple[str, str, str] | None = None

    def body(self) -> ComposeResult:
        """Options, tables, states; below them the summary."""
        with Horizontal(id="form"):
            yield PlanOptions()
            yield TableList(id="tables")
            yield StateList(id="states")
        yield PlanSummary()
        yield StatePanel()

    def crumbs(self) -> list[str]:
        """The branch first: it is what is written to."""
        return [self.branch.name, "plan"]

    def warning(self) -> str:
        """That the target is no branch to play with."""
        return guard_word(self.branch)

    def on_mount(self) -> None:
        """Ask what is configured."""
        self.set_class(self.ui.preferences.ascii_only, "-ascii")
        self.set_interval(1.0, self._show_status)
        self._fetch_base()

    def _fetch_base(self) -> None:
        services = self.ui.services
        if self._around is None:
            self.query_one(StatePanel).wait("reading the configuration")
        self.fetch(
            lambda: (services.sync.base(), services.lake.tables()),
            self._begin,
            self._not_begun,
            group="base",
        )

    def _begin(self, found: tuple[Selection, tuple[LakeTable, ...]]) -> None:
        base, offered = found
        self.query_one(StatePanel).clear()
        self.add_class("-ready")
        first = self._around is None
        self._around = Around(self.branch, offered, base)
        if first:
            self._fill(self._wish or base, say=self._wish is not None)
        self.tables.offer(offered, self.form.tables, self._today().year)
        if first:
            self.tables.boxes.focus()
        self._changed()

    def _not_begun(self, failure: Failure) -> None:
        if self._around is None:
            self.query_one(StatePanel).failed(failure, "r tries again · esc goes back")
        else:
            self.notify(failure.message, severity="error", markup=False)
            self._changed()

    # What is shown.

    @property
    def _known(self) -> Around:
        if self._around is None:
            raise RuntimeError("the form is not there yet")
        return self._around

    def _fill(self, selection: Selection, *, say: bool) -> None:
        self.form = fill(selection, self._known)
        self.bottom.forget()
        self.bottom.notes = tuple(left_out(selection, self._known)) if say else ()
        self.tables.choose(self.form.tables)
        self.options.fill(self.form, self._known)
        self._changed()

    def _changed(self) -> None:
        """The form reads otherwise: judge it, show what is wrong, have the plan it wants."""
        form, around = self.form, self._known
        self._judged = judged = judge(form, around)
        self.options.show(form, around, judged, self._today())
        self.states.want(
            tables_with_states(form, around), states_obstacle(form, around), form.states
        )
        if judged.plan_problem:
            self.bottom.show_command("")
            self.bottom.want_none(judged.plan_problem)
        else:
            self.bottom.show_command(judged.selection.command(around.base))
            self.bottom.want(judged.to_look_at(self.branch), len(form.tables))
        self._show_status()

    def _obstacle(self) -> str:
        """Why there cannot be a run now; empty when there can."""
        if self._judged is None:
            return "the configuration is not read yet"
        if self.ui.run_active:
            return "a run is at work; the next one can start when it has ended"
        if self._judged.problem:
            return self._judged.problem
        return "the plan cannot be made; r tries again" if self.bottom.failure else ""

    def _show_status(self) -> None:
        if self._judged is None:
            return
        if self.bottom.outdated and not self.ui.run_active:
            self._changed()  # which comes back here
            return
        obstacle = self._obstacle()
        self.bottom.show_status(status(self.form, self.branch, obstacle))
        keys = (obstacle, self._judged.plan_problem, self.form.mode)
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()

    @on(PlanSummary.Answered)
    def _answered(self) -> None:
        self._show_status()

    # What changes the form.

    @on(PlanOptions.Changed)
    def _options_changed(self) -> None:
        form = self.options.read(self.form)
        if self._around is not None and form != self.form:
            self.form = form
            self._changed()

    @on(PickList.Changed, "#tables")
    def _tables_changed(self, event: PickList.Changed) -> None:
        self.form = replace(self.form, tables=event.chosen)
        self._changed()

    @on(PickList.Changed, "#states")
    def _states_changed(self, event: PickList.Changed) -> None:
        self.form = replace(self.form, states=event.chosen)
        self._changed()

    # The keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing is shown as such; the reason stands in the last line."""
        if action == "start_run":
            return None if self._obstacle() else True
        if action == "compare" and self.form.mode != "full":
            return None
        if action in ("dry_run", "copy", "save", "compare"):
            return None if self._judged is None or self._judged.plan_problem else True
        return None if action in ("mode", "load", "tables") and self._around is None else True

    def action_start_run(self) -> None:
        """Begin the run that the form selects, if nothing is in its way."""
        if self._judged is None or self._obstacle():
            return
        if self.bottom.preview is None:  # what it would do is to be read first
            self.notify("F5 starts once the plan is worked out.", markup=False)
            return
        selection = self._judged.selection
        try:
            self.ui.start_run(selection, self.branch.id)
        except Exception as error:
            self.bottom.fail(Failure.of(error, self.ui.hide))
            self._show_status()
            return
        if self.form.typed:
            # The next run is to be confirmed anew.
            self.form = replace(self.form, typed="")
            self.options.fill(self.form, self._known)
            self._changed()

    def action_dry_run(self) -> None:
        """The SQL and the DDL, for reading."""
        from neonsync.tui.screens.dry_run import DryRunScreen

        if (judged := self._judged) is not None:
            wanted, preview = judged.to_look_at(self.branch), self.bottom.preview
            self.app.push_screen(DryRunScreen(self.branch, wanted, preview))

    def action_compare(self) -> None:
        """What is selected of the branch against Athena; nothing that was typed confirms that."""
        from neonsync.tui.screens.comparison import ComparisonScreen

        if (judged := self._judged) is not None:
            wanted = replace(judged.selection, confirm=self._known.base.confirm, via_branch=False)
            self.app.push_screen(ComparisonScreen(self.branch, wanted))

    def action_copy(self) -> None:
        """The command into the clipboard."""
        if self._judged is not None:
            self.ui.copy(self._judged.selection.command(self._known.base), "the command")

    def action_mode(self) -> None:
        """The next mode."""
        self.options.show_mode(next_mode(self.form.mode))

    def action_tables(self) -> None:
        """To the tables."""
        self.tables.boxes.focus()

    def action_refresh(self) -> None:
        """Ask for everything anew; what is chosen stays."""
        self.states.forget()
        self.bottom.forget()
        self._fetch_base()

    def action_save(self) -> None:
        """Into a configuration, without the confirmation: each run is to be confirmed."""
        from neonsync.tui.screens.plan_file import SavePlan

        def saved(said: str | None) -> None:
            if said is not None:
                self.notify(printable(said), markup=False)

        if self._judged is not None:
            confirm = self._known.base.confirm
            self.app.push_screen(SavePlan(replace(self._judged.selection, confirm=confirm)), saved)

    def action_load(self) -> None:
        """Out of a configuration."""
        from neonsync.tui.screens.plan_file import LoadPlan

        self.app.push_screen(LoadPlan(), self._loaded)

    def _loaded(self, found: tuple[Path, Selection] | None) -> None:
        if found is not None:
            path, selection = found
            self._fill(replace(selection, config=self._known.base.config), say=True)
            self.notify(printable(f"Loaded the plan of {path}"), markup=False)
