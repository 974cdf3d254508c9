"""Objects as files, for queries: where an s3:// address is, and writes that appear whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from localbucket import TEMP_PREFIX

from neonsync.sandbox.aws import keys
from neonsync.sandbox.aws.errors import QueryFailed


def object_path(
    s3_root: Path, location: str, resolve: Callable[[Path], Path] = Path.resolve
) -> Path:
    """The file or directory of an s3:// address; raises QueryFailed when it is outside.

    ``resolve`` follows the links of the folder that it is in.
    """
    scheme, _, rest = location.partition("://")
    names = rest.strip("/").split("/")
    if scheme not in {"s3", "s3a"} or not names[0] or {".", ".."} & set(names):
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: Invalid location URI: {location}")
    path = s3_root.joinpath(*keys.components("/".join(names)))
    path = resolve(path.parent) / path.name
    if path.is_symlink():
        path = path.resolve()
    if not str(path).startswith(f"{_resolved(s3_root)}{os.sep}"):
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: Invalid location URI: {location}")
    return path


@lru_cache(16)
def _resolved(s3_root: Path) -> Path:
    """A query of many partitions asks for each."""
    return s3_root.resolve()


def has_objects(directory: Path) -> bool:
    """Whether there is any object under a prefix that ends with a slash."""
    return next(keys.objects_in(directory), None) is not None


def data_files(
    s3_root: Path, location: str, resolve: Callable[[Path], Path] = Path.resolve
) -> list[tuple[str, Path]]:
    """A table's data under an s3:// address: the rests of the keys, in order, and the files.

    As Hive has it, names that start with . or _ are none, nor are empty objects.
    """
    folder = object_path(s3_root, location, resolve)
    return [
        (key, path)
        for key, path in keys.objects_in(folder)
        if not any(part.startswith((".", "_")) for part in key.split("/"))
        and path.stat().st_size > 0
    ]


@contextmanager
def write_object(path: Path) -> Iterator[BinaryIO]:
    """Write a file that readers see when it is complete, and not before."""
    with keys.LOCK:
        keys.make_room(path)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMP_PREFIX)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
