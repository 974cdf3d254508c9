"""``[[checks]]``: how they are written, and what is said of those that are written wrongly."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from neonsync.errors import ConfigError
from neonsync.settings import Settings, load_settings
from neonsync.tables import CheckKind, DeclaredCheck, Mode, Severity, parse_checks, parse_tables

ENOUGH = {"NEON_API_KEY": "napi_0123456789abcdef", "NEON_PROJECT_ID": "quiet-moon-1"}
TABLES = parse_tables(
    [
        {"source": "orders", "target": "shop.orders_copy", "key": ["id"]},
        {"source": "lake.items", "key": ["id"]},
        {"source": "twice", "target": "a.twice", "key": ["id"]},
        {"source": "twice", "target": "b.twice", "key": ["id"]},
    ],
    "the file",
)


def one(**entry: Any) -> DeclaredCheck:
    (check,) = parse_checks([{"table": "items", **entry}], "the file", TABLES)
    return check


def refused(**entry: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        one(**entry)
    return caught.value


def load(tmp_path: Path, project: str = "", user: str = "") -> Settings:
    file = tmp_path / "project.toml"
    file.write_text(project)
    folder = tmp_path / "home" / "neonsync"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(user)
    environ = {**ENOUGH, "XDG_CONFIG_HOME": str(folder.parent)}
    return load_settings(flags={}, environ=environ, config=file)


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ({"not_null": "a"}, {"columns": ("a",), "name": "not_null(a)"}),
        ({"not_null": ["a", "b"]}, {"columns": ("a", "b"), "name": "not_null(a, b)"}),
        ({"unique": ["a", "b"]}, {"columns": ("a", "b")}),
        ({"column": "a", "accepted_values": ["x", 1]}, {"columns": ("a",), "values": ("x", 1)}),
        ({"column": "a", "between": [0, 1.5]}, {"values": (0, 1.5)}),
        (
            {"column": "a", "between": [date(2026, 1, 1), date(2026, 1, 2)]},
            {"values": (date(2026, 1, 1), date(2026, 1, 2))},
        ),
        ({"column": "a", "regex": " ^x$ "}, {"text": " ^x$ "}),
        ({"column": "a", "references": "p.id"}, {"text": "public.p.id"}),
        ({"column": "a", "references": "s.p.id"}, {"text": "s.p.id"}),
        ({"name": "n", "expression": "a < b ;\n"}, {"text": "a < b", "name": "n"}),
        ({"name": "n", "sql": "SELECT 1 WHERE false;"}, {"text": "SELECT 1 WHERE false"}),
        ({"fresh_days": 2}, {"days": 2, "name": "freshness"}),
    ],
)
def test_each_kind_has_its_form(entry: dict[str, Any], meant: dict[str, Any]) -> None:
    check = one(**entry)
    assert {name: getattr(check, name) for name in meant} == meant
    assert check.kind.value in entry
    assert (check.severity, check.modes, check.show_values) == (Severity.ERROR, (Mode.FULL,), False)


def test_severity_modes_and_values_are_as_declared() -> None:
    check = one(unique="a", severity="warn", modes=["full", "test-data"], show_values=True)
    assert (check.severity, check.show_values) == (Severity.WARN, True)
    assert check.modes == (Mode.FULL, Mode.TEST_DATA)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("orders", "shop.orders_copy"),
        ("orders_copy", "shop.orders_copy"),
        ("shop.orders_copy", "shop.orders_copy"),
        ("items", "public.items"),
        ("lake.items", "public.items"),
        ("public.items", "public.items"),
        ("a.twice", "a.twice"),
    ],
)
def test_a_table_is_named_by_its_source_or_its_target(name: str, table: str) -> None:
    assert one(table=name, unique="a").table == table


@pytest.mark.parametrize(
    ("entry", "words", "remedy"),
    [
        ({}, "checks[1] in the file says of nothing", "accepted_values"),
        ({"unique": "a", "not_null": "a"}, "has not_null and unique", "one of"),
        ({"uniqe": "a"}, "checks[1].uniqe in the file is no setting", "'unique'"),
        ({"table": "itmes", "unique": "a"}, "checks[1].table in the file is 'itmes'", "'items'"),
        ({"table": "zzz", "unique": "a"}, "which no table is called", "shop.orders_copy"),
        ({"table": "twice", "unique": "a"}, "goes into several tables", "a.twice, b.twice"),
        ({"table": "", "unique": "a"}, "checks[1].table in the file is ''", ""),
        ({"severity": "warning", "unique": "a"}, "severity in the file is 'warning'", ""),
        ({"unique": []}, "unique in the file names no column", "unique = "),
        ({"unique": ["a", "a"]}, "names 'a' twice", ""),
        (
            {"unique": "a", "column": "a"},
            "column in the file is not for unique",
            'there: unique = ["a"]',
        ),
        ({"regex": "x"}, "column in the file is missing", "regex"),
        ({"column": "a", "regex": 5}, "regex in the file is 5", ""),
        ({"column": "a", "regex": "x\x00"}, "regex in the file is", ""),
        ({"column": "a", "accepted_values": "CA"}, "is 'CA': it must be a list", ""),
        ({"column": "a", "accepted_values": []}, "is empty", "CA"),
        ({"column": "a", "accepted_values": [[1]]}, "has [1], which no value", ""),
        ({"column": "a", "accepted_values": [float("nan")]}, "has nan", ""),
        ({"column": "a", "between": [1]}, "has 1 values", "both are included"),
        ({"column": "a", "between": [2, 1]}, "goes from 2 down to 1", ""),
        ({"column": "a", "between": [1, "b"]}, "do not compare", ""),
        ({"column": "a", "references": "p"}, "references in the file is 'p'", "table.column"),
        ({"expression": "true"}, "name in the file is missing", "few words"),
        ({"sql": "SELECT 1"}, "name in the file is missing", "few words"),
        ({"name": "record_count", "unique": "a"}, "(record_count).name", "another name"),
        ({"name": "target_digest", "unique": "a"}, "(target_digest).name", "another name"),
        ({"name": "a\nb", "unique": "a"}, "which is no name", "another name"),
        ({"fresh_days": True}, "fresh_days in the file is True", "whole number"),
        ({"fresh_days": -1}, "fresh_days in the file is -1", "0 to"),
        ({"unique": "a", "modes": []}, "modes in the file is []", "full"),
        ({"unique": "a", "modes": ["schema-only"]}, "modes in the file", "brings no rows"),
        ({"unique": "a", "show_values": "yes"}, "must be true or false", ""),
    ],
)
def test_a_mistake_names_the_check_the_key_the_value_and_the_remedy(
    entry: dict[str, Any], words: str, remedy: str
) -> None:
    error = refused(**entry)
    assert words in error.message
    assert remedy in error.remedy
    assert error.remedy


def test_a_check_is_named_in_its_mistakes_once_it_has_a_name() -> None:
    assert refused(name="totals", unique=5).message.startswith("checks[1] (totals).unique in the")


def test_two_checks_of_a_table_have_two_names() -> None:
    entries = [{"table": "items", "unique": "a"}, {"table": "public.items", "unique": ["a"]}]
    with pytest.raises(ConfigError, match=r"as another check of public\.items is called"):
        parse_checks(entries, "the file", TABLES)


def test_what_is_no_list_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, '[checks]\ntable = "forecast"\n')
    assert "is not a list of checks" in caught.value.message
    assert "[[checks]]" in caught.value.remedy


CHECK = '[[checks]]\ntable = "forecast_data"\nnot_null = "y_50"\n'
OTHER = '[[tables]]\nsource = "other"\nkey = ["id"]\n'


def test_checks_of_the_preset_need_no_tables(tmp_path: Path) -> None:
    (check,) = load(tmp_path, CHECK).checks
    assert (check.table, check.kind) == ("public.forecast_data", CheckKind.NOT_NULL)


def test_a_users_checks_go_with_the_users_tables(tmp_path: Path) -> None:
    assert load(tmp_path, OTHER, CHECK).checks == ()


def test_a_users_checks_count_where_the_project_has_neither(tmp_path: Path) -> None:
    assert len(load(tmp_path, 'branch = "dev"\n', CHECK).checks) == 1


def test_the_limit_of_a_query_is_a_setting(tmp_path: Path) -> None:
    assert load(tmp_path).check_timeout == 30
    (tmp_path / "two").mkdir()
    assert load(tmp_path / "two", "check_timeout = 2.5\n").check_timeout == 2.5
