"""Data integrity: NULLs, keys that stand twice, states that are none, references into nothing."""

from __future__ import annotations

from psycopg import sql

from neonsync.postgres.catalog import read_table, serves, wanted_indexes
from neonsync.validation.dates import rows_by_state
from neonsync.validation.result import NOT_JUDGED, VALUES_SHOWN, CheckResult, Status, Subject


async def data_integrity(subject: Subject) -> CheckResult:
    """The check of that name."""
    expected = subject.expected
    if expected is None:
        return subject.result("data_integrity", Status.PASSED, NOT_JUDGED, {})
    nulls = await _null_counts(subject)
    duplicates, how = await _duplicate_keys(subject)
    unknown = {} if expected.filtered else await _unknown_states(subject)
    orphans = await _orphans(subject)
    problems = [f"{count:,} NULLs in {column}" for column, count in nulls.items() if count]
    if duplicates:
        problems.append(f"{duplicates:,} keys stand more than once")
    if unknown:
        listed = ", ".join(
            f"{state} ({count:,} rows)" for state, count in list(unknown.items())[:VALUES_SHOWN]
        )
        problems.append(f"states that Athena does not have: {listed}")
    lost = [f"{count:,} rows refer to no {parent}" for parent, count in orphans.items() if count]
    status = Status.FAILED if problems else Status.WARNING if lost else Status.PASSED
    if lost and expected.made:
        status = Status.FAILED
    passed = "no NULLs, no duplicate keys" + ("" if expected.filtered else ", no unknown states")
    return subject.result(
        "data_integrity",
        status,
        "; ".join(problems + lost) or passed,
        {
            "expected": 0,
            "measured": sum((*nulls.values(), duplicates, *unknown.values(), *orphans.values())),
            "nulls": nulls,
            "duplicate_keys": duplicates,
            "duplicate_keys_checked_by": how,
            "unknown_states": unknown,
            "unknown_states_judged": not expected.filtered,
            "source_states": sorted(state for state in expected.states if state),
            "orphans": orphans,
        },
        "These rows were there before the run, which has published the source's rows whole: "
        "correct or delete them, then run again; --on-missing delete lets go of rows that Athena "
        "does not have."
        if problems
        else "Sync the table that is referred to as well."
        if lost
        else "",
    )


async def _null_counts(subject: Subject) -> dict[str, int]:
    columns = [name for name in subject.spec.required_columns if subject.table.column(name)]
    if not columns:
        return {}
    counts = sql.SQL(", ").join(
        sql.SQL("count(*) FILTER (WHERE {} IS NULL)").format(sql.Identifier(name))
        for name in columns
    )
    row = await subject.row(sql.SQL("SELECT {} FROM {}").format(counts, subject.name))
    return dict(zip(columns, row, strict=True))


async def _duplicate_keys(subject: Subject) -> tuple[int, str]:
    """Keys that stand more than once, and how that is known."""
    spec = subject.spec
    key = next(shape for shape in wanted_indexes(spec) if shape.columns == spec.key)
    for index in subject.table.indexes:
        not_null = all(
            (column := subject.table.column(name)) is not None and column.not_null
            for name in spec.key
        )
        if serves(index, key) and not_null:
            return 0, f"the unique index {index.name}"
    columns = sql.SQL(", ").join(map(sql.Identifier, spec.key))
    (count,) = await subject.row(
        sql.SQL(
            "SELECT count(*) FROM (SELECT FROM {} GROUP BY {} HAVING count(*) > 1) AS doubled"
        ).format(subject.name, columns)
    )
    return int(count), "a query"


async def _unknown_states(subject: Subject) -> dict[str, int]:
    """States of the target that the source does not have, with their rows."""
    if subject.expected is None:
        return {}
    return {
        state: count
        for state, count in (await rows_by_state(subject)).items()
        if state is not None and state not in subject.expected.states
    }


async def _orphans(subject: Subject) -> dict[str, int]:
    """For each declared reference, the rows whose value the other table does not have."""
    counts: dict[str, int] = {}
    for reference in subject.spec.references:
        schema, _, table = reference.parent.rpartition(".")
        name = f"{reference.parent}.{reference.parent_column}"
        if await read_table(subject.connection, schema, table) is None:
            # As many as there are: nothing is there to refer to.
            statement = sql.SQL("SELECT count({}) FROM {}").format(
                sql.Identifier(reference.column), subject.name
            )
            (counts[name],) = await subject.row(statement)
            continue
        (count,) = await subject.row(
            sql.SQL(
                "SELECT count(*) FROM {child} AS c WHERE c.{column} IS NOT NULL AND NOT EXISTS"
                " (SELECT FROM {parent} AS p WHERE p.{parent_column} = c.{column})"
            ).format(
                child=subject.name,
                column=sql.Identifier(reference.column),
                parent=sql.Identifier(schema, table),
                parent_column=sql.Identifier(reference.parent_column),
            )
        )
        counts[name] = int(count)
    return counts
