"""A selection as flags, as a command, and back: by itself, and as the command line reads it."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest

from neonsync.cli.main import cli
from neonsync.errors import ConfigError
from neonsync.selection import Selection, from_arguments
from neonsync.services.context import Context, command_of, selection_of
from neonsync.settings import load_settings

REACHED = {"NEON_CONNECTION_STRING": "postgresql://role:hunter2hunter2@localhost/db"}
VALUES: dict[str, tuple[Any, ...]] = {
    "branch": ("", "dev", "feature/ü # 'x'", "--force"),
    "tables": ((), ("a,b", "sales.orders"), ('a"b',)),
    "states": ((), ("CA", "TX")),
    "words": ((), ("forecast", "CA")),
    "range": ((None, None, None), (30, None, None), (None, date(2026, 1, 1), None)),
    "test": ({}, {"mode": "test-data", "rows": 5, "seed": 7, "scenario": "baseline"}),
    "jobs": (2, 9),
    "confirm": ((), ("main",), ("main", "a,b")),
}


def selections() -> list[Selection]:
    """Each value of each field with some of the others."""
    found = []
    columns = [itertools.cycle(values) for values in VALUES.values()]
    # Fields repeat after 2, 3 or 4, so that 24 go through the combinations of any two.
    for number in range(24):
        given = dict(zip(VALUES, map(next, columns), strict=True))
        days, first, last = given.pop("range")
        given |= given.pop("test")
        found.append(
            Selection(days=days, first=first, last=last, via_branch=number % 5 == 0, **given)
        )
    return found


SELECTIONS = selections()


@pytest.mark.parametrize("base", [Selection(), *SELECTIONS[::7]], ids=str)
def test_arguments_give_the_selection_again(base: Selection) -> None:
    base = replace(base, via_branch=False)
    for selection in SELECTIONS:
        assert from_arguments(selection.arguments(base), base) == selection
        words = shlex.split(selection.command(base))
        assert words[:2] == ["neonsync", "--headless"]
        assert from_arguments(words[2:], base) == selection


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What the command line makes of arguments."""
    context = click.Context(cli, info_name="neonsync")
    with context:
        cli.parse_args(context, arguments)
    return context.params


def written(selection: Selection) -> str:
    """The configuration that selects so."""
    from neonsync.services.config_file import save

    path = Path("neonsync.toml")
    path.unlink(missing_ok=True)
    save(selection, path, {})
    confirm = f"confirm = {list(selection.confirm)!r}\n"
    return confirm + (path.read_text() if path.exists() else "")


@pytest.mark.parametrize("base", [Selection(), *SELECTIONS[::7]], ids=str)
def test_the_command_line_reads_the_same_from_a_command(
    base: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "base.toml"
    path.write_text(written(base))
    base = replace(base, via_branch=False, config=path)
    for chosen in SELECTIONS:
        selection = replace(chosen, config=path)
        if selection.mode != "test-data":  # these flags are for that mode alone
            selection = replace(selection, rows=base.rows, seed=base.seed, scenario=base.scenario)
        given = parsed(shlex.split(selection.command(base))[1:])
        flags = _flags(given)
        settings = load_settings(flags=flags, environ=REACHED, config=given["config"])
        seen = replace(selection_of(settings, given["config"]), via_branch=given["via_branch"])
        assert seen == selection
        own = load_settings(flags=selection.flags(base), environ=REACHED, config=path)
        assert replace(selection_of(own, path), via_branch=seen.via_branch) == selection


def _flags(given: dict[str, Any]) -> dict[str, Any]:
    """The flags as a command gets them, by their dotted names."""
    seen: dict[str, Any] = {}
    original = cli.callback
    assert original is not None
    names = {"branch", "mode", "confirm", "jobs", "report_dir", "dry_run"}
    for name, value in given.items():
        dotted = {
            "first": "filters.from",
            "last": "filters.to",
            "rows": "test_data.rows",
            "seed": "test_data.seed",
            "scenario": "test_data.scenario",
        }.get(name, name if name in names else f"filters.{name}")
        seen[dotted] = value
    return seen


@pytest.mark.parametrize(
    "arguments",
    [["--brunch", "dev"], ["dev"], ["--days", "x"], ["--from", "soon"], ["--jobs", "many"]],
)
def test_what_is_no_command_is_refused(arguments: list[str]) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        from_arguments(arguments, Selection())


def test_a_noted_command_names_branch_and_file_and_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text('branch = "dev"\nconfirm = ["main"]\n')
    context = Context({"HOME": str(tmp_path), **REACHED}, Path("a.toml"))
    base = context.base()
    assert base.branch == "dev"
    expected = ("--config", str(tmp_path / "a.toml"), "--branch", "dev")
    assert command_of(context, base) == expected
    assert command_of(context, replace(base, confirm=("main", "x"))) == expected
