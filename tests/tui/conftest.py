"""The UI without a terminal: a pilot that types, and a screen that is read as text."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.app import App
from textual.css.model import RuleSet
from textual.css.query import NoMatches
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from neonsync.tui.app import NeonsyncApp
from neonsync.tui.preferences import Preferences
from tests.tui.fakes import Fakes, report_of
from tests.tui.runs import Script


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def script() -> Iterator[Script]:
    """A run that does what a test says, and ends with it."""
    script = Script()
    yield script
    if script.begun.is_set():
        script.finish(report_of("cancelled"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test writes into the state or the configuration of whoever runs it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture(scope="package", autouse=True)
def _seldom_collected() -> Iterator[None]:
    """Each app makes and drops some hundred thousand objects: looking for cycles took a third."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture(scope="package", autouse=True)
def _parsed_once() -> Iterator[None]:
    """Each app parses the styles of all its widgets: they are the same in the next one."""
    parse: Callable[..., Any] = Stylesheet._parse_rules
    parsed: dict[tuple[Any, ...], Any] = {}

    def rules(sheet: Stylesheet, css: str, *arguments: Any, **named: Any) -> Any:
        variables = tuple(sorted(sheet._variables.items()))
        key = (css, variables, arguments, tuple(sorted(named.items())))
        if key not in parsed:
            parsed[key] = parse(sheet, css, *arguments, **named)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", rules)
        # Asked of all rules for each widget: the same, and not in Python.
        patch.setattr(RuleSet, "__hash__", object.__hash__)
        yield


@pytest.fixture
def app(fakes: Fakes) -> NeonsyncApp:
    return NeonsyncApp(fakes.services(), Preferences())


def text_of(app: App[int]) -> str:
    """What is to be read on the screen, line by line."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.crop(0, width).text.rstrip() for strip in strips[:height])


STILL_LOOKS = 8
"""A screen with a clock on it never stands still."""


async def until(pilot: Pilot[int], holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Let the UI go on until something holds, and what is drawn with it has been drawn.

    Fails with the screen when it never does.
    """
    gone = time.monotonic() + seconds
    await pilot.pause()
    while not _holds(holds):
        if time.monotonic() > gone:
            pytest.fail(f"never came to hold; the screen shows:\n{text_of(pilot.app)}")
        await asyncio.sleep(0.02)
    await pilot.pause()  # what holds is drawn by now, and what follows from it
    await _drawn(pilot)


async def _drawn(pilot: Pilot[int]) -> None:
    """Wait until two looks show the same: keys and panes are drawn a moment later."""
    before = ""
    for _ in range(STILL_LOOKS):
        now = text_of(pilot.app)
        if now == before:
            return
        before = now
        await pilot.pause(0.01)


def _holds(holds: Callable[[], bool]) -> bool:
    """A screen that is not composed yet has nothing in it that could hold."""
    try:
        return holds()
    except NoMatches:
        return False


class ScreenText(SingleFileSnapshotExtension):
    """A screen as a text file, so that a review reads what a user sees."""

    file_extension = "txt"
    _write_mode = WriteMode.TEXT


@pytest.fixture
def screen(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compares ``text_of(app)`` with the file below ``__snapshots__``."""
    return snapshot.use_extension(ScreenText)


SIZES = ((80, 24), (120, 40))
"""What every screen is looked at in."""

Screens: TypeAlias = Callable[[Pilot[int]], Awaitable[None]]


@pytest.fixture
def screens(screen: SnapshotAssertion) -> Screens:
    """Looks at a screen in each of ``SIZES``, a file for each, and leaves it in the first."""

    async def look(pilot: Pilot[int]) -> None:
        for width, height in SIZES:
            await _resized(pilot, width, height)
            assert text_of(pilot.app) == screen(name=f"{width}x{height}")
        await _resized(pilot, *SIZES[0])

    return look


async def _resized(pilot: Pilot[int], width: int, height: int) -> None:
    if pilot.app.size != (width, height):
        await pilot.resize_terminal(width, height)
        await _drawn(pilot)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the seconds still that a waiting screen tells: a machine may be slow."""
    monkeypatch.setattr("neonsync.tui.clock.seconds", lambda: 100.0)
