"""The output inside GitHub Actions: groups, annotations, the step's summary and outputs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
from neonsync.engine.proof.audit import Proof
from neonsync.engine.publishing.published import Published
from neonsync.engine.result import RunResult
from neonsync.errors import ExitCode, SyncError
from neonsync.report.github import GitHubReporter, command, inert
from neonsync.report.github_files import LIMIT_BYTES, outputs, step_summary
from neonsync.report.markdown import escape
from neonsync.secret import Secret
from neonsync.validation.result import CheckResult, Status

A = "public.a"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
DONE = RunResult(
    status="succeeded",
    exit_code=ExitCode.OK,
    run_id="run_1",
    attempt_resumed=False,
    branch="dev",
    branch_id="br-1",
    database="neondb",
    mode="full",
    started_at=NOW,
    finished_at=NOW,
    tables=(A,),
    published=(Published(A, "swap", 10, 0, 0),),
    proofs={A: Proof(1, 10, 2)},
)


def check(number: int, status: Status = Status.FAILED, message: str = "") -> CheckResult:
    return CheckResult(f"check{number}", A, status, message or f"message {number}", {}, "do this")


class Job:
    """A step of a job: what it printed, and its files."""

    def __init__(self, folder: Path, *secrets: str) -> None:
        self.printed: list[str] = []
        self.summary, self.output = folder / "summary", folder / "output"
        self.environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
        }
        self.reporter = GitHubReporter(
            self.printed.append, self.environ, tuple(map(Secret, secrets))
        )

    def send(self, *events: Event) -> None:
        for event in events:
            self.reporter(event)

    @property
    def commands(self) -> list[str]:
        """What the runner would take for commands, as it looks for them."""
        return [
            line
            for part in self.printed
            for line in part.split("\n")
            if line.lstrip().startswith("::") or "##[" in line
        ]


@pytest.fixture
def step(tmp_path: Path) -> Job:
    return Job(tmp_path, "pa%ss|word")


def stage(table: str, *steps: Step) -> list[Event]:
    return [
        event
        for one in steps
        for event in (StepStarted(one, table), StepFinished(one, table, 0.1, "done"))
    ]


def test_the_steps_of_a_single_table_are_groups(step: Job) -> None:
    step.send(RunStarted("run_1", "dev", "br-1", (A,), 1))
    step.send(*stage(A, Step.EXTRACT, Step.LOAD), *stage("", Step.PUBLISH))
    step.send(RunFinished("run_1", "succeeded", 1.0))

    assert step.commands == [
        f"::group::extract {A}",
        "::endgroup::",
        f"::group::load {A}",
        "::endgroup::",
        "::group::publish",
        "::endgroup::",
    ]


def test_tables_that_go_side_by_side_are_one_group(step: Job) -> None:
    step.send(RunStarted("run_1", "dev", "br-1", (A, "public.b"), 1))
    step.send(*stage(A, Step.EXTRACT), *stage("public.b", Step.EXTRACT), *stage(A, Step.LOAD))
    step.send(StepStarted(Step.PUBLISH))
    step.reporter.close()

    assert step.commands == [
        "::group::extract, load, audit, index: 2 tables",
        "::endgroup::",
        "::group::publish",
        "::endgroup::",
    ]


def test_no_text_of_a_database_is_a_command(step: Job) -> None:
    evil = "::set-output name=x::y\n  ::add-mask::z ##[set-env name=PATH]x"
    step.send(Notice(Level.INFO, evil), CheckFinished(A, evil, "passed", evil))
    step.send(RunFinished("run_1", "failed", 1.0, evil, evil))
    step.reporter.say(evil)

    assert step.commands == []
    assert "##[" not in inert(evil)
    assert not any(line.lstrip().startswith("::") for line in inert(evil).split("\n"))


def test_a_commands_message_and_properties_are_escaped() -> None:
    assert command("error", "100%\r\na: b, c", title="50%: a,b\n") == (
        "::error title=50%25%3A a%2Cb%0A::100%25%0D%0Aa: b, c"
    )


def test_failures_come_first_and_ten_of_a_kind_at_most(step: Job) -> None:
    for number in range(12):
        step.send(Notice(Level.WARNING, f"warning {number}"))
    result = replace(
        DONE,
        status="failed",
        error=SyncError("it broke", "mend it"),
        checks=tuple(check(number) for number in range(30)),
    )
    step.reporter.finish(result, "reports")

    errors = [line for line in step.commands if line.startswith("::error")]
    warnings = [line for line in step.commands if line.startswith("::warning")]
    assert errors[0] == "::error title=neonsync%3A dev failed::it broke%0Amend it"
    assert errors[1] == f"::error title=check0 {A}::message 0%0Ado this"
    assert errors[-1].endswith("::and 22 more: see the reports")
    assert warnings[-1].endswith("::and 3 more: see the reports")
    assert (len(errors), len(warnings)) == (10, 10)


def test_ten_annotations_are_shown_without_counting(step: Job) -> None:
    for number in range(10):
        step.send(Notice(Level.WARNING, f"warning {number}"))
    step.reporter.finish(DONE, "reports")

    assert [line.rpartition("::")[2] for line in step.commands] == [
        f"warning {number}" for number in range(10)
    ]


def test_a_secret_is_in_nothing_that_is_written_escaped_or_not(step: Job) -> None:
    said = "the password is pa%ss|word"
    step.send(Notice(Level.WARNING, said))
    result = replace(
        DONE,
        status="failed",
        error=SyncError(said, said),
        checks=(check(1, message=said),),
        notices=(said,),
        steps=(StepFinished(Step.LOAD, A, 1.0, said),),
    )
    step.reporter.finish(result, "reports")

    everything = "".join(step.printed) + step.summary.read_text() + step.output.read_text()
    assert "pa%" not in everything
    assert "pa&#" not in everything
    assert "word" not in everything.replace("password is", "")
    assert "add-mask" not in everything


def test_the_outputs_are_set_and_a_value_cannot_set_another(step: Job) -> None:
    step.reporter.finish(replace(DONE, branch_id="br\nstatus=hacked"), "my\nreports")

    text = step.output.read_text()
    found = dict(re.findall(r"^([\w-]+)<<(neonsync-.*)$", text, re.MULTILINE))
    values = {
        name: text.split(f"{name}<<{end}\n")[1].split(f"\n{end}\n")[0]
        for name, end in found.items()
    }
    assert values == {
        "run-id": "run_1",
        "branch-id": "br\nstatus=hacked",
        "status": "succeeded",
        "exit-code": "0",
        "rows": "10",
        "bytes-scanned": "0",
        "validation": "pending",
        "report-path": "my\nreports",
    }
    assert len(set(found.values())) == 1
    assert outputs(DONE, "") != outputs(DONE, "")


def test_files_are_appended_to_and_what_cannot_be_written_is_a_warning(step: Job) -> None:
    step.output.write_text("mine=1\n")
    step.summary.mkdir()
    step.reporter.finish(DONE, "reports")

    assert step.output.read_text().startswith("mine=1\nrun-id<<")
    (warning,) = step.commands
    assert warning.startswith("::warning title=neonsync::the file of GITHUB_STEP_SUMMARY cannot")


def test_a_process_that_is_killed_soon_has_set_its_outputs(step: Job) -> None:
    step.send(RunStarted("run_1", "dev", "br-1", (A,), 1), StepStarted(Step.LOAD, A))
    step.reporter.abandon(replace(DONE, status="cancelled", exit_code=ExitCode.TERMINATED))

    assert step.commands[-1] == "::endgroup::"
    assert "\ncancelled\n" in step.output.read_text()


def test_the_summary_shows_what_failed_before_all_else() -> None:
    checks = (check(1, Status.PASSED), check(2), check(3, Status.WARNING))
    text = step_summary(
        replace(DONE, status="invalid", checks=checks, notices=("mind this",)), "reports"
    )

    places = [
        text.index(part)
        for part in (
            "## neonsync: Published, but a check failed, branch dev",
            "### Failed checks",
            "check2",
            "✓ 10 rows, counts equal on 2 of 2 dates",
            "### Warnings of checks",
            "### Tables",
            "<details><summary>All checks (3)</summary>",
            "check1",
            "<details><summary>Notices (1)</summary>",
        )
    ]
    assert places == sorted(places)


def test_text_of_a_database_cannot_be_markdown_or_html() -> None:
    shown = escape("a|b `c` <img src=x> [l](https://x) **x** @me\n\x1b[0m")

    assert not set("|`<>[]*@\n\x1b") & set(shown)
    assert "://" not in shown


def test_a_huge_summary_is_cut_below_githubs_limit_and_says_so() -> None:
    checks = tuple(check(number, message="<" * 3_000) for number in range(500))
    result = replace(
        DONE, status="failed", error=SyncError("it broke " + "x" * 5_000, ""), checks=checks
    )

    text = step_summary(result, "reports")

    assert 0.95 * LIMIT_BYTES < len(text.encode()) <= LIMIT_BYTES
    assert text.count("<details>") == text.count("</details>")
    assert text.index("it broke") < 100
    assert re.search(r"\*Cut here: \d+ rows of this table and what follows", text)


def test_what_another_program_has_put_into_the_summary_counts(step: Job) -> None:
    step.summary.write_text("x" * (LIMIT_BYTES - 2_000))
    notices = tuple(f"notice {number}" for number in range(1_000))
    step.reporter.finish(replace(DONE, notices=notices), "reports")

    text = step.summary.read_text()
    assert len(text) <= LIMIT_BYTES
    assert "Cut here" in text
