"""The page in a real browser: it asks for nothing, complains of nothing, and fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from neonsync.report.html_page import html_page
from tests.report.browser import CHROMIUM, Browser, browser
from tests.report.documents import documents, done, invalid, unproved
from tests.report.test_html_page import EVIL

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"needs {CHROMIUM}: apt-get install chromium"
)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("width", [1100, 360])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_loads_alone_says_nothing_and_shows_the_proof(
    tab: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    page = tmp_path / "etl-report.html"
    page.write_text(html_page(*documents(invalid(EVIL))))
    tab.look(width=width, dark=dark)
    tab.open(page)

    assert tab.complaints == []
    assert [url for url in tab.requested if not url.startswith("data:")] == [page.as_uri()]
    assert tab.value("document.querySelector('.proof').innerText.trim()") == (
        "✓ 6,200 rows of 2 tables, counts equal on 62 of 62 dates"
    )
    assert tab.value("document.title") == "neonsync: Published, but a check failed, branch dev"
    assert EVIL[:20] in tab.value("document.body.innerText")
    # Nothing sticks out, and both schemes have their own colours.
    assert tab.value("document.documentElement.scrollWidth") <= width
    light = tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(251, 251, 250)"
    assert light is not dark


def test_the_charts_are_drawn_with_a_bar_for_each_date(tab: Browser, tmp_path: Path) -> None:
    page = tmp_path / "etl-report.html"
    page.write_text(html_page(*documents(unproved())))
    tab.look(width=1100)
    tab.open(page)

    assert tab.complaints == []
    assert tab.value("document.querySelectorAll('.dates svg').length") == 2
    assert tab.value("document.querySelectorAll('.dates svg')[0].children.length") == 3 + 31
    height = "document.querySelector('.dates {}').getBBox().height"
    assert tab.value(height.format(".loaded")) == 100
    assert 98 <= tab.value(height.format(".differs")) < 100


def test_the_sql_is_folded_and_unfolds_without_a_script(tab: Browser, tmp_path: Path) -> None:
    page = tmp_path / "etl-report.html"
    page.write_text(html_page(*documents(done())))
    tab.open(page)

    shown = "document.querySelector('td pre').checkVisibility()"
    assert tab.value(shown) is False
    tab.value("document.querySelector('td summary').click()")
    assert tab.value(shown) is True
    assert tab.value("document.querySelectorAll('script').length") == 0
