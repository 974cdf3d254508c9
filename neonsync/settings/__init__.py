"""Settings: flags, environment, files and defaults, each value with its origin."""

from neonsync.settings.load import load_settings
from neonsync.settings.model import (
    AthenaSettings,
    Filters,
    NeonSettings,
    Settings,
    TestDataSettings,
)
from neonsync.settings.options import DEFAULT_API_HOST

__all__ = [
    "DEFAULT_API_HOST",
    "AthenaSettings",
    "Filters",
    "NeonSettings",
    "Settings",
    "TestDataSettings",
    "load_settings",
]
