"""Objects in S3: addresses, listing, ranged reading, deleting."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError

from neonsync.athena.failures import translated_errors
from neonsync.athena.s3 import S3
from neonsync.errors import ExportError, InterruptedReadError

DELETE_BATCH = 1000  # DeleteObjects takes no more


@dataclass(frozen=True)
class S3Object:
    """An object with the version that was listed: ``etag`` changes when it is replaced.

    ``modified`` is when it was written, in UTC to the second; None where nobody has asked S3.
    """

    bucket: str
    key: str
    size: int
    etag: str
    modified: datetime | None = field(default=None, compare=False)

    @property
    def address(self) -> str:
        """The object as ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"


def split_address(address: str) -> tuple[str, str]:
    """``s3://bucket/key`` as bucket and key."""
    parts = urlsplit(address, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise ExportError(f"{address!r} is not an s3:// address")
    # A key may hold a question mark, which urlsplit takes for a query.
    key = address[len("s3://") + len(parts.netloc) + 1 :]
    return parts.netloc, key


def read_text(s3: S3, address: str) -> str:
    """A small text object, whole."""
    bucket, key = split_address(address)
    with translated_errors(f"reading {address}"):
        answer = s3.get(bucket, key)
    return _whole(answer, address).decode("utf-8")


def list_prefix(s3: S3, prefix: str) -> list[S3Object]:
    """Every object below a prefix, all pages of it."""
    bucket, key = split_address(prefix)
    with translated_errors(f"listing {prefix}"):
        pages = s3.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        return [
            S3Object(bucket, entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"])
            for page in pages
            for entry in page.get("Contents", [])
        ]


def delete_objects(s3: S3, addresses: Iterable[str]) -> int:
    """Delete objects; those that are gone already count as deleted. Returns how many."""
    by_bucket: dict[str, list[str]] = {}
    for address in addresses:
        bucket, key = split_address(address)
        by_bucket.setdefault(bucket, []).append(key)
    for bucket, keys in by_bucket.items():
        for start in range(0, len(keys), DELETE_BATCH):
            _delete_batch(s3, bucket, keys[start : start + DELETE_BATCH])
    return sum(map(len, by_bucket.values()))


def _delete_batch(s3: S3, bucket: str, keys: Sequence[str]) -> None:
    with translated_errors(f"deleting {len(keys)} objects of {bucket}"):
        answer = s3.client.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
    for failure in answer.get("Errors", []):
        raise ExportError(
            f"s3://{bucket}/{failure.get('Key')} could not be deleted: {failure.get('Message')}",
            "Delete it by hand, or give the role s3:DeleteObject on the output location.",
        )


class RangedFile(io.RawIOBase):
    """An S3 object as a file that pyarrow can read: each read is one ranged GET.

    ``preload`` fetches a range at once, so that what lies in it costs one round trip. Every GET
    names the etag: an object that was replaced in between is an error, not a mixture.
    """

    def __init__(self, s3: S3, source: S3Object) -> None:
        self._s3 = s3
        self._source = source
        self._position = 0
        self._start = 0
        self._preloaded = b""
        self._ahead = self._end = 0

    def preload(self, start: int, length: int) -> bytes:
        """Fetch ``length`` bytes from ``start``, and hold them in memory."""
        self.hold(start, self._fetch(start, length))
        return self._preloaded

    def hold(self, start: int, data: bytes) -> None:
        """Take these bytes for those from ``start``: they were fetched before."""
        self._start, self._preloaded = start, data

    def read_ahead(self, length: int, end: int) -> None:
        """Fetch ``length`` bytes at once, but none after ``end``, for who reads forwards in steps.

        They are held until they are read.
        """
        self._ahead, self._end = length, end

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought in."""
        return True

    def tell(self) -> int:
        """The position in the object."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; nothing is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}
        self._position = base[whence] + offset
        return self._position

    # What is held is given away without a copy: pyarrow takes whatever has a buffer.
    def read(self, size: int = -1) -> memoryview | bytes:
        """Up to ``size`` bytes from the position; fewer only at the end."""
        left = max(self._source.size - self._position, 0)
        size = left if size < 0 else min(size, left)
        if size == 0:
            return b""
        ahead = min(self._ahead, self._end - self._position)
        if size < ahead and not self._holds(size):
            self.hold(0, b"")  # never two of them in memory
            self.preload(self._position, ahead)
        if self._holds(size):
            offset = self._position - self._start
            data: memoryview | bytes = memoryview(self._preloaded)[offset : offset + size]
        else:
            data = self._fetch(self._position, size)
        self._position += len(data)
        return data

    def _holds(self, size: int) -> bool:
        """Whether so many bytes from the position are held."""
        offset = self._position - self._start
        return offset >= 0 and offset + size <= len(self._preloaded)

    def _fetch(self, start: int, length: int) -> bytes:
        source = self._source
        with translated_errors(f"reading {source.address}"):
            answer = self._s3.get_range(source.bucket, source.key, source.etag, start, length)
        data = _whole(answer, source.address)
        if len(data) != length:
            raise ExportError(
                f"{source.address} gave {len(data)} bytes of {length} from {start}",
                "Run the same command again; the chunk is read anew.",
            )
        return data


def _whole(answer: Any, address: str) -> bytes:
    """The body of an answer, all of it.

    Raises:
        InterruptedReadError: it fell silent, or ended too soon; botocore does not begin again here.
    """
    try:
        body: bytes = answer["Body"].read()
    except BotoCoreError as error:
        raise InterruptedReadError(
            f"S3 broke off while {address} was read: {error}",
            "Check the network, then run the same command again; it goes on where this run ended.",
        ) from error
    return body
