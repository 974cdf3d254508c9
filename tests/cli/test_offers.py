"""Each command offers the flags of a run that mean something there, and refuses the others."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from neonsync.cli import options
from neonsync.cli.main import cli
from neonsync.cli.options import CHECK, PLAN, SHOW, VALIDATE, Offer
from neonsync.errors import ConfigError
from tests.cli.conftest import Run
from tests.conftest import Target

OFFERS = pytest.mark.parametrize("offer", [PLAN, SHOW, CHECK, VALIDATE], ids=lambda o: o.command)
VALUES = {
    **{name: ["1"] for name in ("test_data.rows", "test_data.seed", "allow_delete", "jobs")},
    "mode": ["full"],
    "test_data.scenario": ["all"],
    "on_error": ["stop"],
    "publish": ["auto"],
    "on_missing": ["keep"],
    "verify_target": ["all"],
    "fresh": [],
    "dry_run": [],
}


def given(name: str) -> list[str]:
    return [options._flag(name), *VALUES.get(name, ["x"])]


@OFFERS
def test_help_offers_what_has_an_effect_and_says_when(offer: Offer) -> None:
    told = " ".join(CliRunner().invoke(cli, [*offer.command.split(), "--help"]).output.split())
    for name in options._FLAGS:
        shown = f" {options._flag(name)} " in told
        assert shown is (name not in offer.in_vain), name
    for name in offer.only_with:
        words = told.split(f" {options._flag(name)} ")[1].split()
        assert f"With {offer.switch}:" in " ".join(words[:4]), name


@OFFERS
def test_a_flag_without_effect_is_refused_and_named(offer: Offer) -> None:
    switched = [offer.switch] if offer.switch else []
    refused = [(name, switched, "") for name in offer.in_vain]
    refused += [(name, [], f" without {offer.switch}") for name in offer.only_with]
    for name, more, ending in refused:
        words = [*offer.command.split(), *more, *given(name)]
        with pytest.raises(ConfigError) as caught:
            CliRunner().invoke(cli, words, catch_exceptions=False)
        said = f"{options._flag(name)} has no effect on {offer.command}{ending}"
        assert caught.value.message == said
        assert "eave the flag out" in caught.value.remedy or offer.switch in caught.value.remedy


@pytest.mark.parametrize(
    "words",
    [
        *("plan --confirm main", "plan --jobs 2", "plan --report-dir x", "plan --dry-run"),
        *("config show --fresh", "config check --jobs 2", "config check --confirm main"),
        *("config check --report-dir x", "config check --live --fresh"),
        *("validate --mode full", "validate --rows 0", "validate --publish merge"),
        *("validate --repair --on-error continue", "validate --jobs 2"),
    ],
)
def test_these_are_flags_without_effect(words: str) -> None:
    with pytest.raises(ConfigError, match="has no effect on"):
        CliRunner().invoke(cli, words.split(), catch_exceptions=False)


def test_a_refused_flag_ends_with_2_and_tells_programs(call: Run) -> None:
    done = call("plan", "--confirm", "main", "--json")
    assert done.returncode == 2
    assert "neonsync: --confirm has no effect on plan" in done.stderr
    assert "Leave the flag out." in done.stderr
    assert json.loads(done.stdout)["error"]["message"] == "--confirm has no effect on plan"


def test_who_only_looks_at_a_guarded_branch_is_told_what_a_run_needs(
    call: Run, target: Target
) -> None:
    needs = "main is the default branch: a run into it needs --confirm main"
    shown = call("plan", "--days", "3")
    assert shown.returncode == 0, shown.stderr
    assert f"note: {needs}" in shown.stdout
    assert call("plan", "--days", "3", "--json").stdout.count(needs) == 1
    checked = call("config", "check")
    assert checked.returncode == 0, checked.stderr
    assert f"! note    {needs}" in checked.stdout
    other = call("plan", "--days", "3", "--branch", target.name)
    assert "needs --confirm" not in other.stdout
    assert "--confirm main" in call("--headless", "--days", "3").stderr


def test_a_dry_run_takes_the_flags_of_the_run_that_it_stands_for(call: Run) -> None:
    flags = ["--confirm", "main", "--jobs", "3", "--report-dir", "x", "--days", "3"]
    shown = call("--headless", *flags, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "needs --confirm" not in shown.stdout
    assert "Nothing was written." in shown.stdout


def test_what_writes_for_a_check_is_confirmed_before_anything_is_looked_at(call: Run) -> None:
    done = call("config", "check", "--live")
    assert done.returncode == 6
    assert "✗ failed  permission" in done.stdout
    assert "✓ ok      database" not in done.stdout
    assert "--confirm main" in done.stderr
