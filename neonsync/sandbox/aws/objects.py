"""Single objects over S3's REST protocol: put, get, head, copy and delete."""

from __future__ import annotations

import hashlib
import mimetypes
import shutil
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO
from urllib.parse import unquote

import localbucket
from localbucket import S3Error, S3Handler

from neonsync.sandbox.aws import keys
from neonsync.sandbox.aws.bodies import Body, read_body
from neonsync.sandbox.aws.records import Record, Records, stored_headers

_INCOMING = f"{localbucket.TEMP_PREFIX}incoming"
_MOST_KEY_BYTES = 1024


@dataclass(frozen=True)
class StoredObject:
    """An object that exists: where it is, and what is known of it."""

    bucket: str
    key: str
    path: Path
    record: Record
    size: int
    modified: float

    @property
    def quoted_etag(self) -> str:
        """The ETag as headers and listings show it."""
        return f'"{self.record.etag}"'


class ObjectHandler(S3Handler):
    """Puts localbucket's objects on ``keys``' files and ``records``, with S3's conditions."""

    body = Body()

    @property
    def records(self) -> Records:
        """The records of the store."""
        return Records(self.data_root)

    def stored(self, bucket: str, key: str) -> StoredObject:
        """An object; raises S3Error NoSuchKey."""
        found = self.described(bucket, key, self._object_path(bucket, key))
        if found is None:
            raise S3Error(HTTPStatus.NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
        return found

    def described(self, bucket: str, key: str, path: Path) -> StoredObject | None:
        """The object in a file, if there is one."""
        try:
            stat = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not S_ISREG(stat.st_mode):
            return None
        record = self.records.read(bucket, key, stat)
        return StoredObject(bucket, key, path, record, stat.st_size, stat.st_mtime)

    @contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A file for bytes that are not yet an object; it vanishes unless it is stored."""
        folder = self.data_root / _INCOMING
        folder.mkdir(exist_ok=True)
        path = folder / uuid.uuid4().hex
        try:
            with path.open("wb") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def store(self, bucket: str, key: str, file: BinaryIO, record: Record) -> StoredObject:
        """Make an incoming file an object, if the request's conditions allow it."""
        file.close()
        with keys.LOCK:
            path = self._object_path(bucket, key)
            self._check_write_conditions(bucket, key, path)
            keys.make_room(path)
            Path(file.name).replace(path)
            stat = path.stat()
            self.records.write(bucket, key, stat, record)
        return StoredObject(bucket, key, path, record, stat.st_size, stat.st_mtime)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object, if it exists."""
        with keys.LOCK:
            keys.remove(self._bucket_dir(bucket), self._object_path(bucket, key))
            self.records.forget(bucket, key)

    def copy_source(self) -> tuple[StoredObject, int, int]:
        """What x-amz-copy-source names: the object, and the offset and length to copy."""
        address, _, version = self.headers["x-amz-copy-source"].partition("?")
        if version:
            raise self._not_implemented_error()
        bucket, _, key = unquote(address).lstrip("/").partition("/")
        if not bucket or not key:
            raise invalid_argument(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
            )
        source = self.stored(bucket, key)
        if failed_condition(self.headers, source, "x-amz-copy-source-"):
            raise self._precondition_failed_error()
        size = source.size
        header = self.headers.get("x-amz-copy-source-range")
        if header is None:
            return source, 0, size
        match = localbucket.RANGE_RE.match(header.strip())
        if not match or not all(match.groups()) or not int(match[1]) <= int(match[2]) < size:
            raise invalid_argument(
                f"Range specified is not valid for source object of size: {size}"
            )
        return source, int(match[1]), int(match[2]) - int(match[1]) + 1

    def _object_path(self, bucket: str, key: str) -> Path:
        folder: Path = self._bucket_dir(bucket)
        if len(key.encode()) > _MOST_KEY_BYTES:
            raise S3Error(HTTPStatus.BAD_REQUEST, "KeyTooLongError", "Your key is too long")
        path = keys.locate(folder, key)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise invalid_argument("This server does not support this key.")
        return path

    def _read_body(self) -> bytes:
        # The checksums beside the list of an upload's parts are the object's, not the list's.
        is_list = self.command == "POST" and "uploadId" in self.query
        self.body = read_body(self.rfile, self.headers, compare=not is_list)
        return self.body.content

    def _put(self, bucket: str, key: str) -> None:
        special = {"uploadId", "partNumber"} & set(self.query)
        if not key or special or "x-amz-copy-source" in self.headers:
            super()._put(bucket, key)
            return
        self._check_query("PutObject")
        body = self._read_body()
        etag = self._write_object(bucket, key, lambda file: localbucket.write_bytes(file, body))
        self._send(HTTPStatus.OK, headers={"ETag": f'"{etag}"', **self.body.checksums})

    def _write_object(self, bucket: str, key: str, write: Callable[[BinaryIO], str]) -> str:
        with self.incoming() as file:
            record = Record(write(file), stored_headers(self.headers), self.body.checksums)
            self.store(bucket, key, file, record)
        return record.etag

    def _delete_object(self, bucket: str, key: str) -> None:
        self.delete(bucket, key)
        self._send(HTTPStatus.NO_CONTENT)

    def _copy_object(self, bucket: str, key: str) -> None:
        source, start, length = self.copy_source()
        directive = self.headers.get("x-amz-metadata-directive", "COPY").strip().upper()
        if (source.bucket, source.key) == (bucket, key) and directive != "REPLACE":
            raise S3Error(
                HTTPStatus.BAD_REQUEST,
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes.",
            )
        headers = stored_headers(self.headers) if directive == "REPLACE" else source.record.headers
        with self.incoming() as file:
            etag = localbucket.copy_ranges(file, [(source.path, start, length)])
            record = Record(etag, headers, _whole(source.record.checksums))
            target = self.store(bucket, key, file, record)
        root = ET.Element("CopyObjectResult", xmlns=localbucket.S3_NAMESPACE)
        modified = localbucket.iso_timestamp(target.modified)
        localbucket.sub_element(root, "LastModified", modified)
        localbucket.sub_element(root, "ETag", target.quoted_etag)
        self._send_xml(root)

    def _get(self, bucket: str, key: str, include_body: bool) -> None:
        if not bucket or not key:
            raise self._not_implemented_error()
        overrides = self._response_header_overrides()
        with keys.LOCK:
            # An object may move as keys come and go below it; an open file stays.
            found = self.stored(bucket, key)
            file = found.path.open("rb")
        with file:
            if failed_condition(self.headers, found):
                raise self._precondition_failed_error()
            headers = {
                "Content-Type": mimetypes.guess_type(key)[0] or "binary/octet-stream",
                "ETag": found.quoted_etag,
                "Last-Modified": formatdate(found.modified, usegmt=True),
                "Accept-Ranges": "bytes",
                **found.record.headers,
                **overrides,
            }
            if unchanged(self.headers, found):
                self._send(HTTPStatus.NOT_MODIFIED, headers={"ETag": found.quoted_etag})
                return
            status, start, length = HTTPStatus.OK, 0, found.size
            wanted = localbucket.parse_range(self.headers.get("Range", ""), found.size)
            if wanted:
                start, end = wanted
                status, length = HTTPStatus.PARTIAL_CONTENT, end - start + 1
                headers["Content-Range"] = f"bytes {start}-{end}/{found.size}"
            elif self.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
                headers |= found.record.checksums
            self._send_file(status, file, start, length, headers, include_body)

    def _send_file(
        self,
        status: HTTPStatus,
        file: BinaryIO,
        start: int,
        length: int,
        headers: Any,
        include_body: bool,
    ) -> None:
        self._send_headers(status, length, headers)
        if include_body and length:
            # From the page cache to the socket, without a copy in between.
            self.connection.sendfile(file, start, length)

    def _check_write_conditions(self, bucket: str, key: str, path: Path) -> None:
        exists = path.is_file()
        if self.headers.get("If-None-Match", "").strip() == "*" and exists:
            raise self._precondition_failed_error()
        wanted = self.headers.get("If-Match")
        if wanted is None:
            return
        etag = self.stored(bucket, key).record.etag  # NoSuchKey where there is none, as S3
        if not localbucket.etag_matches(wanted, etag):
            raise self._precondition_failed_error()


def clear_incoming(data_root: Path) -> None:
    """Delete what a service that was killed was just receiving."""
    shutil.rmtree(data_root / _INCOMING, ignore_errors=True)


def failed_condition(headers: Message[str, str], found: StoredObject, prefix: str = "") -> bool:
    """Whether a request's If-Match or If-Unmodified-Since excludes an object.

    With the prefix of the headers of a copy, If-None-Match and If-Modified-Since count as well.
    """
    match = headers.get(f"{prefix}if-match")
    since = localbucket.http_date(headers.get(f"{prefix}if-unmodified-since"))
    if match is not None:
        failed = not localbucket.etag_matches(match, found.record.etag)
    else:
        failed = since is not None and int(found.modified) > since
    return failed or bool(prefix and unchanged(headers, found, prefix))


def unchanged(headers: Message[str, str], found: StoredObject, prefix: str = "") -> bool:
    """Whether the asker has this very object: If-None-Match, If-Modified-Since."""
    none_match = headers.get(f"{prefix}if-none-match")
    if none_match is not None:
        return bool(localbucket.etag_matches(none_match, found.record.etag))
    since = localbucket.http_date(headers.get(f"{prefix}if-modified-since"))
    return since is not None and int(found.modified) <= since


def invalid_argument(message: str) -> S3Error:
    """S3's answer to a value that it cannot take."""
    return S3Error(HTTPStatus.BAD_REQUEST, "InvalidArgument", message)


def digest_of(text: bytes) -> str:
    """The MD5 that ETags are made of."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _whole(checksums: dict[str, str]) -> dict[str, str]:
    """The checksums that are of the bytes alone, not of the parts they came in."""
    return {name: value for name, value in checksums.items() if "-" not in value}
