"""``neonsync plan`` and ``--dry-run``: what a run would do, at what price; nothing is written."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neonsync.cli.output import say
from neonsync.engine.plan import make_plan
from neonsync.engine.preview import preview
from neonsync.errors import ExitCode
from neonsync.report.preview import as_json as preview_as_json
from neonsync.report.preview import as_text
from neonsync.secret import redact
from neonsync.services.context import known_secrets
from neonsync.settings import load_settings


def run_plan(flags: Mapping[str, Any], config: Path | None, *, as_json: bool = False) -> ExitCode:
    """Print the plan on stdout, as text or as one JSON object.

    Raises:
        NeonsyncError: what a run would be refused for; with the same exit code.
    """
    settings = load_settings(flags=flags, environ=os.environ, config=config)
    found = asyncio.run(preview(make_plan(settings)))
    text = json.dumps(preview_as_json(found)) if as_json else as_text(found)
    say(redact(text, *settings.secrets, *known_secrets(os.environ)))
    return ExitCode.OK
