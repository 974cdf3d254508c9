"""Exported files that are deleted while a start of a query is still answered."""

from __future__ import annotations

from typing import Any, cast

import pytest

from neonsync.athena.client import Athena
from neonsync.engine.runs import ledger, leftovers
from neonsync.engine.runs.ledger import ExportRecord

RECORD = ExportRecord("public.t", 1, "s3://lake/t/1/2/data/", "", None, (), "s", "swap")


async def test_a_query_that_is_named_while_the_others_are_looked_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running: dict[str, str] = {}
    stopped: list[str] = []

    class Name(str):
        """The name of a table; while it is compared Athena names another query."""

        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            running["late"] = "public.t"
            return str.__eq__(self, other)

    async def one(*_: Any) -> list[ExportRecord]:
        return [RECORD]

    def delete(athena: Athena, record: ExportRecord, queries: list[str], seconds: Any) -> list[str]:
        stopped.extend(queries)
        return ["left"]

    monkeypatch.setattr(ledger, "read_exports", one)
    monkeypatch.setattr(leftovers, "_delete", delete)
    running["first"] = Name("public.t")
    nobody = cast(Any, object())

    left = await leftovers.delete_exports(nobody, athena=nobody, run_id="r", running=running)

    assert left == ["left"]
    assert stopped == ["first"]
