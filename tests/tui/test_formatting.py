"""Values in few characters."""

from __future__ import annotations

from datetime import timedelta

import pytest

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


def test_a_browser_that_would_draw_over_the_ui_is_none() -> None:
    assert not has_browser({}, "linux")
    assert has_browser({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert has_browser({}, "darwin")
    assert not has_browser({"SSH_TTY": "/dev/ttys1"}, "darwin")
