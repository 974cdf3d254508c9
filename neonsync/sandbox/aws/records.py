"""What S3 knows of an object beside its bytes: its ETag, its headers, its checksums."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from dataclasses import asdict, dataclass, field
from email.message import Message
from pathlib import Path

from localbucket import TEMP_PREFIX

_FOLDER = f"{TEMP_PREFIX}records"
_KEPT = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Disposition",
    "Cache-Control",
    "Expires",
)
_META = "x-amz-meta-"


@dataclass(frozen=True)
class Record:
    """An object's ETag, the headers that a GET returns, and its checksums (header: value)."""

    etag: str
    headers: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)


def stored_headers(headers: Message[str, str]) -> dict[str, str]:
    """The headers of an upload that S3 keeps with the object."""
    kept = {}
    for name, value in headers.items():
        if name.lower().startswith(_META):
            kept[name.lower()] = value
    for name in _KEPT:
        value = headers.get(name, "")
        if name == "Content-Encoding":
            # That encoding was the transport's and is gone.
            value = ",".join(v.strip() for v in value.split(",") if v.strip() != "aws-chunked")
        if value:
            kept[name] = value
    return kept


class Records:
    """The records of a store's objects, a file for each, apart from the objects.

    A record holds for the file that it was written for. A file that something else has written
    since, a query or its owner, gets an ETag from its identity: nobody has to read it for that,
    and S3 promises no digest for what came in parts.
    """

    def __init__(self, data_root: Path) -> None:
        self._root = data_root / _FOLDER

    def read(self, bucket: str, key: str, stat: os.stat_result) -> Record:
        """The record of an object whose file has this status."""
        try:
            known = json.loads(self._file(bucket, key).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            known = {}
        if known.get("file") == _identity(stat):
            return Record(**known["record"])
        identity = f"{stat.st_ino}:{_identity(stat)}"
        return Record(f"{hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest()}-1")

    def write(self, bucket: str, key: str, stat: os.stat_result, record: Record) -> None:
        """Keep an object's record, for the file of this status."""
        content = {"file": _identity(stat), "record": asdict(record)}
        file = self._file(bucket, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{TEMP_PREFIX}{uuid.uuid4().hex}")
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.replace(file)

    def forget(self, bucket: str, key: str) -> None:
        """Drop the record of an object that is no more."""
        self._file(bucket, key).unlink(missing_ok=True)

    def forget_bucket(self, bucket: str) -> None:
        """Drop the records of a bucket that is no more."""
        shutil.rmtree(self._root / bucket, ignore_errors=True)

    def _file(self, bucket: str, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self._root / bucket / digest[:2] / f"{digest[2:]}.json"


def _identity(stat: os.stat_result) -> str:
    return f"{stat.st_size}:{stat.st_mtime_ns}"
