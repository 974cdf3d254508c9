"""Names: those of the target must fit and differ, those of neonsync's own things do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from neonsync.errors import ConfigError
from neonsync.postgres.catalog import wanted_indexes
from neonsync.postgres.names import NAME_BYTES, cut
from neonsync.tables import TableSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO

STAGING_BYTES = 54
"""Room for what the indexes and the shell of a staging table add to its name."""
_SLUG_LENGTH = 40
_SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
_FOREIGN_SCHEMAS = ("neonsync", "information_schema")


def staging_name(run_id: str, spec: TableSpec) -> str:
    """A table's name in the staging schema: unique in a run, and telling for whoever looks."""
    digest = hashlib.sha256(spec.qualified.encode()).hexdigest()[:8]
    name = f"{run_id}_{digest}_{spec.target}"
    return cut(name, STAGING_BYTES)


def slug(name: str) -> str:
    """A name as a folder in S3: plain characters, and no other name's."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:_SLUG_LENGTH]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def check_names(spec: TableSpec, made: Iterable[str]) -> None:
    """Make sure that all names of a table fit, and that no two are the same.

    Raises:
        ConfigError: a name is too long, or stands twice; the message names both places.
    """
    for kind, name in (
        ("schema", spec.schema),
        ("target", spec.target),
        ("key_name", spec.key_name),
        *(("index", index.name) for index in spec.indexes),
    ):
        _fits(spec, kind, name)
    if spec.schema in _FOREIGN_SCHEMAS or spec.schema.startswith("pg_"):
        raise ConfigError(
            f"{spec.source} into {spec.qualified}: the schema {spec.schema!r} is not for tables",
            "Name another one: it is the server's, or neonsync's own.",
        )
    for column in spec.columns:
        if column.name in _SYSTEM_COLUMNS:
            raise ConfigError(
                f"{spec.source} into {spec.qualified}: every table of Postgres has a column "
                f"{column.name!r} of its own",
                f"Give it another name: rename = {{ {column.name} = … }}.",
            )
    test_columns = (TEST_FLAG, TEST_SCENARIO)
    columns = [column.name for column in spec.columns]
    _distinct(spec, [*made, *columns], "column")
    _distinct(spec, [spec.key_name, *(index.name for index in spec.indexes)], "index")
    for name in made:
        _fits(spec, "column", name)
        if name in test_columns:
            raise ConfigError(f"{spec.source}: the column {name!r} is made rows' own", "Rename it.")


def check_apart(specs: Sequence[TableSpec]) -> None:
    """Make sure that no two tables of a run need one name in a schema: it holds one of each.

    Raises:
        ConfigError: two do; the message names both.
    """
    taken: dict[tuple[str, str], TableSpec] = {}
    for spec in specs:
        names = {spec.target, *(shape.name for shape in wanted_indexes(spec))}
        for name in sorted(names):
            other = taken.setdefault((spec.schema, name), spec)
            if other is not spec:
                raise ConfigError(
                    f"{other.qualified} and {spec.qualified} both need the name {name!r} "
                    f'in the schema "{spec.schema}"',
                    "Give the index, the key or the target of one of them another name.",
                )


def _distinct(spec: TableSpec, names: list[str], kind: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.get(cut(name))
        if other is not None:
            both = (
                f"the {kind} {name!r} stands twice"
                if other == name
                else (
                    f"the {kind} names {other!r} and {name!r} are the same when they are cut to "
                    f"{NAME_BYTES} bytes, as Postgres does"
                )
            )
            raise ConfigError(
                f"{spec.source} into {spec.qualified}: {both}", "Give one another name with rename."
            )
        seen[cut(name)] = name
    for name in names:
        _fits(spec, kind, name)


def _fits(spec: TableSpec, kind: str, name: str) -> None:
    length = len(name.encode())
    if length > NAME_BYTES:
        raise ConfigError(
            f"{spec.source} into {spec.qualified}: the {kind} name {name!r} has {length} bytes, "
            f"and Postgres cuts names to {NAME_BYTES}",
            'Give it a shorter one: rename = { "the long name" = "short" }.'
            if kind == "column"
            else f"Give the {kind} a shorter name.",
        )
    if not name or "\x00" in name:
        raise ConfigError(f"{spec.source}: the {kind} name {name!r} cannot be one")
