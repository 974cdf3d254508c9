"""What is to be synced: as a configuration says it, and as the engine needs it."""

from neonsync.tables.checks import CheckKind, DeclaredCheck, Severity
from neonsync.tables.checks_config import parse_checks
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
    "CheckKind",
    "ColumnRule",
    "ColumnSpec",
    "Day",
    "DayForm",
    "DeclaredCheck",
    "IndexSpec",
    "Mode",
    "OnBadValue",
    "OnDrift",
    "OnDuplicate",
    "OnMissing",
    "Publish",
    "Reference",
    "Severity",
    "TableConfig",
    "TableSpec",
    "TestDataRules",
    "Validation",
    "parse_checks",
    "parse_tables",
    "preset",
]
