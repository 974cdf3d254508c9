"""Request bodies of S3: AWS's chunks taken apart, stated digests compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from io import BufferedIOBase
from typing import Protocol

from localbucket import S3Error, read_chunked

PREFIX = "x-amz-checksum-"


class Digest(Protocol):
    """What the checksums' implementations have in common."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """The checksum of all bytes so far."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


# CRC32C and CRC64NVME, which Python's library lacks, are taken without comparing.
ALGORITHMS: dict[str, Callable[[], Digest]] = {
    "crc32": _Crc32,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}


@dataclass(frozen=True)
class Body:
    """A request's content, and the checksums that its sender stated and that are right."""

    content: bytes = b""
    checksums: dict[str, str] = field(default_factory=dict)


def read_body(stream: BufferedIOBase, headers: Message[str, str], *, compare: bool = True) -> Body:
    """Read the body of a request and compare its checksums; raises S3Error."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        content = bytes(read_chunked(stream))
    else:
        length = int(headers.get("Content-Length") or 0)
        content = stream.read(length)
        if len(content) != length:
            raise _bad("IncompleteBody", "The request body ended before its stated length.")
    stated = {name.lower(): value for name, value in headers.items()}
    if stated.get("x-amz-content-sha256", "").startswith("STREAMING-") or (
        "aws-chunked" in stated.get("content-encoding", "")
    ):
        content, trailers = _unchunked(content)
        stated |= trailers
        if stated.get("x-amz-decoded-content-length", str(len(content))) != str(len(content)):
            raise _bad("IncompleteBody", "The decoded body has not its stated length.")
    _compare_md5(stated.get("content-md5"), content)
    return Body(content, _compared(stated, content) if compare else {})


def checksum(algorithm: str, content: bytes) -> str:
    """A checksum as the headers carry it."""
    digest = ALGORITHMS[algorithm]()
    digest.update(content)
    return base64.b64encode(digest.digest()).decode()


def _unchunked(content: bytes) -> tuple[bytes, dict[str, str]]:
    """The bytes in AWS's chunks, whose signatures are not verified, and the trailers."""
    stream = io.BytesIO(content)
    decoded = bytearray()
    while size := _chunk_size(stream.readline()):
        chunk = stream.read(size)
        if len(chunk) != size:
            raise _bad("IncompleteBody", "A chunk is shorter than declared.")
        decoded += chunk
        stream.readline()
    trailers = {}
    for line in stream.read().decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        trailers[name.strip().lower()] = value.strip()
    return bytes(decoded), trailers


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise _bad("IncompleteBody", "The chunked body ended before its last chunk.") from None


def _compare_md5(stated: str | None, content: bytes) -> None:
    if stated is None:
        return
    try:
        wanted = base64.b64decode(stated, validate=True)
    except binascii.Error:
        wanted = b""
    if len(wanted) != 16:
        raise _bad("InvalidDigest", "The Content-MD5 you specified is not valid.")
    if hashlib.md5(content, usedforsecurity=False).digest() != wanted:
        raise _bad("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _compared(stated: Mapping[str, str], content: bytes) -> dict[str, str]:
    good = {}
    for algorithm in ALGORITHMS:
        value = stated.get(PREFIX + algorithm)
        if value is None:
            continue
        if value != checksum(algorithm, content):
            name = algorithm.upper()
            raise _bad(
                "BadDigest", f"The {name} you specified did not match the calculated checksum."
            )
        good[PREFIX + algorithm] = value
    return good


def _bad(code: str, message: str) -> S3Error:
    return S3Error(HTTPStatus.BAD_REQUEST, code, message)
