"""All services at once, before anything heavy is imported: the first frame shall be quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neonsync.services.branches import Branches
from neonsync.services.context import Context
from neonsync.services.history import LocalHistory
from neonsync.services.lake import Lake
from neonsync.services.setup import Setup
from neonsync.services.sync import Sync


@dataclass(frozen=True)
class Real:
    """The services that reach the world; the fields are named as those of the UI's."""

    branches: Branches
    lake: Lake
    sync: Sync
    history: LocalHistory
    setup: Setup


def real(config: Path | None, environ: Mapping[str, str]) -> Real:
    """The services for an environment; ``config`` is the project's file that a flag named.

    Contacts nothing and reads no file: what is wrong there shows at the first call.
    """
    context = Context(environ, config)
    return Real(
        Branches(context), Lake(context), Sync(context), LocalHistory(context), Setup(context)
    )
