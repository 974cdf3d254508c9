"""What is told of the DETAIL of Postgres's errors: names always, values by the rule for values."""

from __future__ import annotations

import pytest

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
