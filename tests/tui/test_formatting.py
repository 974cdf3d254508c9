"""Values in few characters."""

from __future__ import annotations

from datetime import timedelta

import pytest

from neonsync.neon.moments import time_left
from neonsync.tui.browser import has_browser
from neonsync.tui.formatting import expiry
from tests.tui.fakes import NOW


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(minutes=3), "in 3 min"),
        (timedelta(hours=23, minutes=59), "in 24 h"),
        (timedelta(hours=47), "in 47 h"),
        (timedelta(days=2), "in 2 d"),
        (timedelta(0), "EXPIRED"),
    ],
)
def test_an_expiry_is_not_rounded_to_half_of_what_is_left(left: timedelta, said: str) -> None:
    assert expiry(NOW + left, NOW) == said
    assert expiry(None, NOW) == "-"


@pytest.mark.parametrize("seconds", [0.4, 20, 59.6, 3_580, 86_399, 129_599, 172_799, 604_798])
def test_what_is_left_is_rounded_alike_in_the_ui_and_on_the_command_line(seconds: float) -> None:
    left = timedelta(seconds=seconds)
    number, unit = expiry(NOW + left, NOW).removeprefix("in ").split()
    said, whole = time_left(left).split()
    assert (number, unit[0]) == (said, whole[0])


def test_a_browser_that_would_draw_over_the_ui_is_none() -> None:
    assert not has_browser({}, "linux")
    assert has_browser({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert has_browser({}, "darwin")
    assert not has_browser({"SSH_TTY": "/dev/ttys1"}, "darwin")
