"""Errors of the AWS half.

ApiError          a request that Athena or Glue refuses; becomes the HTTP answer
QueryFailed       a query that was accepted and then failed; becomes its state
QueryCancelled    a query that its owner or the end of the service stopped
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ErrorCategory(IntEnum):
    """Who is to blame, in the numbers of Athena's AthenaError."""

    SYSTEM = 1
    USER = 2
    OTHER = 3


@dataclass(frozen=True)
class AthenaError:
    """Why a query failed, as GetQueryExecution reports it."""

    category: int
    error_type: int
    retryable: bool
    message: str


class ApiError(Exception):
    """A refused request: an error code and a message in AWS's words."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class QueryFailed(Exception):  # noqa: N818  the state's name
    """A query that ends as FAILED; the message is its StateChangeReason."""

    def __init__(
        self,
        reason: str,
        *,
        category: int = ErrorCategory.USER,
        error_type: int = 1006,
        retryable: bool = False,
    ) -> None:
        super().__init__(reason)
        self.error = AthenaError(int(category), error_type, retryable, reason)


class QueryCancelled(Exception):  # noqa: N818  the state's name
    """A query that ends as CANCELLED."""


def invalid_request(message: str) -> ApiError:
    """Athena's answer to a request that it cannot accept."""
    return ApiError("InvalidRequestException", message)


def not_supported(what: str) -> QueryFailed:
    """A query that real Athena may run, and the sandbox does not."""
    return QueryFailed(f"NOT_SUPPORTED: {what} is not supported by the sandbox")
