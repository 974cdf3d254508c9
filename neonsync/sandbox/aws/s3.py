"""S3's REST protocol over plain files: localbucket, with what the clients of a lake also need."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import localbucket
from localbucket import S3Error

from neonsync.sandbox.aws import keys
from neonsync.sandbox.aws.multipart import MultipartHandler
from neonsync.sandbox.aws.objects import invalid_argument

_HOME_REGION = "us-east-1"
_MOST_BUCKETS = 10_000
_UPLOADS_QUERY = {
    "uploads",
    "prefix",
    "delimiter",
    "encoding-type",
    "key-marker",
    "max-uploads",
    "upload-id-marker",
}
_EXTRA_QUERY = {
    "ListObjectsV2": {"fetch-owner"},
    "ListBuckets": {"max-buckets", "prefix", "continuation-token", "bucket-region"},
}


class ObjectStore(MultipartHandler):
    """Buckets: their listings, which read no more than a page needs, and their ends."""

    region = _HOME_REGION
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: requests are everyday life."""

    def _get_request(self, bucket: str, key: str) -> None:
        if bucket and not key and "location" in self.query:
            self._bucket_dir(bucket)
            root = ET.Element("LocationConstraint", xmlns=localbucket.S3_NAMESPACE)
            # S3's first region has no name here.
            root.text = None if self.region == _HOME_REGION else self.region
            self._send_xml(root)
        elif bucket and not key and "versioning" in self.query:
            self._bucket_dir(bucket)  # never switched on
            self._send_xml(ET.Element("VersioningConfiguration", xmlns=localbucket.S3_NAMESPACE))
        elif bucket and not key and "uploads" in self.query:
            self._check_query("ListMultipartUploads", _UPLOADS_QUERY)
            self.list_uploads(bucket)
        elif key and "uploadId" in self.query:
            self._check_query("ListParts", {"uploadId", "max-parts", "part-number-marker"})
            self.list_parts(bucket, key)
        else:
            super()._get_request(bucket, key)

    def _head_request(self, bucket: str, key: str) -> None:
        if bucket and not key:
            self._check_query("HeadBucket")
            self._bucket_dir(bucket)
            self._send(HTTPStatus.OK, headers={"x-amz-bucket-region": self.region})
            return
        super()._head_request(bucket, key)

    def _post_request(self, bucket: str, key: str) -> None:
        if bucket and not key and "delete" in self.query:
            self._delete_objects(bucket, self._read_body())
            return
        super()._post_request(bucket, key)

    def _delete_request(self, bucket: str, key: str) -> None:
        if key and "uploadId" in self.query:
            self._check_query("AbortMultipartUpload", {"uploadId"})
            shutil.rmtree(self._upload_dir(bucket, key), ignore_errors=True)
            self._send(HTTPStatus.NO_CONTENT)
            return
        super()._delete_request(bucket, key)

    def _check_query(self, operation: str, allowed: Any = frozenset()) -> None:
        super()._check_query(operation, set(allowed) | _EXTRA_QUERY.get(operation, set()))

    def _list_buckets(self) -> None:
        prefix, after = self.query.get("prefix", ""), self.query.get("continuation-token", "")
        most = self.query.get("max-buckets", str(_MOST_BUCKETS))
        if not most.isdigit() or not 1 <= int(most) <= _MOST_BUCKETS:
            raise invalid_argument(f"max-buckets must be between 1 and {_MOST_BUCKETS}")
        home = self.query.get("bucket-region", self.region) == self.region
        folders = localbucket.bucket_dirs(self.data_root) if home else []
        left = [f for f in folders if f.name.startswith(prefix) and f.name > after]
        root = ET.Element("ListAllMyBucketsResult", xmlns=localbucket.S3_NAMESPACE)
        owner = ET.SubElement(root, "Owner")
        localbucket.sub_element(owner, "ID", "sandbox")
        buckets = ET.SubElement(root, "Buckets")
        page = left[: int(most)]
        for folder in page:
            created = localbucket.iso_timestamp(folder.stat().st_ctime)
            item = ET.SubElement(buckets, "Bucket")
            localbucket.sub_element(item, "Name", folder.name)
            localbucket.sub_element(item, "CreationDate", created)
            localbucket.sub_element(item, "BucketRegion", self.region)
        if len(left) > len(page):
            localbucket.sub_element(root, "ContinuationToken", page[-1].name)
        if prefix:
            localbucket.sub_element(root, "Prefix", prefix)
        self._send_xml(root)

    def _delete_bucket(self, bucket: str) -> None:
        with keys.LOCK:
            super()._delete_bucket(bucket)
            self.records.forget_bucket(bucket)

    def _delete_objects(self, bucket: str, body: bytes) -> None:
        self._bucket_dir(bucket)
        try:
            request = ET.fromstring(body)  # noqa: S314  expat refuses entity bombs; the body is small
        except ET.ParseError:
            raise self._malformed_xml_error() from None
        quiet = (request.findtext("{*}Quiet") or "").strip().lower() == "true"
        wanted = [item.findtext("{*}Key") or "" for item in request.findall("{*}Object")]
        if not 1 <= len(wanted) <= localbucket.MAX_KEYS_LIMIT:
            raise self._malformed_xml_error()
        root = ET.Element("DeleteResult", xmlns=localbucket.S3_NAMESPACE)
        for key in wanted:
            try:
                self.delete(bucket, key)
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
        for key, path in keys.objects(bucket_dir, prefix, marker, deep=delimiter != "/"):
            if marker_is_prefix and key.startswith(marker):
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
        encode: Callable[[str], str],
    ) -> None:
        bucket = root.findtext("Name") or ""
        for key, path in contents:
            found = self.described(bucket, key, path)
            if found is None:
                continue  # it was deleted between its listing and its description
            item = ET.SubElement(root, "Contents")
            localbucket.sub_element(item, "Key", encode(key))
            modified = localbucket.iso_timestamp(found.modified)
            localbucket.sub_element(item, "LastModified", modified)
            localbucket.sub_element(item, "ETag", found.quoted_etag)
            localbucket.sub_element(item, "Size", str(found.size))
            localbucket.sub_element(item, "StorageClass", "STANDARD")
        for common in common_prefixes:
            item = ET.SubElement(root, "CommonPrefixes")
            localbucket.sub_element(item, "Prefix", encode(common))
