"""Pages of lists, as AWS hands them out: MaxResults in, NextToken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from neonsync.sandbox.aws.errors import invalid_request

T = TypeVar("T")


def paged(items: Sequence[T], request: dict[str, Any], *, most: int) -> tuple[list[T], str | None]:
    """One page of the items, and the token for the next one, None after the last.

    The token is the position of the page's first item.
    """
    token = str(request.get("NextToken") or "0")
    if not token.isdigit():
        raise invalid_request("Invalid NextToken")
    start = int(token)
    size = min(int(request.get("MaxResults") or most), most)
    end = start + size
    return list(items[start:end]), str(end) if end < len(items) else None


def with_token(answer: dict[str, Any], token: str | None) -> dict[str, Any]:
    """An answer with the token for its next page, where there is one."""
    return answer if token is None else {**answer, "NextToken": token}
