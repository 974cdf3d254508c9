"""The branch that a run writes to is the one that was meant, or nothing is written."""

from __future__ import annotations

import pytest

from neonsync.engine.events import Notice
from neonsync.engine.planning.target import check_server, find_target
from neonsync.errors import RefusedError, WrongTargetError
from neonsync.neon.branches import Project
from neonsync.neon.models import operations_of
from neonsync.postgres.connect import Database, connected
from neonsync.secret import Secret
from neonsync.settings import Settings, load_settings
from tests.conftest import Target


def _settings(target: Target, string: str, **flags: str) -> Settings:
    return load_settings(
        flags=flags, environ={**target.environment, "NEON_CONNECTION_STRING": string}
    )


def test_an_address_of_another_branch_without_a_name_is_refused_naming_both(
    planner: Target,
) -> None:
    with pytest.raises(WrongTargetError, match="leads to the branch untouched") as raised:
        find_target(_settings(planner, planner.uri, confirm="main"))

    assert raised.value.exit_code == 6
    assert "the default branch main" in str(raised.value)
    assert "--branch untouched" in raised.value.remedy


def test_an_address_of_no_compute_of_the_project_without_a_name_is_refused(
    planner: Target,
) -> None:
    elsewhere = "postgresql://me:hunter2hunter2@ep-else-where-12345678.eu.neon.tech/db"
    with pytest.raises(WrongTargetError, match=r"behind ep-else-where.*no compute") as raised:
        find_target(_settings(planner, elsewhere))
    assert "hunter2" not in str(raised.value) + raised.value.remedy


def test_the_address_of_the_default_branch_asks_for_its_confirmation_only(
    planner: Target,
) -> None:
    string = planner.environment["NEON_CONNECTION_STRING"]
    with pytest.raises(RefusedError, match="main is the default branch"):
        find_target(_settings(planner, string))
    address, _ = find_target(_settings(planner, string, confirm="main"))
    assert address.branch.name == "main"


def test_a_named_branch_is_found_by_its_name_whatever_the_address_leads_to(
    planner: Target,
) -> None:
    address, _ = find_target(
        _settings(planner, planner.environment["NEON_CONNECTION_STRING"], branch=planner.name)
    )
    assert address.branch.name == planner.name
    assert f"@{address.host}:" in planner.uri


async def test_a_server_that_serves_another_branch_is_refused(planner: Target) -> None:
    branch = Project(planner.settings().neon).branch(planner.name)
    joint = "&" if "?" in planner.uri else "?"

    def saying(branch_id: str) -> Database:
        option = f"options=-c%20neon.branch_id%3D{branch_id}"
        return Database(Secret(f"{planner.uri}{joint}{option}"))

    async with connected(saying("br-other-00000000")) as connection:
        with pytest.raises(WrongTargetError, match="serves the branch br-other-00000000"):
            await check_server(connection, branch, verified=True)
        # Nobody could look it up: what the server says is worth telling.
        said = await check_server(connection, branch, verified=False)
        assert said == "the server says that it serves the branch br-other-00000000"
    async with connected(saying(branch.id)) as connection:
        assert await check_server(connection, branch, verified=True) == ""
    async with connected(Database(Secret(planner.uri))) as connection:
        assert await check_server(connection, branch, verified=True) == ""


async def test_a_compute_that_sleeps_is_woken_and_that_is_said(target: Target) -> None:
    settings = target.settings()
    project = Project(settings.neon)
    address = project.address(project.branch(target.name))
    path = f"projects/{settings.neon.project_id}/endpoints/{address.endpoint_id}/suspend"
    project.wait_for(operations_of(project._api.post(path, {})))
    assert project.address(address.branch).suspended

    outcome = await target.sync(**{"filters.days": 1})

    assert outcome.result.status == "succeeded"
    told = [event.message for event in outcome.events if isinstance(event, Notice)]
    assert f"waking the compute {address.endpoint_id}, which sleeps" in told
