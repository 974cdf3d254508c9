"""What a column's name tells of its values: small pools, all invented, of no real person."""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z]+")


def _split(text: str, separator: str = " ") -> tuple[str, ...]:
    return tuple(text.split(separator))


# The postal codes of the states, in the order of their population.
STATES = _split(
    "CA TX FL NY PA IL OH GA NC MI NJ VA WA AZ TN MA IN MO MD WI CO MN SC AL LA "
    "KY OR OK CT UT IA NV AR MS KS NM NE ID WV HI NH ME RI MT DE SD ND AK VT WY"
)
_ADJECTIVES = _split("Amber Brisk Calm Daring Early Fair Gentle Hidden Ivory Jolly Keen Lucky")
_NOUNS = _split("Harbor Meadow Orchard Kettle Lantern Pepper Basil Canyon Willow Summit Anchor")
_FIRST_NAMES = _split("Alex Billie Charlie Dana Eli Frankie Gale Harper Indigo Jamie Kit Lee")
_LAST_NAMES = _split("Ash Birch Cedar Elm Fir Hazel Juniper Larch Maple Oak Rowan Spruce")
_CITIES = _split(
    "Los Angeles,Dallas,Miami,New York,Chicago,Seattle,Denver,Atlanta,Boston,Phoenix,Portland,"
    "Houston,Austin,Tampa,Detroit,Columbus,Memphis,Omaha,Tucson,Oakland",
    ",",
)
_WORDS = _split("amber birch cedar delta ember fjord grove haven inlet jasper knoll lagoon")

_POOLS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = tuple(
    (frozenset(_split(words)), tuple(pool))
    for words, pool in (
        ("firstname forename", _FIRST_NAMES),
        ("lastname surname", _LAST_NAMES),
        ("city town", _CITIES),
        ("country", ("US", "CA", "MX")),
        ("currency", ("USD", "CAD", "MXN")),
        ("language locale lang", ("en", "es", "fr")),
        ("status", ("new", "open", "paid", "shipped", "done", "cancelled")),
        ("category type kind class segment", ("food", "drink", "dessert", "supply", "gift")),
        ("color colour", ("red", "green", "blue", "black", "white")),
        ("unit uom", ("each", "case", "kg", "lb", "l")),
        ("gender sex", ("f", "m", "x")),
        ("dma market", ("LAX", "DFW", "MIA", "NYC", "CHI")),
        ("channel", ("web", "app", "store", "phone")),
        ("timezone tz", ("UTC", "America/New_York", "America/Chicago", "America/Los_Angeles")),
        ("zip postal postcode zipcode", [f"{10_000 + 787 * n}" for n in range(100)]),
        # 555-0100 to 555-0199 are kept free for fiction.
        ("phone mobile fax tel", [f"+1-202-555-{100 + n:04}" for n in range(100)]),
        ("url website link uri", [f"https://example.com/pages/{n}" for n in range(1, 101)]),
        ("ip", [f"192.0.2.{n}" for n in range(1, 255)]),
        ("address street", [f"{n * 7} {tree} Street" for n in range(1, 9) for tree in _LAST_NAMES]),
        (
            "description comment note notes text message title subject",
            [f"{a} {b} by the {c}" for a in _ADJECTIVES for b in _WORDS for c in _NOUNS[:4]],
        ),
    )
)
_PEOPLE = frozenset(_split("full customer contact user person employee manager driver owner"))

_RANGES: tuple[tuple[frozenset[str], tuple[float, float]], ...] = tuple(
    (frozenset(_split(words)), bounds)
    for words, bounds in (
        ("latitude lat", (25.0, 49.0)),
        ("longitude lon lng", (-124.0, -67.0)),
        ("year", (2015, 2030)),
        ("month", (1, 12)),
        ("week", (1, 52)),
        ("weekday", (1, 7)),
        ("day", (1, 28)),
        ("hour", (0, 23)),
        ("minute second", (0, 59)),
        ("age", (18, 90)),
        ("rating stars", (1, 5)),
        ("percent percentage pct", (0, 100)),
        ("share rate ratio fraction probability", (0, 1)),
        ("price cost fee", (1, 500)),
        ("total amount revenue sales balance", (5, 5_000)),
        ("quantity qty count units stock", (1, 100)),
    )
)
_PLAIN_RANGE = (1.0, 1_000.0)


def is_email(column: str) -> bool:
    """Whether the column holds e-mail addresses, one for each row."""
    return bool({"email", "mail"} & _words(column))


def texts(column: str) -> list[str]:
    """Texts for a column of that name."""
    words = _words(column)
    if words & {"state", "province"} and not words & {"name", "status"}:
        return list(STATES)
    if "name" in words:
        if "first" in words:
            return list(_FIRST_NAMES)
        if "last" in words:
            return list(_LAST_NAMES)
        if words & _PEOPLE:
            return [f"{first} {last}" for first in _FIRST_NAMES for last in _LAST_NAMES]
        return [f"{adjective} {noun}" for adjective in _ADJECTIVES for noun in _NOUNS]
    for names, pool in _POOLS:
        if words & names:
            return list(pool)
    return [f"{word} {number}" for number in range(1, 11) for word in _WORDS]


def documents() -> list[str]:
    """JSON texts."""
    return [
        f'{{"label": "{word}", "level": {level}, "tags": ["{word[0]}", "{word[-1]}"], '
        f'"active": {"true" if level % 2 else "false"}, "parent": null}}'
        for level in range(1, 11)
        for word in _WORDS
    ]


def bounds(column: str) -> tuple[float, float]:
    """The least and the greatest number for a column of that name."""
    words = _words(column)
    return next((bounds for names, bounds in _RANGES if words & names), _PLAIN_RANGE)


def prefix(column: str) -> str:
    """What a text key's values begin with: ``item`` for ``inventory_item_id``."""
    words = [word for word in _WORD.findall(column.lower()) if word not in ("id", "key", "code")]
    return words[-1] if words else "key"


def _words(column: str) -> set[str]:
    words = _WORD.findall(column.lower().replace("e_mail", "email"))
    return {*words, "".join(words)}
