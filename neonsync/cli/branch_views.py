"""How branches are shown: a table, a line, or JSON."""

from __future__ import annotations

import json
import os
import shlex
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from neonsync.cli.output import known, say, say_json, write_line
from neonsync.cli.tabular import Row, as_table, terminal_width
from neonsync.history import Entry, last_syncs, read_history
from neonsync.neon.models import Branch
from neonsync.neon.moments import in_words, time_left, write_moment
from neonsync.report.wording import printable, size
from neonsync.services.showing import masked
from neonsync.who import in_actions

if TYPE_CHECKING:
    from neonsync.services.changes import Done
    from neonsync.services.work import Work

_HEADER = Row(
    ("NAME", "STATE", "SIZE", "AGE", "EXPIRES"), ("PROTECTED", "LAST SYNC", "PARENT", "ID")
)
_DASH = "-"


def show_all(work: Work, *, as_json: bool) -> None:
    """Print all branches, the default one first, then by name.

    When each was last synced is known from this machine's history: asking the branches themselves
    would wake their computes.
    """
    branches = sorted(work.project.branches(), key=lambda each: (not each.default, each.name))
    history = read_history(os.environ)
    for note in history.notes:
        work.tell(f"warning: {note}")
    syncs = last_syncs(history.entries)
    names = {branch.id: branch.name for branch in branches}
    if as_json:
        shown = [branch_as_json(each, names, syncs.get(each.id)) for each in branches]
        say_json(shown)
        return
    at = work.project.now()
    rows = [_row(each, names, syncs.get(each.id), at) for each in branches]
    for line in as_table(_HEADER, rows, terminal_width(), secrets=known()):
        say(line)


def show_change(work: Work, done: Done, *, as_json: bool) -> None:
    """Print what was done to a branch."""
    if as_json:
        names = {}
        if done.branch.parent_id is not None:
            names = {each.id: each.name for each in work.project.branches()}
        shown = {**branch_as_json(done.branch, names), **done.more}
        say_json(shown)
    else:
        say(printable(done.text))


def show_address(work: Work, name: str, *, show: bool, as_env: bool, as_json: bool) -> None:
    """Print the address of a branch, with its password on request only.

    ``as_env`` prints it as a shell reads it: an address among a program's arguments could be read
    by everybody on the machine.
    """
    address = work.project.address(work.project.branch(name))
    for note in address.notes:
        work.tell(note)
    whole = address.uri.reveal()
    if show and in_actions(os.environ):
        # GitHub hides it from then on, this very line included.
        for secret in {whole, urlsplit(whole).password or whole}:
            write_line(f"::add-mask::{secret}", err=True)
    uri = whole if show else masked(address.uri)
    if as_env:
        variables = _libpq_variables(uri)
        if not show:
            # The mask would be taken for the password by the shell that reads this.
            variables = [each for each in variables if each[0] != "PGPASSWORD"]
            work.tell("PGPASSWORD is left out; --show prints it as well")
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables]
    elif as_json:
        shown = {
            "uri": uri,
            "branch": address.branch.name,
            "branch_id": address.branch.id,
            "endpoint_id": address.endpoint_id,
            "host": address.host,
            "database": address.database,
            "role": address.role,
        }
        lines = [json.dumps(shown)]
    else:
        lines = [uri]
    for line in lines:
        write_line(line)  # with --show it is the secret that was asked for, else it is masked


def _libpq_variables(uri: str) -> list[tuple[str, str]]:
    """An address as the variables that libpq reads."""
    from psycopg import pq
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(uri)
    known = {
        each.keyword.decode(): each.envvar.decode()
        for each in pq.Conninfo.get_defaults()
        if each.envvar
    }
    return [(known[name], str(value)) for name, value in given.items() if name in known]


def branch_as_json(
    branch: Branch, names: dict[str, str], sync: Entry | None = None
) -> dict[str, Any]:
    """A branch for programs; what is not known is null."""
    return {
        "name": branch.name,
        "id": branch.id,
        "parent": names.get(branch.parent_id or ""),
        "parent_id": branch.parent_id,
        "parent_lsn": branch.parent_lsn,
        "parent_timestamp": _text(branch.parent_timestamp),
        "state": branch.state,
        "default": branch.default,
        "protected": branch.protected,
        "size_bytes": branch.logical_size,
        "created_at": _text(branch.created_at),
        "expires_at": _text(branch.expires_at),
        "made_by_neonsync": branch.ours,
        "annotation": dict(branch.annotation),
        "last_sync": sync and {"time": sync.time, "run_id": sync.run_id, "rows": sync.rows},
    }


def ago(moment: datetime | None, at: datetime) -> str:
    """How long ago something was."""
    return f"{in_words(at - moment)} ago" if moment is not None else _DASH


def _row(branch: Branch, names: dict[str, str], sync: Entry | None, at: datetime) -> Row:
    expires = _DASH
    if branch.expires_at is not None:
        left = branch.expires_at - at
        expires = f"in {time_left(left)}" if left > timedelta() else "expired"
    # A branch that is the default one is guarded in the same way.
    guarded = ["protected"] * branch.protected + ["default"] * branch.default
    parent = names.get(branch.parent_id or "", branch.parent_id or "")
    synced = ago(sync.moment, at) if sync is not None else ""
    words = [branch.id, *guarded, parent and f"from {parent}", synced and f"synced {synced}"]
    return Row(
        (
            branch.name,
            branch.state,
            size(branch.logical_size) if branch.logical_size is not None else _DASH,
            in_words(at - branch.created_at) if branch.created_at is not None else _DASH,
            expires,
        ),
        (", ".join(guarded) or _DASH, synced or _DASH, parent or _DASH, branch.id),
        ", ".join(filter(None, words)),
    )


def _text(moment: datetime | None) -> str | None:
    return write_moment(moment) if moment is not None else None
