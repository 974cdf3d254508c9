"""Setup: the form, its tests, and that no secret gets into it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Button, Input

from neonsync.errors import ConfigError
from neonsync.tui import ports
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import SetupField
from neonsync.tui.screens.branches import BranchesScreen
from neonsync.tui.screens.setup import SetupScreen
from neonsync.tui.setup_form import begin, is_secret, key_setting, preview, source_of, with_source
from neonsync.tui.widgets.field import Field
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import Fakes, FakeSetup

FIELDS = (
    SetupField("neon.project_id", ""),
    SetupField("athena.database", "lake", "from ATHENA_DB_NAME"),
    SetupField("athena.region", "us-east-1"),
    SetupField("athena.workgroup", "primary"),
    SetupField("athena.output_location", ""),
)


@dataclass
class Setup(FakeSetup):
    def fields(self) -> tuple[SetupField, ...]:
        if self.error is not None:
            raise self.error
        return FIELDS

    def problem(self, name: str, value: str) -> str:
        if name == "athena.output_location" and value and not value.startswith("s3://"):
            return "it must begin with s3://"
        return ""

    def test(self, name: str, values: Mapping[str, str]) -> ports.Tested:
        super().test(name, values)
        if name == "athena.workgroup":
            return ports.Tested(False, "there is no workgroup 'primary' [/x]", "There is etl.")
        return ports.Tested(True, f"reached {values.get(name, 'Neon')}")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fakes]:
    made = Fakes(setup=Setup(lack="There is no configuration yet: NEON_PROJECT_ID is not set."))
    made.sync.path = Path("/proj/neonsync.toml")
    yield made
    if made.setup.hold is not None:
        made.setup.hold.set()


async def opened(app: NeonsyncApp, pilot: Pilot[int]) -> SetupScreen:
    await until(pilot, lambda: isinstance(app.screen, SetupScreen))
    await until(pilot, lambda: "Workgroup" in text_of(app) and "? Help" in text_of(app))
    assert isinstance(app.screen, SetupScreen)
    return app.screen


async def test_it_is_there_first_where_there_is_no_configuration(
    app: NeonsyncApp, screens: Screens
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await screens(pilot)


async def test_it_is_not_where_there_is_one(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.setup.lack = ""
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: not app.workers._workers or isinstance(app.screen, SetupScreen))
        assert isinstance(app.screen, BranchesScreen)


async def test_all_lines_are_tried_at_once(app: NeonsyncApp, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        app.screen.query(Field).first().value = "quiet-moon"
        await pilot.press("f5")
        await until(pilot, lambda: text_of(app).count("✓ reached") == 5)
        assert "✗ there is no workgroup 'primary' [/x]\n" in text_of(app)
        await screens(pilot)


async def test_one_line_is_tried_by_its_button_and_a_change_forgets_it(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    fakes.setup.hold = threading.Event()
    async with app.run_test(size=(80, 30)) as pilot:
        screen = await opened(app, pilot)
        await pilot.click(screen.query(Button).first())
        await until(pilot, lambda: "… testing" in text_of(app))
        fakes.setup.hold.set()
        await until(pilot, lambda: "✓ reached" in text_of(app))
        screen.query("Input").first().focus()
        await pilot.press("q")
        await until(pilot, lambda: "✓ reached" not in text_of(app))
    name, values = fakes.setup.made[0][1:]
    assert (name, values["athena.database"]) == ("neon.project_id", "lake")


async def test_a_secret_is_taken_away_and_the_reason_told(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 30)) as pilot:
        screen = await opened(app, pilot)
        screen.query(Field).first().query_one(Input).post_message(Paste("napi_secret"))
        await until(pilot, lambda: "That is the secret itself" in text_of(app))
        assert "napi_" not in text_of(app)
        assert not any("napi" in value for value in screen.values().values())


async def test_the_source_of_the_key_is_chosen_by_keys(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 30)) as pilot:
        screen = await opened(app, pilot)
        assert "Path of the file" not in text_of(app)
        screen.query_one("RadioSet").focus()
        await pilot.press("right", "enter")
        await until(pilot, lambda: "Path of the file" in text_of(app))
        await pilot.press("tab", "tab", *"/k/key")
        assert screen.values()["neon.api_key_file"] == "/k/key"
        screen.query_one("RadioSet").focus()
        await pilot.press("right", "enter")
        await until(pilot, lambda: "Keyring service" in text_of(app))
        assert screen.values()["neon.api_key_file"] == ""


async def test_it_is_written_after_a_question_and_one_is_home(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 30)) as pilot:
        await opened(app, pilot)
        app.screen.query(Field).first().value = "quiet-moon"
        await pilot.press("f2")
        await until(pilot, lambda: "Write the configuration" in text_of(app))
        assert "quiet-moon" in text_of(app)
        assert "stays in NEON_API_KEY" in text_of(app)
        await pilot.press("enter")  # the safe choice
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        assert fakes.setup.made == []
        await pilot.press("f2", "tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, BranchesScreen))
    (_, values, path) = fakes.setup.made[0]
    assert path == Path("/proj/neonsync.toml")
    assert values["neon.project_id"] == "quiet-moon"


async def test_a_wrong_line_is_not_written(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 30)) as pilot:
        screen = await opened(app, pilot)
        screen.query("Input").last().focus()
        await pilot.press(*"bucket", "f2")
        await until(pilot, lambda: "it must begin with s3://" in text_of(app))
        assert isinstance(app.screen, SetupScreen)


async def test_what_cannot_be_written_is_told(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 30)) as pilot:
        await opened(app, pilot)
        fakes.setup.error = ConfigError("/work is read-only", "Choose another place.")
        await pilot.press("f2", "tab", "enter")
        await until(pilot, lambda: any("read-only" in note.message for note in app._notifications))
        assert isinstance(app.screen, SetupScreen)


async def test_a_configuration_that_cannot_be_read_says_why(
    app: NeonsyncApp, fakes: Fakes, screens: Screens
) -> None:
    fakes.setup.error = ConfigError("neonsync.toml is not valid TOML [/x]", "Mend it.")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "not valid TOML" in text_of(app) and "? Help" in text_of(app))
        await screens(pilot)


def test_the_values_have_one_source_of_the_key() -> None:
    values = {**begin(FIELDS), "neon.api_key_file": "f", "neon.keyring": "k"}
    assert source_of(values) == "file"
    assert source_of(begin(FIELDS)) == "variable"
    assert key_setting(with_source(values, "keyring")) == "neon.keyring"
    assert key_setting(with_source(values, "variable")) == "neon.api_key"
    assert with_source(values, "keyring")["neon.api_key_file"] == ""
    assert with_source(values, "keyring")["neon.keyring"] == "k"
    assert with_source(values, "variable")["neon.keyring"] == ""
    assert "NEON_API_KEY" in preview(with_source(values, "variable"), "variable")


@pytest.mark.parametrize("text", ["napi_abc", "npg_x1", "postgresql://u:p@h/d", "password=x"])
def test_what_looks_like_a_secret_is_one(text: str) -> None:
    assert is_secret(text)
    assert not is_secret("/home/kate/key")
