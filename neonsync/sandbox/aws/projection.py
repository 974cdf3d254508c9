"""Partition projection: a table's own parameters say which partitions it has, not the catalogue.

Athena works the values out and asks S3 for each; here the folders that exist are held against the
rules, which gives the same rows without counting through wide ranges. What differs: a column of
the type ``injected`` needs no condition here.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from neonsync.sandbox.aws import keys
from neonsync.sandbox.aws.catalogue import Partition, Table
from neonsync.sandbox.aws.errors import QueryFailed

_PLACE = re.compile(r"\$\{(\w+)\}")
_NOW = re.compile(r"NOW(?:\s*([+-])\s*(\d+)\s*(SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|YEAR)S?)?", re.I)
_MONTHS = {"MONTH": 1, "YEAR": 12}
# Java's letters for dates, the longer ones first, and Python's.
_LETTERS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
}
_FORMAT = re.compile(rf"'([^']*)'|({'|'.join(_LETTERS)})|(.)")


def partitions(table: Table, s3_root: Path) -> tuple[Partition, ...]:
    """A table's partitions: projected where it says so, the catalogue's otherwise.

    Raises QueryFailed for rules that cannot be read.
    """
    names = [key.name for key in table.partition_keys]
    if not names or table.parameters.get("projection.enabled", "").lower() != "true":
        return table.partitions
    try:
        return tuple(_projected(table, names, s3_root, datetime.now(UTC).replace(tzinfo=None)))
    except (KeyError, ValueError) as error:
        raise QueryFailed(
            f"INVALID_TABLE_PROPERTY: Table {table.name} has an invalid partition projection: "
            f"{error}"
        ) from error


def _projected(table: Table, names: list[str], s3_root: Path, now: datetime) -> list[Partition]:
    template = table.parameters.get("storage.location.template", "")
    if not template:
        folders = "/".join(f"{name}=${{{name}}}" for name in names)
        template = f"{table.location.rstrip('/')}/{folders}"
    template = f"{template.rstrip('/')}/"
    missing = sorted(set(names) - set(_PLACE.findall(template)))
    if missing:
        raise ValueError(f"storage.location.template lacks {', '.join(missing)}")
    scheme, _, rest = template.partition("://")
    bucket, _, path = rest.partition("/")
    pattern = _pattern(path, table.parameters)
    found: dict[str, Partition] = {}
    for key, _file in keys.objects(s3_root / bucket, path.partition("${")[0]):
        match = pattern.match(key)
        if not match or match[0] in found:
            continue
        values = tuple(match[name] for name in names)
        if all(_allows(table.parameters, *item, now) for item in zip(names, values, strict=True)):
            found[match[0]] = Partition(values, f"{scheme}://{bucket}/{match[0]}")
    return list(found.values())


def _pattern(path: str, parameters: Mapping[str, str]) -> re.Pattern[str]:
    """The keys of a template's folders; a name that comes twice has one value.

    A value spans as many folders as its date's format does.
    """
    seen: set[str] = set()
    text = ""
    for index, piece in enumerate(_PLACE.split(path)):
        if index % 2 == 0:
            text += re.escape(piece)
        else:
            slashes = parameters.get(f"projection.{piece}.format", "").count("/")
            value = "/".join(["[^/]+?"] * (slashes + 1))
            text += f"(?P={piece})" if piece in seen else f"(?P<{piece}>{value})"
            seen.add(piece)
    return re.compile(text)


def _allows(parameters: Mapping[str, str], name: str, value: str, now: datetime) -> bool:
    """Whether a column's rule makes this value."""

    def rule(what: str, default: str | None = None) -> str:
        text = parameters.get(f"projection.{name}.{what}", default)
        if text is None:
            raise ValueError(f"projection.{name}.{what} is not set")
        return text

    kind = rule("type").lower()
    if kind == "injected":
        return True
    if kind == "enum":
        return value in [item.strip() for item in rule("values").split(",")]
    first, _, last = (item.strip() for item in rule("range").partition(","))
    if kind == "integer":
        width = int(rule("digits", "0"))
        if not re.fullmatch(r"-?\d+", value) or value != f"{int(value):0{width}d}":
            return False
        step = int(rule("interval", "1"))
        return int(first) <= int(value) <= int(last) and (int(value) - int(first)) % step == 0
    if kind == "date":
        form = _python_format(rule("format"))
        try:
            moment = datetime.strptime(value, form)
        except ValueError:
            return False
        return _bound(first, form, now) <= moment <= _bound(last, form, now)
    raise ValueError(f"projection.{name}.type {kind} is not known")


def _python_format(java: str) -> str:
    pieces = []
    for literal, letters, other in _FORMAT.findall(java):
        if other.isalpha():
            raise ValueError(f"the date format {java} is not supported by the sandbox")
        pieces.append(_LETTERS[letters] if letters else (literal or other).replace("%", "%%"))
    return "".join(pieces)


def _bound(text: str, form: str, now: datetime) -> datetime:
    """An end of a range of dates: a date in the column's format, or NOW and a distance."""
    match = _NOW.fullmatch(text)
    if not match:
        return datetime.strptime(text, form)
    sign, count, unit = match.groups()
    if not sign:
        return now
    amount = int(f"{sign}{count}")
    months = _MONTHS.get(unit.upper())
    if months is None:
        return now + timedelta(**{f"{unit.lower()}s": amount})
    year, month = divmod(now.year * 12 + now.month - 1 + amount * months, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, monthrange(year, month + 1)[1]))
