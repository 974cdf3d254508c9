"""Secrets: where they may come from, which one counts, and that none is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from neonsync.errors import ConfigError
from neonsync.secret import Secret
from neonsync.settings import Settings, load_settings

KEY = "napi_0123456789abcdef"
URI = "postgresql://me:hunter2@ep-x.eu.neon.tech/shop"


class Memory(KeyringBackend):
    """A keyring of keyring's own interface that keeps its entries here."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("it is locked")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def memory() -> Iterator[Memory]:
    before, backend = keyring.get_keyring(), Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def load(tmp_path: Path, toml: str = "", **environ: str) -> Settings:
    config = tmp_path / "given.toml"
    config.write_text(toml)
    environment = {"NEON_PROJECT_ID": "quiet-moon-1", **environ}
    return load_settings(flags={}, environ=environment, config=config)


def secret_file(folder: Path, content: str = KEY, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_a_file_that_a_variable_names_gives_the_key(tmp_path: Path) -> None:
    path = secret_file(tmp_path, f"  {KEY}\n")
    seen = load(tmp_path, NEON_API_KEY_FILE=str(path))
    assert seen.neon.api_key == Secret(KEY)
    assert seen.origins["neon.api_key"] == f"from the file {path}"
    assert seen.notices == ()


def test_a_relative_path_in_a_file_starts_at_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file(tmp_path)
    monkeypatch.chdir("/")
    assert load(tmp_path, '[neon]\napi_key_file = "key"\n').neon.api_key == Secret(KEY)


def test_a_secret_file_that_everybody_reads_is_worth_a_word(tmp_path: Path) -> None:
    path = secret_file(tmp_path, mode=0o644)
    seen = load(tmp_path, NEON_API_KEY_FILE=str(path))
    assert seen.neon.api_key == Secret(KEY)
    assert f"chmod 600 {path}" in seen.notices[0]


def test_the_variable_beats_the_file_that_a_configuration_names(tmp_path: Path) -> None:
    toml = '[neon]\napi_key_file = "not-there"\n'
    seen = load(tmp_path, toml, NEON_API_KEY=KEY)
    assert seen.origins["neon.api_key"] == "from NEON_API_KEY"


def test_the_keyring_gives_both_secrets_under_their_names(tmp_path: Path, memory: Memory) -> None:
    memory.set_password("team", "NEON_API_KEY", KEY)
    memory.set_password("team", "NEON_CONNECTION_STRING", URI)
    seen = load(tmp_path, '[neon]\nkeyring = "team"\n')
    assert seen.neon.api_key == Secret(KEY)
    assert (seen.neon.role, seen.neon.database) == ("me", "shop")
    assert seen.origins["neon.api_key"] == "from the keyring, service team"


def test_an_empty_keyring_is_named_when_nothing_else_gives_a_secret(
    tmp_path: Path, memory: Memory
) -> None:
    with pytest.raises(ConfigError, match="the keyring has neither for the service 'team'"):
        load(tmp_path, '[neon]\nkeyring = "team"\n')


def test_a_locked_keyring_is_an_error_with_a_way_out(tmp_path: Path, memory: Memory) -> None:
    memory.locked = True
    with pytest.raises(ConfigError, match="it is locked") as caught:
        load(tmp_path, '[neon]\nkeyring = "team"\n')
    assert "export NEON_API_KEY" in caught.value.remedy


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        load(tmp_path, '[neon]\nkeyring = "team"\n')
    assert "neonsync[keyring]" in caught.value.remedy


def test_the_keyring_is_not_asked_when_nobody_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    assert load(tmp_path, NEON_API_KEY=KEY).neon.api_key == Secret(KEY)


def test_a_file_in_a_higher_layer_beats_the_keyring_of_a_lower_one(
    tmp_path: Path, memory: Memory
) -> None:
    memory.set_password("team", "NEON_API_KEY", "napi_of_the_keyring")
    toml = '[neon]\nkeyring = "team"\n'
    seen = load(tmp_path, toml, NEON_API_KEY_FILE=str(secret_file(tmp_path)))
    assert seen.neon.api_key == Secret(KEY)


def test_a_connection_string_alone_needs_neither_key_nor_project() -> None:
    seen = load_settings(flags={}, environ={"NEON_CONNECTION_STRING": URI}, directory=Path("/"))
    assert seen.neon.api_key is None
    assert seen.neon.project_id == ""
    # What libpq would do without an sslmode is to take no encryption for an answer.
    assert seen.neon.connection_string == Secret(URI + "?sslmode=require")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (URI + "?sslmode=verify-full", URI + "?sslmode=verify-full"),
        (URI + "?options=x", URI + "?options=x&sslmode=require"),
        (URI + "?", URI + "?sslmode=require"),
        (f" {URI}?sslmode=require\n", f"{URI}?sslmode=require"),
        ("postgresql://me@127.0.0.1:5433/shop", "postgresql://me@127.0.0.1:5433/shop"),
        (
            "postgresql://me@ep-x.sandbox.localhost/d?hostaddr=127.0.0.1",
            "postgresql://me@ep-x.sandbox.localhost/d?hostaddr=127.0.0.1",
        ),
        ("postgres://me@[::1]/d?sslmode=disable", "postgres://me@[::1]/d?sslmode=disable"),
        (
            "postgresql://me:a%40b@ep-x-pooler.neon.tech/d?sslmode=require&channel_binding=require",
            "postgresql://me:a%40b@ep-x-pooler.neon.tech/d?sslmode=require&channel_binding=require",
        ),
    ],
)
def test_a_connection_string_is_taken_as_it_is_but_never_unencrypted(given: str, used: str) -> None:
    seen = load_settings(flags={}, environ={"NEON_CONNECTION_STRING": given}, directory=Path("/"))
    assert seen.neon.connection_string is not None
    assert seen.neon.connection_string.reveal() == used


@pytest.mark.parametrize(
    ("string", "said"),
    [
        ("host=ep-x dbname=shop password=hunter2", "does not begin with postgresql://"),
        ("'postgresql://me:hunter2@ep-x/shop'", "does not begin with postgresql://"),
        ("postgresql://me:hunter2@ep-x/shop\npostgresql://", "line breaks"),
        ("postgresql://me:hunter2@/shop", "names no host"),
        ("postgresql:///shop?host=hunter2", "names no host"),
        ("postgresql://me:hunter2@%2Ftmp/shop", "names no host"),
        ("postgresql://me:hunter2@a,b/shop", "several hosts"),
        ("postgresql://ep-x/shop?password=hunter2", "names no role"),
        ("postgresql://me:hunter2@ep-x", "names no database"),
        ("postgresql://me:hunter2@ep-x:port/shop", "is not an address"),
        ("postgresql://me:hunter2@[ep-x/shop", "is not an address"),
        ("postgresql://me:hun#ter2@ep-x/shop", "a # that is not part"),
        ("postgresql://me:hunter2@x@ep-x/shop", "a @ that is not part"),
        ("postgresql://me:hunter2@localhost/shop?host=ep-x", "the parameter 'host'"),
        ("postgresql://me:hunter2@ep-x/shop?hostaddr=10.0.0.1", "the parameter 'hostaddr'"),
        (
            "postgresql://me:hunter2@ep-x/shop?hostaddr=127.0.0.1&hostaddr=10.0.0.1",
            "the parameter 'hostaddr'",
        ),
        ("postgresql://me:hunter2@ep-x/shop?sslmode=disable", "unencrypted to ep-x"),
        ("postgresql://me:hunter2@ep-x/shop?sslmode=prefer", "unencrypted to ep-x"),
        ("postgresql://me:hunter2@ep-x/s?sslmode=require&sslmode=allow", "unencrypted to ep-x"),
        ("postgresql://me:hunter2@ep-x/shop?sslmode=hunter2", "an sslmode that there is not"),
    ],
)
def test_a_bad_connection_string_is_refused_and_never_quoted(string: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(flags={}, environ={"NEON_CONNECTION_STRING": string}, directory=Path("/"))
    assert said in str(caught.value)
    assert "NEON_CONNECTION_STRING" in str(caught.value)
    assert "hunter2" not in str(caught.value) + caught.value.remedy


def test_what_must_be_masked_holds_the_password_in_every_form() -> None:
    string = "postgresql://me:p%40ss-word@ep-x.neon.tech/shop?sslmode=require"
    seen = load_settings(flags={}, environ={"NEON_CONNECTION_STRING": string}, directory=Path("/"))
    assert {s.reveal() for s in seen.secrets} == {string, "p%40ss-word", "p@ss-word"}
    assert "ss-word" not in repr(seen)
