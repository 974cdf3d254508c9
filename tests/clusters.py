"""The first cluster of a process is made by initdb, those of the same account are copies of it.

Each has a password of its own all the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from neonsync.sandbox.neon.account import Account
from neonsync.sandbox.neon.cluster import ADMIN, Cluster
from tests import speed

_create = Cluster.create
_kept: list[tuple[Account, tempfile.TemporaryDirectory[str]]] = []


def make_once() -> None:
    """Let the sandboxes of this process copy what initdb has made once."""
    setattr(Cluster, _create.__name__, _made)


def _made(self: Cluster) -> None:
    launcher = self._launcher
    account = launcher._account
    if not _kept or _kept[0][0] != account:
        _create(self)
        if not _kept:
            folder = tempfile.TemporaryDirectory(dir=os.environ.get(speed.TEMP_ROOT))
            shutil.copytree(self.data, Path(folder.name, "data"))
            _kept.append((account, folder))
        return
    self._prepare()
    shutil.copytree(Path(_kept[0][1].name, "data"), self.data, dirs_exist_ok=True)
    launcher.give(self.data)
    subprocess.run(
        [*account.prefix, str(launcher._bin / "postgres"), "--single", "-D", str(self.data)],
        input=f"ALTER ROLE {ADMIN} PASSWORD '{self._admin_password}'\n",
        user=account.user,
        group=account.group,
        extra_groups=None if account.user is None else [],
        capture_output=True,
        text=True,
        check=True,
    )
