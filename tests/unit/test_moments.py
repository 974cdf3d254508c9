"""Times as AWS writes them: what botocore would read."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.utils import parse_timestamp

from neonsync.athena.moments import moment


@pytest.mark.parametrize(
    "told",
    [
        "2026-11-26T01:31:44.000Z",
        "2026-11-26T01:31:44Z",
        "2026-11-26T01:31:44.123456+02:00",
        "Thu, 26 Nov 2026 01:31:44 GMT",
        "2026-11-26T01:31:44",
        "20261126T013144Z",
        "1790000000",
        "1790000000.25",
        1790000000,
        1790000000.25,
    ],
)
def test_it_is_the_moment_that_botocore_reads(told: Any) -> None:
    assert moment(told) == parse_timestamp(told)


def test_what_is_no_time_is_refused_as_botocore_refuses_it() -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        moment("tomorrow morning")
