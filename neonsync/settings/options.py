"""The table of settings: the name, the default, and where else each may be given."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from neonsync.settings import values

DEFAULT_API_HOST = "https://console.neon.tech/api/v2"
API_KEY = "NEON_API_KEY"
CONNECTION_STRING = "NEON_CONNECTION_STRING"


@dataclass(frozen=True)
class Option:
    """One setting: its dotted name in a TOML file, and its other names.

    ``environment`` has the names that others gave to its variable, ``json`` the key of
    etl-config.json, ``flag`` the option of the command line; each may be missing. ``empty`` says
    what it means for people when nothing is set.
    """

    name: str
    default: Any
    parse: Callable[[Any], Any]
    environment: tuple[str, ...] = ()
    flag: str = ""
    json: str = ""
    empty: str = "not set"

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the environment, the first that is set counts."""
        own = "NEONSYNC_" + self.name.upper().replace(".", "_")
        return (own, *self.environment)


OPTIONS = (
    Option(
        *("branch", "", values.text, ("TARGET_BRANCH",), "--branch", "targetBranch"),
        empty="the default branch",
    ),
    Option("mode", "full", values.mode, ("DATA_MODE",), "--mode", "dataMode"),
    Option("publish", "auto", values.publish, (), "--publish"),
    Option("on_missing", "keep", values.on_missing, (), "--on-missing"),
    Option("allow_delete", 10.0, values.percent, (), "--allow-delete"),
    Option("validation", "exact", values.validation, (), "--validation"),
    Option("show_values", False, values.flag),
    Option("verify_target", "changed", values.verify_target, (), "--verify-target"),
    Option("on_error", "stop", values.on_error, (), "--on-error"),
    Option("confirm", (), values.names, (), "--confirm", empty="none"),
    Option("report_dir", ".", values.path, (), "--report-dir"),
    Option("jobs", 2, values.jobs, (), "--jobs"),
    Option("on_bad_value", "fail", values.on_bad_value),
    Option("on_duplicate", "fail", values.on_duplicate),
    Option("on_drift", "fail", values.on_drift),
    Option("check_timeout", 30.0, values.seconds),
    Option(
        *("filters.table_filter", (), values.words, ("TABLE_FILTER",), "--table-filter"),
        json="tableFilter",
        empty="all",
    ),
    Option("filters.tables", (), values.chosen, (), "--tables", empty="all"),
    Option("filters.states", (), values.chosen, (), "--states", empty="all"),
    Option(
        *("filters.days", 0, values.days, ("DATE_RANGE_DAYS",), "--days", "dateRangeDays"),
        empty="all",
    ),
    Option("filters.from", "", values.day, (), "--from", empty="the first day"),
    Option("filters.to", "", values.day, (), "--to", empty="the last day"),
    Option("test_data.rows", "", values.rows, (), "--rows", empty="as each table says"),
    Option("test_data.seed", 1, values.seed, (), "--seed"),
    Option("test_data.scenario", "all", values.scenario, (), "--scenario"),
    Option("quality.metrics", True, values.flag),
    Option("quality.volume_drop", 20.0, values.percent),
    Option("quality.null_jump", 10.0, values.percent),
    Option("quality.new_category", True, values.flag),
    Option("athena.database", "default", values.text, ("ATHENA_DB_NAME",)),
    Option("athena.region", "us-east-1", values.text, ("AWS_REGION", "AWS_DEFAULT_REGION")),
    Option("athena.workgroup", "primary", values.text, ("AWS_ATHENA_WORK_GROUP",)),
    Option(
        *("athena.output_location", "", values.s3_location, ("ATHENA_OUTPUT_LOCATION",)),
        empty="the workgroup's own",
    ),
    Option("athena.price_per_tb", 5.0, values.number),
    Option("athena.timeout_minutes", 60.0, values.number),
    Option("neon.project_id", "", values.text, ("NEON_PROJECT_ID",)),
    Option("neon.api_host", DEFAULT_API_HOST, values.api_host, ("NEON_API_HOST",)),
    Option("neon.database", "", values.text, empty="the only one"),
    Option("neon.role", "", values.text, empty="the only one"),
    Option("neon.api_key_file", "", values.path, ("NEON_API_KEY_FILE",)),
    Option("neon.connection_string_file", "", values.path, ("NEON_CONNECTION_STRING_FILE",)),
    Option("neon.keyring", "", values.text),
)
BY_NAME = {option.name: option for option in OPTIONS}
SECTIONS = tuple(dict.fromkeys(name.partition(".")[0] for name in BY_NAME if "." in name))


def nearest(name: str, known: Iterable[str]) -> str:
    """What to say of an unknown name: the one that was meant, or all that there are."""
    known = list(known)
    # By its last part first: the same section makes strangers look alike, and another one hides
    # that days is meant for filters.days.
    last = difflib.get_close_matches(_last(name), [*map(_last, known)], n=1)
    near = [other for other in known if _last(other) in last]
    near = difflib.get_close_matches(name, near, n=1, cutoff=0)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."


def _last(name: str) -> str:
    return name.rpartition(".")[2]
