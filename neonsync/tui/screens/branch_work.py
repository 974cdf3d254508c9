"""What is done to branches from the home screen: asked first, then done beside, then told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from neonsync.report.wording import printable
from neonsync.tui.branch_details import DANGERS
from neonsync.tui.ports import Address, BranchRow, BranchService, RollbackOffer, Talk
from neonsync.tui.screens.reading import ErrorDialog
from neonsync.tui.screens.working import Outcome, Working

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp
    from neonsync.tui.new_branch_form import Form
    from neonsync.tui.screens.reset import ResetAnswer

T = TypeVar("T")


@dataclass(frozen=True)
class BranchWork:
    """The ways from a key to its end. ``changed`` is told which branch to select afterwards."""

    app: NeonsyncApp
    branches: Callable[[], Sequence[BranchRow]]
    now: Callable[[], datetime]
    changed: Callable[[str], None]

    def obstacles(self, branch: BranchRow) -> dict[str, str]:
        """Why each that overwrites or deletes cannot be done to a branch; empty where it can."""
        if self.app.run_is_on(branch):
            return dict.fromkeys(DANGERS, f"the run that is at work is on {branch.name}")
        return {danger: self._service.obstacle(danger, branch) for danger in DANGERS}

    def do(self, what: str | None, branch_id: str) -> None:
        """The way of a key, by the last word of its binding's id; None is no key.

        Rows come and go while a dialog is open, so that the branch is told by its id.
        """
        branch = next((each for each in self.branches() if each.id == branch_id), None)
        if what is None or branch is None:
            return
        if reason := self.obstacles(branch).get(what):
            self.app.notify(printable(reason), title=f"No {what}", markup=False)
            return
        ways: dict[str, Callable[[BranchRow], None]] = {
            "sync": self.app.open_plan,
            "history": lambda branch: self.app.open_history(branch.name),
            "delete": self.delete,
            "reset": self.reset,
            "rollback": self.rollback,
            "address": self.copy_address,
            "console": self.open_console,
        }
        ways[what](branch)

    def create(self, begin: Form | None = None) -> None:
        """Ask what it shall be, and make it; after a failure what was typed is still there."""
        from neonsync.tui.screens.new_branch import NewBranchDialog

        def asked(form: Form | None) -> None:
            if form is not None:
                self._do(
                    f"Create {form.name}",
                    lambda talk: self._service.create(form.wish(), talk),
                    form.name,
                    again=lambda: self.create(form),
                )

        self.app.push_screen(
            NewBranchDialog(self.branches(), self.now, self._name_problem, begin), asked
        )

    def delete(self, branch: BranchRow) -> None:
        """Have the name typed, and delete it."""
        from neonsync.tui.formatting import size
        from neonsync.tui.screens.confirm import TypeName

        what = f" of {size(branch.size)}" if branch.size is not None else ""
        warning = (
            f"This deletes {branch.name} ({branch.id}): all its databases{what}, and its compute."
        )

        def typed(name: str | None) -> None:
            if name is not None:
                self._do(
                    f"Delete {branch.name}",
                    lambda talk: self._service.delete(branch, name, talk),
                    "",
                )

        self.app.push_screen(
            TypeName("Delete branch", warning, branch.name, "Delete branch"), typed
        )

    def reset(self, branch: BranchRow) -> None:
        """Have the name typed, and overwrite it with its parent."""
        from neonsync.tui.screens.reset import ResetDialog

        def answered(answer: ResetAnswer | None) -> None:
            if answer is not None:
                self._do(
                    f"Reset {branch.name}",
                    lambda talk: self._service.reset(branch, answer.confirmed, answer.backup, talk),
                    branch.name,
                )

        backup = f"{branch.name[:200]}_before_reset_{self.now():%Y%m%dT%H%M%S}"
        self.app.push_screen(ResetDialog(branch, backup, self._name_problem), answered)

    def rollback(self, branch: BranchRow) -> None:
        """Find out what it would take back, have the name typed, and do it."""
        from neonsync.tui.screens.confirm import TypeName

        def offered(offer: RollbackOffer) -> None:
            warning = offer.warning
            if offer.backup not in warning:
                warning += f" The present state is kept as the branch {offer.backup}."

            def typed(name: str | None) -> None:
                if name is not None:
                    self._do(
                        f"Roll {branch.name} back",
                        lambda talk: self._service.rollback(offer, name, talk),
                        branch.name,
                    )

            self.app.push_screen(
                TypeName("Roll back the last run", warning, offer.branch, "Roll back"), typed
            )

        self._ask(
            f"What a rollback of {branch.name} would do",
            lambda talk: self._service.rollback_offer(branch),
            offered,
        )

    def copy_address(self, branch: BranchRow) -> None:
        """Ask how much of it, and copy it; the password is never shown."""
        from neonsync.tui.screens.confirm import Ask

        def chosen(choice: str | None) -> None:
            if choice in ("masked", "whole"):
                self._ask(
                    f"Address of {branch.name}",
                    lambda talk: self._service.address(branch),
                    lambda address: self._copy(branch, address, whole=choice == "whole"),
                )

        self.app.push_screen(
            Ask(
                "Copy the connection address",
                f"Of {branch.name} ({branch.id}). A password would go to the clipboard, and into "
                "a file that only you can read; it is not shown here.",
                [
                    ("cancel", "Cancel"),
                    ("masked", "Password masked"),
                    ("whole", "With password"),
                ],
            ),
            chosen,
        )

    def open_console(self, branch: BranchRow) -> None:
        """Open its page. What the project is the configuration tells, which may be wrong."""
        self._ask(
            f"The console's page of {branch.name}",
            lambda talk: self._service.console_url(branch),
            self.app.open_url,
        )

    @property
    def _service(self) -> BranchService:
        return self.app.services.branches

    def _name_problem(self, name: str) -> str:
        return self._service.name_problem(name, [each.name for each in self.branches()])

    def _copy(self, branch: BranchRow, address: Address, *, whole: bool) -> None:
        name = printable(branch.name)
        for note in address.notes:
            self.app.notify(printable(note), severity="warning", markup=False)
        if whole:
            self.app.copy(address.uri.reveal(), f"the address of {name} with its password")
        else:
            self.app.copy(address.masked, f"the address of {name}, password masked")

    def _do(
        self,
        title: str,
        call: Callable[[Talk], str],
        select: str,
        again: Callable[[], None] | None = None,
    ) -> None:
        """Carry something out, tell what was done, and have the rows read anew."""

        def ended(outcome: Outcome[str] | None) -> None:
            self.changed(select)
            if outcome is None or outcome.stopped:
                self.app.notify(_said_of_stopped(title, outcome), severity="warning", markup=False)
            elif outcome.failure is not None:
                dialog = ErrorDialog(f"{title}: failed", outcome.failure)
                self.app.push_screen(dialog, lambda _: again() if again is not None else None)
            else:
                self.app.notify(printable(outcome.result or ""), markup=False)

        self.app.push_screen(Working(title, call, changes=True), ended)

    def _ask(self, title: str, call: Callable[[Talk], T], done: Callable[[T], None]) -> None:
        """Find something out, and go on with it."""

        def ended(outcome: Outcome[T] | None) -> None:
            if outcome is None or outcome.stopped:
                return
            if outcome.failure is not None:
                self.app.push_screen(ErrorDialog(f"{title}: failed", outcome.failure))
            elif outcome.result is not None:
                done(outcome.result)

        self.app.push_screen(Working(title, call, changes=False), ended)


def _said_of_stopped(title: str, outcome: Outcome[str] | None) -> str:
    if outcome is not None and outcome.result:
        return printable(f"{outcome.result}, before it could be stopped")
    if outcome is not None and outcome.failure is not None:
        return outcome.failure.message
    return printable(f"{title}: left; Neon goes on with what it has begun.")
