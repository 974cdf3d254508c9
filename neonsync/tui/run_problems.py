"""What went wrong in a run, and what to do about it, as one text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from neonsync.report.wording import printable
from neonsync.secret import redact
from neonsync.tui.run_events import Problem
from neonsync.tui.run_view import RunSnapshot


def problems_of(snapshot: RunSnapshot) -> list[Problem]:
    """Errors before warnings; what the report adds, of a run that never began, with them."""
    found = list(snapshot.problems)
    if snapshot.failure:
        found.append(Problem("error", "", snapshot.failure, snapshot.remedy))
    said = {problem.message for problem in found}
    report = snapshot.report.report if snapshot.report is not None else {}
    for error in report.get("errors") or ():
        message, remedy = (_inert(error.get(key, "")) for key in ("message", "remedy"))
        # A failed check is told by its own event already.
        if message not in said and not (snapshot.begun and found):
            found.append(Problem("error", "", message, remedy))
    return sorted(found, key=lambda problem: problem.level != "error")


def problems_text(problems: Sequence[Problem]) -> Text:
    """All of them."""
    return Text("\n\n".join(map(_described, problems)))


def _described(problem: Problem) -> str:
    mark = "✗" if problem.level == "error" else "!"
    about = f"{problem.table}: " if problem.table else ""
    remedy = f"\n  {problem.remedy}" if problem.remedy else ""
    return f"{mark} {about}{problem.message}{remedy}"


def _inert(text: object) -> str:
    return printable(redact(str(text)))
