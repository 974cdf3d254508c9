"""Why a connection failed is told by its text alone."""

from __future__ import annotations

import pytest

from neonsync.errors import ExitCode
from neonsync.postgres.connect_errors import ConnectError, ConnectFault, explain

_TEXTS = [
    (
        'connection to server at "ep-x", port 5432 failed: ERROR: The requested endpoint could not '
        "be found, or you don't have access to it.",
        ConnectFault.NO_ENDPOINT,
    ),
    ("ERROR:  endpoint cannot be found", ConnectFault.NO_ENDPOINT),
    ("The endpoint is disabled. Enable it using Neon API and retry.", ConnectFault.DISABLED),
    ("Your account or project has exceeded the compute time quota.", ConnectFault.QUOTA),
    ("Too many connections attempts.", ConnectFault.TOO_MANY),
    ("FATAL: remaining connection slots are reserved for roles", ConnectFault.TOO_MANY),
    ("Couldn't connect to compute node", ConnectFault.STARTING),
    ("FATAL:  the database system is starting up", ConnectFault.STARTING),
    ('FATAL:  password authentication failed for user "me"', ConnectFault.PASSWORD),
    ("connection is insecure (try using `sslmode=require`)", ConnectFault.TLS),
    ("server does not support SSL, but SSL was required", ConnectFault.TLS),
    ("SSL error: certificate verify failed", ConnectFault.TLS),
    ('root certificate file "/x" does not exist', ConnectFault.TLS),
    ('FATAL:  database "none" does not exist', ConnectFault.NO_ROLE_OR_DATABASE),
    ('could not translate host name "ep-x" to address', ConnectFault.NAME),
    ("Connection refused. Is the server running?", ConnectFault.REFUSED),
    ("connection timeout expired", ConnectFault.TIMEOUT),
    ("something that nobody has heard of", ConnectFault.UNKNOWN),
]


@pytest.mark.parametrize(("text", "fault"), _TEXTS)
def test_each_text_has_its_fault_and_a_remedy(text: str, fault: ConnectFault) -> None:
    reason = explain(text)
    error = ConnectError(text, reason)
    assert error.fault is fault
    assert error.remedy
    assert error.exit_code is ExitCode.ACCESS


def test_only_what_may_pass_is_tried_again() -> None:
    final = {fault for text, fault in _TEXTS if explain(text).final}
    assert final == {
        ConnectFault.NO_ENDPOINT,
        ConnectFault.DISABLED,
        ConnectFault.QUOTA,
        ConnectFault.PASSWORD,
        ConnectFault.TLS,
        ConnectFault.NO_ROLE_OR_DATABASE,
    }
    waking = {fault for text, fault in _TEXTS if explain(text).starting}
    assert waking == {ConnectFault.STARTING}
