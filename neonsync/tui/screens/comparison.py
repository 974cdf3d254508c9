"""The comparison: what a plan selects of its branch, against Athena as both are now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from neonsync.selection import Selection
from neonsync.tui import clock
from neonsync.tui.colours import style_of
from neonsync.tui.comparison_view import findings, question, state_words
from neonsync.tui.glyphs import check_sign
from neonsync.tui.plan_form import guard_word
from neonsync.tui.ports import BranchRow, Compared, RepairOffer, Talk
from neonsync.tui.screens.base import View
from neonsync.tui.screens.confirm import Ask, TypeName
from neonsync.tui.widgets.panel import Failure, StatePanel
from neonsync.tui.widgets.said import Said

if TYPE_CHECKING:
    from neonsync.tui.run_controller import RunController

_LOOK_SECONDS = 0.25
_MARGIN = 3


class ComparisonScreen(View):
    """Compares at once, and again when asked; a repair is a run like any other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "repair", "Repair", id="comparison.repair"),
        Binding("y", "copy", "Copy", id="comparison.copy"),
        Binding("r", "refresh", "Compare again", id="comparison.refresh"),
        Binding("j", "scroll(1)", "Down", show=False, id="comparison.down"),
        Binding("k", "scroll(-1)", "Up", show=False, id="comparison.up"),
    ]
    HELP = (
        "What the branch holds against what Athena has, date by date, as both are now. Of dates "
        "that differ the rows are told by their keys, as far as Proof is exact. Nothing is "
        "written, and esc stops the queries; what they have read until then is billed.\n\n"
        "R begins a run that syncs the first table that differs, on the dates that do; when it "
        "has ended, R goes on with the next one. neonsync validate --repair does the same."
    )
    CSS = """
    ComparisonScreen #verdict { text-style: bold; padding: 0 1; display: none; }
    ComparisonScreen #findings { height: 1fr; padding: 0 1; display: none;
                                 scrollbar-size-vertical: 1; }
    ComparisonScreen #findings:focus { background-tint: $background 0%; }
    ComparisonScreen.-there #verdict, ComparisonScreen.-there #findings { display: block; }
    ComparisonScreen.-old #verdict, ComparisonScreen.-old #text,
    ComparisonScreen.-repaired #verdict { color: $text-disabled; text-style: dim; }
    ComparisonScreen #text { height: auto; }
    ComparisonScreen #state { padding: 0 1; color: $text-muted; }
    """

    def __init__(self, branch: BranchRow, selection: Selection) -> None:
        super().__init__()
        self.branch = branch
        self.compared: Compared | None = None
        self._selection = selection
        self._talk: Talk | None = None
        self._told = ""
        self._since = 0.0
        self._runs: dict[str, RunController] = {}
        self._keys: tuple[int, ...] = ()

    def body(self) -> ComposeResult:
        """The verdict, the findings, what can be done."""
        yield Said(id="verdict", classes="line")
        with VerticalScroll(id="findings"):
            yield Said(id="text")
        yield StatePanel()
        yield Said(id="state", classes="line")

    def crumbs(self) -> list[str]:
        """Below the plan."""
        return [self.branch.name, "plan", "comparison"]

    def warning(self) -> str:
        """As on the plan."""
        return guard_word(self.branch)

    def on_mount(self) -> None:
        """Compare at once."""
        self.set_interval(_LOOK_SECONDS, self._show_state)
        self.action_refresh()

    def on_unmount(self) -> None:
        """Nobody waits for it any more, however one has left."""
        self._stop()

    def on_resize(self, event: events.Resize) -> None:
        """Lines are wrapped anew."""
        self._draw()

    def on_screen_resume(self) -> None:
        """A repair may have ended meanwhile."""
        super().on_screen_resume()
        self._show_state()

    @property
    def waits(self) -> bool:
        """Whether it is being compared."""
        return self._talk is not None

    @property
    def left(self) -> tuple[RepairOffer, ...]:
        """The repairs that no run has carried out."""
        if self.compared is None:
            return ()
        return tuple(each for each in self.compared.repairs if not self._is_done(each))

    def action_refresh(self) -> None:
        """Compare, once at a time."""
        if self.waits:
            return
        self._told, self._since = "", clock.seconds()
        self._talk = talk = Talk(self._say)
        if self.compared is None:
            self.query_one(StatePanel).wait("comparing with Athena")
        self.add_class("-old")
        self.fetch(
            lambda: self.ui.services.sync.compare(self._selection, talk),
            self._show,
            self._failed,
            group="compare",
        )
        self._show_state()

    def action_leave(self) -> None:
        """Stop what is at work first; with nothing there to be read, that is the way back too."""
        waited = self.waits
        self._stop()
        if waited:
            self.notify("Stopped comparing; nothing was written.", markup=False)
        if not waited or self.compared is None:
            super().action_leave()

    def action_copy(self) -> None:
        """All of it, for a ticket."""
        if self.compared is not None:
            self.ui.copy(self.compared.text, "the comparison")

    def action_scroll(self, lines: int) -> None:
        """A line down or up."""
        self.query_one("#findings").scroll_relative(y=lines, animate=False)

    def action_repair(self) -> None:
        """Ask, and begin the next repair."""
        if not self.left or self.waits or self.ui.run_active:
            return
        offer, branch = self.left[0], self.branch
        text, title = question(offer, branch, len(self.left) - 1), f"Repair {offer.table}"

        def typed(name: str | None) -> None:
            if name is not None:
                confirm = (*offer.selection.confirm, name)
                self._begin(replace(offer, selection=replace(offer.selection, confirm=confirm)))

        def answered(answer: str | None) -> None:
            if answer == "go":
                self._begin(offer)

        if branch.guarded and branch.name not in offer.selection.confirm:
            self.app.push_screen(TypeName(title, text, branch.name, "Repair"), typed)
        else:
            choices = [("cancel", "Cancel"), ("go", "Repair")]
            self.app.push_screen(Ask(title, text, choices), answered)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing is shown as such; the reason stands in the last line."""
        if action == "repair":
            return None if not self.left or self.waits or self.ui.run_active else True
        if action == "copy":
            return None if self.compared is None else True
        return None if action == "refresh" and self.waits else True

    def _begin(self, offer: RepairOffer) -> None:
        if self.ui.run_active:  # begun meanwhile
            return
        self.ui.start_run(offer.selection, self.branch.id, offer.dates)
        if self.ui.run_controller is not None:
            self._runs[offer.table] = self.ui.run_controller

    def _is_done(self, offer: RepairOffer) -> bool:
        run = self._runs.get(offer.table)
        return run is not None and run.report is not None and run.report.status == "succeeded"

    def _say(self, text: str) -> None:
        """From the thread that compares; shown at the next look."""
        self._told = text

    def _stop(self) -> None:
        if self._talk is not None:
            self._talk.cancel.set()

    def _show(self, compared: Compared) -> None:
        self.compared, self._talk, self._since = compared, None, clock.seconds()
        self._runs = {}
        self.query_one(StatePanel).clear()
        self.remove_class("-old")
        self.add_class("-there")
        self._draw()
        self.query_one("#findings").focus()
        self._show_state()

    def _failed(self, failure: Failure) -> None:
        stopped = self._talk is not None and self._talk.cancel.is_set()
        self._talk = None
        if self.compared is None:
            self.query_one(StatePanel).failed(failure, "r tries again   esc goes back")
        elif not stopped:
            self.notify(failure.said, severity="error", markup=False)
        self.remove_class("-old")
        self._show_state()

    def _draw(self) -> None:
        if self.compared is None:
            return
        sign = check_sign("passed" if self.compared.equal else "failed")
        glyph = sign.ascii if self.ui.preferences.ascii_only else sign.glyph
        repaired = len(self.left) < len(self.compared.repairs)
        self.set_class(repaired, "-repaired")
        before = "before the repair: " if repaired else ""
        verdict = Text(f"{glyph} {before}{self.compared.verdict}")
        if not (repaired or self.has_class("-old")):
            verdict.stylize(style_of(sign.style, self.app.current_theme))
        self.query_one("#verdict", Said).say(verdict)
        self.query_one("#text", Said).say(findings(self.compared, self.size.width - _MARGIN))

    def _show_state(self) -> None:
        seconds = clock.seconds() - self._since
        if self.waits:
            again = f"comparing again … {int(seconds)} s · " if self.compared is not None else ""
            text = f"{again}{self._told or 'making the plan'} · esc stops it"
        elif self.compared is not None:
            text = state_words(self.compared, self.left, seconds, busy=self.ui.run_active)
        else:
            text = ""
        self.query_one("#state", Said).say(text)
        keys = (self.compared is None, self.waits, len(self.left), self.ui.run_active)
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()
            self._draw()
