"""The reports' schemas describe every key, and real runs of every kind keep to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from neonsync.engine import stage
from neonsync.engine.cancel import CancelToken
from neonsync.engine.context import RunContext
from neonsync.engine.events import ChunkLoaded, Event, Purpose, Step
from neonsync.engine.loading.extract import SourceCounts, count_source
from neonsync.engine.plan import TablePlan
from neonsync.engine.result import RunResult
from neonsync.report.documents import RUNNING, SCHEMA_VERSION, report, validation_report
from neonsync.report.files import REPORT_NAME, VALIDATION_NAME
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry, frame
from tests.report.documents import ORIGIN, documents, done, invalid, unproved

DOCS = Path(__file__).parents[2] / "docs"
README = (DOCS.parent / "README.md").read_text()
FILES = {REPORT_NAME: "report.schema.json", VALIDATION_NAME: "validation.schema.json"}


def schema(file: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DOCS / FILES[file]).read_text())
    return content


def strict(node: Any) -> Any:
    """A schema that knows no more keys than it lists, for what is written today."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: strict(value) for key, value in node.items()}
    if "object" in str(made.get("type")) and "properties" in made:
        made["additionalProperties"] = False
    return made


VALIDATORS = {file: Draft202012Validator(strict(schema(file))) for file in FILES}


def keep_to_the_schemas(result: RunResult) -> RunResult:
    both = report(result, ORIGIN), validation_report(result)
    for validator, content in zip(VALIDATORS.values(), both, strict=True):
        validator.validate(json.loads(json.dumps(content, default=str)))
    return result


def properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield from (node.get("properties") or {}).items()
        for key, value in node.items():
            if key != "if":
                yield from properties(value)
    elif isinstance(node, list):
        for each in node:
            yield from properties(each)


@pytest.mark.parametrize("file", FILES)
def test_each_key_is_described_and_the_readme_names_the_schema(file: str) -> None:
    content = schema(file)
    Draft202012Validator.check_schema(content)
    bare = [
        name
        for name, part in properties(content)
        if not part.get("description") and name not in ("details", "status")
    ]
    assert bare == []
    assert content["properties"]["schemaVersion"]["const"] == SCHEMA_VERSION
    assert f"docs/{FILES[file]}" in README


def test_the_steps_and_purposes_of_the_schema_are_those_that_there_are() -> None:
    parts = schema(REPORT_NAME)["properties"]
    assert parts["steps"]["items"]["properties"]["step"]["enum"] == list(Step)
    queries = parts["athena"]["properties"]["queries"]["items"]["properties"]
    assert queries["purpose"]["enum"] == list(Purpose)


@pytest.mark.parametrize("result", [done(), invalid(), unproved(), unproved(lacking=25)])
def test_made_results_keep_to_them_and_none_with_a_key_missing(result: RunResult) -> None:
    keep_to_the_schemas(result)
    for validator, content in zip(VALIDATORS.values(), documents(result), strict=True):
        for key in content:
            less = {name: value for name, value in content.items() if name != key}
            # An error is only there where there was one.
            assert validator.is_valid(less) is (key == "error"), key


def test_what_is_written_while_a_run_is_at_work_keeps_to_them() -> None:
    for validator, content in zip(VALIDATORS.values(), RUNNING, strict=True):
        validator.validate(content)


async def test_runs_of_every_way_of_publishing_keep_to_them(target: Target) -> None:
    made = keep_to_the_schemas((await target.sync(mode="schema-only")).result)
    kept = keep_to_the_schemas((await target.sync(mode="schema-only")).result)
    full = keep_to_the_schemas((await target.sync()).result)
    part = keep_to_the_schemas((await target.sync(**{"filters.states": "CA"})).result)
    target.sql(
        "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
        " VALUES (-1, -1, %s, 'ZZ', 1)",
        date(2026, 1, 1),
    )
    bad = keep_to_the_schemas((await target.sync()).result)

    methods = [result.published[0].method for result in (made, kept, full, part, bad)]
    assert methods == ["create", "keep", full.published[0].method, "merge", "merge"]
    assert part.scopes
    assert bad.status == "invalid"
    (table,) = report(full)["plannedTables"]
    assert table["dates"]["dates"] == len(table["dates"]["counts"]) == 90
    assert all(each["source"] == each["loaded"] == 100 for each in table["dates"]["counts"])


async def test_runs_that_make_rows_and_that_refuse_to_keep_to_them(target: Target) -> None:
    flags = {"mode": "test-data", "test_data.rows": "300"}
    made = keep_to_the_schemas((await target.sync(**flags)).result)
    assert made.status == "succeeded"
    target.sql("UPDATE forecast_data SET is_test_data = false")
    refused = keep_to_the_schemas((await target.sync(**flags)).result)
    assert refused.exit_code == 6


async def test_runs_that_change_values_keep_to_them(target: Target, lake: Lake) -> None:
    table = lake.write("nul", frame(name=["a", "b\x00c"]))
    target.configure(entry(table, on_bad_value="strip"))
    result = keep_to_the_schemas((await target.sync()).result)
    assert report(result)["plannedTables"][0]["proof"]["changes"]


async def test_runs_whose_proof_fails_name_the_dates_in_their_reports(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def more(context: RunContext, table: TablePlan) -> SourceCounts:
        counts = await count_source(context, table)
        for day in sorted(filter(None, counts.dates))[:30]:
            counts.dates[day] += 1
        return counts

    monkeypatch.setattr(stage, "count_source", more)
    result = keep_to_the_schemas((await target.sync()).result)

    (error,) = report(result)["errors"]
    days = [each.date for each in result.dates["public.forecast_data"].counts]
    assert error["table"] == "public.forecast_data"
    assert error["dates"] == [*days[:19], days[29]]
    assert error["differingDates"] == 30
    (table,) = report(result)["plannedTables"]
    assert (table["proof"], table["dates"]["differing"]) == (None, 30)
    assert table["dates"]["counts"][0] == {"date": days[0], "source": 101, "loaded": 100}


async def test_runs_that_are_stopped_keep_to_them(target: Target) -> None:
    from neonsync.engine.pipeline import run

    cancel = CancelToken()

    def stop(event: Event) -> None:
        if isinstance(event, ChunkLoaded):
            cancel.request()

    result = keep_to_the_schemas(await run(target.plan(), stop, cancel))
    assert result.status in ("cancelled", "succeeded")  # it may have been over by then
