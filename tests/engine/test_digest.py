"""The row digest: three engines that write one frame, and every change that it must tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from neonsync.athena.client import Athena
from neonsync.athena.digest import with_digest
from neonsync.columns import SqlType, arrow_type
from neonsync.digest import Field, Frame, Rule, field_text, plain_values, row_digest
from neonsync.engine import pipeline, stage
from neonsync.engine.context import RunContext
from neonsync.engine.loading.rows import Rows
from neonsync.engine.plan import TablePlan, make_plan
from neonsync.engine.proof.audit import Proof, audit
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.engine.validate import validate
from neonsync.errors import ExitCode, ProofError
from neonsync.postgres import digest as postgres
from neonsync.postgres.changed_rows import corrected
from neonsync.tables import Validation
from neonsync.validation.result import CheckResult, Status
from tests.conftest import Lake, Outcome, Target
from tests.engine.test_bad_values import cut_off, entry, frame, synced
from tests.engine.test_exact_values import (
    ROWS,
    Column,
    lake_columns,
    put,
    text_columns,
)


def in_athena(target: Target, table: TablePlan, frame: Frame) -> dict[int, int]:
    """The digest of each row, by Athena's SQL."""
    athena = Athena(target.settings().athena)
    key, digest = (f'"{name}"' for name in ("id", frame.alias))
    statement = f"SELECT {key}, {digest} FROM (\n{with_digest(table.select, frame)}\n) AS digested"
    pending = athena.ask(statement, athena.scratch_location(), lambda _: None)
    try:
        return {int(row[0] or 0): int(row[1] or 0) for row in pending.future.result()}
    finally:
        pending.close()


def in_postgres(target: Target, table: TablePlan, frame: Frame) -> dict[int, int]:
    """The same by Postgres's SQL, in a session as the product has it."""
    with psycopg.connect(target.uri) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(
            sql.SQL("SELECT id, {} FROM {}").format(
                postgres.row_digest(frame), sql.Identifier(table.spec.schema, table.spec.target)
            )
        )
        return {int(key): int(digest) for key, digest in rows}


def in_python(frame: Frame, values: dict[str, Sequence[Any]]) -> dict[int, int]:
    """The same by the reference, from the values that were written to the lake."""
    columns = []
    for field in frame.fields:
        kind = arrow_type(field.type, field.name)
        if field.type.base == "jsonb":  # of which only the presence counts
            texts = [None if value is None else "+" for value in values[field.name]]
            columns.append(texts)
        elif field.type.base == "uuid":
            columns.append([v if v is None else v.bytes for v in values[field.name]])
        else:
            columns.append(plain_values(pa.array(values[field.name], kind)))
    rows = zip(*columns, strict=True)
    return {number: row_digest(frame, row) for number, row in enumerate(rows)}


async def test_athena_postgres_and_python_agree_on_every_type(target: Target, lake: Lake) -> None:
    columns = lake_columns()
    written = text_columns()
    columns["padded"] = Column(
        "char(7)", pa.string(), ["a", "a ", "", None, "ä\t", "b  c", "\n"] * (ROWS // 7 + 1)
    )
    columns["padded"] = Column("char(7)", pa.string(), columns["padded"].values[:ROWS])
    columns |= {key: Column("string", pa.string(), texts) for key, (_, texts, _) in written.items()}
    put(lake, "digested", columns)
    casts = ", ".join(
        f'CAST("{key}" AS {type_}) AS "{key}"' for key, (type_, *_) in written.items()
    )
    target.configure(
        f"""
        [[tables]]
        source = "digested"
        key = ["id"]

        [[tables]]
        query = '''SELECT id, {casts} FROM lake.digested'''
        target = "moments"
        key = ["id"]
        """
    )
    outcome = await synced(target)
    assert {proof.validation for proof in outcome.result.proofs.values()} == {Validation.EXACT}
    values: dict[str, list[Any]] = {key: each.values for key, each in columns.items()}
    moments: dict[str, list[Any]] = {key: found for key, (_, _, found) in written.items()}
    tables = target.plan().tables
    for table, expected in zip(tables, (values, moments), strict=True):
        digests = in_python(table.resolved.frame, {"id": list(range(ROWS)), **expected})
        assert in_postgres(target, table, table.resolved.frame) == digests
        assert in_athena(target, table, table.resolved.frame) == digests
    # Postgres writes jsonb in its own way.
    json = ("numbers", "texts", "nested", "counts", "place")
    assert outcome.result.proofs["public.digested"].not_compared == json


# Each leaves the number of rows of every date as it is.
MUTATIONS = {
    "the last digit of a decimal": ("UPDATE {} SET amount = amount + 0.01 WHERE id = 7", "amount"),
    "a sign": ("UPDATE {} SET amount = -amount WHERE id = 7", "amount"),
    "two columns swapped": ("UPDATE {} SET a = b, b = a WHERE id = 7", "a, b"),
    "a letter moved into the next column": (
        "UPDATE {} SET a = a || left(b, 1), b = substr(b, 2) WHERE id = 7",
        "a, b",
    ),
    "two rows' values swapped": (
        "UPDATE {} SET a = CASE id WHEN 7 THEN 'a17' ELSE 'a7' END WHERE id IN (7, 17)",
        "a",
    ),
    "a duplicate and a deletion": (
        "UPDATE {} SET (id, a, b) = (17, 'a17', 'b17') WHERE id = 7",
        "",
    ),
    "NULL for an empty text": ("UPDATE {} SET empty = NULL WHERE id = 7", "empty"),
    "an empty text for NULL": ("UPDATE {} SET nothing = '' WHERE id = 7", "nothing"),
    "a blank at the end": ("UPDATE {} SET a = a || ' ' WHERE id = 7", "a"),
    "capitals": ("UPDATE {} SET a = upper(a) WHERE id = 7", "a"),
    "a zero's sign": ("UPDATE {} SET zero = '-0' WHERE id = 7", "zero"),
    "a double's last bit": ("UPDATE {} SET x = x + 2.3e-16 WHERE id = 7", "x"),
    "a millisecond": ("UPDATE {} SET at = at + interval '1 ms' WHERE id = 7", "at"),
    "a microsecond": ("UPDATE {} SET at = at + interval '1 us' WHERE id = 7", "at"),
    "another form of an accent": (
        "UPDATE {} SET accent = normalize(accent, NFD) WHERE id = 7",
        "accent",
    ),
    "a boolean": ("UPDATE {} SET flag = NOT flag WHERE id = 7", "flag"),
    "a year": ("UPDATE {} SET due = due + interval '1 year' WHERE id = 7", "due"),
    "a byte": ("UPDATE {} SET bytes = set_byte(bytes, 0, 2) WHERE id = 7", "bytes"),
    "a text that ends too soon": ("UPDATE {} SET long = left(long, 999) WHERE id = 7", "long"),
}


def mutable() -> pd.DataFrame:
    """Twenty rows of two dates."""
    count = 20
    return frame(
        day=[pd.Timestamp(f"2026-01-{1 + number % 2:02}").date() for number in range(count)],
        amount=pd.array([f"{number}.10" for number in range(count)]),
        a=[f"a{number}" for number in range(count)],
        b=[f"b{number}" for number in range(count)],
        empty=[""] * count,
        nothing=pd.array([None if number == 7 else "x" for number in range(count)], dtype="string"),
        zero=[0.0] * count,
        x=[0.1 + number / 7 for number in range(count)],
        at=pd.date_range("2026-01-01 12:00", periods=count, freq="s"),
        accent=["\u00e9"] * count,
        flag=[True] * count,
        due=[pd.Timestamp("2026-02-01").date()] * count,
        bytes=[b"\x01\x02"] * count,
        long=["y" * 1000] * count,
    )


async def test_every_change_that_leaves_the_counts_alone_is_found(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = lake.write("mutable", mutable())
    target.configure(entry(table, date_column="day", types={"amount": "numeric(12,2)"}))
    told: dict[str, str] = {}

    async def mutated_first(
        context: RunContext, plan: TablePlan, record: ExportRecord, source: Rows, *rest: Any
    ) -> Any:
        staging = f"neonsync.{record.staging}"
        target.sql(f"CREATE TABLE neonsync.kept AS TABLE {staging}")
        for name, (statement, _) in MUTATIONS.items():
            target.sql(statement.format(staging))
            with pytest.raises(ProofError) as error:
                await audit(context, plan, record, source, *rest)
            assert error.value.differing in (1, 2)
            assert "2026-01-02" in error.value.dates
            told[name] = str(error.value)
            target.sql(f"TRUNCATE {staging}")
            target.sql(f"INSERT INTO {staging} OVERRIDING SYSTEM VALUE TABLE neonsync.kept")
        target.sql("DROP TABLE neonsync.kept")
        return await audit(context, plan, record, source, *rest)

    monkeypatch.setattr(stage, "audit", mutated_first)
    await synced(target)
    for name, (_, columns) in MUTATIONS.items():
        assert "(7)" in told[name], name
        if columns:
            assert f"columns that differ: {columns}" in told[name], name
    assert "1 row is missing: (7); 1 row too many: (17)" in told["a duplicate and a deletion"]
    # No value is shown.
    assert not any("a17" in message for message in told.values())


async def test_a_row_that_the_loader_changed_is_proved_as_it_was_changed(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a\x00b", "\x00", None, "", "c"]
    nulled = lake.write("nulled", frame(name=names, n=[1, 40_000, 7, -40_000, 5]))
    stripped = lake.write("stripped", frame(name=names))
    types = {"n": "smallint"}
    target.configure(
        entry(nulled, "nulled", on_bad_value="null", types=types)
        + entry(stripped, "stripped", on_bad_value="strip")
    )
    await cut_off(target, monkeypatch)  # the digests come from the ledger then
    outcome = await synced(target)
    assert outcome.result.attempt_resumed
    assert {proof.validation for proof in outcome.result.proofs.values()} == {Validation.EXACT}
    assert target.sql("SELECT name FROM stripped ORDER BY id") == [
        ("ab",),
        ("",),
        (None,),
        ("",),
        ("c",),
    ]


@pytest.mark.parametrize("rule", ["frame", "export"])
async def test_another_target_than_at_the_first_attempt_is_exported_for_anew(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    table = lake.write("drifting", frame(name=["a", "b"], more=[1, 2]))
    target.configure(entry(table, on_drift="ignore"))
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, name text, more bigint)")
    target.sql("INSERT INTO t VALUES (9, 'kept', 9)")
    await cut_off(target, monkeypatch)
    if rule == "frame":
        target.sql("ALTER TABLE t DROP COLUMN more")  # another frame: the export has the old one's
    outcome = await synced(target)
    assert outcome.result.attempt_resumed
    again = any("no digest of the columns" in notice for notice in outcome.result.notices)
    assert again is (rule == "frame")
    assert target.sql("SELECT id, name FROM t ORDER BY id") == [(0, "a"), (1, "b"), (9, "kept")]


@pytest.mark.parametrize("level", ["aggregate", "counts"])
async def test_less_is_compared_where_less_is_wanted(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    table = lake.write("mutable", mutable())
    target.configure(entry(table, date_column="day", types={"amount": "numeric(12,2)"}))
    found: dict[str, tuple[str | None, ...]] = {}
    changes = {
        "sum": "UPDATE {} SET amount = amount + 0.01 WHERE id = 7",
        "bytes": "UPDATE {} SET a = a || ' ' WHERE id = 7",
        "NULL": "UPDATE {} SET zero = NULL WHERE id = 7",
        "true": "UPDATE {} SET flag = false WHERE id = 7",
        "greatest": "UPDATE {} SET due = '2026-03-01' WHERE id = 7",
        "a row": "DELETE FROM {} WHERE id = 7",
        "letters": "UPDATE {} SET a = 'b7' WHERE id = 7",
    }

    async def mutated_first(
        context: RunContext, plan: TablePlan, record: ExportRecord, source: Rows, *rest: Any
    ) -> tuple[Proof, Any]:
        assert source.frame is None
        staging = f"neonsync.{record.staging}"
        target.sql(f"CREATE TABLE neonsync.kept AS TABLE {staging}")
        for name, statement in changes.items():
            target.sql(statement.format(staging))
            try:
                await audit(context, plan, record, source, *rest)
            except ProofError as error:
                found[name] = error.dates
            target.sql(f"TRUNCATE {staging}")
            target.sql(f"INSERT INTO {staging} OVERRIDING SYSTEM VALUE TABLE neonsync.kept")
        target.sql("DROP TABLE neonsync.kept")
        return await audit(context, plan, record, source, *rest)

    monkeypatch.setattr(stage, "audit", mutated_first)
    outcome = await synced(target, validation=level)
    assert outcome.result.proofs["public.t"].validation == level
    assert set(found.values()) == {("2026-01-02",)}
    assert set(found) == ({"a row"} if level == "counts" else set(changes) - {"letters"})


async def test_no_text_is_longer_than_trino_joins_it(target: Target, lake: Lake) -> None:
    """Its concat makes 1 MiB at the most: of long values their md5 stands in the frame."""
    long = ["ä" * 600_000, "b" * 1_048_577, None]
    values: dict[str, list[Any]] = {"k": ["k" * 2_000, "l", "m"], "a": long, "b": long[::-1]}
    binary = pa.array([text.encode() if text else None for text in long])
    frame_ = frame(**values).assign(c=pd.Series(binary.to_pandas()))
    name = lake.write("long", frame_, dtype={"c": "binary"})
    target.configure(entry(name, types={"a": "text"}).replace('"id"', '"id", "k"'))
    outcome = await synced(target)
    assert outcome.result.proofs["public.t"].validation is Validation.EXACT
    target.sql("UPDATE t SET a = left(a, -1) WHERE id = 1")
    (found,) = (await validate(make_plan(target.settings(), compares=True))).tables
    assert not found.error
    assert found.rows_differ.endswith("columns that differ: a")


def target_digests(outcome: Outcome) -> list[CheckResult]:
    return [check for check in outcome.result.checks if check.check == "target_digest"]


async def test_the_dates_that_a_merge_has_written_into_are_proved_once_more(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = lake.write("mutable", mutable())
    target.configure(entry(table, date_column="day", types={"amount": "numeric(12,2)"}))
    assert target_digests(await synced(target)) == []
    target.sql("INSERT INTO t (id, day, a) VALUES (99, '2026-01-02', 'kept')")
    assert target_digests(await synced(target)) == []  # nothing was written
    target.sql("UPDATE t SET a = 'other' WHERE id = 7")
    (check,) = target_digests(await synced(target))
    assert (check.status, check.message) == (Status.PASSED, "digest equal on 1 of 1 date")
    (check,) = target_digests(await synced(target, verify_target="all"))
    assert check.message == "digest equal on 2 of 2 dates"

    async def meddled(*_: object) -> None:
        target.sql("UPDATE t SET b = 'other' WHERE id = 7")

    target.sql("UPDATE t SET a = 'other' WHERE id = 9")
    monkeypatch.setattr(pipeline, "tidy", meddled)
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.VALIDATION
    (check,) = target_digests(outcome)
    assert check.status is Status.FAILED
    assert check.details["differing"] == ["2026-01-02"]


async def test_a_swapped_table_is_looked_at_again_on_request(target: Target, lake: Lake) -> None:
    table = lake.write("mutable", mutable())
    target.configure(entry(table))
    (check,) = target_digests(await synced(target, verify_target="all"))
    assert check.message == "digest equal on 1 of 1 date"


DAY = pd.Timestamp("2026-01-01").date()
OTHER_TYPES: dict[str, tuple[list[Any], str, str]] = {
    "numeric in smallint": (["1", "2"], "numeric(6,2)", "smallint"),
    "numeric in a wider one": (["1", "2.5"], "numeric(6,2)", "numeric(10,4)"),
    "date in timestamp": ([DAY] * 2, "", "timestamp"),
    "date in text": ([DAY] * 2, "", "text"),
    "boolean in text": ([True, False], "", "text"),
    "bigint in text": ([1, -2], "", "text"),
    "text in char": (["ab", "abc "], "", "char(4)"),
    "text in char, and others": (["ä", ""], "varchar(9)", "char(9)"),
    "text in uuid": (["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] * 2, "", "uuid"),
    "text in date": (["2026-01-01"] * 2, "", "date"),
    "text in jsonb": (['{"b":1,"a":2}'] * 2, "", "jsonb"),
}


@pytest.mark.parametrize("level", ["exact", "aggregate"])
@pytest.mark.parametrize("case", OTHER_TYPES)
async def test_a_target_of_another_type_that_holds_the_values_is_proved(
    target: Target, lake: Lake, case: str, level: str
) -> None:
    values, planned, own = OTHER_TYPES[case]
    table = lake.write("source", frame(x=values))
    target.sql(f"CREATE TABLE t (id bigint PRIMARY KEY, x {own})")
    types = {"x": planned} if planned else {}
    target.configure(entry(table, on_drift="ignore", types=types))
    outcome = await synced(target, verify_target="all", validation=level)
    proof = outcome.result.proofs["public.t"]
    assert proof.validation is Validation(level)
    (found,) = (await validate(make_plan(target.settings(validation=level), compares=True))).tables
    assert found.equal, found
    counted = ["text in date", "text in jsonb"]
    if level == "aggregate":
        counted.append("text in uuid")
    assert proof.not_compared == found.not_compared == (("x",) if case in counted else ())


async def test_bytes_in_a_column_of_padded_texts_are_compared_by_a_run_too(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = lake.write("source", frame(x=["ab", "abc "]))
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, x char(4))")
    target.configure(entry(table, on_drift="ignore"))

    async def mutated_first(
        context: RunContext, plan: TablePlan, record: ExportRecord, *rest: Any
    ) -> tuple[Proof, Any]:
        target.sql(f"UPDATE neonsync.{record.staging} SET x = 'abcd' WHERE id = 1")
        return await audit(context, plan, record, *rest)

    monkeypatch.setattr(stage, "audit", mutated_first)
    outcome = await target.sync(validation="aggregate")
    assert outcome.result.exit_code is ExitCode.VALIDATION
    assert 'bytes of all texts of "x"' in str(outcome.result.error)
    assert target.value("SELECT count(*) FROM t") == 0


async def test_what_no_lake_has_is_told_from_what_it_has(target: Target) -> None:
    """Infinity, years before Christ, and texts that look like hashes of longer ones."""
    fields = {
        "day": (Rule.DAY, "date", ("infinity", "2026-01-01", "0044-03-15 BC")),
        "at": (Rule.FINE_MOMENT, "timestamp", ("infinity", "0001-01-01", "0001-01-01 BC")),
        "name": (Rule.TEXT, "text", ("x" * 1001, "x" * 1002, "x" * 1000, "#" + "0" * 32)),
        "bytes": (Rule.BINARY, "bytea", (b"x" * 1001, b"x" * 1002, b"x" * 1000, b"#")),
    }
    for name, (rule, type_, values) in fields.items():
        field = Field(name, name, rule, SqlType(type_), SqlType("string"))
        with psycopg.connect(target.uri) as connection:
            text = postgres.field_text(field)
            found = [
                connection.execute(
                    sql.SQL("SELECT concat({}) FROM (SELECT {}::{} AS {}) AS one").format(
                        text, sql.Literal(value), sql.SQL(type_), sql.Identifier(name)
                    )
                ).fetchone()
                for value in (*values, None)
            ]
        assert len(set(found)) == len(values) + 1, (name, found)
        if rule in (Rule.TEXT, Rule.BINARY):
            assert [row[0] for row in found if row] == [
                field_text(field, value) for value in (*values, None)
            ]
            assert max(len(row[0]) for row in found if row) <= 2010


def test_a_changed_row_keeps_a_digest_that_is_not_of_what_it_was() -> None:
    """Else whatever is wrong with its other values would be proved against itself."""
    text, number = SqlType("text"), SqlType("bigint")
    frame = Frame(
        (
            Field("name", "name", Rule.TEXT, text, SqlType("string")),
            Field("n", "n", Rule.WHOLE, number, SqlType("bigint")),
        )
    )
    before = pa.record_batch({"name": ["a\x00", "b\x00", "c"], "n": [1, 2, 3]})
    after = pa.record_batch({"name": ["a", "b", "c"], "n": [1, 9, 3]})  # 9 was read wrongly
    digests = pa.array([row_digest(frame, row) for row in (("a\x00", 1), ("b\x00", 2), ("c", 3))])
    found = corrected(digests, before, after, frame).to_pylist()
    assert found == [row_digest(frame, ("a", 1)), digests[1].as_py(), digests[2].as_py()]
