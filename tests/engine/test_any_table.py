"""Tables that nobody here has heard of: configuration and catalogue are enough."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from neonsync.errors import ConfigError, ExitCode
from tests.conftest import Lake, Target

ROWS: list[dict[str, Any]] = [
    {
        "id": n + 1,
        "customer": None if n % 7 == 0 else f"customer {n % 40} – ünï 🍕",
        "total": Decimal(n * 37 % 100_000).scaleb(-2),
        "paid": n % 3 == 0,
        "ordered_at": datetime(2026, 1, 1 + n % 28, n % 24, 30, 15, 123000),
        "tags": ["a", None, f"t{n}"] if n % 5 else [],
        "address": {"city": f"c{n % 9}", "zip": n},
    }
    for n in range(1_500)
]
ORDERS = pd.DataFrame(ROWS)
COMMENTS = {"parameters": {"comment": "All orders"}, "columns_comments": {"total": "in euro"}}
TYPES = {
    "total": "decimal(12,2)",
    "tags": "array<string>",
    "address": "struct<city:string,zip:int>",
}


async def test_six_lines_sync_a_table_that_another_program_wrote(
    target: Target, lake: Lake
) -> None:
    name = lake.write("orders", ORDERS, dtype=TYPES, glue_table_settings=COMMENTS)
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\n')
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    columns = target.sql(
        "SELECT column_name, data_type, numeric_precision, numeric_scale, is_nullable"
        " FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
        name,
    )
    assert columns == [
        ("id", "bigint", 64, 0, "NO"),
        ("customer", "text", None, None, "YES"),
        ("total", "numeric", 12, 2, "YES"),
        ("paid", "boolean", None, None, "YES"),
        ("ordered_at", "timestamp without time zone", None, None, "YES"),
        ("tags", "jsonb", None, None, "YES"),
        ("address", "jsonb", None, None, "YES"),
    ]
    rows = target.sql(f'SELECT * FROM "{name}" ORDER BY id')
    assert rows == [tuple(row.values()) for row in ROWS]
    assert target.value("SELECT obj_description(%s::regclass)", name) == "All orders"
    assert target.value("SELECT col_description(%s::regclass, 3)", name) == "in euro"
    key = (
        "SELECT conname, contype FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'"
    )
    assert target.sql(key, name) == [(f"{name}_pkey", "p")]
    assert target.staging_tables() == []

    again = await target.sync()
    assert [(p.method, p.unchanged) for p in again.result.published] == [("merge", 1_500)]


async def test_columns_are_taken_left_out_renamed_and_typed(target: Target, lake: Lake) -> None:
    name = lake.write("orders", ORDERS, dtype=TYPES)
    target.configure(
        f"""
        [[tables]]
        source = "lake.{name}"
        target = "shop.Orders"
        key = ["id"]
        exclude = ["tags", "address"]
        rename = {{ id = "order id", customer = "Customer", total = "select" }}
        types = {{ total = "numeric(14,3)", id = "integer", paid = "text" }}
        not_null = ["paid"]
        created_at = "loaded_at"
        [tables.indexes]
        full = [{{ name = "by customer", columns = ["customer"], where_not_null = "Customer" }}]
        """
    )
    target.sql("CREATE SCHEMA shop")
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    rows = target.sql(
        'SELECT "order id", "Customer", "select", paid, ordered_at FROM shop."Orders"'
        ' ORDER BY "order id"'
    )
    assert rows == [
        (row["id"], row["customer"], row["total"], str(row["paid"]).lower(), row["ordered_at"])
        for row in ROWS
    ]
    assert target.value('SELECT count(loaded_at) FROM shop."Orders"') == 1_500
    definition = target.value("SELECT indexdef FROM pg_indexes WHERE indexname = 'by customer'")
    assert definition.endswith('USING btree ("Customer") WHERE ("Customer" IS NOT NULL)')


async def test_a_select_is_a_source_too(target: Target, lake: Lake) -> None:
    name = lake.write("orders", ORDERS, dtype=TYPES)
    before = lake.files()
    target.configure(
        f"""
        [[tables]]
        query = '''
          SELECT customer, count(*) AS orders, sum(total) AS total, max(date(ordered_at)) AS last
          FROM {name} WHERE customer IS NOT NULL GROUP BY customer'''
        target = "customers"
        key = ["customer"]
        """
    )
    plan = target.plan()
    assert lake.files() == before, "asking for the columns leaves nothing behind"
    assert [str(column.type) for column in plan.tables[0].spec.columns] == [
        "text",
        "bigint",
        "numeric(38,2)",
        "date",
    ]
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    groups = ORDERS.dropna(subset="customer").groupby("customer")
    assert target.sql('SELECT * FROM customers ORDER BY customer COLLATE "C"') == [
        (customer, len(rows), sum(rows.total), max(rows.ordered_at).date())
        for customer, rows in groups
    ]


async def test_several_tables_are_published_together_or_not_at_all(
    target: Target, lake: Lake
) -> None:
    orders = lake.write("orders", ORDERS, dtype=TYPES)
    doubled = lake.write("doubled", pd.concat([ORDERS[["id", "paid"]]] * 2))
    entries = (
        f'[[tables]]\nsource = "{orders}"\nkey = ["id"]\n[[tables]]\nsource = "forecast"\n'
        'target = "f"\nkey = ["restaurant_id", "inventory_item_id", "business_date"]\n'
    )
    target.configure(entries)
    outcome = await target.sync(jobs=3)
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert (
        target.value(f"SELECT (SELECT count(*) FROM {orders}) + (SELECT count(*) FROM f)") == 10_500
    )
    transactions = target.sql(
        f"SELECT DISTINCT xmin::text FROM pg_class WHERE relname IN ('{orders}', 'f')"
    )
    assert len(transactions) == 1, "one transaction has published both"

    target.configure(f'{entries}[[tables]]\nsource = "{doubled}"\nkey = ["id"]\n')
    target.sql(f"DELETE FROM {orders} WHERE id > 10")
    failed = await target.sync()
    assert failed.result.exit_code is ExitCode.SYNC_FAILED
    assert "same key" in str(failed.result.error)
    assert target.value(f"SELECT count(*) FROM {orders}") == 10, "no table has been touched"
    assert target.value("SELECT to_regclass(%s)", doubled) is None


async def test_tables_with_long_and_like_names_do_not_meet_in_staging(
    target: Target, lake: Lake
) -> None:
    frame = ORDERS[["id", "paid"]]
    first, second = lake.write("a", frame), lake.write("b", frame[:700])
    long = "a_table_with_a_name_that_is_as_long_as_postgres_can_take_it_"
    target.sql("CREATE SCHEMA other")
    target.configure(
        "".join(
            f'[[tables]]\nsource = "{source}"\ntarget = "{name}"\nkey = ["id"]\nid = "row_id"\n'
            for source, name in (
                (first, f"{long}1"),
                (second, f"{long}2"),
                (first, "same"),
                (second, "other.same"),
            )
        )
    )
    outcome = await target.sync(jobs=4)
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    counts = [
        target.value(f"SELECT count(*) FROM {name}")
        for name in (f"{long}1", f"{long}2", "same", "other.same")
    ]
    assert counts == [1_500, 700, 1_500, 700]
    constraints = target.sql(
        "SELECT conname FROM pg_constraint WHERE conrelid IN (SELECT oid FROM pg_class"
        " WHERE relname IN ('same', %s, %s))",
        f"{long}1",
        f"{long}2",
    )
    assert not [name for (name,) in constraints if name.startswith("run_")]


@pytest.fixture(scope="module")
def orders(lake: Lake) -> str:
    return lake.write("orders", ORDERS[:3], dtype=TYPES)


@pytest.mark.parametrize(
    ("entry", "message", "remedy"),
    [
        ('source = "{t}"', "tables[1].key in", "key ="),
        ('source = "{t}"\nkey = ["idd"]', "names the column 'idd', which is not there", "'id'"),
        ('source = "{t}"\nkey = ["id"]\ncolumns = ["ID"]', "'ID', which is not there", "id"),
        ('source = "{t}"\nkey = ["id"]\nexclude = ["nope"]', "'nope', which is not there", "id"),
        (
            'source = "{t}"\nkey = ["id"]\nexclude = ["id"]',
            "'id', which columns or exclude",
            "copied",
        ),
        ('source = "{t}"\nkey = ["id"]\ntarget = "neonsync.t"', "is not for tables", "another"),
        ('source = "{t}"\nkey = ["id"]\nrename = {{ paid = "ctid" }}', "'ctid' of its own", ""),
        ('source = "{t}"\nkey = ["id"]\nrename = {{ a = "b" }}', "'a', which is not there", ""),
        (
            'source = "{t}"\nkey = ["id"]\nrename = {{ id = "paid" }}',
            "'paid' stands twice",
            "rename",
        ),
        ('source = "{t}"\nkey = ["id"]\ndate_column = "day"', "'day', which is not there", ""),
        ('source = "{t}"\nkey = ["id"]\ndate_column = "paid"', "which holds no date", "timestamp"),
        ('source = "{t}"\nkey = ["id"]\ndate_column = "customer"', "how the date", "date_format"),
        ('source = "{t}"\nkey = ["id"]\nstate_column = "st"', "'st', which is not there", ""),
        ('source = "{t}"\nkey = ["id"]\ntarget = "' + "x" * 64 + '"', "has 64 bytes", "shorter"),
        ('source = "{t}"\nkey = ["id"]\nrename = {{ paid = "' + "ü" * 32 + '" }}', "64 bytes", ""),
        (
            'source = "{t}"\nkey = ["id"]\nrename = {{ paid = "'
            + "x" * 63
            + 'a", total = "'
            + "x" * 63
            + 'b" }}',
            "are the same when they are cut to 63 bytes",
            "rename",
        ),
        ('source = "{t}"\nkey = ["id"]\nid = "paid"', "'paid' stands twice", ""),
        ('source = "{t}"\nkey = ["id"]\n[tables.types]\npaid = "date"', "no exact way", "type"),
        ('source = "no_such"\nkey = ["id"]', "no table lake.no_such", "lake has: "),
        ('source = "nowhere.t"\nkey = ["id"]', "no table nowhere.t", "nowhere"),
        ('query = "SELECT 1"\nkey = ["a"]', "has a query and no target", "target"),
        ('query = "SELEC 1"\ntarget = "t"\nkey = ["a"]', "does not take the query", "SELECT"),
        ('query = "select idd from forecast"\ntarget = "t"\nkey = ["idd"]', "idd", "SELECT"),
        ('query = "SELECT 1, 2 AS a"\ntarget = "t"\nkey = ["a"]', "no name of its own", "AS"),
        (
            'source = "{t}"\nkey = ["id"]\n'
            '[tables.indexes]\nfull = [{{ name = "i", columns = ["z"] }}]',
            "the index i of",
            "",
        ),
    ],
)
def test_a_wrong_entry_is_refused_before_anything_is_written(
    planner: Target, lake: Lake, orders: str, entry: str, message: str, remedy: str
) -> None:
    before = lake.files()
    planner.configure("[[tables]]\n" + entry.format(t=orders))
    with pytest.raises(ConfigError) as caught:
        planner.plan()
    assert message in str(caught.value), caught.value
    assert remedy in caught.value.remedy, caught.value.remedy
    assert caught.value.exit_code is ExitCode.USAGE
    assert lake.files() == before
    assert planner.value("SELECT to_regnamespace('neonsync')") is None


def test_a_view_is_refused(planner: Target, lake: Lake) -> None:
    view: dict[str, Any] = {
        "Name": "a_view",
        "TableType": "VIRTUAL_VIEW",
        "ViewOriginalText": "/* Presto View: e30= */",
        "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "int"}]},
    }
    lake.client("glue").create_table(DatabaseName="lake", TableInput=view)
    planner.configure('[[tables]]\nsource = "a_view"\nkey = ["id"]\n')
    with pytest.raises(ConfigError, match="is a view"):
        planner.plan()


async def test_days_of_a_date_in_the_source_are_what_is_proved(target: Target, lake: Lake) -> None:
    frame = ORDERS[["id"]].assign(day=[date(2026, 3, 1 + n % 3) for n in range(1_500)])
    name = lake.write("events", frame, partition_cols=["day"], dtype={"day": "date"})
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\n')
    outcome = await target.sync()
    assert outcome.result.proofs[f"public.{name}"].dates == 3
    assert target.sql(f"SELECT day, count(*) FROM {name} GROUP BY 1 ORDER BY 1") == [
        (date(2026, 3, day), 500) for day in (1, 2, 3)
    ]


def test_a_bucket_that_is_not_there_is_refused_before_anything_is_written(planner: Target) -> None:
    with pytest.raises(ConfigError, match="the bucket no-such-bucket of"):
        planner.plan(**{"athena.output_location": "s3://no-such-bucket/results/"})
    assert planner.value("SELECT to_regnamespace('neonsync')") is None
