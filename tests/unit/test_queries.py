"""Queries that are being started when they are to be stopped: whether one may be at work."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from neonsync.athena.client import Athena
from neonsync.athena.failures import translated_errors
from neonsync.engine.queries import Queries


def answered(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "StartQueryExecution")


@pytest.mark.parametrize(
    ("error", "in_doubt"),
    [
        (answered("AccessDeniedException", 400), False),
        (answered("InvalidRequestException", 400), False),
        (answered("ThrottlingException", 400), False),
        (NoCredentialsError(), False),
        (answered("InternalServerException", 500), True),
        (ReadTimeoutError(endpoint_url="https://athena"), True),
        (EndpointConnectionError(endpoint_url="https://athena"), True),
        (KeyError("QueryExecutionId"), True),
    ],
    ids=lambda value: str(value) if isinstance(value, Exception) else "",
)
async def test_a_start_that_athena_has_refused_is_in_no_doubt(
    error: Exception, in_doubt: bool
) -> None:
    queries = Queries(cast(Athena, None), 0, lambda _: None)
    begun, stopped = threading.Event(), threading.Event()

    def start() -> None:
        begun.set()
        stopped.wait()
        with translated_errors("starting a query"):
            raise error

    starting = asyncio.create_task(queries.start(start))
    await asyncio.to_thread(begun.wait)
    starting.cancel()
    stopped.set()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert queries.in_doubt is in_doubt
