"""Why no connection came about, told by the text alone: libpq gives no SQLSTATE for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from neonsync.errors import DatabaseAccessError


class ConnectFault(StrEnum):
    """What kept a client from connecting."""

    NO_ENDPOINT = "no such endpoint"
    DISABLED = "endpoint disabled"
    QUOTA = "quota used up"
    TOO_MANY = "too many connections"
    STARTING = "starting"
    PASSWORD = "password refused"  # noqa: S105  # no password
    NO_ROLE_OR_DATABASE = "no such role or database"
    TLS = "no encryption"
    NAME = "name not found"
    REFUSED = "connection refused"
    TIMEOUT = "no answer in time"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ConnectReason:
    """What the text means: ``final`` is not worth another attempt, ``starting`` is worth many."""

    fault: ConnectFault
    remedy: str
    final: bool = False
    starting: bool = False


class ConnectError(DatabaseAccessError):
    """No connection to the branch's database; ``fault`` tells programs why."""

    def __init__(self, message: str, reason: ConnectReason) -> None:
        super().__init__(message, reason.remedy)
        self.fault = reason.fault


_UNKNOWN = ConnectReason(
    ConnectFault.UNKNOWN, "Look at the branch's compute in the Neon console, then run again."
)
# The first that fits; all in lower case. Neon's proxy has its own words beside Postgres's.
_TEXTS: tuple[tuple[tuple[str, ...], ConnectReason], ...] = (
    (
        ("endpoint cannot be found", "endpoint could not be found", "endpoint is not found"),
        ConnectReason(
            ConnectFault.NO_ENDPOINT,
            "The compute was deleted; check the branch in the Neon console.",
            final=True,
        ),
    ),
    (
        ("endpoint is disabled", "endpoint has been disabled"),
        ConnectReason(ConnectFault.DISABLED, "Enable the compute in the Neon console.", final=True),
    ),
    (
        ("quota",),
        ConnectReason(
            ConnectFault.QUOTA,
            "The project has used up what its plan allows; raise the plan, or wait for the next "
            "month.",
            final=True,
        ),
    ),
    (
        ("too many connections", "too many clients", "remaining connection slots"),
        ConnectReason(
            ConnectFault.TOO_MANY,
            "Other clients hold the connections; close some, use --jobs 1, or a larger compute.",
        ),
    ),
    (
        (
            "couldn't connect to compute node",
            "control plane request failed",
            "starting up",
            "not yet accepting connections",
            "in recovery mode",
            "shutting down",
        ),
        ConnectReason(
            ConnectFault.STARTING,
            "The compute has not woken up in time; run again, and look at it in the Neon console "
            "if it goes on.",
            starting=True,
        ),
    ),
    (
        ("password authentication failed", "no password supplied"),
        ConnectReason(
            ConnectFault.PASSWORD,
            "The password of the role has changed; run again, or renew NEON_CONNECTION_STRING.",
            final=True,
        ),
    ),
    (
        # Before "does not exist": a certificate file that does not is TLS's.
        (
            "certificate",
            "ssl connection is required",
            "connection is insecure",
            "does not support ssl",
            "ssl error",
            "ssl was required",
            "channel binding",
        ),
        ConnectReason(
            ConnectFault.TLS,
            "The connection must be encrypted: check sslmode, certificates, and whether a proxy "
            "stands in between.",
            final=True,
        ),
    ),
    (
        ("does not exist",),
        ConnectReason(
            ConnectFault.NO_ROLE_OR_DATABASE,
            "Check neon.database and neon.role, or the names in NEON_CONNECTION_STRING.",
            final=True,
        ),
    ),
    (
        ("could not translate host name", "name or service not known", "failed to resolve host"),
        ConnectReason(ConnectFault.NAME, "Check the network and its name service."),
    ),
    (
        ("connection refused",),
        ConnectReason(
            ConnectFault.REFUSED, "The server is not running, or a firewall is in the way."
        ),
    ),
    (
        ("timeout expired", "timed out"),
        ConnectReason(
            ConnectFault.TIMEOUT, "Check the network and firewalls; port 5432 must be open."
        ),
    ),
)


def explain(text: str) -> ConnectReason:
    """What the text of a failed connection means."""
    lowered = text.lower()
    for parts, reason in _TEXTS:
        if any(part in lowered for part in parts):
            return reason
    return _UNKNOWN
