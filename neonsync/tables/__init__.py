"""What is to be synced: as a configuration says it, and as the engine needs it."""

from neonsync.tables.config import TableConfig, parse_tables, preset
from neonsync.tables.rules import ColumnRule, TestDataRules
from neonsync.tables.spec import (
    ColumnSpec,
    Day,
    DayForm,
    IndexSpec,
    Mode,
    OnBadValue,
    OnDrift,
    OnDuplicate,
    OnMissing,
    Publish,
    Reference,
    TableSpec,
    Validation,
)

__all__ = [
    "ColumnRule",
    "ColumnSpec",
    "Day",
    "DayForm",
    "IndexSpec",
    "Mode",
    "OnBadValue",
    "OnDrift",
    "OnDuplicate",
    "OnMissing",
    "Publish",
    "Reference",
    "TableConfig",
    "TableSpec",
    "TestDataRules",
    "Validation",
    "parse_tables",
    "preset",
]
