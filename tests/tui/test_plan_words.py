"""Plans and tables in words, and where words stand in a text."""

from __future__ import annotations

import pytest

from neonsync.selection import Selection
from neonsync.tui.plan_form import PlanForm
from neonsync.tui.plan_search import find, places
from neonsync.tui.plan_tables import Columns, chosen_keys, keyed, table_label, table_note
from neonsync.tui.plan_words import command_lines, headline, status, summary, warnings
from neonsync.tui.ports import LakeTable, PlanPreview, TablePreview
from tests.tui.fakes import DEV

CLAIMS = LakeTable("claims", "public.claims", 4_810_000, 310_000_000, "2026-11-22")


def label(table: LakeTable, width: int = 26, *, looked: bool = True, name: int = 11) -> str:
    return table_label(table.source, table, Columns(width, name, 2026), looked=looked)


def test_a_row_has_rows_and_the_newest_day() -> None:
    assert label(CLAIMS) == "claims        4.8M 11-22"
    assert label(CLAIMS, 50) == "claims       4.8M rows 2026-11-22"


def test_a_row_has_bytes_where_rows_are_not_known() -> None:
    table = LakeTable("claims", "public.claims", None, 310_000_000)
    assert label(table) == "claims       310MB -"
    assert label(table, 50) == "claims        310.0 MB -"
    assert label(LakeTable("claims", "public.claims")) == "claims           - -"


def test_a_row_before_the_look_promises_nothing() -> None:
    assert label(CLAIMS, looked=False) == "claims           …"


def test_another_year_is_told() -> None:
    assert label(LakeTable("a", "a", 1, newest="2025-12-31")) == "a                1 2025-12"
    assert label(LakeTable("a", "a", 1, newest="Q3")) == "a                1 Q3"


def test_where_names_would_be_cut_to_nothing_the_date_gives_way() -> None:
    assert label(CLAIMS, 20) == "claims        4.8M"
    assert label(CLAIMS, 24).endswith("4.8M 11-22")


def test_a_problem_stands_in_the_place_of_figures() -> None:
    table = LakeTable("claims", "public.claims", problem="access denied\x1b[31m")
    assert label(table, 40) == r"claims ! access denied\x1b[31m"
    assert len(label(table, 20)) == 20
    assert table_note(table, 60).startswith("! access denied")
    assert table_note(CLAIMS, 26) == "2026-11-22 → public.claims"
    assert table_note(CLAIMS, 25) == "→ public.claims"


def test_a_long_name_is_cut_and_all_rows_fit() -> None:
    for width in (12, 20, 26, 45, 80):
        table = LakeTable("a_very_long_name_of_a_table", "t", 999_499, newest="2026-11-22")
        assert len(label(table, width, name=27)) <= max(width, 20)


def test_a_table_is_named_so_that_a_run_takes_it_alone() -> None:
    offered = (
        LakeTable("claims", "public.claims"),
        LakeTable("raw", "public.one"),
        LakeTable("raw", "public.two"),
        LakeTable("", "public.of_a_query"),
        LakeTable("one", "app.other"),
    )
    keys = keyed(offered)
    assert list(keys) == ["claims", "public.one", "public.two", "public.of_a_query", "app.other"]
    assert chosen_keys(("raw",), offered) == ("public.one", "public.two")
    assert chosen_keys((), offered) == tuple(keys)
    assert chosen_keys(("nothing",), offered) == ()


def table(
    name: str, method: str = "merge", reason: str = "it holds rows", **more: object
) -> TablePreview:
    values = {"rows": 1_200_000, **more}
    return TablePreview(name, f"public.{name}", method, reason, **values)  # type: ignore[arg-type]


def plan(*tables: TablePreview, **more: object) -> PlanPreview:
    values = {
        "rows": sum(each.rows or 0 for each in tables),
        "scanned_bytes": 310_000_000,
        "billed_bytes": 310_000_000,
        "price": 0.00155,
        "warnings": (),
        "text": "",
        **more,
    }
    return PlanPreview("dev", "app", tables, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("preview", "mode", "said"),
    [
        (
            plan(table("a"), table("b")),
            "full",
            "2 tables · ~2.4M rows · about $0.00155 · 310.0 MB to scan",
        ),
        (
            plan(table("a", rows_exact=True), billed_bytes=10_000_000, scanned_bytes=5),
            "full",
            "1 table · 1,200,000 rows · about $0.00155 · 5 B to scan, billed as 10.0 MB",
        ),
        (
            plan(table("a"), rows=None, scanned_bytes=None, price=None),
            "full",
            "1 table · rows not known beforehand",
        ),
        (plan(table("a"), price=0.0), "schema-only", "1 table · no rows · nothing is scanned"),
        (
            plan(table("a"), price=0.0),
            "test-data",
            "1 table · 1,200,000 rows are made · nothing is scanned",
        ),
    ],
)
def test_the_headline(preview: PlanPreview, mode: str, said: str) -> None:
    assert headline(preview, mode) == said


def test_warnings_begin_with_what_holds_rows() -> None:
    preview = plan(
        table("a"), table("b"), table("c", reason="it has triggers"), warnings=("CA has no effect",)
    )
    assert warnings(preview, "full", 3) == [
        "merge into 2 tables that hold rows",
        "CA has no effect",
    ]
    assert warnings(plan(table("a")), "full", 1) == ["merge into 1 table that holds rows"]


def test_an_unknown_price_and_tables_that_were_not_chosen_are_warned_of() -> None:
    preview = plan(table("a", "swap", "it does not exist"), price=None)
    assert warnings(preview, "full", 2) == [
        "the price is not known beforehand",
        "the run takes 1 table, but 2 chosen: a table_filter of the configuration counts as well",
    ]


def test_the_summary_tells_each_table_by_how_it_is_published() -> None:
    preview = plan(
        table("claims"),
        table("b", "swap", "it does not exist", rows=90, rows_exact=True, note="not pruned"),
        table("c", "keep", "it exists", rows=None),
    )
    assert [line.text for line in summary(preview, "full", 3)][2:] == [
        "swap 1 table: built beside, and put in place in one step",
        "  public.b  90 rows  because it does not exist",
        "    not pruned",
        "merge 1 table: changed rows are updated, new ones inserted, others stay",
        "  public.claims  ~1.2M rows  because it holds rows",
        "keep 1 table: nothing is done to its rows",
        "  public.c  because it exists",
    ]


def test_the_dates_that_the_lake_has_stand_below_their_table() -> None:
    lines = summary(
        plan(table("a", dates="9 of the lake's 90 dates", note="all is read")), "full", 1
    )
    assert [line.text for line in lines if line.style == "dim"] == [
        "    9 of the lake's 90 dates",
        "    all is read",
    ]


def test_a_way_of_publishing_that_nobody_knows_is_shown_as_it_is() -> None:
    lines = [line.text for line in summary(plan(table("a", "replace", "asked for")), "full", 1)]
    assert lines[1:] == ["replace 1 table", "  public.a  ~1.2M rows  because asked for"]


def test_the_status_says_what_f5_does_or_waits_for() -> None:
    form = PlanForm(mode="test-data")
    assert status(form, DEV, "").text == "✓ F5 starts: test data into dev-kate"
    assert status(form, DEV, "why").text == "✗ F5 waits: why"
    child = PlanForm(via_branch=True)
    assert status(child, DEV, "").text.endswith("a child of dev-kate that expires in a day")


def test_a_command_is_wrapped_and_says_when_it_is_cut() -> None:
    short = Selection(branch="dev-kate").command(Selection())
    assert command_lines(short, 78, 2) == [short]
    states = tuple(f"state{number}" for number in range(30))
    long = Selection(branch="dev-kate", mode="test-data", states=states).command(Selection())
    lines = command_lines(long, 78, 2)
    assert len(lines) == 2
    assert all(len(line) <= 78 for line in lines)
    assert lines[1].endswith(" … (y copies all)")
    assert command_lines("a\x1b[31mb", 78, 2) == [r"a\x1b[31mb"]


def test_words_are_found_whatever_their_case() -> None:
    found = places("SELECT a\n  select b select\nx", "Select")
    assert found == [(0, 0), (1, 2), (1, 11)]
    assert places("x", "") == []
    assert places("x", "y") == []


def test_the_search_goes_round() -> None:
    found = [(0, 0), (1, 2), (1, 11)]
    assert find(found, (0, 5), 0) == 1
    assert find(found, (1, 2), 0) == 1
    assert find(found, (1, 2), 1) == 2
    assert find(found, (1, 11), 1) == 0
    assert find(found, (1, 2), -1) == 0
    assert find(found, (0, 0), -1) == 2
    assert find([], (0, 0), 1) is None
