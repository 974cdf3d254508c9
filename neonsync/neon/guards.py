"""What may be done to which branch: decisions alone, which ask nobody and change nothing."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from neonsync.errors import ConfigError, RefusedError
from neonsync.neon.models import Branch, BranchAddress

LONGEST_NAME = 256
LONGEST_LIFE = timedelta(days=30)
_NAMED = 5
_SECRET = re.compile(r"(napi|npg)_[A-Za-z0-9_]{12,}|postgres(ql)?://.*", re.IGNORECASE)
"""A key, a password or an address as Neon gives them: a name is read by everybody."""


def check_name(name: str) -> None:
    """Refuse a name that no branch can have; blanks within, slashes and any script are fine.

    Raises:
        ConfigError: it is empty, too long, looks like a secret, or holds control characters or
            blanks around it.
    """
    if not name.strip():
        raise ConfigError("a branch cannot have an empty name", "Give it a name.")
    if name != name.strip():
        # Settings are read without such blanks, so nobody could sync into it.
        raise ConfigError(f"the branch name {name!r} begins or ends with blanks", "Leave them out.")
    if _SECRET.fullmatch(name):
        raise ConfigError(
            "what was given as a branch name looks like a secret of Neon",
            "Give another name; and if it is one that counts, renew it.",
        )
    if len(name) > LONGEST_NAME:
        raise ConfigError(
            f"the branch name {name[:20]}… has {len(name)} characters",
            f"Neon takes {LONGEST_NAME} at most.",
        )
    if not name.isprintable():
        raise ConfigError(
            f"the branch name {name!r} holds line breaks or other control characters",
            "Leave them out.",
        )


def check_sync(branch: Branch, confirmed: Sequence[str]) -> None:
    """Refuse to sync into a branch that needs a confirmation and has none.

    Raises:
        RefusedError: it is the default or a protected branch, or Neon did not tell.
    """
    if kind := _unconfirmed(branch, confirmed):
        raise RefusedError(
            f"{branch.name} is {kind} branch, and writing to it was not confirmed",
            f"Add {_confirmation(branch.name)}, "
            "if that is what you want; or name another branch with --branch.",
        )


def confirmation_needed(branch: Branch, confirmed: Sequence[str]) -> str:
    """What a sync into a branch would be refused for by ``check_sync``; empty for nothing."""
    kind = _unconfirmed(branch, confirmed)
    needs = f"{branch.name} is {kind} branch: a run into it needs {_confirmation(branch.name)}"
    return needs if kind else ""


def check_behind(address: BranchAddress, name: str, origin: str, confirmed: Sequence[str]) -> None:
    """Refuse to write by an address alone where a branch was named that nobody can compare.

    ``origin`` tells where the name is from. Its compute is confirmed, not the name: that may stand
    in the same job which has lost its key.

    Raises:
        RefusedError: a branch was named, and the compute was not confirmed.
    """
    if behind_needed(address, name, confirmed):
        raise RefusedError(
            f"nobody can say whether {address.host} is the branch {name!r} ({origin}): without "
            "NEON_API_KEY no branch is found by its name, and NEON_CONNECTION_STRING decides",
            "Set NEON_API_KEY and NEON_PROJECT_ID; or leave the branch out, to write to the one "
            f"behind the string, whichever it is; or, if you know that it is {name!r}, add "
            f"{_confirmation(address.branch.id)}.",
        )


def behind_needed(address: BranchAddress, name: str, confirmed: Sequence[str]) -> str:
    """What a run would be refused for by ``check_behind``; empty for nothing."""
    if not name or address.branch.id in confirmed:
        return ""
    return (
        f"nobody can say whether {address.host} is the branch {name!r}: a run into it needs "
        f"NEON_API_KEY, or no branch named, or {_confirmation(address.branch.id)}"
    )


def _unconfirmed(branch: Branch, confirmed: Sequence[str]) -> str:
    return "" if branch.name in confirmed else _guarded(branch)


def _confirmation(name: str) -> str:
    return (
        f"--confirm {shlex.quote(name)}, "
        f"or confirm = {json.dumps([name], ensure_ascii=False)} in the configuration"
    )


def check_confirmed(branch: Branch, confirmed: str | None, doing: str) -> None:
    """Refuse to overwrite or delete any branch whose name was not said once more.

    ``doing`` completes the sentence "… would be", as "deleted".

    Raises:
        RefusedError: it was not, or another name was.
    """
    if confirmed == branch.name:
        return
    kind = _guarded(branch)
    what = f"{branch.name}, {kind} branch," if kind else branch.name
    said = f", and {confirmed!r} is not its name" if confirmed else ", which was not confirmed"
    raise RefusedError(
        f"{what} would be {doing}{said}",
        f"Add --confirm {shlex.quote(branch.name)}, if that is what you want.",
    )


def check_rename(branch: Branch, confirmed: str | None) -> None:
    """Refuse to take the name of a guarded branch from it, unless that name was said once more.

    Others find the branch by its name: whatever gets that name next would be taken for it.

    Raises:
        RefusedError: it is the default or a protected branch, and was not confirmed.
    """
    if _guarded(branch):
        check_confirmed(branch, confirmed, "renamed")


def check_parent(branch: Branch) -> None:
    """Refuse to make a child where Neon would make none.

    Raises:
        RefusedError: it expires.
    """
    if branch.expires_at is not None:
        raise RefusedError(
            f"{branch.name} expires, so it cannot have children",
            f"neonsync branches expire {shlex.quote(branch.name)} --never keeps it.",
        )


def check_delete(branch: Branch, branches: Iterable[Branch]) -> None:
    """Refuse to delete what Neon would not delete, saying what stands in the way.

    Raises:
        RefusedError: it is the default or a protected branch, or has children.
    """
    if branch.default:
        raise RefusedError(
            f"{branch.name} is the default branch, which Neon never deletes",
            "Make another branch the default one first, in the Neon console.",
        )
    if branch.protected:
        raise RefusedError(
            f"{branch.name} is a protected branch, which Neon does not delete",
            "Take its protection away first, in the Neon console.",
        )
    if children := children_of(branch, branches):
        raise RefusedError(
            f"{branch.name} has {_named(children)}, so it cannot be deleted",
            "Delete those first, or leave it.",
        )


def check_reset(branch: Branch, branches: Iterable[Branch], backup: str | None) -> None:
    """Refuse to reset what Neon would not reset.

    Raises:
        RefusedError: it has no parent, is protected, or has children and no backup keeps them.
    """
    if branch.parent_id is None:
        raise RefusedError(
            f"{branch.name} has no parent that it could be reset to",
            "neonsync branches restore takes a branch back to an earlier moment of its own.",
        )
    check_restore(branch, branches, backup)


def check_restore(branch: Branch, branches: Iterable[Branch], backup: str | None) -> None:
    """Refuse to restore what Neon would not restore.

    Raises:
        RefusedError: it is protected, or has children and no backup keeps them.
    """
    if branch.protected:
        raise RefusedError(
            f"{branch.name} is a protected branch, which Neon does not overwrite as a whole",
            "Take its protection away first, in the Neon console.",
        )
    children = children_of(branch, branches)
    if children and backup is None:
        raise RefusedError(
            f"{branch.name} has {_named(children)}, which hang on its present state",
            "Add --backup NAME: the present state is kept under that name, with the children.",
        )


def ends_sooner(branch: Branch, moment: datetime) -> bool:
    """Whether a branch that expires at a moment is deleted before it would be by now."""
    return branch.expires_at is None or moment < branch.expires_at


def check_expiry(branch: Branch, branches: Iterable[Branch]) -> None:
    """Refuse a life span where Neon takes none.

    Raises:
        RefusedError: it is the default or a protected branch, or has children.
    """
    if kind := _guarded(branch):
        raise RefusedError(
            f"{branch.name} is {kind} branch, which cannot expire", "Choose another branch."
        )
    if children := children_of(branch, branches):
        raise RefusedError(
            f"{branch.name} has {_named(children)}, so it cannot expire", "Delete those first."
        )


def check_expires_at(moment: datetime, now: datetime) -> None:
    """Refuse a moment that Neon would not take; both by Neon's clock.

    Raises:
        ConfigError: it is past, or too far away.
    """
    if moment <= now:
        raise ConfigError(
            f"the expiry {moment:%Y-%m-%d %H:%M} UTC is past: by Neon's clock it is "
            f"{now:%Y-%m-%d %H:%M} UTC",
            "Give a later one, like 7d.",
        )
    # A few minutes more are a client's clock, not a wish.
    if moment > now + LONGEST_LIFE + timedelta(minutes=5):
        raise ConfigError(
            f"the expiry {moment:%Y-%m-%d %H:%M} UTC is more than {LONGEST_LIFE.days} days away, "
            "which Neon does not take",
            f"Give {LONGEST_LIFE.days}d at most.",
        )


@dataclass(frozen=True)
class PruneRule:
    """Which of our branches are forgotten; one that fits either is. Neither: all of them."""

    older_than: timedelta | None = None
    expired: bool = False

    @property
    def open(self) -> bool:
        """Whether it chooses nothing, so that every branch of ours fits."""
        return self.older_than is None and not self.expired


def prune_candidates(branches: Sequence[Branch], rule: PruneRule, now: datetime) -> list[Branch]:
    """The branches that may go: ours, and not the default one, protected, or with children.

    ``now`` is Neon's time. The oldest come first.
    """
    parents = {branch.parent_id for branch in branches}
    found = [
        branch
        for branch in branches
        if branch.ours
        and not branch.default
        and not branch.protected
        and branch.guards_known
        and branch.id not in parents
        and _fits(branch, rule, now)
    ]
    return sorted(found, key=lambda branch: (branch.created_at or now, branch.name))


def _fits(branch: Branch, rule: PruneRule, now: datetime) -> bool:
    if rule.open:
        return True
    if rule.expired and branch.expires_at is not None and branch.expires_at <= now:
        return True
    # Of one whose age is not known nobody can say that it is old.
    return (
        rule.older_than is not None
        and branch.created_at is not None
        and branch.created_at <= now - rule.older_than
    )


def children_of(branch: Branch, branches: Iterable[Branch]) -> list[Branch]:
    """The branches that were made from one."""
    return sorted(
        (other for other in branches if other.parent_id == branch.id), key=lambda each: each.name
    )


def _guarded(branch: Branch) -> str:
    if branch.protected or branch.default:
        return "a protected" if branch.protected else "the default"
    return "" if branch.guards_known else "perhaps the default or a protected"


def _named(children: Sequence[Branch]) -> str:
    names = ", ".join(child.name for child in children[:_NAMED])
    more = f" and {len(children) - _NAMED} more" if len(children) > _NAMED else ""
    return f"{'a child' if len(children) == 1 else 'children'}: {names}{more}"
