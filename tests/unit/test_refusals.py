"""What is told of errors that may quote a row: names always, values by the rule for values."""

from __future__ import annotations

import pytest

from neonsync.athena.failures import without_values
from neonsync.postgres.refusals import Showing, detail

BY_ID = Showing(key=("id", "day"), private=("ssn",))
PLAIN = Showing(key=("id",))
SHOWN = Showing(key=("id",), show_values=True)


@pytest.mark.parametrize(
    ("text", "showing", "told"),
    [
        ("Key (id)=(7) already exists.", BY_ID, "Key (id)=(7) already exists"),
        ('Key ("Id")=(7) is duplicated.', Showing(("Id",)), 'Key ("Id")=(7) is duplicated'),
        ("Key (id, day)=(7, 2026-01-01) is duplicated.", BY_ID, None),
        ("Key (ssn)=(123-45) already exists.", BY_ID, "Key (ssn) already exists"),
        ("Key (id, ssn)=(7, 123-45) already exists.", BY_ID, "Key (id, ssn) already exists"),
        ("Key (mail)=(a@x) already exists.", PLAIN, "Key (mail) already exists"),
        ("Key (mail)=(a@x) already exists.", SHOWN, None),
        ("Key (lower(ssn))=(123) already exists.", BY_ID, "Key (lower(ssn)) already exists"),
        (
            'Key (parent)=(a)=(b) already exists.) is not present in table "p q".',
            PLAIN,
            'Key (parent) is not present in table "p q"',
        ),
        ("Failing row contains (1, 123-45, -5).", BY_ID, ""),
        ("Failing row contains (1, 123-45, -5).", PLAIN, ""),
        ("Failing row contains (1, -5).", SHOWN, "Failing row contains (1, -5)."),
        ("Key (c)=(1) conflicts with existing key (c)=(2).", PLAIN, ""),
        ("Schlüssel »(id)=(1)« existiert bereits.", PLAIN, ""),
        ("", SHOWN, ""),
    ],
)
def test_details_are_told_by_the_rule_for_values(
    text: str, showing: Showing, told: str | None
) -> None:
    assert detail(text, showing) == (text.removesuffix(".") if told is None else told)


def test_private_columns_keep_whole_rows_from_being_shown_whatever_else_may_be() -> None:
    showing = Showing(key=("id",), private=("ssn",), show_values=True)
    assert detail("Failing row contains (1, 123-45).", showing) == ""
    assert detail("Key (lower(mail))=(x) already exists.", showing) == (
        "Key (lower(mail)) already exists"
    )
    assert detail("Key (mail)=(x) already exists.", showing) == "Key (mail)=(x) already exists"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("INVALID_CAST_ARGUMENT: Cannot cast '123-45' to bigint", "INVALID_CAST_ARGUMENT"),
        ("NUMERIC_VALUE_OUT_OF_RANGE: Out of range: 123", "NUMERIC_VALUE_OUT_OF_RANGE"),
        ("COLUMN_NOT_FOUND: line 1:8: Column 'ssn' cannot be resolved", None),
        ("Query exhausted resources at this scale factor", None),
        ('For input string: "it\'s 123-45"', "For input string: …"),
        ("", None),
    ],
)
def test_athenas_reasons_are_told_without_the_values_that_it_has_read(
    reason: str, told: str | None
) -> None:
    assert without_values(reason) == (reason if told is None else told)
