"""The statements that write data: UNLOAD, CREATE TABLE AS and INSERT, with their manifests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
from sqlglot import exp

from neonsync.sandbox.aws import results, unload
from neonsync.sandbox.aws.catalogue import Catalogue, Column, Partition, Table
from neonsync.sandbox.aws.ddl import Ddl
from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.executions import Execution, Outcome
from neonsync.sandbox.aws.files import has_objects, object_path
from neonsync.sandbox.aws.options import AthenaOptions
from neonsync.sandbox.aws.session import Prepared, Session
from neonsync.sandbox.aws.sources import is_view
from neonsync.sandbox.aws.statements import CreateTableAs, Insert, Unload, Writing
from neonsync.sandbox.aws.types import ResultColumn, duckdb_type, hive_type
from neonsync.sandbox.aws.workgroups import WorkGroup

Bound = Callable[[exp.Query], Prepared]
_ROWS = (ResultColumn("rows", "bigint", 19),)


@dataclass(frozen=True)
class Writer:
    """Writes for one execution; ``bound`` prepares its query, ``check`` raises to stop."""

    catalogue: Catalogue
    s3_root: Path
    options: AthenaOptions
    group: WorkGroup | None
    execution: Execution
    session: Session
    bound: Bound
    check: Callable[[], None]

    def write(self, statement: Writing) -> Outcome:
        """Run the statement; raises QueryFailed."""
        if isinstance(statement, Unload):
            return self._unload(statement)
        if isinstance(statement, CreateTableAs):
            return self._create_table(statement)
        return self._insert(statement)

    def _unload(self, statement: Unload) -> Outcome:
        unload.refuse_bad_names(statement.query)
        database = self.execution.submission.database
        temporary = f"{database}.temp_table_{self.execution.id.replace('-', '')}"
        target = self._fresh_target(statement.location, temporary)
        prepared = self._prepared(statement.query)
        stored = unload.storable(prepared.relation)
        keys = _last_columns(stored, statement.partitioned_by)
        written = self._written(stored, keys, target, statement.compression)
        return self._outcome(written, statement.location, target, prepared)

    def _create_table(self, statement: CreateTableAs) -> Outcome:
        database, name = self._place(statement.name)
        self.catalogue.database(database)
        if self.catalogue.find(database, name):
            if statement.if_not_exists:
                return Outcome(_ROWS)
            raise QueryFailed(
                f"TABLE_ALREADY_EXISTS: line 1:1: Table 'awsdatacatalog.{database}.{name}' already "
                "exists"
            )
        if statement.location and self.group is not None and self.group.is_enforced:
            raise QueryFailed(
                f"INVALID_TABLE_PROPERTY: The workgroup '{self.group.name}' enforces a centralized "
                "output location for all its queries. Please remove the 'external_location' "
                "property and resubmit the query."
            )
        location = statement.location or f"{self.execution.output_location}/"
        unload.refuse_bad_names(statement.query)
        target = self._fresh_target(location, f"{database}.{name}")
        prepared = self._prepared(statement.query)
        stored = unload.storable(prepared.relation)
        keys = _last_columns(stored, statement.partitioned_by)
        columns = [
            Column(column.lower(), hive_type(kind, (label.kind, label.size) if label else None))
            for column, kind, label in zip(
                prepared.relation.columns, prepared.relation.types, prepared.labels, strict=True
            )
        ]
        written = unload.Unloaded((), 0)
        if statement.with_data:
            written = self._written(stored, keys, target, statement.compression)
        else:
            target.mkdir(parents=True, exist_ok=True)
        table = Table(
            name,
            tuple(columns[: len(columns) - len(keys)]),
            tuple(columns[len(columns) - len(keys) :]),
            location,
            _partitions(written, location),
            {"classification": "parquet", "EXTERNAL": "TRUE"},
            created=time.time(),
        )
        self.catalogue.put_table(database, table)
        return self._outcome(written, location, target, prepared)

    def _insert(self, statement: Insert) -> Outcome:
        database, name = self._place(statement.name)
        table = self.catalogue.find(database, name)
        if table is None:
            raise QueryFailed(
                f"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{database}.{name}' does not "
                "exist",
                error_type=1003,
            )
        if is_view(table) or "parquet" not in table.input_format.lower():
            raise not_supported(f"INSERT INTO {database}.{name}")
        every = (*table.columns, *table.partition_keys)
        wanted = statement.columns or tuple(column.name for column in every)
        prepared = self._prepared(_renamed(statement.query, wanted))
        relation = prepared.relation.select(
            *(
                (
                    duckdb.ColumnExpression(column.name)
                    if column.name in wanted
                    else duckdb.ConstantExpression(None)
                )
                .cast(duckdb.sqltype(duckdb_type(column.type)))
                .alias(column.name)
                for column in every
            )
        )
        target = object_path(self.s3_root, table.location)
        keys = tuple(key.name for key in table.partition_keys)
        written = self._written(unload.storable(relation), keys, target, "SNAPPY")
        self.catalogue.add_partitions(database, name, list(_partitions(written, table.location)))
        return self._outcome(written, table.location, target, prepared)

    def _place(self, name: str) -> tuple[str, str]:
        return Ddl(self.catalogue, self.s3_root, self.execution.submission.database).place(name)

    def _prepared(self, query: exp.Query) -> Prepared:
        self.session.connection.execute("SET preserve_insertion_order = false")
        return self.bound(query)

    def _written(
        self, stored: duckdb.DuckDBPyRelation, keys: tuple[str, ...], target: Path, compression: str
    ) -> unload.Unloaded:
        if keys:
            return unload.unload_partitioned(stored, keys, target, compression, self.check)
        return unload.unload(stored, target, compression, self.options, self.check)

    def _fresh_target(self, location: str, table: str) -> Path:
        target = object_path(self.s3_root, location)
        bucket = self.s3_root / target.relative_to(self.s3_root.resolve()).parts[0]
        if not bucket.is_dir():
            raise QueryFailed(
                f"HIVE_WRITER_OPEN_ERROR: The specified bucket does not exist: {bucket.name}",
                error_type=401,
            )
        if has_objects(target):
            raise QueryFailed(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{table}' already exists: "
                f"{location}. You may need to manually clean the data at location "
                f"'{self.execution.output_location}' before retrying. Athena will not delete data "
                "in your account."
            )
        return target

    def _outcome(
        self, written: unload.Unloaded, location: str, target: Path, prepared: Prepared
    ) -> Outcome:
        base = self.execution.output_location
        output = object_path(self.s3_root, base)
        addresses = (f"{location.rstrip('/')}/{path.relative_to(target)}" for path in written.files)
        results.write_text(output.with_name(f"{output.name}-manifest.csv"), addresses)
        results.write_metadata(output.with_name(f"{output.name}.metadata"), _ROWS)
        return Outcome(
            _ROWS,
            manifest_location=f"{base}-manifest.csv",
            row_count=written.rows,
            output_bytes=sum(path.stat().st_size for path in written.files),
            input_rows=prepared.input_rows,
        )


def _last_columns(
    relation: duckdb.DuckDBPyRelation, partitioned_by: tuple[str, ...]
) -> tuple[str, ...]:
    """The partition columns; raises QueryFailed unless they are the last, in their order."""
    count = len(partitioned_by)
    if (count and tuple(relation.columns[-count:]) != partitioned_by) or count == len(
        relation.columns
    ):
        raise QueryFailed(
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and "
            f"in the same order as the table properties: [{', '.join(partitioned_by)}]"
        )
    return partitioned_by


def _partitions(written: unload.Unloaded, location: str) -> tuple[Partition, ...]:
    base = location.rstrip("/")
    return tuple(
        Partition(values, f"{base}/{folder}/", time.time())
        for values, folder in written.partitions.items()
    )


def _renamed(query: exp.Query, names: Iterable[str]) -> exp.Query:
    """The query with its columns under other names, by their position."""
    wanted = list(names)
    known = [item for item in query.selects if not item.is_star]
    if len(known) == len(query.selects) and len(known) != len(wanted):
        raise QueryFailed(
            f"TYPE_MISMATCH: line 1:1: Insert query has {len(known)} columns, the table has "
            f"{len(wanted)}"
        )
    columns = [exp.to_identifier(name, quoted=True) for name in wanted]
    alias = exp.TableAlias(this=exp.to_identifier("inserted"), columns=columns)
    source = exp.Subquery(this=query.copy(), alias=alias)
    return exp.select(*(exp.column(name, quoted=True) for name in wanted)).from_(source)
