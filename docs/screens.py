"""Make the README's pictures of the terminal UI: its real screens, in a real run on a sandbox.

    .venv/bin/python docs/screens.py

Keys are pressed, the services and the run are those of ``neonsync demo``; nothing is drawn by hand.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from picture import without_fonts
from textual.pilot import Pilot

from neonsync.cli.demo import sandbox_process
from neonsync.engine.cancel import CancelToken
from neonsync.services.factory import Real, real
from neonsync.services.values import NewBranch, Talk
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import Services
from neonsync.tui.screens.plan import PlanScreen
from neonsync.tui.screens.results import ResultsScreen
from neonsync.tui.widgets.rows import Rows

ROWS = 2_000_000
SIZE = (100, 24)
PATIENCE = 120.0
"""Seconds that a screen may take to show what it is waited for."""
BRANCHES = (
    NewBranch("staging"),
    NewBranch("dev-kate", expires=timedelta(days=7)),
    NewBranch("ci-pr-412", expires=timedelta(days=1)),
    NewBranch("schema-probe", schema_only=True),
)
FOLDER = Path(__file__).parent


def main() -> None:
    """Start a sandbox, press the keys, save the pictures."""
    with tempfile.TemporaryDirectory() as home, sandbox_process(None, ROWS) as sandbox:
        own = {
            "HOME": home,
            "NEONSYNC_CONFIG": os.devnull,
            "NEONSYNC_REPORT_DIR": home,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        os.environ.update({**sandbox, **own})
        asyncio.run(_take(dict(os.environ)))


async def _take(environ: Mapping[str, str]) -> None:
    found = real(None, environ)
    for wish in BRANCHES:
        await asyncio.to_thread(found.branches.create, wish, Talk())
    await _sync(found, "staging")
    app = NeonsyncApp(Services(found.branches, found.lake, found.sync, found.history, found.setup))
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: len(_keys(app)) == len(BRANCHES) + 1)
        await pilot.press("down", "down")
        await _save(pilot, "branches")

        await pilot.press("s")
        await _until(pilot, lambda: isinstance(app.screen, PlanScreen) and app.screen.is_mounted)
        plan = app.screen
        assert isinstance(plan, PlanScreen)  # noqa: S101  # for the type
        await _until(pilot, lambda: plan.has_class("-ready") and not plan.states.waits)
        plan.states.boxes.focus()
        await pilot.press("down", "space", *["down"] * 4, "space")
        await _until(pilot, lambda: plan.bottom.preview is not None)
        await _save(pilot, "plan")

        # All states, so that the run takes long enough for its picture.
        await pilot.press("space", *["up"] * 4, "space")
        await _until(pilot, lambda: plan.bottom.preview is not None and not plan.form.states)
        await pilot.press("f5")
        run = app.run_controller
        assert run is not None  # noqa: S101  # F5 has begun it
        await _until(pilot, lambda: run.snapshot().sent > ROWS / 5 or not run.active)
        await _save(pilot, "run")
        await _until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await _save(pilot, "results")


async def _sync(found: Real, branch: str) -> None:
    selection = replace(found.sync.base(), branch=branch, days=7)
    await found.sync.job(selection)(lambda event: None, CancelToken())


def _keys(app: NeonsyncApp) -> list[object]:
    return [key for rows in app.screen.query(Rows) for key in rows.rows]


async def _until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await pilot.pause(0.02)


async def _save(pilot: Pilot[int], name: str) -> None:
    await pilot.pause(0.5)  # a frame that is drawn whole
    svg = without_fonts(pilot.app.export_screenshot(title="neonsync", simplify=True))
    (FOLDER / f"ui-{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
