"""Work with tasks beside it: whose error is raised, and who is stopped."""

from __future__ import annotations

import asyncio

import pytest

from neonsync.engine.concurrency import alongside


class Stopped:
    """Waits for ever; knows whether it was cancelled."""

    cancelled = False

    async def wait(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def failing(message: str) -> None:
    raise LookupError(message)


async def test_a_task_that_fails_stops_the_work_and_its_error_is_raised() -> None:
    work, other = Stopped(), Stopped()

    async def both() -> None:
        async with alongside() as beside:
            beside.create_task(other.wait())
            beside.create_task(failing("beside"))
            await work.wait()

    with pytest.raises(LookupError, match="beside"):
        await both()
    assert (work.cancelled, other.cancelled) == (True, True)
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_the_error_of_the_work_comes_first_where_both_fail() -> None:
    async def both() -> None:
        async with alongside() as beside:
            beside.create_task(failing("beside"))
            try:
                await Stopped().wait()
            finally:
                await failing("work")

    with pytest.raises(LookupError, match="work"):
        await both()


async def test_work_that_fails_stops_the_tasks() -> None:
    task = Stopped()

    async def both() -> None:
        async with alongside() as beside:
            beside.create_task(task.wait())
            await asyncio.sleep(0)
            await failing("work")

    with pytest.raises(LookupError, match="work"):
        await both()
    assert task.cancelled


async def test_a_cancel_is_a_cancel() -> None:
    task = Stopped()

    async def work() -> None:
        async with alongside() as beside:
            beside.create_task(task.wait())
            await Stopped().wait()

    whole = asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert task.cancelled
