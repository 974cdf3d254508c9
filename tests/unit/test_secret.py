"""Nothing prints a secret: not the class, not a library's message."""

from __future__ import annotations

import pickle
import traceback

import pytest

from neonsync.errors import DatabaseAccessError
from neonsync.postgres.connect import Database, connect
from neonsync.retry import Backoff
from neonsync.secret import Secret, redact, secrets_of


def test_a_secret_shows_itself_to_nobody_who_does_not_ask() -> None:
    secret = Secret("hunter2")

    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {Database(secret)}"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hunter2@host/db failed",
        "postgresql://me:an@hunter2@host/db failed",
        "the file postgresql:/me:hunter2@host/db is not there",
        "password=hunter2 host=x",
        "password = 'hunter2' host=x",
        r"password='it\'s hunter2' host=x",
        "password='it''s hunter2' host=x",
        'password="my hunter2" host=x',
        "password='a hunter2 that is not closed",
        "PGPASSWORD=hunter2 psql",
        "pwd=hunter2",
        "ALTER ROLE me PASSWORD 'my hunter2'",
        "Authorization: Bearer hunter2",
        "key napi_hunter2",
    ],
)
def test_what_looks_like_a_secret_is_redacted(text: str) -> None:
    assert "hunter2" not in redact(text)


def test_what_stands_beside_a_password_stays() -> None:
    assert redact("password='a b' host=x") == "password=******** host=x"
    assert redact("PGPASSWORD=a psql -h x") == "PGPASSWORD=******** psql -h x"
    assert redact("the password of x is wrong") == "the password of x is wrong"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:hunter%32@host/db",
        "postgresql://me@host/db?password=hunter%32",
        "postgresql://me@host/db?sslmode=require&sslpassword=hunter2",
        "postgresql://me@[host/db?p%61ssword=hunter2",
    ],
)
def test_a_password_is_known_wherever_an_address_has_it(address: str) -> None:
    assert "hunter2" not in redact("no role hunter2", *secrets_of(None, Secret(address)))


def test_known_secrets_are_redacted_wherever_they_stand() -> None:
    assert redact("so it was hunter2, then", Secret("hunter2")) == "so it was ********, then"
    assert redact("nothing", Secret("")) == "nothing"


async def test_a_failed_connection_shows_no_password_in_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("neonsync.postgres.connect.CONNECTING", Backoff(1, 0.0))
    uri = "postgresql://me:hunter2@127.0.0.1:1/db?connect_timeout=2"

    with pytest.raises(DatabaseAccessError) as caught:
        await connect(Database(Secret(uri)))

    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in shown.replace(repr(uri), "")
