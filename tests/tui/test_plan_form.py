"""The form of a plan: what it selects, what is wrong with it, what a mode has use for."""

from __future__ import annotations

import random
import shlex
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest

from neonsync.cli.options import RUN, options_of
from neonsync.selection import Selection, from_arguments
from neonsync.settings import load_settings
from neonsync.tui.plan_choices import OPTIONS
from neonsync.tui.plan_form import (
    Around,
    PlanForm,
    fill,
    guard_word,
    judge,
    left_out,
    needs_name,
    next_mode,
    quick_choices,
    range_words,
    states_obstacle,
)
from neonsync.tui.ports import LakeTable
from tests.tui.fakes import DEV, MAIN, branch

OFFERED = (
    LakeTable("claims", "public.claims", date_column="day", state_column="state"),
    LakeTable("sales.orders", "public.orders", state_column="state"),
    LakeTable("plans", "app.plans"),
    LakeTable('odd, "name"', "public.odd"),
)
AROUND = Around(DEV, OFFERED, Selection())
WHOLE = fill(Selection(), AROUND)


def selected(around: Around = AROUND, **changes: Any) -> Selection:
    judged = judge(replace(WHOLE, **changes), around)
    assert not judged.problems
    return judged.selection


def problems(around: Around = AROUND, **changes: Any) -> dict[str, str]:
    return dict(judge(replace(WHOLE, **changes), around).problems)


def with_options(**texts: str) -> dict[str, str]:
    return {**WHOLE.options, **texts}


def test_a_form_that_is_left_alone_selects_what_is_configured() -> None:
    assert selected() == Selection(branch="dev-kate")
    assert selected().command(Selection()) == "neonsync --headless --branch dev-kate"


def test_some_tables_are_named_and_all_of_them_are_not() -> None:
    assert selected(tables=("claims",)).tables == ("claims",)
    assert selected(tables=tuple(table.source for table in OFFERED)).tables == ()


def test_tables_that_are_configured_by_their_targets_make_no_flag() -> None:
    base = Selection(tables=("public.orders", "public.claims"))
    around = Around(DEV, OFFERED, base)
    form = fill(base, around)
    assert form.tables == ("claims", "sales.orders")
    assert judge(form, around).selection.arguments(base) == ("--branch", "dev-kate")
    everything = judge(replace(form, tables=WHOLE.tables), around).selection
    assert everything.arguments(base) == ("--branch", "dev-kate", "--tables", '""')


@pytest.mark.parametrize("tables", [(), ("gone",)])
def test_no_table_is_a_mistake(tables: tuple[str, ...]) -> None:
    assert problems(tables=tables) == {"tables": "choose a table; a takes all"}


def test_without_configured_tables_it_is_said_how_to_add_one() -> None:
    judged = judge(PlanForm(options=WHOLE.options), Around(DEV, (), Selection()))
    assert "neonsync tables add" in judged.plan_problem


def test_a_quick_choice_counts_back_and_bounds_are_days() -> None:
    assert selected(days=7).days == 7
    bounded = selected(first=" 2026-01-01 ", last="2026-01-31")
    assert (bounded.days, bounded.first, bounded.last) == (
        None,
        date(2026, 1, 1),
        date(2026, 1, 31),
    )
    assert selected(first="2026-01-01").last is None
    assert selected(first="2026-01-01", last="2026-01-01").first == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-09-31", "", {"first": "from 2026-09-31 is no date"}),
        ("", "2025-02-29", {"last": "to 2025-02-29 is no date"}),
        ("31.12.2026", "", {"first": "from: like 2026-01-31"}),
        ("20260131", "", {"first": "from: like 2026-01-31"}),
        ("2026-02-01", "2026-01-31", {"last": "to is before from"}),
        ("x", "y", {"first": "from: like 2026-01-31", "last": "to: like 2026-01-31"}),
    ],
)
def test_a_wrong_day_is_said_beside_its_field(first: str, last: str, said: dict[str, str]) -> None:
    assert problems(first=first, last=last) == said


def test_days_are_no_mistake_where_they_do_not_matter() -> None:
    assert problems(mode="schema-only", first="2026-09-31") == {}
    assert selected(mode="test-data", days=7).days is None


@pytest.mark.parametrize(
    ("texts", "name", "said"),
    [
        ({"rows": "many"}, "rows", "rows: must be a whole number"),
        ({"rows": "0"}, "rows", "rows: must be from 1 to 10000000000"),
        ({"seed": ""}, "seed", "seed: must be a whole number"),
        ({"seed": "-1"}, "seed", "seed: must be from 0"),
        ({"jobs": "33"}, "jobs", "jobs: must be from 1 to 32"),
        ({"jobs": "1_0"}, "jobs", "jobs: must be a whole number"),
    ],
)
def test_a_wrong_number_is_said_beside_its_field(
    texts: dict[str, str], name: str, said: str
) -> None:
    found = problems(mode="test-data", options=with_options(**texts))
    assert list(found) == [name]
    assert found[name].startswith(said)


def test_an_option_counts_only_in_its_modes() -> None:
    options = with_options(rows="x", seed="7", jobs="4")
    full = selected(options=options)
    assert (full.rows, full.seed, full.jobs) == (None, 1, 4)
    assert selected(mode="schema-only", options=with_options(jobs="x")).jobs == 2
    made = selected(mode="test-data", options=with_options(rows="5", seed="7"))
    assert (made.rows, made.seed, made.scenario) == (5, 7, "all")


def test_every_option_is_a_field_of_the_selection() -> None:
    for option in OPTIONS:
        assert hasattr(Selection(), option.name)
        assert option.read(str(getattr(Selection(), option.name) or "")) == getattr(
            Selection(), option.name
        )


def test_states_count_where_a_chosen_table_has_them() -> None:
    assert selected(states=("CA", "TX")).states == ("CA", "TX")
    assert selected(states=("CA",), tables=("plans",)).states == ()
    assert selected(states=("CA",), mode="test-data").states == ()
    assert selected(Around(DEV, OFFERED, Selection(states=("TX", "CA"))), states=("CA", "TX")) == (
        Selection(branch="dev-kate", states=("TX", "CA"))
    )


def test_configured_states_are_lifted_where_they_would_be_refused() -> None:
    around = Around(DEV, OFFERED, Selection(states=("CA",)))
    assert selected(around, states=("CA",), mode="schema-only").states == ("CA",)
    assert selected(around, states=("CA",), mode="schema-only", tables=("plans",)).states == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"mode": "schema-only"}, "no rows are copied"),
        ({"mode": "test-data"}, "rows are made, not copied"),
        ({"tables": ()}, "choose a table first"),
        ({"tables": ("plans",)}, "no chosen table has a state column"),
    ],
)
def test_states_that_cannot_be_chosen_say_why(changes: dict[str, Any], said: str) -> None:
    assert states_obstacle(replace(WHOLE, **changes), AROUND) == said


DEFAULT = branch("trunk", default=True)


@pytest.mark.parametrize("target", [MAIN, DEFAULT, branch("prod", protected=True)])
def test_a_guarded_branch_wants_its_name(target: Any) -> None:
    around = Around(target, OFFERED, Selection(confirm=("other",)))
    assert judge(WHOLE, around).problems == {"confirm": f"type {target.name} to confirm"}
    wrong = judge(replace(WHOLE, typed=target.name.upper()), around)
    assert wrong.problem == f"that is not its name; type {target.name} to confirm"
    assert wrong.plan_problem == ""
    assert wrong.selection.confirm == ("other",)
    right = judge(replace(WHOLE, typed=target.name), around)
    assert right.problem == ""
    assert right.selection.confirm == ("other", target.name)


def test_a_guarded_branch_needs_no_name_by_way_of_a_child_or_by_configuration() -> None:
    assert selected(Around(MAIN, OFFERED, Selection()), via_branch=True) == Selection(
        branch="main", via_branch=True
    )
    confirmed = Around(MAIN, OFFERED, Selection(confirm=("main",)))
    assert not needs_name(WHOLE, confirmed)
    assert selected(confirmed).arguments(confirmed.base) == ("--branch", "main")


def test_to_look_nothing_need_be_confirmed() -> None:
    around = Around(MAIN, OFFERED, Selection())
    assert judge(WHOLE, around).to_look_at(MAIN).confirm == ("main",)
    assert judge(WHOLE, AROUND).to_look_at(DEV).confirm == ()


def test_an_ordinary_branch_needs_no_name_and_takes_none() -> None:
    assert selected(typed="dev-kate").confirm == ()


def test_a_name_that_was_typed_for_an_earlier_run_is_not_taken_over() -> None:
    around = Around(MAIN, OFFERED, Selection())
    assert "confirm" in judge(fill(Selection(confirm=("main",)), around), around).problems


def test_what_the_form_cannot_take_over_is_said() -> None:
    selection = Selection(branch="old", tables=("claims", "gone"), config=Path("ci.toml"))
    assert left_out(selection, AROUND) == [
        "gone is not among the configured tables any more",
        "it was made with ci.toml; this plan is of the configuration here",
        "it was for old; this plan goes into dev-kate",
    ]
    assert left_out(Selection(branch="dev-kate", tables=("public.claims",)), AROUND) == []
    typed = replace(AROUND, base=replace(AROUND.base, config=Path("ci.toml")))
    assert left_out(Selection(config=Path("ci.toml").absolute()), typed) == []


def test_words() -> None:
    assert [next_mode(mode) for mode in ("full", "schema-only", "test-data")] == [
        "schema-only",
        "test-data",
        "full",
    ]
    assert [value for value, _ in quick_choices(None, 45, 0)] == ["7", "30", "45", "90", "all"]
    today = date(2026, 11, 23)
    assert range_words(replace(WHOLE, days=7), today) == "from 2026-11-16 on"
    assert range_words(WHOLE, today) == "all days"
    assert range_words(replace(WHOLE, first="2026-01-01"), today) == "from this day on"
    assert range_words(replace(WHOLE, last="2026-01-01"), today) == "up to this day, and with it"
    assert guard_word(MAIN) == "protected"
    assert guard_word(DEFAULT) == "default branch"
    assert guard_word(DEV) == ""


# Many forms: the command says what the form does, to our own parser and to the command line's.

STATES = ("CA", "TX", "a,b", 'say "x"')
DAYS = (None, None, 7, 30, 45)
DATES = ("", "", "2026-01-31", "2026-02-01")


def some(rng: random.Random, items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(item for item in items if rng.random() < 0.5)


def a_base(rng: random.Random) -> Selection:
    days = rng.choice(DAYS)
    bounds = days is None and rng.random() < 0.4
    return Selection(
        branch=rng.choice(("", "dev-kate", "main")),
        mode=rng.choice(("full", "schema-only", "test-data")),
        tables=rng.choice(((), ("claims",), ("public.orders", "plans"))),
        states=rng.choice(((), (), ("CA",), ("a,b", "TX"))),
        days=days,
        first=date(2026, 1, 1) if bounds and rng.random() < 0.7 else None,
        last=date(2026, 3, 1) if bounds and rng.random() < 0.7 else None,
        rows=rng.choice((None, 5)),
        seed=rng.choice((1, 7)),
        scenario=rng.choice(("all", "baseline")),
        jobs=rng.choice((2, 4)),
        confirm=rng.choice(((), ("main",), ("other",))),
        report_dir=rng.choice((".", "out")),
    )


def a_form(rng: random.Random, around: Around) -> PlanForm:
    days = rng.choice(DAYS)
    form = fill(around.base, around)
    if rng.random() < 0.2:
        return replace(form, typed=around.branch.name)
    return replace(
        form,
        mode=rng.choice(("full", "schema-only", "test-data")),
        tables=some(rng, WHOLE.tables) or WHOLE.tables,
        states=some(rng, STATES),
        days=days,
        first="" if days else rng.choice(DATES),
        last="" if days else rng.choice(DATES[2:]),
        options={
            "rows": rng.choice(("", "1", "5")),
            "seed": rng.choice(("1", "7", "9")),
            "scenario": rng.choice(("all", "baseline", "high-demand")),
            "jobs": rng.choice(("1", "2", "32")),
        },
        via_branch=rng.random() < 0.3,
        typed=around.branch.name,
    )


def many(count: int) -> list[tuple[Selection, Around]]:
    rng = random.Random(5)
    made: list[tuple[Selection, Around]] = []
    while len(made) < count:
        around = Around(rng.choice((DEV, MAIN)), OFFERED, a_base(rng))
        judged = judge(a_form(rng, around), around)
        if not judged.problems:
            made.append((judged.selection, around))
    return made


def test_the_arguments_of_any_form_select_the_same_again() -> None:
    for selection, around in many(600):
        assert from_arguments(selection.arguments(around.base), around.base) == selection


def test_a_selection_fills_the_form_that_selects_it() -> None:
    for selection, around in many(600):
        form = replace(fill(selection, around), typed=around.branch.name)
        assert judge(form, around).selection == selection


@click.command()
@click.option("--headless", is_flag=True)
@click.option("--via-branch", is_flag=True)
@options_of(RUN)
def as_flags(headless: bool, via_branch: bool, config: Path | None, flags: Any) -> Any:
    assert headless
    return flags, via_branch


def test_the_command_line_takes_the_command_of_any_form(tmp_path: Path) -> None:
    config = tmp_path / "neonsync.toml"
    environ = {"NEON_API_KEY": "napi_0123456789abcdef", "NEON_PROJECT_ID": "quiet-moon-1"}
    for selection, around in many(150):
        config.write_text(as_toml(around.base))
        words = shlex.split(selection.command(around.base))[1:]
        flags, via_branch = as_flags.main(words, standalone_mode=False)
        read = load_settings(flags=flags, environ=environ, config=config)
        filters, made = read.filters, read.test_data
        assert via_branch == selection.via_branch
        assert (read.branch, read.mode, read.jobs) == (
            selection.branch,
            selection.mode,
            selection.jobs,
        )
        assert (filters.tables, filters.states) == (selection.tables, selection.states)
        assert (filters.days, filters.first, filters.last) == (
            selection.days,
            selection.first,
            selection.last,
        )
        assert (made.rows, made.seed, made.scenario) == (
            selection.rows,
            selection.seed,
            selection.scenario,
        )
        assert around.branch.name in read.confirm or not needs_name(
            PlanForm(via_branch=selection.via_branch), around
        )


def as_toml(base: Selection) -> str:
    import tomli_w

    filters = {
        "tables": list(base.tables),
        "states": list(base.states),
        "days": base.days,
        "from": base.first,
        "to": base.last,
    }
    made = {"rows": base.rows, "seed": base.seed, "scenario": base.scenario}
    document: dict[str, Any] = {
        "branch": base.branch,
        "mode": base.mode,
        "jobs": base.jobs,
        "confirm": list(base.confirm),
        "report_dir": base.report_dir,
        "filters": {name: value for name, value in filters.items() if value is not None},
        "test_data": {name: value for name, value in made.items() if value is not None},
    }
    return tomli_w.dumps(document)
