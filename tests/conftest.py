"""One sandbox for the whole session, an empty branch for each test that asks for one."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import awswrangler as wr
import boto3
import pandas as pd
import psycopg
import pytest

from neonsync.engine import retry
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event
from neonsync.engine.pipeline import run
from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.result import RunResult
from neonsync.history import HISTORY_VARIABLE
from neonsync.neon.branches import Project
from neonsync.neon.models import Operation
from neonsync.sandbox import Sandbox
from neonsync.sandbox.aws import AthenaOptions
from neonsync.sandbox.neon import NeonOptions
from neonsync.settings import Settings, load_settings
from tests import clusters, speed
from tests.recycled import Branches

# No test may write into the history of whoever runs it; processes inherit this.
os.environ[HISTORY_VARIABLE] = os.devnull
ROWS = 9_000  # 90 days of 100 rows: every date is there, and a run takes two seconds
_numbers = itertools.count(1)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As a background job of a shell has it: what the tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
speed.use_memory_for_folders()
speed.load_descriptions_once()
speed.work_names_out_once()
speed.make_services_once()
speed.let_children_keep_bytecode()
clusters.make_once()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files that take long begin first, so that no worker ends with one alone."""
    items.sort(key=lambda item: speed.place(item.path))


def pytest_collection_finish() -> None:
    speed.seldom_look_for_cycles()


def pytest_unconfigure() -> None:
    """Hand back what was kept from Python: duckdb would tell of its objects after the summary."""
    speed.look_for_cycles_again()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox, in this process, so that its faults can be set."""
    sandbox = Sandbox(
        tmp_path_factory.mktemp("world") / "sandbox",
        rows=ROWS,
        athena=AthenaOptions(query_seconds=0.05),
        neon=NeonOptions(operation_seconds=0.05, durable=False),
    )
    with sandbox:
        yield sandbox


@pytest.fixture
def environment(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The sandbox's environment, put into this process's own for boto3."""
    # The sandbox answers in a moment; the product polls for services that take minutes.
    monkeypatch.setattr("neonsync.athena.client.POLL_SECONDS", 0.05)
    monkeypatch.setattr("neonsync.neon.waiting.POLL_SECONDS", 0.05)
    monkeypatch.setattr(retry, "QUERY", replace(retry.QUERY, first=0.05))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "NEON_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    variables = world.environment()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def lake_folder(world: Sandbox) -> Path:
    """Where the lake's table lies on the disk, a folder below it for each date."""
    return world.directory / "aws" / "s3" / world.aws.bucket / "lake" / "forecast"


@dataclass(frozen=True)
class Target:
    """A branch of the sandbox with all that a test needs to sync into it and to look at it."""

    world: Sandbox
    environment: dict[str, str]
    name: str
    report_dir: Path

    @property
    def config(self) -> Path:
        """The project's file, once ``configure`` has written it."""
        return self.report_dir.parent / "neonsync.toml"

    def configure(self, text: str) -> None:
        """Write the project's file."""
        self.config.write_text(text, encoding="utf-8")

    @property
    def uri(self) -> str:
        return self.world.neon.connection_uri(self.name)

    def settings(self, **flags: Any) -> Settings:
        given = {"branch": self.name, "report_dir": str(self.report_dir), **flags}
        config = self.config if self.config.exists() else None
        return load_settings(
            flags=given, environ=self.environment, config=config, directory=self.config.parent
        )

    def plan(self, **flags: Any) -> Plan:
        return make_plan(self.settings(**flags))

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the user's role; rows, or an empty list."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: Any) -> Any:
        return self.sql(statement, *parameters)[0][0]

    async def sync(self, cancel: CancelToken | None = None, /, **flags: Any) -> Outcome:
        events: list[Event] = []
        result = await run(self.plan(**flags), events.append, cancel or CancelToken())
        return Outcome(result, events)

    def exported_files(self) -> list[str]:
        """What this branch's runs have in S3; those of other tests may have left something."""
        if self.value("SELECT to_regclass('neonsync.runs')") is None:
            return []
        root = self.world.directory / "aws" / "s3" / self.world.aws.bucket / "athena-results"
        return [
            str(path.relative_to(root))
            for (run_id,) in self.sql("SELECT run_id FROM neonsync.runs")
            for path in (root / "neonsync" / run_id).rglob("*")
            if path.is_file() and "/count/" not in str(path)
        ]

    def staging_tables(self) -> list[str]:
        return [
            name
            for (name,) in self.sql(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'neonsync'"
                " AND tablename NOT IN ('runs', 'exports', 'chunks', 'metrics')"
            )
        ]


@dataclass(frozen=True)
class Outcome:
    result: RunResult
    events: list[Event]


@pytest.fixture(scope="module")
def branches(world: Sandbox) -> Iterator[Branches]:
    """The branches of a module: those that a test leaves as they were serve the next one."""
    made = Branches(world, delete_branch)
    yield made
    made.close()


@pytest.fixture
def target(
    world: Sandbox, branches: Branches, environment: dict[str, str], tmp_path: Path
) -> Iterator[Target]:
    """A branch with empty databases."""
    name = branches.take()
    yield Target(world, environment, name, tmp_path / "reports")
    branches.give(name)


@pytest.fixture(scope="session")
def untouched_branch(world: Sandbox) -> str:
    """One branch for all tests that only plan."""
    settings = load_settings(flags={}, environ=world.environment())
    return Project(settings.neon).create("untouched").branch.name


@pytest.fixture
def planner(
    world: Sandbox, environment: dict[str, str], untouched_branch: str, tmp_path: Path
) -> Target:
    """A target that is planned for, and never written to."""
    return Target(world, environment, untouched_branch, tmp_path / "reports")


@pytest.fixture(scope="session")
def lake(world: Sandbox) -> Lake:
    """The lake, as another program writes to it. Every table has a name of its own."""
    variables = world.environment()
    session = boto3.Session(
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    return Lake(world, session)


@dataclass(frozen=True)
class Lake:
    """Writes tables with awswrangler, which knows nothing of neonsync."""

    world: Sandbox
    session: boto3.Session

    def write(self, name: str, frame: pd.DataFrame, **options: Any) -> str:
        """Make a table of a data frame; its name is made unique, and returned."""
        table = f"{name}_{next(_numbers)}"
        # awswrangler's own configuration is the process's, and other tests have other sandboxes.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", self.world.environment()["AWS_ENDPOINT_URL"])
            wr.s3.to_parquet(
                frame,
                path=f"s3://{self.world.aws.bucket}/other/{table}/",
                dataset=True,
                database="lake",
                table=table,
                boto3_session=self.session,
                **options,
            )
        return table

    def client(self, service: Any) -> Any:
        """A client of the sandbox."""
        url = self.world.environment()["AWS_ENDPOINT_URL"]
        return self.session.client(service, endpoint_url=url)

    def files(self) -> set[str]:
        """Everything that lies in S3."""
        root = str(self.world.directory / "aws" / "s3")
        return {
            f"{folder}/{name}".removeprefix(f"{root}/")
            for folder, _, names in os.walk(root)
            for name in names
        }


def delete_branch(project: Project, settings: Settings, branch_id: str) -> None:
    """Delete a branch and wait until it is gone; deleting is not part of the product yet."""
    api = project._api
    answer = api._request("DELETE", f"projects/{settings.neon.project_id}/branches/{branch_id}")
    project.wait_for([Operation.parse(body) for body in answer.get("operations", [])])
