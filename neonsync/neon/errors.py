"""What Neon's API may answer in place of what was asked for, as errors with their exit codes.

NeonRequestError             1   Neon answered with an error; status, code, request id
├── KeyRefusedError          3   401: the key is wrong, or revoked
├── ForbiddenError           3   403: the key is right, and may not do that
└── UnavailableError         3   423, 429 and 5xx, after the retries that are safe
UnreachableError             3   no answer at all: network, proxy, time-out
AnswerError                  3   an answer that is not Neon's, or lacks what it must have
OperationError               1   Neon's work in the background failed or takes too long
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from neonsync.errors import NeonAccessError, NeonsyncError
from neonsync.neon.moments import parse_http_date
from neonsync.secret import Secret, redact

LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Refusal:
    """An answer with an error status; ``code`` and ``request_id`` are Neon's own, or empty.

    ``retry_after`` is in seconds, None where the answer does not tell.
    """

    status: int
    code: str
    message: str
    request_id: str
    retry_after: float | None = None

    @classmethod
    def of(cls, response: requests.Response, *secrets: Secret) -> Refusal:
        """Read an answer, whatever its body is."""
        try:
            body = response.json()
        except ValueError:
            body = None  # 524 and proxies answer with HTML, which tells people nothing
        body = body if isinstance(body, Mapping) else {}

        def text(value: Any) -> str:
            return redact(str(value or ""), *secrets)[:LONGEST_MESSAGE]

        return cls(
            status=response.status_code,
            code=text(body.get("code")),
            message=text(body.get("message") or response.reason),
            request_id=text(body.get("request_id") or response.headers.get("x-request-id")),
            retry_after=_retry_after(response),
        )

    @property
    def text(self) -> str:
        """Status, message and request id, for people and for Neon's support."""
        # Most of Neon's codes are empty, or say again what the status says.
        said = " ".join(part for part in (str(self.status), self.code, self.message) if part)
        return f"{said} (request {self.request_id})" if self.request_id else said


class NeonRequestError(NeonsyncError):
    """Neon answered with an error, which ``refusal`` has whole."""

    def __init__(self, message: str, remedy: str, refusal: Refusal) -> None:
        super().__init__(message, remedy)
        self.refusal = refusal

    @property
    def status(self) -> int:
        """HTTP's status."""
        return self.refusal.status

    @property
    def code(self) -> str:
        """Neon's own word for the error, or empty."""
        return self.refusal.code

    @property
    def request_id(self) -> str:
        """What Neon's support asks for, or empty."""
        return self.refusal.request_id

    @property
    def retry_after(self) -> float | None:
        """Seconds that Neon asked to wait, None where it did not."""
        return self.refusal.retry_after


class KeyRefusedError(NeonRequestError, NeonAccessError):
    """The API key is wrong, or was revoked."""


class ForbiddenError(NeonRequestError, NeonAccessError):
    """The API key is known, and may not do that."""


class UnavailableError(NeonRequestError, NeonAccessError):
    """Neon is busy or broken, and stayed so."""


class UnreachableError(NeonAccessError):
    """No answer came; whether the server has acted is not known."""


class AnswerError(NeonAccessError):
    """An answer that is not Neon's, or lacks what it must have."""


class OperationError(NeonsyncError):
    """An operation of Neon's failed, or is not at its end after the time that was given."""


def refused(method: str, path: str, refusal: Refusal, seconds: float) -> NeonRequestError:
    """The error for a refusal; ``seconds`` were spent with trying."""
    text = refusal.text
    if refusal.status == 401:
        return KeyRefusedError(
            f"Neon refused the API key: {text}",
            "NEON_API_KEY may be revoked or mistyped; make a new key in the Neon console.",
            refusal,
        )
    if refusal.status == 403:
        return ForbiddenError(
            f"the API key may not {method} {path}: {text}",
            "The key is right. Use one of an account or organisation that has access to the "
            "project.",
            refusal,
        )
    if refusal.status == 423:
        return UnavailableError(
            f"Neon is still busy with other operations of the project after {seconds:.0f} s: "
            f"{text}",
            "Look at the project's operations in the Neon console; run again when they have ended.",
            refusal,
        )
    if refusal.status == 429:
        return UnavailableError(
            f"Neon's API takes no more requests for now, after {seconds:.0f} s of waiting: {text}",
            "Other programs use up the account's limit of requests; run again later.",
            refusal,
        )
    if refusal.status >= 500:
        return UnavailableError(
            f"Neon's API cannot answer {method} {path}: {text}",
            "See neonstatus.com, or run again later.",
            refusal,
        )
    return NeonRequestError(f"Neon refused {method} {path}: {text}", _remedy(refusal), refusal)


def _remedy(refusal: Refusal) -> str:
    lowered = refusal.message.lower()
    if "limit" in lowered or "quota" in lowered:
        return "The plan's limit is reached: delete what is not needed, or raise the plan."
    if refusal.status == 404:
        return "It may be gone by now; neonsync branches list shows what there is."
    return "The message says what Neon wants otherwise."


def _retry_after(response: requests.Response) -> float | None:
    """Seconds, which HTTP writes as such or as a date; measured by the server's own clock."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until = parse_http_date(value)
    if until is None:
        return None
    sent = parse_http_date(response.headers.get("Date", ""))
    return max(0.0, (until - sent).total_seconds()) if sent is not None else None
