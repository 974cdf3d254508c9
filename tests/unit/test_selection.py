"""A selection becomes a command and comes back from it, whatever is selected."""

from __future__ import annotations

import pytest

from neonsync.selection import Selection, from_arguments

BASE = Selection()


@pytest.mark.parametrize(
    ("selection", "command"),
    [
        (Selection(), ""),
        (Selection(publish="replace"), " --publish replace"),
        (
            Selection(on_missing="delete", allow_delete=12.5),
            " --on-missing delete --allow-delete 12.5",
        ),
        (Selection(allow_delete=100.0), " --allow-delete 100"),
        (Selection(on_error="continue"), " --on-error continue"),
        (Selection(fresh=True, via_branch=True), " --via-branch --fresh"),
    ],
)
def test_what_differs_becomes_a_flag_and_comes_back(selection: Selection, command: str) -> None:
    assert selection.command(BASE) == f"neonsync --headless{command}"
    assert from_arguments(selection.arguments(BASE), BASE) == selection


def test_the_flags_are_those_of_the_settings() -> None:
    flags = Selection(publish="merge").flags(BASE)
    assert flags["publish"] == "merge"
    assert Selection().flags(BASE)["publish"] is None
    assert Selection(fresh=True).flags(BASE)["fresh"]
