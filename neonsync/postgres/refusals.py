"""What is told of Postgres's refusals: names always, rows and values by the rule for values. Pure.

Postgres quotes the key, or the whole row, in the DETAIL of an error, and a value in its message;
functions of the user's own say what they like, under any SQLSTATE. Reports travel. What none of the
forms here fits, as in another language, is told without DETAIL.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import psycopg

PRIVATE = "(private)"
"""Stands for a value that is not shown."""
_KEY = re.compile(
    r"Key \((?P<columns>.*?)\)=\((?P<values>.*)\) (?P<how>already exists|is duplicated"
    r'|is not present in table ".*"|is still referenced from table ".*")\.',
    re.DOTALL,
)
_PLACE = re.compile(r"^PL/pgSQL function [^\n\"]+ line \d+ at [\w ]+$", re.MULTILINE)
# Where Postgres says itself that it stands outside of a function, or which of its own files it says
# so from: what these say has names and no values.
_NO_FUNCTION = ("COPY ", "JSON data, ", "parallel worker", "while ")
_NAMES_ONLY = frozenset(
    {
        "aclchk.c",
        "deadlock.c",
        "domains.c",
        "execExprInterp.c",
        "execIndexing.c",
        "execMain.c",
        "md.c",
        "nbtinsert.c",
        "postgres.c",
        "ri_triggers.c",
        "tuplesortvariants.c",
        "tuplesort.c",
    }
)


@dataclass(frozen=True)
class Showing:
    """What may be shown of a table's rows: its ``key``, of other columns as configured.

    Nothing of ``private`` columns, which also keep from being shown what may hold a value of any.
    """

    key: Collection[str] = ()
    private: Collection[str] = ()
    show_values: bool = False

    @property
    def rows(self) -> bool:
        """Whether a whole row may be shown."""
        return self.show_values and not self.private

    def column(self, name: str) -> bool:
        """Whether the values of a column may be shown."""
        return name not in self.private and (self.show_values or name in self.key)


def refusal(error: psycopg.Error, showing: Showing) -> str:
    """What Postgres says of a row that it does not take."""
    text = message(error, showing)
    if in_function(error) and not showing.rows:
        return text
    told = detail(error.diag.message_detail or "", showing)
    return f"{text} ({told})" if told else text


def detail(text: str, showing: Showing) -> str:
    """What may be told of an error's DETAIL; empty where nothing may."""
    if found := _KEY.fullmatch(text):
        columns, values, how = found["columns"], found["values"], found["how"]
        named = {name.strip('"') for name in columns.split(", ")}
        # A column's values stand in an expression over it, whose parts are not looked at.
        private = bool(named & set(showing.private)) or ("(" in columns and bool(showing.private))
        shown = not private and (showing.show_values or named <= set(showing.key))
        return f"Key ({columns}){f'=({values})' if shown else ''} {how}"
    return text if showing.rows else ""


def with_hint(error: psycopg.Error, showing: Showing) -> str:
    """What Postgres says and hints at; a function's hint is not told."""
    text, hint = message(error, showing), error.diag.message_hint
    return f"{text} ({hint})" if hint and not in_function(error) else text


def message(error: psycopg.Error, showing: Showing | None = None) -> str:
    """What Postgres says in its first line, without the value of a row that it may quote.

    What a function of the user's own says may be made of any value: its words are told where the
    table is known to have no private columns, else only the place.
    """
    text = _whole(error)
    if showing is not None and showing.rows:
        return text
    function = in_function(error)
    if function and (showing is None or showing.private):
        place = _PLACE.search(error.diag.context or "")
        by = f" ({place[0]})" if place else ""
        return f"a function has raised an error, whose words may hold values{by}"
    if function and error.diag.source_function == "exec_stmt_raise":
        return text
    # In data exceptions, and in what a function has composed, a value may hold quotes itself.
    if function or (error.sqlstate or "").startswith("22"):
        text = re.sub(r'".*"', '"…"', text, flags=re.DOTALL)
    return text


def in_function(error: psycopg.Error) -> bool:
    """Whether the words may be those of a function, or of a statement that it has composed.

    Not by the SQLSTATE, which RAISE takes as it is given. What is not known counts as such.
    """
    diag = error.diag
    if diag.source_file in _NAMES_ONLY:
        return False
    lines = (diag.context or "").splitlines()
    return any(not line.startswith(_NO_FUNCTION) for line in lines)


def _whole(error: psycopg.Error) -> str:
    return error.diag.message_primary or " ".join(str(error).split())
