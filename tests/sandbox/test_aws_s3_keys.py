"""Keys that a file system cannot hold as they are, and listings of them."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.aws_fixtures import Aws, serving

BUCKET = "neonsync-sandbox"
ODD = [
    "plain",
    "folder/",
    "folder//deep",
    "folder/./dot",
    "folder/../dots",
    "/leading",
    "//",
    ".localbucket-mine",
    ".s3object",
    ".s3key-x/.s3object",
    "a b+c&d<e>'\"?#%25%",
    "ts=2026-01-01 00%3A00%3A00/x",
    "tab\tline\nreturn\rdel\x7f",
    "ünïcödé/日本語/🦆",
    "back\\slash:*|",
    "long/" + "x" * 700 + "/end",
    "é" * 300,
    "x" * 1024,
]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def bucket(aws: Aws) -> str:
    name = f"keys-{uuid.uuid4()}"
    aws.s3.create_bucket(Bucket=name)
    return name


def _put(aws: Aws, bucket: str, *keys: str) -> None:
    for key in keys:
        aws.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())


def _get(aws: Aws, bucket: str, key: str) -> bytes:
    return aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def _listed(aws: Aws, bucket: str, **more: object) -> list[str]:
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **more)  # type: ignore[arg-type]
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def test_odd_keys_are_kept_apart_listed_and_deleted(aws: Aws, bucket: str) -> None:
    _put(aws, bucket, *ODD)
    assert _listed(aws, bucket) == sorted(ODD, key=str.encode)
    for key in ODD:
        assert _get(aws, bucket, key) == key.encode()
        assert key in _listed(aws, bucket, Prefix=key)
    answer = aws.s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": key} for key in ODD[:9]]}
    )
    assert [item["Key"] for item in answer["Deleted"]] == ODD[:9]
    for key in ODD[9:]:
        aws.s3.delete_object(Bucket=bucket, Key=key)
    assert _listed(aws, bucket) == []
    aws.s3.delete_bucket(Bucket=bucket)


def test_a_key_that_is_longer_than_s3_allows_is_refused(aws: Aws) -> None:
    with pytest.raises(aws.s3.exceptions.ClientError, match="KeyTooLongError"):
        _put(aws, BUCKET, "x" * 1025)


@pytest.mark.parametrize("order", [("k/a", "k/a/b", "k/a/b/c"), ("k/a/b/c", "k/a/b", "k/a")])
def test_an_object_stands_beside_those_below_its_key(
    aws: Aws, bucket: str, order: tuple[str, ...]
) -> None:
    _put(aws, bucket, *order)
    assert [_get(aws, bucket, key).decode() for key in order] == list(order)
    assert _listed(aws, bucket) == sorted(order)
    assert _listed(aws, bucket, Prefix="k/a/") == ["k/a/b", "k/a/b/c"]
    page = aws.s3.list_objects_v2(Bucket=bucket, Prefix="k/", Delimiter="/")
    assert [item["Key"] for item in page["Contents"]] == ["k/a"]
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["k/a/"]
    for key in order:
        aws.s3.delete_object(Bucket=bucket, Key=key)
        left = [other for other in order if order.index(other) > order.index(key)]
        assert _listed(aws, bucket) == sorted(left)
        assert all(_get(aws, bucket, other) == other.encode() for other in left)


def test_an_object_is_a_plain_file_again_when_nothing_is_below_it(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as aws:
        folder = tmp_path / "s3" / BUCKET
        _put(aws, BUCKET, "k/a", "k/a/b")
        assert (folder / "k/a/b").read_text() == "k/a/b"
        aws.s3.delete_object(Bucket=BUCKET, Key="k/a/b")
        assert (folder / "k/a").read_text() == "k/a"
        aws.s3.delete_object(Bucket=BUCKET, Key="k/a")
        assert not (folder / "k").exists()


def test_a_query_writes_below_the_key_of_an_object(aws: Aws) -> None:
    _put(aws, BUCKET, "exports/x")
    found = aws.unload("SELECT 1 AS one", f"s3://{BUCKET}/exports/x/")
    assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
    assert aws.table(found).to_pydict() == {"one": [1]}
    assert _get(aws, BUCKET, "exports/x") == b"exports/x"


def test_listings_are_those_of_a_model(aws: Aws, bucket: str) -> None:
    """Random keys, prefixes, delimiters, starts and page sizes against a sorted list."""
    chance = random.Random(4711)
    letters = "ab/-."
    keys = {"".join(chance.choices(letters, k=chance.randint(1, 6))) for _ in range(150)}
    _put(aws, bucket, *keys)
    for _ in range(60):
        prefix = "".join(chance.choices(letters, k=chance.randint(0, 2)))
        start = "".join(chance.choices(letters, k=chance.randint(0, 3)))
        delimiter = chance.choice(["", "/", "/", "-", "ab"])
        size = chance.choice([1, 7, 1000])
        found: list[str] = []
        more: dict[str, str] = {"StartAfter": start} if start else {}
        while True:
            page = aws.s3.list_objects_v2(
                Bucket=bucket,
                Prefix=prefix,
                Delimiter=delimiter,
                MaxKeys=size,
                **more,  # type: ignore[arg-type]
            )
            names = [item["Key"] for item in page.get("Contents", [])]
            names += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
            assert len(names) == page["KeyCount"] <= size
            found += sorted(names)
            if not page["IsTruncated"]:
                break
            more = {"ContinuationToken": page["NextContinuationToken"]}
        assert found == _model(keys, prefix, start, delimiter), (prefix, start, delimiter, size)


def _model(keys: set[str], prefix: str, start: str, delimiter: str) -> list[str]:
    names = set()
    for key in keys:
        if key.startswith(prefix) and key > start:
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            names.add(key[: end + len(delimiter)] if end >= 0 else key)
    return sorted(names)


def test_the_first_version_of_listings_pages_by_marker(aws: Aws, bucket: str) -> None:
    keys = [f"v1/{letter}/{number}" for letter in "abc" for number in range(3)]
    _put(aws, bucket, *keys, *(f"v1/{letter}" for letter in string.ascii_lowercase))
    pages = aws.s3.get_paginator("list_objects").paginate(
        Bucket=bucket, Prefix="v1/", Delimiter="/", PaginationConfig={"PageSize": 5}
    )
    names = []
    for page in pages:
        names += [item["Key"] for item in page.get("Contents", [])]
        names += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
    assert sorted(names) == sorted(
        [*(f"v1/{letter}" for letter in string.ascii_lowercase), "v1/a/", "v1/b/", "v1/c/"]
    )
    assert _listed(aws, bucket, Prefix="v1/") == sorted(
        [*keys, *(n for n in names if n[-1] != "/")]
    )
