"""The account that Postgres runs under: it refuses to run as root, so root finds another way."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neonsync.sandbox.neon.errors import SandboxError

_PROBE_SECONDS = 20
# Not root, may enter the folder, can run the program.
_PROBE = 'test "$(id -u)" -ne 0 && cd "$1" && exec "$2" --version'


@dataclass(frozen=True)
class Account:
    """How to run a program so that Postgres is content.

    ``prefix`` goes before the command; ``user`` and ``group`` are switched to before it;
    ``owner`` is the (user, group) that data directories must belong to, None for the present one.
    """

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None
    owner: tuple[int, int] | None = None


def find_account(root: Path, postgres: Path) -> Account:
    """The first account that works for data below ``root`` and the program ``postgres``."""
    if os.geteuid() != 0:
        return Account()
    for account in _ways_out_of_root():
        if account.user is not None:
            _let_pass(root, *_sandbox_around(root))
        if _works(account, root, postgres):
            return account
    raise SandboxError(
        "Postgres does not run as root, and no other account can be used here. "
        "Start the sandbox as an ordinary user, with neonsync installed where that user can read."
    )


def dies_with_parent() -> tuple[str, ...]:
    """A command prefix that ties a program's life to ours; empty where the system has none."""
    prefix = ("setpriv", "--pdeathsig", "INT")
    return prefix if shutil.which("setpriv") and _succeeds([*prefix, "true"]) else ()


def give(path: Path, account: Account) -> None:
    """Make a file or data directory below ``root/branches/…`` belong to the account."""
    if account.owner is None:
        return
    if account.user is not None:
        _let_pass(*path.parents[:2])
    user, group = account.owner
    if path.stat().st_uid == user:
        return
    os.chown(path, user, group)
    for folder, _, files in os.walk(path):
        os.chown(folder, user, group)
        for file in files:
            os.chown(Path(folder, file), user, group, follow_symlinks=False)


def _ways_out_of_root() -> Iterator[Account]:
    user = _unprivileged_user()
    user_id, group_id = user.pw_uid, user.pw_gid
    # A user namespace: another uid inside, while the files stay root's. Needs no permission on
    # any folder, but many containers forbid it.
    if shutil.which("unshare"):
        namespace = ("unshare", "-U", f"--map-user={user_id}", f"--map-group={group_id}")
        yield Account(namespace, owner=(0, 0))
    # Another uid that keeps one power of root: to walk through folders that are closed to it.
    if shutil.which("setpriv"):
        switch = (f"--reuid={user_id}", f"--regid={group_id}", "--clear-groups")
        power = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
        yield Account(("setpriv", *switch, *power), owner=(user_id, group_id))
    # Another uid and nothing else: the folders on the way must let it pass.
    yield Account(user=user_id, group=group_id, owner=(user_id, group_id))


def _unprivileged_user() -> pwd.struct_passwd:
    """An existing user: initdb looks its own name up."""
    users = {user.pw_name: user for user in pwd.getpwall() if user.pw_uid != 0}
    for name in ("postgres", "daemon", "nobody"):
        if name in users:
            return users[name]
    if users:
        return next(iter(users.values()))
    raise SandboxError(
        "Postgres does not run as root, and this machine has no other user. "
        "Make one, and start the sandbox as that user."
    )


def _let_pass(*folders: Path) -> None:
    """Let others walk through folders of ours (not list them); nobody else's are touched."""
    for folder in folders:
        folder.chmod(folder.stat().st_mode | 0o001)


def _sandbox_around(root: Path) -> list[Path]:
    return [root.parent] if (root.parent / "sandbox.json").exists() else []


def _works(account: Account, root: Path, postgres: Path) -> bool:
    command = [*account.prefix, "sh", "-c", _PROBE, "sh", str(root), str(postgres)]
    return _succeeds(command, account.user, account.group)


def _succeeds(command: list[str], user: int | None = None, group: int | None = None) -> bool:
    try:
        done = subprocess.run(
            command,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
