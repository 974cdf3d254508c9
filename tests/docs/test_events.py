"""``docs/events.md`` and ``docs/events.schema.json`` know every event and field that there is."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from neonsync.cli.reporters import unstarted
from neonsync.engine.events import Event, Level, Purpose, Step
from neonsync.engine.proof.audit import Proof
from neonsync.engine.publishing.published import Published
from neonsync.errors import ConfigError
from neonsync.report.jsonl import SCHEMA, event_name, summary_record
from neonsync.validation.result import Status

DOCS = Path(__file__).parents[2] / "docs"
EVENTS = {event_name(kind): {field.name for field in fields(kind)} for kind in get_args(Event)}
EVENTS["summary"] = set(summary_record(unstarted(ConfigError("x")), "")) - {
    "event",
    "time",
    "schema",
}


def schema() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DOCS / "events.schema.json").read_text())
    return content


def section(event: str) -> str:
    text = (DOCS / "events.md").read_text()
    assert f"\n### {event}\n" in text, f"docs/events.md does not have the event {event}"
    return text.split(f"\n### {event}\n")[1].split("\n### ")[0]


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_is_documented_with_its_fields_and_no_others(event: str) -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", section(event), re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == EVENTS[event]


@pytest.mark.parametrize("event", EVENTS)
def test_the_schema_wants_each_field_of_each_event(event: str) -> None:
    part = schema()["$defs"][event]

    assert set(part["properties"]) == EVENTS[event]
    assert set(part["required"]) == EVENTS[event]
    assert event in schema()["properties"]["event"]["enum"]
    assert {"$ref": f"#/$defs/{event}"} in [rule["then"] for rule in schema()["allOf"]]


def test_no_event_is_documented_that_there_is_not() -> None:
    documented = set(re.findall(r"^### (\w+)$", (DOCS / "events.md").read_text(), re.MULTILINE))

    assert documented == set(EVENTS) == set(schema()["properties"]["event"]["enum"])


def test_what_stands_in_the_summary_is_documented_to_the_last_field() -> None:
    parts = schema()["$defs"]["summary"]["properties"]
    for name, kind in (("tables", Published), ("proofs", Proof)):
        # The dates that a merge has written into are for the proof alone.
        wanted = {field.name for field in fields(kind)} - {"touched"} | {"table"}
        assert set(parts[name]["items"]["properties"]) == wanted
        (row,) = re.findall(rf"^\| `{name}` .*", section("summary"), re.MULTILINE)
        assert wanted <= set(re.findall(r"`(\w+)`", row))


def test_the_words_of_the_enums_are_those_of_the_schema() -> None:
    parts = schema()["$defs"]

    assert parts["step_started"]["properties"]["step"]["enum"] == list(Step)
    assert parts["query_progress"]["properties"]["purpose"]["enum"] == list(Purpose)
    assert parts["notice"]["properties"]["level"]["enum"] == list(Level)
    assert parts["check_finished"]["properties"]["status"]["enum"] == list(Status)
    assert schema()["properties"]["schema"] == {"const": SCHEMA}


def test_the_schema_is_one_and_refuses_a_line_that_lacks_something() -> None:
    Draft202012Validator.check_schema(schema())
    line = summary_record(unstarted(ConfigError("x")), "")
    validator = Draft202012Validator(schema())
    validator.validate(line)

    del line["exit_code"]
    assert not validator.is_valid(line)
    assert not validator.is_valid({**line, "event": "unheard_of"})
