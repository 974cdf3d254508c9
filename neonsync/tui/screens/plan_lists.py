"""The lists of the plan: the tables with what the lake says of them, and the states in the data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from textual.timer import Timer

from neonsync.threads import in_thread
from neonsync.tui.plan_tables import Columns, keyed, table_label, table_note
from neonsync.tui.ports import LakeTable
from neonsync.tui.widgets.panel import Failure
from neonsync.tui.widgets.pick_list import PickList

if TYPE_CHECKING:
    from neonsync.tui.screens.base import View

DEBOUNCE = 0.3
"""Seconds after the last change before a service is asked."""
_BORDER = 4
"""What the box's line takes of its width beside the note."""
LOOKS = 3
"""So many tables are looked at side by side."""


class TableList(PickList):
    """The tables at once; their sizes and dates come one by one, and move nothing."""

    def __init__(self, id: str) -> None:
        super().__init__("Tables", self._note_of, id=id)
        self._tables: dict[str, LakeTable] = {}
        self.found: dict[str, LakeTable] = {}
        self._year = 0

    def offer(self, offered: Sequence[LakeTable], chosen: Sequence[str], year: int) -> None:
        """Show these tables, and look at each; ``year`` is the one of today."""
        self._tables, self._year = keyed(offered), year
        self.switch_off("" if self._tables else "no tables are configured")
        self.choose(chosen)
        cast("View", self.screen).start(self._look_at_all(), group="looks")

    def choose(self, chosen: Sequence[str]) -> None:
        """Have these chosen."""
        self.show(list(self._tables), chosen, self._label_of)

    async def _look_at_all(self) -> None:
        places = asyncio.Semaphore(LOOKS)
        await asyncio.gather(
            *(self._look(key, table, places) for key, table in self._tables.items())
        )

    async def _look(self, key: str, table: LakeTable, places: asyncio.Semaphore) -> None:
        view = cast("View", self.screen)
        lake = view.ui.services.lake
        async with places:
            try:
                found = await in_thread(lambda: lake.look(table))
            except Exception as error:
                found = replace(table, problem=Failure.of(error, view.ui.hide).message)
        if view.gone:
            return
        self.found[key] = found
        self.choose(self.chosen)

    def _label_of(self, key: str, width: int) -> str:
        columns = Columns(width, max(map(len, self._tables)), self._year)
        table = self.found.get(key) or self._tables[key]
        return table_label(key, table, columns, looked=key in self.found)

    def _note_of(self, key: str) -> str:
        table = self.found.get(key) or self._tables[key]
        return table_note(table, self.size.width - _BORDER)


class StateList(PickList):
    """The states in the data of some tables; none chosen is all of them."""

    def __init__(self, id: str) -> None:
        super().__init__("States", lambda key: "/ filter", none="all", id=id)
        self._known: tuple[str, ...] = ()
        self._of: tuple[str, ...] | None = None
        self._wanted: tuple[str, ...] | None = None
        self._meant: tuple[str, ...] = ()
        self._failure: Failure | None = None
        self._timer: Timer | None = None

    def want(self, tables: tuple[str, ...], obstacle: str, chosen: Sequence[str]) -> None:
        """Have the states of these tables, or say why there is nothing to choose."""
        if obstacle:
            self._cancel()
            self._wanted = self._of
            self.switch_off(obstacle)
            return
        if tables != self._wanted:
            self._wanted = tables
            self._cancel()
            self._timer = self.set_timer(DEBOUNCE, lambda: self._ask(tables))
        self._draw_states(chosen)

    @property
    def waits(self) -> bool:
        """Whether other states are on their way."""
        return self._of != self._wanted and self._failure is None

    def forget(self) -> None:
        """Ask anew at the next time."""
        self._wanted = self._of = self._failure = None

    def _ask(self, tables: tuple[str, ...]) -> None:
        view = cast("View", self.screen)
        view.fetch(
            lambda: view.ui.services.lake.states(tables),
            lambda found: self._found(tables, found),
            self._failed,
            group="states",
        )

    def _found(self, tables: tuple[str, ...], found: tuple[str, ...]) -> None:
        if tables == self._wanted:
            self._known, self._of, self._failure = found, tables, None
            self._draw_states(self._meant)

    def _failed(self, failure: Failure) -> None:
        self._failure = failure
        self._draw_states(self._meant)

    def _draw_states(self, chosen: Sequence[str]) -> None:
        self._meant = tuple(chosen)
        if self._failure is not None:
            self.switch_off(f"! {self._failure.message}\n\nr tries again")
            return
        if self._of is None:
            self.switch_off("looking into the data")
            return
        self.age(self._of != self._wanted)
        # One that is chosen but not there stays to be seen, and to be taken out.
        missing = [each for each in chosen if each not in self._known]
        keys = [*missing, *self._known]
        self.switch_off("" if keys else "there are none in the data")
        self.show(keys, chosen, lambda key, width: f"{key} ? absent" if key in missing else key)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
