"""S3's REST protocol over plain files: localbucket, with what Athena's clients also need."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

import localbucket
from localbucket import S3Error, S3Handler

_LISTING = "ListObjectsV2"


class ObjectStore(S3Handler):
    """Adds DeleteObjects, If-Match, GetBucketLocation, and listings that read one directory."""

    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: requests are everyday life."""

    def _get_request(self, bucket: str, key: str) -> None:
        if bucket and not key and "location" in self.query:
            self._bucket_dir(bucket)
            root = ET.Element("LocationConstraint", xmlns=localbucket.S3_NAMESPACE)
            self._send_xml(root)
            return
        super()._get_request(bucket, key)

    def _post_request(self, bucket: str, key: str) -> None:
        if bucket and not key and "delete" in self.query:
            self._delete_objects(bucket, self._read_body())
            return
        super()._post_request(bucket, key)

    def _check_query(self, operation: str, allowed: Any = frozenset()) -> None:
        extra = {"fetch-owner"} if operation == _LISTING else set()
        super()._check_query(operation, set(allowed) | extra)

    def _get(self, bucket: str, key: str, include_body: bool) -> None:
        wanted = self.headers.get("If-Match")
        if wanted and bucket and key:
            target = self._object_path(bucket, key)
            if target.is_file() and not localbucket.etag_matches(
                wanted, localbucket.object_etag(target)
            ):
                raise self._precondition_failed_error()
        super()._get(bucket, key, include_body)

    def _delete_objects(self, bucket: str, body: bytes) -> None:
        directory = self._bucket_dir(bucket).resolve()
        try:
            request = ET.fromstring(body)  # noqa: S314  expat refuses entity bombs; the body is small
        except ET.ParseError:
            raise self._malformed_xml_error() from None
        quiet = (request.findtext("{*}Quiet") or "").strip().lower() == "true"
        keys = [item.findtext("{*}Key") or "" for item in request.findall("{*}Object")]
        if not 1 <= len(keys) <= localbucket.MAX_KEYS_LIMIT:
            raise self._malformed_xml_error()
        root = ET.Element("DeleteResult", xmlns=localbucket.S3_NAMESPACE)
        for key in keys:
            try:
                _remove(self._object_path(bucket, key), directory)
            except S3Error as error:
                item = ET.SubElement(root, "Error")
                localbucket.sub_element(item, "Key", key)
                localbucket.sub_element(item, "Code", error.code)
                localbucket.sub_element(item, "Message", error.message)
            else:
                if not quiet:
                    item = ET.SubElement(root, "Deleted")
                    localbucket.sub_element(item, "Key", key)
        self._send_xml(root)

    def _list_entries(
        self,
        bucket_dir: Path,
        prefix: str,
        delimiter: str,
        marker: str,
        marker_is_prefix: bool,
        max_keys: int,
    ) -> tuple[list[tuple[str, Path]], list[str], bool, str]:
        contents: list[tuple[str, Path]] = []
        common_prefixes: list[str] = []
        last_entry = ""
        for key, path in _keys(bucket_dir, prefix):
            if marker and (
                key.encode() <= marker.encode() or (marker_is_prefix and key.startswith(marker))
            ):
                continue
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            common = key[: end + len(delimiter)] if end >= 0 else ""
            if common and common_prefixes and common_prefixes[-1] == common:
                continue
            if len(contents) + len(common_prefixes) >= max_keys:
                return contents, common_prefixes, max_keys > 0, last_entry
            if common:
                common_prefixes.append(common)
                last_entry = f"P:{common}"
            else:
                contents.append((key, path))
                last_entry = f"K:{key}"
        return contents, common_prefixes, False, last_entry

    def _add_list_entries(
        self,
        root: ET.Element,
        contents: list[tuple[str, Path]],
        common_prefixes: list[str],
        encode: Any,
    ) -> None:
        # An object may be deleted between its listing and its description.
        present = [(key, path) for key, path in contents if path.is_file()]
        super()._add_list_entries(root, present, common_prefixes, encode)

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


def _keys(bucket_dir: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """The keys under a prefix in S3's order, and their files."""
    parent = prefix.rpartition("/")[0]
    base = bucket_dir / parent
    if not base.resolve().is_relative_to(bucket_dir.resolve()):
        return iter(())
    found = []
    for directory, folders, files in os.walk(base):
        at_top = Path(directory) == base
        stem = prefix[len(parent) + 1 :] if parent else prefix
        if at_top:
            folders[:] = [name for name in folders if f"{name}/".startswith(stem)]
        for name in files:
            path = Path(directory, name)
            key = path.relative_to(bucket_dir).as_posix()
            if not name.startswith(localbucket.TEMP_PREFIX) and key.startswith(prefix):
                found.append((key, path))
    return iter(sorted(found, key=lambda item: item[0].encode()))


def _remove(target: Path, bucket_dir: Path) -> None:
    """Delete an object, if it exists, and the directories that it leaves empty."""
    if not target.is_file():
        return
    target.unlink(missing_ok=True)
    for parent in target.parents:
        if parent == bucket_dir:
            return
        try:
            parent.rmdir()
        except OSError:
            return
