"""Declared checks before a run: which are wrong, which are too early, which cannot be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from neonsync.columns import parse_postgres
from neonsync.postgres.connect import Database, connected
from neonsync.secret import Secret
from neonsync.tables import CheckKind, ColumnSpec, DeclaredCheck, OnDrift, TableSpec
from neonsync.validation import explained
from neonsync.validation.explained import Refusal, Refused, refused
from tests.conftest import Target


def spec(target: str, **types: str) -> TableSpec:
    return TableSpec(
        source=target,
        target=target,
        columns=tuple(ColumnSpec(name, parse_postgres(kind)) for name, kind in types.items()),
        key=("id",),
        key_name=f"{target}_pkey",
    )


T = spec("t", id="integer", x="integer")
U = spec("u", id="integer", y="text")
WIDER = replace(spec("t", id="integer", x="integer", z="integer"), on_drift=OnDrift.ADD)
TAKEN = (None, "")
MADE = "CREATE TABLE t (id int PRIMARY KEY, x int)"


def check(kind: str, text: str = "", column: str = "", **more: Any) -> DeclaredCheck:
    columns = (column,) if column else ()
    return DeclaredCheck("public.t", "it", CheckKind(kind), columns=columns, text=text, **more)


async def look(
    target: Target, *checks: DeclaredCheck, of: TableSpec = T, others: Sequence[TableSpec] = (U,)
) -> list[Refused]:
    tables = [(of, checks), *((other, ()) for other in others)]
    async with connected(Database(Secret(target.uri))) as connection:
        return await refused(connection, tables, 30.0)


async def judged(target: Target, each: DeclaredCheck, **more: Any) -> tuple[Refusal | None, str]:
    """What is said of one check."""
    found = await look(target, each, **more)
    return (found[0].refusal, found[0].why) if found else TAKEN


@contextmanager
def locked(target: Target, table: str) -> Iterator[None]:
    with psycopg.connect(target.uri) as other:
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


@pytest.mark.parametrize("table", ["t", "u"])
async def test_a_table_that_is_locked_is_not_waited_for(
    target: Target, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(explained, "LOCK_SECONDS", 0.2)
    target.sql(f"{MADE}; CREATE TABLE u (id int PRIMARY KEY, y text)")
    checks = [
        check("not_null", column="x"),
        check("sql", "SELECT 1 FROM t WHERE xx > 0"),
        check("sql", "SELECT 1 FROM t JOIN u USING (id)"),
    ]
    with locked(target, table):
        found = await look(target, *checks)
    busy = [each.check for each in found if each.refusal is Refusal.BUSY]
    assert busy == (checks if table == "t" else checks[2:])
    assert all("lock timeout" in each.why for each in found if each.check in busy)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT 1 FROM t WHERE xx > 0", 'column "xx" does not exist'),
        ("SELECT 1 FROM t WHERE t.y > 0", "column t.y does not exist"),
        ("SELECT 1 FROM tt", 'relation "tt" does not exist'),
        ("SELECT 1 FROM other.u", 'relation "other.u" does not exist'),
        ("SELECT u.y FROM t", 'missing FROM-clause entry for table "u"'),
    ],
)
async def test_a_misspelt_name_is_one_though_another_table_is_yet_to_come(
    target: Target, text: str, why: str
) -> None:
    target.sql(MADE)
    refusal, said = await judged(target, check("sql", text))
    assert refusal is Refusal.WRONG
    assert said.startswith(why)


@pytest.mark.parametrize("text", ["SELECT 1 FROM u WHERE y = ''", "SELECT y FROM public.u"])
async def test_a_table_that_is_yet_to_come_is_early(target: Target, text: str) -> None:
    target.sql(MADE)
    found = await judged(target, check("sql", text))
    assert found[0] is Refusal.EARLY
    parent = check("references", "public.u.id", "x")
    found = await judged(target, parent)
    assert found[0] is Refusal.EARLY
    found = await judged(target, parent, others=())
    assert found[0] is Refusal.WRONG


@pytest.mark.parametrize("text", ["SELECT t.x FROM u", "SELECT ctid FROM (SELECT 1) AS one"])
async def test_a_query_has_no_stand_in_to_be_early_for(target: Target, text: str) -> None:
    target.sql("CREATE TABLE u (id int PRIMARY KEY, y text)")
    found = await judged(target, check("sql", text))
    assert found[0] is Refusal.WRONG


async def test_a_table_outside_of_the_search_path_is_not_found_by_its_bare_name(
    target: Target,
) -> None:
    target.sql(f"{MADE}; CREATE SCHEMA shop")
    shop = replace(U, schema="shop")
    for text, refusal in (("FROM u", Refusal.WRONG), ("FROM shop.u", Refusal.EARLY)):
        found = await judged(target, check("sql", f"SELECT 1 {text}"), others=[shop])
        assert found[0] is refusal


async def test_a_column_is_early_where_the_run_will_add_it(target: Target) -> None:
    target.sql(MADE)
    for text in ("SELECT 1 FROM t WHERE z > 0", "SELECT 1 FROM t AS a WHERE a.z > 0"):
        found = await judged(target, check("sql", text), of=WIDER)
        assert found[0] is Refusal.EARLY
    assert await judged(target, check("not_null", column="z"), of=WIDER) == TAKEN

    left_out = replace(WIDER, on_drift=OnDrift.IGNORE)
    for each in (check("sql", "SELECT 1 FROM t WHERE z > 0"), check("not_null", column="z")):
        found = await judged(target, each, of=left_out)
        assert found == (Refusal.WRONG, 'column "z" does not exist')


@pytest.mark.parametrize("text", ["ctid IS NOT NULL", "t.xmin IS NOT NULL", "public.t.x > 0"])
@pytest.mark.parametrize("there", ["", MADE])
async def test_what_a_stand_in_lacks_is_early(target: Target, text: str, there: str) -> None:
    if there:
        target.sql(there)
    found = await judged(target, check("expression", text), of=WIDER)
    assert found[0] is Refusal.EARLY
    if there:
        assert await judged(target, check("expression", text)) == TAKEN


@pytest.mark.parametrize("text", ["xx > 0", "t.xx > 0", "u.x > 0"])
async def test_a_stand_in_hides_no_misspelt_name(target: Target, text: str) -> None:
    found = await judged(target, check("expression", text))
    assert found[0] is Refusal.WRONG


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("'x'", "function sum(text) does not exist"),
        ("interval '1 day'", "cannot cast type interval to bigint"),
        ("1.5", ""),
    ],
)
async def test_a_query_that_counts_must_count(target: Target, value: str, why: str) -> None:
    target.sql(MADE)
    found = await judged(target, check("sql", f"SELECT {value} AS violations"))
    assert found[0] is (Refusal.WRONG if why else None)
    assert found[1].startswith(why)


async def test_columns_of_any_type_stand_beside_those_to_come(target: Target) -> None:
    target.sql(
        "CREATE SCHEMA odd; CREATE TYPE odd.\"Mood\" AS ENUM ('sad', 'happy');"
        'CREATE TABLE t (id int PRIMARY KEY, x int, m odd."Mood", f varchar[])'
    )
    assert await judged(target, check("not_null", column="z"), of=WIDER) == TAKEN
    assert await judged(target, check("expression", "m <> 'sad' AND z > 0"), of=WIDER) == TAKEN
    found = await judged(target, check("expression", "m <> 'glad' AND z > 0"), of=WIDER)
    assert found[0] is Refusal.WRONG


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("SELECT 1 FROM u", Refusal.EARLY),
        ('SELECT 1 FROM t, Public . U WHERE "t".x > 0', Refusal.EARLY),
        ('SELECT 1 FROM t JOIN "u" USING (id)', Refusal.EARLY),
        ("SELECT 'über', z FROM t", Refusal.EARLY),
        ('SELECT t."z" FROM t', Refusal.EARLY),
        ('SELECT 1 FROM "U"', Refusal.WRONG),
        ("SELECT 1 FROM uu", Refusal.WRONG),
        ("SELECT u.* FROM t", Refusal.WRONG),
        ("SELECT u.y FROM t", Refusal.WRONG),
        ('SELECT "Z" FROM t', Refusal.WRONG),
        ("SELECT zz FROM t", Refusal.WRONG),
        ("SELECT nothing(x) FROM t", Refusal.WRONG),
        ("SELECT x::nothing FROM t", Refusal.WRONG),
        ("SELECT FROM WHERE", Refusal.WRONG),
    ],
)
@pytest.mark.parametrize("said", [None, "Relation »u« existiert nicht", "", "la colonne « z »"])
async def test_a_server_may_speak_any_language(
    target: Target, monkeypatch: pytest.MonkeyPatch, text: str, refusal: Refusal, said: str | None
) -> None:
    """The server's own errors, with another text: that of the tests knows English alone."""
    target.sql(MADE)
    if said is not None:
        patched = property(lambda _: said)
        monkeypatch.setattr(psycopg.errors.Diagnostic, "message_primary", patched)
    found = await judged(target, check("sql", text), of=WIDER)
    assert found[0] is refusal
    if said:
        assert found[1].startswith(said)


@pytest.mark.parametrize("text", ["ctid IS NOT NULL", "public.t.x > 0", "public . T . x > 0"])
async def test_what_a_stand_in_lacks_is_early_in_any_language(
    target: Target, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    patched = property(lambda _: "существует не")
    monkeypatch.setattr(psycopg.errors.Diagnostic, "message_primary", patched)
    found = await judged(target, check("expression", text))
    assert found[0] is Refusal.EARLY
    found = await judged(target, check("expression", "u.x > 0"))
    assert found[0] is Refusal.WRONG
