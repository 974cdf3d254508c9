"""The preferences' file: kept, read back, and never a reason not to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from neonsync.errors import ConfigError
from neonsync.tui.preferences import (
    Preferences,
    key_problem,
    load_preferences,
    preferences_path,
    save_preferences,
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def write(environ: dict[str, str], text: str) -> None:
    path = preferences_path(environ)
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_what_is_saved_is_read_back(environ: dict[str, str]) -> None:
    wanted = Preferences("ansi-light", 2, ascii_only=True, mouse=False, keys={"app.quit": "ctrl+x"})
    path = save_preferences(wanted, environ)
    assert load_preferences(environ) == (wanted, ())
    assert [each.name for each in path.parent.iterdir()] == ["ui.toml"]


def test_without_a_file_or_a_home_the_defaults_count(environ: dict[str, str]) -> None:
    assert load_preferences(environ) == (Preferences(), ())
    assert load_preferences({}) == (Preferences(), ())
    with pytest.raises(ConfigError, match="no home"):
        save_preferences(Preferences(), {"XDG_CONFIG_HOME": "relative"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('theme = "pink"', "theme is 'pink': it must be one of neonsync-dark"),
        ("refreshes = 3", "refreshes is 3: it must be one of 2, 4, 8"),
        ("refreshes = true", "refreshes is True"),
        ("ascii_only = 1", "ascii_only is 1: it must be true or false"),
        ("moues = false", "there is no preference 'moues'; known: theme, "),
        ("keys = 1", "begin it with a line [keys]"),
        ('[keys]\n"app.quit" = "ctrl+b"', "ctrl+b belongs to tmux"),
        ('[keys]\n"app.quit" = ""', "is no key"),
        ("theme = ", "is not read, the defaults count"),
    ],
)
def test_a_wrong_value_falls_back_and_is_told(
    text: str, said: str, environ: dict[str, str]
) -> None:
    write(environ, f"mouse = false\n{text}\n")
    found, notices = load_preferences(environ)
    assert found == Preferences(mouse="not read" in said)
    assert len(notices) == 1
    assert said in notices[0]
    assert "ui.toml" in notices[0]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "neonsync").write_text("a file")
    with pytest.raises(ConfigError, match="could not be written"):
        save_preferences(Preferences(), {"XDG_CONFIG_HOME": str(tmp_path)})


def test_keys_of_tmux_and_the_terminal_are_no_keys_for_us() -> None:
    assert key_problem("f5,ctrl+w") == ""
    for key in ("ctrl+a", "x,ctrl+z", " ", "a b", ""):
        assert key_problem(key)
