"""What can go wrong in the sandbox: with this machine, or with a request.

SandboxError   the sandbox cannot be made, started or found; the message says what to do
ApiError       a request is answered with an HTTP error, as Neon would
"""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot do its work on this machine; the message says what to do."""


class ApiError(Exception):
    """A refusal, answered with an HTTP status and Neon's general error body."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
