"""Settings: flags, environment, files and defaults, each value with its origin."""

from neonsync.settings.load import Lake, load_lake, load_settings
from neonsync.settings.model import (
    AthenaSettings,
    Filters,
    NeonSettings,
    OnError,
    QualitySettings,
    Settings,
    TestDataSettings,
    VerifyTarget,
)
from neonsync.settings.options import BY_NAME, DEFAULT_API_HOST, OPTIONS, Option
from neonsync.settings.overview import Overview, Shown, overview

__all__ = [
    "BY_NAME",
    "DEFAULT_API_HOST",
    "OPTIONS",
    "AthenaSettings",
    "Filters",
    "Lake",
    "NeonSettings",
    "OnError",
    "Option",
    "Overview",
    "QualitySettings",
    "Settings",
    "Shown",
    "TestDataSettings",
    "VerifyTarget",
    "load_lake",
    "load_settings",
    "overview",
]
