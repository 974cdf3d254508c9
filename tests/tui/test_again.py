"""Which branch a run goes into again."""

from __future__ import annotations

import pytest

from neonsync.errors import UnknownBranchError
from neonsync.selection import Selection
from neonsync.tui.again import branch_again
from tests.tui.fakes import DEV, MAIN

BRANCHES = [MAIN, DEV]


def test_it_is_the_branch_of_the_id_and_by_name_only_where_none_is_known() -> None:
    assert branch_again("br-dev-kate", "renamed", Selection(), BRANCHES) is DEV
    assert branch_again("", "dev-kate", Selection(), BRANCHES) is DEV


def test_another_branch_of_the_name_is_not_what_was_meant() -> None:
    with pytest.raises(
        UnknownBranchError, match=r"dev-kate \(br-gone\) of this run is gone"
    ) as gone:
        branch_again("br-gone", "dev-kate", Selection(), BRANCHES)
    assert "Another one is named dev-kate now" in gone.value.remedy


def test_a_run_via_a_child_goes_into_a_new_child_of_the_same_branch() -> None:
    child = ("br-child", "dev-kate-sync-20261123T013200")
    assert branch_again(*child, Selection(branch="dev-kate", via_branch=True), BRANCHES) is DEV
    assert branch_again(*child, Selection(via_branch=True), BRANCHES) is MAIN
