"""A request to the API and its reply, with careful reading of what a client sends."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from neonsync.sandbox.neon.errors import ApiError


@dataclass(frozen=True)
class Section:
    """A JSON object of a request's body; its readers refuse values of another type (400)."""

    values: Mapping[str, Any]

    def section(self, name: str) -> Section:
        """An object in this object; empty when absent."""
        value = self.values.get(name)
        if value is None:
            return Section({})
        if not isinstance(value, dict):
            raise ApiError(400, f"{name} must be an object")
        return Section(value)

    def sections(self, name: str) -> list[Section]:
        """A list of objects; empty when absent."""
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ApiError(400, f"{name} must be a list of objects")
        return [Section(item) for item in value]

    def text(self, name: str, *, longest: int = 256) -> str | None:
        """A text of 1 to ``longest`` characters; None when absent."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            raise ApiError(400, f"{name} must be a text of 1 to {longest} characters")
        return value

    def required_text(self, name: str, *, longest: int = 256) -> str:
        """A text that must be there."""
        value = self.text(name, longest=longest)
        if value is None:
            raise ApiError(400, f"{name} is required")
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean; None when absent."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise ApiError(400, f"{name} must be true or false")
        return value

    def number(self, name: str, default: float) -> float:
        """A number."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ApiError(400, f"{name} must be a number")
        return value

    def moment(self, name: str) -> datetime | None:
        """A date and time with its zone; None when absent."""
        value = self.text(name, longest=64)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ApiError(400, f"{name} must be a date and time as in RFC 3339") from error
        if moment.tzinfo is None:
            raise ApiError(400, f"{name} must carry its time zone")
        return moment.astimezone(UTC)

    def texts(self, name: str) -> dict[str, str]:
        """An object whose values are texts; empty when absent."""
        values = self.section(name).values
        if not all(isinstance(value, str) for value in values.values()):
            raise ApiError(400, f"{name} must hold texts only")
        return dict(values)


@dataclass(frozen=True)
class Request:
    """A request: what the path names, the query, the body."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Section
    names: Mapping[str, str] = field(default_factory=dict)

    def limit(self, default: int, most: int) -> int:
        """How many items of a list are wanted."""
        text = self.query.get("limit", str(default))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise ApiError(400, f"limit must be a number from 1 to {most}")
        return int(text)

    def cursor(self) -> str | None:
        """Where the page before this one ended."""
        text = self.query.get("cursor")
        if not text:
            return None
        try:
            return base64.urlsafe_b64decode(text.encode("ascii")).decode()
        except (binascii.Error, ValueError) as error:
            raise ApiError(400, "cursor is not valid") from error


@dataclass(frozen=True)
class Reply:
    """An answer: a status, and an object as JSON or a text as HTML; None is an empty body."""

    status: int = 200
    body: Mapping[str, Any] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def as_cursor(position: str) -> str:
    """A position in a list, in the opaque form that clients get."""
    return base64.urlsafe_b64encode(position.encode()).decode()
