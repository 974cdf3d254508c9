"""A plan screen on fakes, for the tests of the plan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from textual.pilot import Pilot

from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import BranchRow, LakeTable, ProjectInfo
from neonsync.tui.preferences import Preferences
from neonsync.tui.screens.plan import PlanScreen
from tests.tui.conftest import until
from tests.tui.fakes import DEV, NOW, FakeLake, Fakes

TABLES = (
    LakeTable("claims", "public.claims", date_column="day", state_column="state"),
    LakeTable("claim_lines", "public.claim_lines", date_column="day", state_column="state"),
    LakeTable("members", "public.members"),
    LakeTable("providers", "public.providers"),
    LakeTable("plans", "app.plans"),
)
LOOKS: dict[str, dict[str, Any]] = {
    "claims": {"rows": 4_810_000, "bytes": 310_000_000, "newest": "2026-11-22"},
    "claim_lines": {"rows": 22_500_000, "newest": "2025-12-31"},
    "members": {"problem": "access denied to s3://lake/members"},
    "providers": {"bytes": 88_100_000},
    "plans": {"rows": 4400, "newest": "2026-11-01"},
}


@dataclass
class PlanLake(FakeLake):
    offered: list[LakeTable] = field(default_factory=lambda: list(TABLES))
    found_states: tuple[str, ...] = ("AK", "AL", "AR", "AZ", "CA", "CO", "CT", "TX", "WA")

    def look(self, table: LakeTable) -> LakeTable:
        self.note("look", table.source)
        return replace(table, **LOOKS.get(table.source, {}))

    def previews(self) -> list[Selection]:
        """The selections that plans were asked for."""
        return [call[1] for call in self.made if call[0] == "preview"]


def plan_fakes(**lake: Any) -> Fakes:
    return Fakes(lake=PlanLake(**lake))


@asynccontextmanager
async def planning(
    fakes: Fakes,
    branch: BranchRow = DEV,
    selection: Selection | None = None,
    size: tuple[int, int] = (80, 24),
    **preferences: Any,
) -> AsyncIterator[tuple[Pilot[int], PlanScreen]]:
    """The screen, on top of the home screen."""
    app = NeonsyncApp(fakes.services(), Preferences(**preferences))
    async with app.run_test(size=size, notifications=True) as pilot:
        app.project = ProjectInfo("ep-quiet-moon-123", "acme-claims")
        screen = PlanScreen(branch, selection, lambda: NOW.date())
        app.push_screen(screen)
        yield pilot, screen
        app.leaving = True  # as when one quits: what is still on its way is dropped


async def settled(pilot: Pilot[int], screen: PlanScreen) -> None:
    """Wait until all that was asked for is there."""

    def there() -> bool:
        return (
            screen.has_class("-ready")
            and screen.bottom.preview is not None
            and len(screen.tables.found) == len(screen.tables.keys)
            and not screen.states.waits
        )

    await until(pilot, there)
    await pilot.pause()
