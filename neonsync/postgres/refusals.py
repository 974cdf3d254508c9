"""What is told of Postgres's refusals: names always, rows and values by the rule for values. Pure.

Postgres quotes the key, or the whole row, in the DETAIL of an error, and a value in its message;
reports travel. What none of the forms here fits, as in another language, is told without DETAIL.
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
_RAISED_IN = re.compile(r"^PL/pgSQL function \S+ line \d+ at RAISE", re.MULTILINE)


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


def refusal(error: psycopg.Error, showing: Showing) -> str:
    """What Postgres says of a row that it does not take."""
    if (error.sqlstate or "").startswith("P0") and showing.private:
        # What a function of the user's own says may be made of any value.
        place = _RAISED_IN.search(error.diag.context or "")
        by = f" ({place[0]})" if place else ""
        return f"a trigger has raised an error, which may tell of private columns{by}"
    text = _whole(error) if showing.rows else message(error)
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


def without_values(error: psycopg.Error) -> str:
    """What Postgres says and hints at, without the value of a row that it may quote."""
    hint = error.diag.message_hint
    return f"{message(error)} ({hint})" if hint else message(error)


def message(error: psycopg.Error) -> str:
    """What Postgres says in its first line, without the value of a row that it may quote."""
    text = _whole(error)
    if (error.sqlstate or "").startswith("22"):  # data exceptions; a value may hold quotes itself
        text = re.sub(r'".*"', '"…"', text, flags=re.DOTALL)
    return text


def _whole(error: psycopg.Error) -> str:
    return error.diag.message_primary or " ".join(str(error).split())
