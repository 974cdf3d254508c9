"""The output of a run inside GitHub Actions: plain lines in groups, annotations, and its files.

Everything goes to one stream: the runner reads both for commands, but keeps no order between them.

No ``::add-mask::`` is printed. It would tell the runner a secret by writing it in clear to a stream
that a step may well send into a file (``2>&1 | tee run.log``), and there is nothing to gain: no
secret is shown, and the values of ``secrets.*`` are masked by the runner itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neonsync.engine.events import (
    CheckFinished,
    Event,
    Level,
    Notice,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from neonsync.engine.result import RunResult
from neonsync.report.github_files import LIMIT_BYTES, outputs, step_summary
from neonsync.report.plain import PlainReporter
from neonsync.secret import Secret, redact
from neonsync.validation.result import Status

SHOWN = 10
"""The runner shows ten annotations of a kind for a step, and drops the others in silence."""

_STAGING = (Step.EXTRACT, Step.LOAD, Step.AUDIT, Step.INDEX)


def in_actions(environ: Mapping[str, str]) -> bool:
    """Whether a runner reads what is printed."""
    return environ.get("GITHUB_ACTIONS") == "true"


@dataclass(frozen=True)
class Annotation:
    """What Actions shows beside a run; ``title`` says what it is about."""

    title: str
    message: str


class GitHubReporter:
    """Writes plain lines in a group for each phase, and all annotations at the end.

    At the end, so that failures come first and what is left out can be counted. ``write`` takes a
    line without its line end.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        environ: Mapping[str, str],
        secrets: tuple[Secret, ...] = (),
    ) -> None:
        self._write = write
        self._plain = PlainReporter(lambda line: write(inert(redact(line, *secrets))))
        self._environ = environ
        self._secrets = secrets
        self._tables: tuple[str, ...] = ()
        self._group = ""
        self._warnings: list[Annotation] = []

    def __call__(self, event: Event) -> None:
        """Write the event's line, in its group."""
        match event:
            case RunStarted():
                self._tables = event.tables
            case StepStarted():
                self._open(self._phase(event))
            case RunFinished():
                self._close_group()
            case Notice(level=Level.WARNING):
                self._warnings.append(Annotation("neonsync", event.message))
            case CheckFinished(status=Status.WARNING):
                about = f"{event.check} {event.table}"
                self._warnings.append(Annotation(about, event.message))
        self._plain(event)
        if isinstance(event, StepFinished) and not event.table:
            self._close_group()

    def tick(self) -> None:
        """A sign of life after a long silence."""
        self._plain.tick()

    def say(self, line: str) -> None:
        """Write a line at once."""
        self._plain.say(line)

    def finish(self, result: RunResult, report_dir: str) -> None:
        """Write the annotations, the step's summary and its outputs."""
        self._close_group()
        problems = self._write_files(result, report_dir if result.reported else "")
        for line in annotate("error", self._clean(failures(result))):
            self._write(line)
        for line in annotate("warning", self._clean([*problems, *self._warnings])):
            self._write(line)

    def abandon(self, result: RunResult) -> None:
        """Actions kills what does not end within seconds of a cancel: the outputs at least."""
        self._close_group()
        self._append("GITHUB_OUTPUT", outputs(result, ""))

    def close(self) -> None:
        """End the group, so that what follows is not folded away."""
        self._close_group()

    def _clean(self, annotations: Sequence[Annotation]) -> list[Annotation]:
        """Without secrets: once they are escaped they would not be found any more."""
        secrets = self._secrets
        return [
            Annotation(redact(one.title, *secrets), redact(one.message, *secrets))
            for one in annotations
        ]

    def _phase(self, event: StepStarted) -> str:
        """The step of the only table; several tables are in different steps at the same time."""
        if event.step not in _STAGING or len(self._tables) == 1:
            return f"{event.step} {event.table}".rstrip()
        return f"{', '.join(_STAGING)}: {len(self._tables)} tables"

    def _open(self, title: str) -> None:
        if title != self._group:
            self._close_group()
            self._write(command("group", title))
            self._group = title

    def _close_group(self) -> None:
        if self._group:
            self._write(command("endgroup"))
            self._group = ""

    def _write_files(self, result: RunResult, report_dir: str) -> list[Annotation]:
        """What could not be written, which is no reason for a run to fail."""
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        taken = Path(path).stat().st_size if path and Path(path).is_file() else 0
        summary = step_summary(
            result,
            report_dir,
            LIMIT_BYTES - taken,
            environ=self._environ,
            secrets=self._secrets,
        )
        problems = [
            self._append("GITHUB_STEP_SUMMARY", summary),
            self._append("GITHUB_OUTPUT", outputs(result, report_dir)),
        ]
        return [Annotation("neonsync", problem) for problem in problems if problem]

    def _append(self, variable: str, text: str) -> str:
        path = self._environ.get(variable)
        if not path:
            return ""
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            return f"the file of {variable} cannot be written: {error}"
        return ""


def failures(result: RunResult) -> list[Annotation]:
    """The errors of a run, the one that ended it first."""
    found = []
    if result.error is not None:
        about = f"neonsync: {result.branch or 'run'} {result.status}"
        found.append(Annotation(about, f"{result.error.message}\n{result.error.remedy}".strip()))
    found += [
        Annotation(f"{failed.table} failed", f"{failed.error}\n{failed.remedy}".strip())
        for failed in result.failed
    ]
    found += [
        Annotation(f"{check.check} {check.table}", f"{check.message}\n{check.remedy}".strip())
        for check in result.checks
        if check.status is Status.FAILED
    ]
    return found


def annotate(kind: str, annotations: Sequence[Annotation]) -> list[str]:
    """The commands for annotations of a kind; those that would not be shown are counted."""
    shown = len(annotations) if len(annotations) <= SHOWN else SHOWN - 1
    lines = [command(kind, one.message, title=one.title) for one in annotations[:shown]]
    if left := len(annotations) - shown:
        lines.append(command(kind, f"and {left} more: see the reports", title="neonsync"))
    return lines


def command(name: str, message: str = "", **properties: str) -> str:
    """A workflow command; what is special in one is escaped, as the runner undoes it."""
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name}{f' {given}' if given else ''}::{_data(message)}"


def inert(text: str) -> str:
    """Lines of which the runner takes none for a command.

    It looks for "::" where a line begins, after white space, and for "##[" anywhere in it
    (ActionCommand.cs of actions/runner).
    """
    lines = text.replace("##[", "## [").split("\n")
    return "\n".join(f"| {line}" if line.lstrip().startswith("::") else line for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
