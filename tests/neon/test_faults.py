"""Changes of branches while Neon is busy, slow or broken, on the sandbox's Neon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from neonsync.errors import ExitCode, NeonsyncError
from neonsync.neon.annotation import annotation
from neonsync.neon.branches import Project
from neonsync.neon.creation import BranchWish
from neonsync.neon.errors import NeonRequestError, OperationError, UnreachableError
from neonsync.neon.waiting import Patience
from neonsync.sandbox.neon import Fate, NeonOptions, NeonService
from neonsync.secret import Secret
from neonsync.settings import NeonSettings
from tests.sandbox.neon_fixtures import KEY, Client

HTML = "<html><title>524: a timeout occurred</title></html>"


@dataclass
class Waiter:
    """Waits by a clock of its own, so that a minute takes a moment; ``then`` is done meanwhile."""

    seconds: float = 0.0
    said: list[str] = field(default_factory=list)
    then: Callable[[float], None] = lambda seconds: None

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.then(self.seconds)
        time.sleep(0.02)  # the sandbox has work to do

    def patience(self, timeout: float = 300.0) -> Patience:
        return Patience(self.said.append, timeout, None, self.sleep, lambda: self.seconds)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeonService]:
    root: Path = tmp_path_factory.mktemp("neon") / "root"
    neon = NeonService(
        root, KEY, options=NeonOptions(operation_seconds=0.0, durable=False, root_branches=2)
    )
    neon.start()
    try:
        yield neon
    finally:
        neon.stop()


@pytest.fixture
def waiter() -> Waiter:
    return Waiter()


@pytest.fixture
def project(service: NeonService, waiter: Waiter) -> Iterator[Project]:
    """The project, with nothing but main in it before and after."""
    yield _project(service, waiter.patience())
    service.faults.fail_for(0, 423)
    client = Client(service)
    for branch in client.get("/branches")["branches"]:
        if not branch["default"]:
            client.idle()
            client.settle(client.call("DELETE", f"/branches/{branch['id']}"))


def _project(service: NeonService, patience: Patience) -> Project:
    settings = NeonSettings(service.project_id, Secret(KEY), service.api_host, "", "")
    return Project(settings, patience)


def names(project: Project) -> list[str]:
    return sorted(branch.name for branch in project.branches())


def wish() -> BranchWish:
    return BranchWish(annotation=annotation({}))


def test_a_project_that_is_busy_for_a_minute_is_waited_for_by_every_change(
    service: NeonService, project: Project, waiter: Waiter
) -> None:
    def after_a_minute(seconds: float) -> None:
        if seconds >= begun + 60:
            service.faults.fail_for(0, 423)

    begun = 0.0
    waiter.then = after_a_minute

    def busy() -> None:
        nonlocal begun
        begun = waiter.seconds
        service.faults.fail_for(3600, 423)

    busy()
    branch = project.create("dev", wish()).branch
    assert waiter.seconds >= 60
    assert "Neon is busy with other operations of the project; waiting" in waiter.said
    changes: tuple[Callable[[], object], ...] = (
        lambda: project.rename(branch, "renamed"),
        lambda: project.set_expiry(branch, None),
        lambda: project.reset(branch),
        lambda: project.delete(branch),
    )
    for change in changes:
        busy()
        assert change()
        assert waiter.seconds >= begun + 60
    assert names(project) == ["main"]


@pytest.mark.parametrize(
    ("headers", "least"), [({"Retry-After": "7"}, 14.0), ({}, 0.2), ({"Retry-After": "0"}, 0.2)]
)
def test_limits_of_requests_are_waited_out(
    service: NeonService, project: Project, waiter: Waiter, headers: dict[str, str], least: float
) -> None:
    service.faults.fail_next(2, 429, None, headers)
    assert names(project) == ["main"]
    assert least <= waiter.seconds <= least + 5
    assert waiter.said == ["Neon's API limits requests; waiting"]


def test_a_proxys_page_of_html_is_borne_for_reading_and_not_shown(
    service: NeonService, project: Project
) -> None:
    service.faults.fail_next(3, 524, HTML)
    assert names(project) == ["main"]
    service.faults.fail_next(5, 524, HTML)
    with pytest.raises(NeonsyncError, match="524") as raised:
        project.branches()
    assert raised.value.exit_code is ExitCode.ACCESS
    assert "<" not in str(raised.value) + raised.value.remedy


@pytest.mark.parametrize("status", [None, 524])
def test_a_post_whose_reply_is_lost_leaves_exactly_one_branch(
    service: NeonService, project: Project, waiter: Waiter, status: int | None
) -> None:
    service.faults.lose_next(1, "POST", status, HTML)
    made = project.create("dev", wish())
    assert made.created
    assert made.branch.state == "ready", "and it was waited for"
    assert names(project) == ["dev", "main"]
    assert "no answer from Neon; looking whether the branch dev was made" in waiter.said


def test_a_post_that_nobody_acted_on_is_not_sent_again(
    service: NeonService, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = project.find("dev")  # the proxy hangs from the POST on, not before
    assert find is None
    monkeypatch.setattr("neonsync.neon.transport.READ_TIMEOUT", 0.3)
    monkeypatch.setattr(project, "find", lambda name: None)
    service.faults.hang_next(1)
    with pytest.raises(UnreachableError, match="Neon lists no branch dev so far"):
        project.create("dev", wish())
    service.faults.release()
    monkeypatch.undo()
    assert names(project) == ["main"]


def test_an_operation_that_is_tried_again_or_skipped_ends_well(
    service: NeonService, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its number is test_project's; here a slow machine may poll more often.
    monkeypatch.setattr("neonsync.neon.waiting.FAILED_GRACE_POLLS", 500)
    service.faults.next_operation(Fate(failures=2, pause_seconds=0.02))
    dev = project.create("dev", wish()).branch
    assert dev.state == "ready"
    service.faults.next_operation(Fate(skipped=True))
    assert project.reset(dev).state == "ready"


def test_an_operation_that_fails_for_good_is_told_and_can_be_cleared_away(
    service: NeonService, project: Project
) -> None:
    service.faults.next_operation(Fate(failures=1, for_good=True))
    with pytest.raises(OperationError, match="create_branch ended as failed: a try of it") as it:
        project.create("dev", wish())
    assert it.value.exit_code is ExitCode.SYNC_FAILED
    assert project.delete(project.branch("dev"))


def test_an_operation_that_never_ends_is_given_up_in_time(
    service: NeonService, project: Project, waiter: Waiter
) -> None:
    end = threading.Event()
    service.faults.next_operation(Fate(until=end))
    short = _project(service, waiter.patience(timeout=9))
    try:
        with pytest.raises(OperationError, match="create_branch is still running after"):
            short.create("dev", wish())
        assert 9 < waiter.seconds < 12
        # Whoever comes next takes the branch that is being made, and gives up in time as well.
        with pytest.raises(OperationError, match="is still"):
            short.create("dev", wish())
    finally:
        end.set()
    again = project.create("dev", wish())
    assert (again.created, again.branch.state) == (False, "ready")


def test_a_branch_that_somebody_deletes_while_we_wait_is_said(
    service: NeonService, project: Project, waiter: Waiter
) -> None:
    client, deleted = Client(service), threading.Event()

    def delete(seconds: float) -> None:
        if not deleted.is_set():
            deleted.set()
            client.idle()
            (dev,) = client.get("/branches", search="dev")["branches"]
            client.settle(client.call("DELETE", f"/branches/{dev['id']}"))

    waiter.then = delete
    with pytest.raises(OperationError, match="is gone: somebody has deleted it meanwhile"):
        project.create("dev", wish())
    assert deleted.is_set()


def test_a_branch_that_is_gone_before_a_change_is_neons_404(
    service: NeonService, project: Project
) -> None:
    client = Client(service)
    made = client.create("dev", compute=False)
    gone = project.branch("dev")
    client.delete(made)
    changes: tuple[Callable[[], object], ...] = (
        lambda: project.rename(gone, "other"),
        lambda: project.set_expiry(gone, None),
    )
    for change in changes:
        with pytest.raises(NeonRequestError, match="branch not found") as raised:
            change()
        assert (raised.value.status, "may be gone" in raised.value.remedy) == (404, True)
    with pytest.raises(OperationError, match="somebody has deleted it"):
        project.reset(gone)
    assert not project.delete(gone)


def test_a_project_takes_few_branches_without_a_parent(project: Project) -> None:
    schema = BranchWish(schema_only=True)
    assert project.create("shape", schema).branch.parent_id is None
    with pytest.raises(NeonRequestError, match="root branches limit") as raised:
        project.create("other", schema)
    assert "The plan's limit is reached" in raised.value.remedy
    assert names(project) == ["main", "shape"]
