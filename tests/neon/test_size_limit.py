"""How large a branch may be, by whichever of Neon's words for it there is."""

from __future__ import annotations

from typing import Any

import pytest

from neonsync.neon.project import ProjectView
from tests.neon.scripted import Answer, Clock, Scripted


@pytest.mark.parametrize(
    ("project", "limit"),
    [
        ({}, None),
        ({"branch_logical_size_limit": 0, "branch_logical_size_limit_bytes": 0}, None),
        ({"branch_logical_size_limit_bytes": 536870912}, 536870912),
        ({"branch_logical_size_limit": 512}, 536870912),
        ({"settings": {"quota": {"logical_size_bytes": 1000}}}, 1000),
        (
            {
                "branch_logical_size_limit_bytes": 2000,
                "settings": {"quota": {"logical_size_bytes": 1000}},
            },
            1000,
        ),
        ({"branch_logical_size_limit_bytes": "much", "settings": []}, None),
    ],
)
def test_the_smallest_limit_counts_and_zero_is_none(
    project: dict[str, Any], limit: int | None
) -> None:
    with Scripted(lambda call: Answer({"project": project})) as server:
        assert ProjectView(server.settings, Clock().patience()).size_limit() == limit
    assert {call.method for call in server.calls} == {"GET"}
