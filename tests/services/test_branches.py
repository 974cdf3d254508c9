"""Branches as the UI asks for them, on the sandbox's Neon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from neonsync.engine.cancel import CancelToken
from neonsync.errors import ConfigError, NeonsyncError, RefusedError, RunCancelled
from neonsync.history import read_history
from neonsync.neon.branches import Project
from neonsync.neon.project import ProjectView
from neonsync.services.branches import Branches
from neonsync.services.context import Context
from neonsync.services.sync import Sync
from neonsync.services.values import BranchRow, NewBranch, Talk
from neonsync.settings import load_settings
from tests.conftest import Target, delete_branch


@pytest.fixture
def service(context: Context) -> Branches:
    return Branches(context)


@pytest.fixture
def gone(environment: dict[str, str]) -> Iterator[list[str]]:
    """Names of branches that a test has made; they are deleted after it, and after its target.

    That hangs on the backup that a rollback makes: ask for this one first.
    """
    names: list[str] = []
    yield names
    settings = load_settings(flags={}, environ=environment)
    project = Project(settings.neon)
    for name in names:
        if (branch := project.find(name)) is not None:
            delete_branch(project, settings, branch.id)


def row(service: Branches, name: str) -> BranchRow:
    return next(each for each in service.load().branches if each.name == name)


def test_the_list_tells_what_neon_and_the_history_know(service: Branches, target: Target) -> None:
    seen = service.load()
    assert seen.project.id == target.environment["NEON_PROJECT_ID"]
    assert seen.project.postgres.isdecimal()
    assert seen.project.name
    assert seen.project.region
    assert seen.notes == ()
    main, *_ = seen.branches
    assert (main.name, main.default, main.parent) == ("main", True, "")
    assert target.name in main.children
    mine = row(service, target.name)
    assert (mine.parent, mine.state, mine.children) == ("main", "ready", ())
    assert mine.host.startswith(mine.endpoint_id)
    assert mine.compute.endswith(" CU")
    assert mine.created_at is not None
    assert mine.created_at <= seen.now
    assert mine.last_sync is None


def test_what_a_key_may_not_see_is_a_note(
    service: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> Any:
        raise NeonsyncError("not for you")

    monkeypatch.setattr(ProjectView, "facts", refuse)
    monkeypatch.setattr(ProjectView, "endpoints", refuse)
    seen = service.load()
    assert len(seen.notes) == 2
    assert all("not for you" in note for note in seen.notes)
    assert seen.branches[0].compute == ""


def test_a_branch_is_made_and_deleted_and_both_are_noted(
    service: Branches, context: Context, target: Target, gone: list[str]
) -> None:
    name = f"{target.name}-child"
    gone.append(name)
    lines: list[str] = []
    talk = Talk(say=lines.append)
    wish = NewBranch(name, parent=target.name, expires=timedelta(days=2))

    assert name in service.create(wish, talk)

    made = row(service, name)
    assert (made.parent, made.ours) == (target.name, True)
    assert made.expires_at is not None
    assert lines
    with pytest.raises(ConfigError, match="already"):
        service.create(wish, talk)
    with pytest.raises(RefusedError, match="a child"):
        service.delete(row(service, target.name), target.name, talk)
    with pytest.raises(RefusedError, match="not its name"):
        service.delete(made, "another", talk)
    assert row(service, name)
    assert "deleted" in service.delete(made, name, talk)
    with pytest.raises(RefusedError, match="is gone"):
        service.delete(made, name, talk)
    noted = [(e.kind, e.branch, e.status) for e in read_history(context.environ).entries]
    assert noted == [("create", name, "succeeded"), ("delete", name, "succeeded")]


def test_a_branch_that_was_renamed_meanwhile_is_not_what_was_seen(
    service: Branches, target: Target
) -> None:
    seen = replace(row(service, target.name), name="as-it-was")
    with pytest.raises(RefusedError, match=f"is called {target.name} now"):
        service.reset(seen, "as-it-was", "", Talk())


def test_whoever_gives_up_waits_no_longer(
    service: Branches, target: Target, gone: list[str]
) -> None:
    name = f"{target.name}-slow"
    gone.append(name)
    talk = Talk()
    talk.cancel.set()
    with pytest.raises(RunCancelled):
        service.create(NewBranch(name), talk)


def test_a_branch_is_reset_to_its_parent(service: Branches, target: Target) -> None:
    target.sql("CREATE TABLE ours (id int)")
    mine = row(service, target.name)
    with pytest.raises(RefusedError):
        service.reset(mine, "", "", Talk())
    assert "reset" in service.reset(mine, target.name, "", Talk())
    assert target.value("SELECT to_regclass('ours')") is None


async def test_a_run_is_taken_back_as_it_was_offered(
    gone: list[str], target: Target, context: Context
) -> None:
    sync = Sync(context)
    report = await sync.job(replace(sync.base(), days=3))(lambda _: None, CancelToken())
    await asyncio.to_thread(_take_back, Branches(context), target, gone, report.run_id)


def _take_back(service: Branches, target: Target, gone: list[str], run_id: str) -> None:
    mine = row(service, target.name)
    assert (mine.last_run, mine.last_status) == (run_id, "succeeded")
    assert mine.last_sync is not None
    assert service.obstacle("rollback", mine) == ""
    offer = service.rollback_offer(mine)
    gone.append(offer.backup)
    assert (offer.run_id, offer.branch) == (run_id, target.name)
    assert "connections drop" in offer.warning
    later = replace(offer, at=offer.at + timedelta(seconds=1))
    with pytest.raises(RefusedError, match="has changed"):
        service.rollback(later, target.name, Talk())
    with pytest.raises(RefusedError):
        service.rollback(offer, "main", Talk())
    assert target.value("SELECT count(*) FROM forecast_data") > 0
    assert "before" in service.rollback(offer, target.name, Talk())
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert row(service, offer.backup)
    with pytest.raises(RefusedError, match="was overwritten"):
        service.rollback_offer(mine)


def test_what_cannot_be_done_is_known_without_asking(looking: Context) -> None:
    service = Branches(Context({}))
    mine = BranchRow("br-1", "dev", parent="main")
    assert service.obstacle("delete", mine) == service.obstacle("reset", mine) == ""
    assert "no run" in service.obstacle("rollback", mine)
    assert "default" in service.obstacle("delete", replace(mine, default=True))
    assert "protected" in service.obstacle("reset", replace(mine, protected=True))
    assert "a child: pr-1" in service.obstacle("delete", replace(mine, children=("pr-1",)))
    assert service.obstacle("reset", replace(mine, children=("pr-1",))) == ""
    assert "no parent" in service.obstacle("reset", replace(mine, parent=""))
    assert service.name_problem("dev/é 1", ["main"]) == ""
    assert "already" in service.name_problem("main", ["main"])
    assert "empty" in service.name_problem("", [])
    assert "control" in service.name_problem("a\x1bb", [])
    url = Branches(looking).console_url(mine)
    assert url.endswith(f"/{looking.environ['NEON_PROJECT_ID']}/branches/br-1")


def test_an_address_is_masked_and_whole(service: Branches, target: Target) -> None:
    address = service.address(row(service, target.name))
    password = target.uri.split(":")[2].split("@")[0]
    assert password in address.uri.reveal()
    assert password not in address.masked + repr(address)
    assert "********" in address.masked
