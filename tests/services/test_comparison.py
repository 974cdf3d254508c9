"""A comparison from the UI, and the run that repairs what it has found, on the sandbox."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import date

import boto3
import pytest

from neonsync.engine.cancel import CancelToken
from neonsync.errors import ConfigError, RunCancelled
from neonsync.services.context import Context
from neonsync.services.sync import Sync
from neonsync.services.values import Job, RunReport, Talk
from tests.conftest import Target


async def synced(job: Job) -> RunReport:
    return await job(lambda _: None, CancelToken())


def test_what_differs_is_told_and_repaired_on_its_dates_alone(
    context: Context, target: Target
) -> None:
    sync = Sync(context)
    selection = replace(sync.base(), days=3)
    asyncio.run(synced(sync.job(selection)))
    said: list[str] = []

    equal = sync.compare(selection, Talk(said.append))

    assert (equal.equal, equal.verdict, equal.repairs) == (True, "Equal: 1 table", ())
    assert "✓ public.forecast_data (" in equal.text
    assert equal.text.endswith(f"\n{equal.verdict}")
    assert "comparing public.forecast_data" in said
    day: date = target.value("SELECT max(business_date) FROM forecast_data")
    target.sql(f"DELETE FROM forecast_data WHERE business_date = '{day}' AND state = 'CA'")
    before = target.value("SELECT count(*) FROM neonsync.runs")

    found = sync.compare(selection, Talk())

    assert not found.equal
    assert found.verdict == "Differs: 1 of 1 tables differ, on 1 date"
    assert f"      {day}: " in found.text
    (offer,) = found.repairs
    assert (offer.table, offer.dates) == ("public.forecast_data", (day,))
    assert (offer.selection.first, offer.selection.last) == (day, day)
    assert target.value("SELECT count(*) FROM neonsync.runs") == before

    report = asyncio.run(synced(sync.job(offer.selection, dates=offer.dates)))

    assert report.status == "succeeded"
    assert report.report["tables"][0]["scope"] == str(day)
    assert sync.compare(selection, Talk()).equal
    password = target.uri.split(":")[2].split("@")[0]
    assert password not in found.text + equal.text


def test_whoever_stops_it_stops_its_queries(
    context: Context, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, talk = Sync(context), Talk()
    selection = replace(sync.base(), days=3)
    asyncio.run(synced(sync.job(selection)))
    athena = boto3.client(
        "athena", region_name="us-east-1", endpoint_url=target.environment["AWS_ENDPOINT_URL"]
    )
    earlier = set(athena.list_query_executions()["QueryExecutionIds"])

    def asked() -> list[str]:
        return [
            each
            for each in athena.list_query_executions()["QueryExecutionIds"]
            if each not in earlier
        ]

    def stop() -> None:
        while not asked() and not over.wait(0.02):
            pass
        talk.cancel.set()

    over = threading.Event()
    monkeypatch.setattr(target.world.aws.faults, "query_seconds", 60.0)
    user = threading.Thread(target=stop)
    user.start()
    try:
        with pytest.raises(RunCancelled, match="nothing was written"):
            sync.compare(selection, talk)
    finally:
        over.set()
        user.join()
    (query,) = asked()
    found = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    assert found["State"] == "CANCELLED"


def test_settings_that_are_wrong_are_told(context: Context) -> None:
    sync = Sync(context)
    with pytest.raises(ConfigError, match="nowhere"):
        sync.compare(replace(sync.base(), branch="nowhere"), Talk())
