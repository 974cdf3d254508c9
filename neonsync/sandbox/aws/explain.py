"""EXPLAIN: what a query would read, and in which steps. Nothing is read, and nothing is billed."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from neonsync.sandbox.aws.scan import Scan
from neonsync.sandbox.aws.session import Prepared
from neonsync.sandbox.aws.sql.names import sql_type

Json = dict[str, Any]
_CATALOG = "awsdatacatalog"
_UNKNOWN = "NaN"


def explained(
    prepared: Prepared, connection: duckdb.DuckDBPyConnection, kind: str, form: str
) -> tuple[str, list[str]]:
    """The name of the answer's column, and its lines.

    The steps are those of the sandbox's engine, in the shape of Athena's plans.
    """
    if kind == "VALIDATE":
        return "Valid", ["true"]
    if kind == "IO":
        return "Query Plan", json.dumps(_input_output(prepared), indent=2).splitlines()
    rows = connection.execute(f"EXPLAIN (FORMAT json) {prepared.sql}").fetchall()
    steps = json.loads(rows[0][1])
    names = ", ".join(
        f"{name}:{kind!s}".lower()
        for name, kind in zip(prepared.relation.columns, prepared.relation.types, strict=True)
    )
    if form == "JSON":
        content = {"0": _step(steps[0], iter(range(1000)), prepared.relation.columns)}
        return "Query Plan", json.dumps(content, indent=2).splitlines()
    lines = [
        "Fragment 0 [SINGLE]",
        f"    Output layout: [{names}]",
        "    Output partitioning: SINGLE",
    ]
    for scan in prepared.scans:
        lines.append(f"    {_scan_line(scan)}")
    return "Query Plan", lines + _text(steps, 1)


def _input_output(prepared: Prepared) -> Json:
    """The tables that are read, and the partitions that the query's conditions leave."""
    tables = [
        {
            "table": _table(scan),
            "constraint": {
                "none": bool(scan.table.files) and not scan.files,
                "columnConstraints": _constraints(scan),
            },
            "estimate": {
                "outputRowCount": float(scan.rows),
                "outputSizeInBytes": float(scan.bytes),
                "cpuCost": float(scan.bytes),
                "maxMemory": 0.0,
                "networkCost": 0.0,
            },
        }
        for scan in prepared.scans
    ]
    unknown = dict.fromkeys(
        ("outputRowCount", "outputSizeInBytes", "cpuCost", "maxMemory", "networkCost"), _UNKNOWN
    )
    return {"inputTableColumnInfos": tables, "estimate": unknown}


def _table(scan: Scan) -> Json:
    database, name = (part.strip('"') for part in scan.table.name.split(".", 2)[1:])
    return {"catalog": _CATALOG, "schemaTable": {"schema": database, "table": name}}


def _constraints(scan: Scan) -> list[Json]:
    if len(scan.files) == len(scan.table.files):
        return []
    constraints = []
    for number, key in enumerate(scan.table.table.partition_keys):
        left = sorted({file.values[number] for file in scan.files} - {None}, key=str)
        ranges = [
            {"low": {"value": v, "bound": "EXACTLY"}, "high": {"value": v, "bound": "EXACTLY"}}
            for v in left
        ]
        constraints.append(
            {
                "columnName": key.name,
                "type": sql_type(key.type),
                "domain": {"nullsAllowed": False, "ranges": ranges},
            }
        )
    return constraints


def _scan_line(scan: Scan) -> str:
    table = _table(scan)["schemaTable"]
    return (
        f"TableScan[table = {_CATALOG}:{table['schema']}:{table['table']}] "
        f"Columns: [{', '.join(sorted(scan.columns))}] "
        f"Files: {len(scan.files)} of {len(scan.table.files)}"
    )


def _text(steps: list[Json], depth: int) -> list[str]:
    lines = []
    for step in steps:
        lines.append(f"{'    ' * depth}- {step['name'].strip().title().replace('_', '')}")
        lines += _text(step.get("children", []), depth + 1)
    return lines


def _step(step: Json, numbers: Any, outputs: list[str]) -> Json:
    return {
        "id": str(next(numbers)),
        "name": step["name"].strip().title().replace("_", ""),
        "descriptor": {},
        "outputs": [{"symbol": name, "type": ""} for name in outputs],
        "details": [],
        "estimates": [],
        "children": [_step(child, numbers, []) for child in step.get("children", [])],
    }
