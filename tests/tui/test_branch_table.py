"""The table of branches and their details, as text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rich.cells import cell_len

from neonsync.errors import ConfigError
from neonsync.neon.errors import KeyRefusedError, Refusal, UnavailableError, UnreachableError
from neonsync.report.wording import printable
from neonsync.tui import branch_details, branch_keys, branch_table
from neonsync.tui.branch_feed import BranchFeed
from neonsync.tui.formatting import expiry
from neonsync.tui.ports import BranchList, BranchRow, ProjectInfo
from neonsync.tui.widgets.panel import Failure
from tests.tui.branch_world import Clock, many
from tests.tui.fakes import MAIN, NOW, branch


def plain(name: str) -> str:
    return name


def key(action: str) -> str:
    return branch_keys.key_of(action, {})


@pytest.mark.parametrize("width", range(60, 240))
def test_the_columns_fill_no_more_than_there_is(width: int) -> None:
    columns = branch_table.columns(width)
    assert sum(cells + 2 for _, cells in columns) < width
    assert dict(columns)["NAME"] >= 16


def test_the_default_branch_comes_first_and_the_others_by_name() -> None:
    names = [each.name for each in branch_table.ordered(many())]
    assert names == ["main", "ci-pr-398", "ci-pr-412", "dev-kate", "schema-probe", "staging"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", ["main", "Dev", "dev-2"]),
        ("DEV", ["Dev", "dev-2"]),
        ("2 dev", ["dev-2"]),
        ("br-main", ["main"]),
        ("zzz", []),
    ],
)
def test_a_filter_wants_all_of_its_words(words: str, names: list[str]) -> None:
    branches = [branch("main"), branch("Dev"), branch("dev-2")]
    assert [each.name for each in branch_table.matching(branches, words)] == names


@pytest.mark.parametrize("width", [16, 20, 48])
@pytest.mark.parametrize("name", ["main", "a" * 60, "日本語" * 10, "x\x1b[31m"])
def test_a_guarded_name_keeps_its_mark_and_its_column(name: str, width: int) -> None:
    row = branch(name, protected=True)
    text = branch_table.cells(row, NOW, (("NAME", width),), plain)[0]
    assert text.plain.startswith("◆ ")
    assert "\x1b" not in text.plain
    whole = 2 + cell_len(printable(name)) + len(" protected") <= width
    assert text.plain.endswith(" protected") is whole
    assert cell_len(text.plain) <= width


def test_a_state_that_nobody_knows_is_shown_as_it_is() -> None:
    assert branch_table.branch_sign("storage-odd").text() == "? storage-odd"
    assert branch_table.branch_sign("").text() == "? unknown"


def test_the_details_say_why_there_is_no_key() -> None:
    text = branch_details.details(
        MAIN, {"delete": "main is protected [/x]", "reset": ""}, NOW, 39, plain, key
    ).plain
    assert "delete: main is protected [/x]" in text
    assert "d delete it" not in text
    assert "R reset to its parent" in text


@pytest.mark.parametrize("width", [20, 39, 56])
def test_the_details_stay_in_their_width(width: int) -> None:
    row = branch(
        "n" * 80,
        host="ep-" + "h" * 70 + ".eu-central-1.aws.neon.tech",
        children=tuple(f"child-{number}" for number in range(9)),
        last_run="r" * 80,
        last_status="failed",
        expires_at=NOW + timedelta(days=2),
    )
    text = branch_details.details(row, {"delete": "it has children " * 5}, NOW, width, plain, key)
    long = [line for line in text.plain.splitlines() if cell_len(line) > max(width, 36)]
    assert not long
    assert "and 4 more" in text.plain.replace("\n          ", " ")


def test_the_age_is_told_calmly_and_the_rows_turn_old() -> None:
    clock = Clock()
    feed = BranchFeed(clock)
    found = BranchList(ProjectInfo("p"), (BranchRow("br-1", "main"),), NOW)
    feed.ask(by_hand=False)
    assert feed.word == ""
    feed.answer(found)
    clock.now += 12
    assert feed.word == "updated 10 s ago"
    assert feed.now == NOW + timedelta(seconds=12)
    assert not feed.due
    clock.now += 48
    assert feed.due
    feed.ask(by_hand=True)
    clock.now += 2
    assert feed.word == "asking Neon … 2 s"
    assert feed.stale
    feed.fail(Failure("no answer"))
    clock.now += 120
    assert feed.word == "offline · last good answer 3 min ago"
    assert feed.stale
    feed.answer(found)
    assert not feed.stale


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=7) - timedelta(seconds=2), "in 7 d"),  # just made, for seven days
        (timedelta(hours=30), "in 30 h"),
        (timedelta(minutes=59, seconds=40), "in 60 min"),
        (timedelta(seconds=20), "in 20 s"),
        (timedelta(0), "EXPIRED"),
    ],
)
def test_an_expiry_is_told_to_the_nearest_unit(left: timedelta, said: str) -> None:
    assert expiry(NOW + left, NOW) == said


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ConfigError("NEON_API_KEY is not set"), "not set up"),
        (KeyRefusedError("no", "", Refusal(401, "", "", "")), "refused"),
        (UnavailableError("busy", "", Refusal(503, "", "", "")), "offline"),
        (UnreachableError("no answer"), "offline"),
        (ValueError("a fault"), "failed"),
    ],
)
def test_offline_is_said_only_of_what_may_come_back_by_itself(error: Exception, word: str) -> None:
    assert Failure.of(error, str).word == word
