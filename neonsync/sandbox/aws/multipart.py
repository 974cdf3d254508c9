"""Uploads in parts over S3's REST protocol."""

from __future__ import annotations

import base64
import binascii
import json
import shutil
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import localbucket
from localbucket import S3Error, sub_element

from neonsync.sandbox.aws.bodies import ALGORITHMS, PREFIX, Digest
from neonsync.sandbox.aws.objects import ObjectHandler, digest_of, invalid_argument
from neonsync.sandbox.aws.records import Record, stored_headers

_COMPOSITE = "COMPOSITE"
_FULL = "FULL_OBJECT"
_MOST = 1000


@dataclass(frozen=True)
class _Part:
    """A part that a CompleteMultipartUpload names, and that exists."""

    path: Path
    etag: str
    checksum: str = ""


class MultipartHandler(ObjectHandler):
    """Adds to localbucket's uploads the ETags, checksums and listings of S3."""

    def _create_multipart_upload(self, bucket: str, key: str) -> None:
        self._object_path(bucket, key)
        algorithm = self.headers.get("x-amz-checksum-algorithm", "").lower()
        upload_id = uuid.uuid4().hex
        folder = self._uploads / upload_id
        folder.mkdir(parents=True)
        meta = {
            "bucket": bucket,
            "key": key,
            "headers": stored_headers(self.headers),
            "algorithm": algorithm if algorithm in ALGORITHMS else "",
            "type": self.headers.get("x-amz-checksum-type", _COMPOSITE).upper(),
        }
        (folder / localbucket.UPLOAD_META).write_text(json.dumps(meta), encoding="utf-8")
        root = ET.Element("InitiateMultipartUploadResult", xmlns=localbucket.S3_NAMESPACE)
        sub_element(root, "Bucket", bucket)
        sub_element(root, "Key", key)
        sub_element(root, "UploadId", upload_id)
        self._send_xml(root)

    def _put(self, bucket: str, key: str) -> None:
        if key and "uploadId" in self.query and "x-amz-copy-source" not in self.headers:
            self._check_query("UploadPart", {"uploadId", "partNumber"})
            body = self._read_body()
            etag = self._store_part(bucket, key, lambda file: localbucket.write_bytes(file, body))
            self._send(HTTPStatus.OK, headers={"ETag": f'"{etag}"', **self.body.checksums})
            return
        super()._put(bucket, key)

    def _upload_part_copy(self, bucket: str, key: str) -> None:
        source, start, length = self.copy_source()
        ranges = [(source.path, start, length)]
        etag = self._store_part(bucket, key, lambda file: localbucket.copy_ranges(file, ranges))
        root = ET.Element("CopyPartResult", xmlns=localbucket.S3_NAMESPACE)
        modified = localbucket.iso_timestamp(source.modified)
        sub_element(root, "LastModified", modified)
        sub_element(root, "ETag", f'"{etag}"')
        self._send_xml(root)

    def _complete_multipart_upload(self, bucket: str, key: str, body: bytes) -> None:
        folder = self._upload_dir(bucket, key)
        meta = _meta(folder)
        parts = self._named_parts(folder, body)
        etag = f"{digest_of(b''.join(bytes.fromhex(p.etag) for p in parts))}-{len(parts)}"
        with self.incoming() as file:
            checksums = _joined(file, parts, meta["algorithm"], meta["type"])
            found = self.store(bucket, key, file, Record(etag, meta["headers"], checksums))
        shutil.rmtree(folder, ignore_errors=True)
        root = ET.Element("CompleteMultipartUploadResult", xmlns=localbucket.S3_NAMESPACE)
        host = self.headers.get("Host", "")
        sub_element(root, "Location", f"http://{host}/{quote(bucket)}/{quote(key)}")
        sub_element(root, "Bucket", bucket)
        sub_element(root, "Key", key)
        sub_element(root, "ETag", found.quoted_etag)
        for value in checksums.values():
            sub_element(root, f"Checksum{meta['algorithm'].upper()}", value)
            sub_element(root, "ChecksumType", meta["type"])
        self._send_xml(root)

    def list_parts(self, bucket: str, key: str) -> None:
        """Answer ListParts."""
        folder = self._upload_dir(bucket, key)
        most = self._number("max-parts", _MOST)
        marker = self._number("part-number-marker", 0)
        numbers = sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
        left = [number for number in numbers if number > marker]
        page = left[:most]
        root = ET.Element("ListPartsResult", xmlns=localbucket.S3_NAMESPACE)
        sub_element(root, "Bucket", bucket)
        sub_element(root, "Key", key)
        sub_element(root, "UploadId", folder.name)
        sub_element(root, "PartNumberMarker", str(marker))
        sub_element(root, "MaxParts", str(most))
        sub_element(root, "IsTruncated", str(len(left) > len(page)).lower())
        if page:
            sub_element(root, "NextPartNumberMarker", str(page[-1]))
        for number in page:
            path = _part_path(folder, number)
            stat = path.stat()
            item = ET.SubElement(root, "Part")
            sub_element(item, "PartNumber", str(number))
            sub_element(item, "LastModified", localbucket.iso_timestamp(stat.st_mtime))
            sub_element(item, "ETag", f'"{localbucket.object_etag(path)}"')
            sub_element(item, "Size", str(stat.st_size))
        self._send_xml(root)

    def list_uploads(self, bucket: str) -> None:
        """Answer ListMultipartUploads."""
        self._bucket_dir(bucket)
        prefix = self.query.get("prefix", "")
        after = (self.query.get("key-marker", ""), self.query.get("upload-id-marker", ""))
        most = self._number("max-uploads", _MOST)
        every = []
        for folder in self._uploads.glob("*/"):
            meta = _meta(folder)
            if meta.get("bucket") == bucket and str(meta["key"]).startswith(prefix):
                every.append((str(meta["key"]), folder.name, folder))
        left = [entry for entry in sorted(every) if _comes_after(entry[:2], after)]
        page = left[:most]
        encode = self._list_encoder()  # type: ignore[no-untyped-call]
        root = ET.Element("ListMultipartUploadsResult", xmlns=localbucket.S3_NAMESPACE)
        sub_element(root, "Bucket", bucket)
        sub_element(root, "Prefix", encode(prefix))
        sub_element(root, "KeyMarker", encode(after[0]))
        sub_element(root, "UploadIdMarker", after[1])
        sub_element(root, "MaxUploads", str(most))
        sub_element(root, "IsTruncated", str(len(left) > len(page)).lower())
        if self.query.get("encoding-type") == "url":
            sub_element(root, "EncodingType", "url")
        if page:
            sub_element(root, "NextKeyMarker", encode(page[-1][0]))
            sub_element(root, "NextUploadIdMarker", page[-1][1])
        for key, upload_id, folder in page:
            item = ET.SubElement(root, "Upload")
            sub_element(item, "Key", encode(key))
            sub_element(item, "UploadId", upload_id)
            started = (folder / localbucket.UPLOAD_META).stat().st_mtime
            sub_element(item, "Initiated", localbucket.iso_timestamp(started))
            sub_element(item, "StorageClass", "STANDARD")
        self._send_xml(root)

    @property
    def _uploads(self) -> Path:
        return Path(self.data_root) / localbucket.UPLOADS_DIR

    def _number(self, name: str, default: int) -> int:
        text = self.query.get(name) or str(default)
        if not text.isdigit():
            raise invalid_argument(f"Provided {name} not an integer or within integer range.")
        return min(int(text), max(default, localbucket.MAX_PART_NUMBER))

    def _named_parts(self, folder: Path, body: bytes) -> list[_Part]:
        try:
            items = ET.fromstring(body).findall("{*}Part")  # noqa: S314  expat refuses bombs
            numbers = [int(item.findtext("{*}PartNumber") or "") for item in items]
        except (ET.ParseError, ValueError):
            raise self._malformed_xml_error() from None
        if not items:
            raise self._malformed_xml_error()
        if numbers != sorted(set(numbers)):
            raise _refused(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. The parts list must be specified "
                "in order by part number.",
            )
        algorithm = _meta(folder)["algorithm"]
        parts = []
        for number, item in zip(numbers, items, strict=True):
            path = _part_path(folder, number)
            etag = (item.findtext("{*}ETag") or "").strip().strip('"')
            if not path.is_file() or etag != localbucket.object_etag(path):
                raise _invalid_part()
            stated = item.findtext(f"{{*}}Checksum{algorithm.upper()}") if algorithm else None
            parts.append(_Part(path, etag, (stated or "").strip()))
        if any(part.path.stat().st_size < localbucket.MIN_PART_SIZE for part in parts[:-1]):
            raise _refused(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            )
        return parts


def _joined(file: BinaryIO, parts: list[_Part], algorithm: str, kind: str) -> dict[str, str]:
    """Write the parts one after the other; returns the checksum of the whole, if one is wanted."""
    whole: Digest | None = ALGORITHMS[algorithm]() if algorithm else None
    composite: Digest | None = ALGORITHMS[algorithm]() if algorithm else None
    for part in parts:
        content = part.path.read_bytes()
        file.write(content)
        if whole is None or composite is None:
            continue
        own = ALGORITHMS[algorithm]()
        own.update(content)
        if part.checksum and _decoded(part.checksum) != own.digest():
            raise _invalid_part()
        composite.update(own.digest())
        whole.update(content)
    if whole is None or composite is None:
        return {}
    full = kind == _FULL
    text = base64.b64encode((whole if full else composite).digest()).decode()
    return {PREFIX + algorithm: text if full else f"{text}-{len(parts)}"}


def _decoded(checksum: str) -> bytes:
    try:
        return base64.b64decode(checksum, validate=True)
    except binascii.Error:
        return b""


def _meta(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / localbucket.UPLOAD_META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(found) if isinstance(found, Mapping) else {}


def _part_path(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}"


def _comes_after(entry: tuple[str, ...], marker: tuple[str, str]) -> bool:
    """Whether an upload follows the markers; a key without an upload's id skips the whole key."""
    key, upload_id = marker
    return entry > marker if upload_id else not key or entry[0] > key


def _refused(code: str, message: str) -> S3Error:
    return S3Error(HTTPStatus.BAD_REQUEST, code, message)


def _invalid_part() -> S3Error:
    return _refused(
        "InvalidPart",
        "One or more of the specified parts could not be found. The part might not have been "
        "uploaded, or the specified entity tag might not have matched the part's entity tag.",
    )
