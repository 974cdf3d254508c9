"""A session with AWS whose clients read times cheaply, and take no half answer for a whole one."""

from __future__ import annotations

import random
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from botocore.exceptions import ConnectionClosedError
from botocore.session import Session, get_session
from botocore.utils import parse_timestamp

from neonsync.retry import Backoff

REQUESTS = Backoff(attempts=8, first=1.0, most=20.0)
"""As botocore's standard mode waits."""


def session() -> Session:
    """A session whose clients read times by ``moment``: each object of S3 brings one, and dateutil
    takes for it a sixth of all that a GET takes."""
    core = get_session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
    core.register("needs-retry", cast(Any, _again_if_cut_off))
    return core


def moment(told: Any) -> datetime:
    """What botocore makes of a time; the forms in which S3 writes one need no dateutil."""
    try:
        if isinstance(told, str):
            read = datetime.fromisoformat if told[:1].isdigit() else parsedate_to_datetime
            found = read(told)
            if found.tzinfo is not None:
                return found
    except ValueError:
        pass
    parsed: datetime = parse_timestamp(told)
    return parsed


def _again_if_cut_off(
    *, response: Any, endpoint: Any, operation: Any, attempts: int, **_: Any
) -> float | None:
    """Seconds after which a request is sent again, as its answer has ended too soon.

    botocore does not look: of half a JSON object it makes an empty answer, which would be a query
    without a state, or a catalogue without tables. What is read as a stream is checked by its
    reader.

    Raises:
        ConnectionClosedError: the last answer was such a one, too.
    """
    if response is None or operation.has_streaming_output or operation.http["method"] == "HEAD":
        return None
    answer = response[0]
    length = answer.headers.get("Content-Length")
    if length is None or len(answer.content) >= int(length):
        return None
    seconds = REQUESTS.seconds(attempts, random.random())  # noqa: S311  # no cryptography
    if seconds is None:
        raise ConnectionClosedError(endpoint_url=endpoint.host)
    return seconds
