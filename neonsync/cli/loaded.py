"""The settings of a command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neonsync.cli.output import hide
from neonsync.settings import Settings, load_settings


def loaded(flags: Mapping[str, Any], config: Path | None) -> Settings:
    """Settings of flags, environment and files; from then on nothing shows their secrets.

    Raises:
        ConfigError: something is missing, unknown or wrong; the message names it and its origin.
    """
    settings = load_settings(flags=flags, environ=os.environ, config=config)
    hide(*settings.secrets)
    return settings
