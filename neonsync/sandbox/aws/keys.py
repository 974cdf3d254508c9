"""Objects as plain files: which file holds a key, and which keys lie under a prefix.

The segments of a key are the directories and the name of its file, so that a table's files can
be read by path. What S3 can hold and a file system cannot gets names of our own:

    k/a beside k/a/b       where k/a is a directory, the object k/a is the file k/a/.s3object
    k/, k//b, k/../b       an empty or dotted segment, or one that begins like our own names,
                           has ``.s3key-`` before it
    segments of any length the pieces of a long one are directories, ``.s3key+`` before all but
                           the last
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from localbucket import TEMP_PREFIX

_SELF = ".s3object"
_ESCAPED = ".s3key-"
_CONTINUED = ".s3key+"
_OURS = (".s3", TEMP_PREFIX)
_MOST_NAME_BYTES = 255
_PIECE = 200
# Directories appear and vanish with their objects: one change at a time.
LOCK = threading.RLock()


def components(key: str) -> list[str]:
    """The directories and the name that a key has on disk, below its bucket."""
    return [name for segment in key.split("/") for name in _names(segment)]


def locate(bucket: Path, key: str) -> Path:
    """The file that holds an object, or would if it existed."""
    path = bucket.joinpath(*components(key))
    return path / _SELF if path.is_dir() else path


def make_room(path: Path) -> None:
    """Make the directories above a file; an object in the place of one moves into it."""
    with LOCK:
        for ancestor in path.parents:
            if ancestor.is_dir():
                break
            if ancestor.is_file():
                aside = ancestor.with_name(f"{TEMP_PREFIX}{uuid.uuid4().hex}")
                ancestor.rename(aside)
                ancestor.mkdir()
                aside.rename(ancestor / _SELF)
                break
        path.parent.mkdir(parents=True, exist_ok=True)


def remove(bucket: Path, path: Path) -> None:
    """Delete an object's file, if it exists, and the directories that it leaves empty."""
    with LOCK:
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        for folder in path.parents:
            if folder == bucket:
                return
            try:
                folder.rmdir()
            except OSError:
                _restore(folder)
                return


def objects(
    bucket: Path, prefix: str = "", after: str = "", *, deep: bool = True
) -> Iterator[tuple[str, Path]]:
    """The keys that start with a prefix and come after a key, in S3's order, and their files.

    Not ``deep``: of the keys that have a slash after the prefix, one of each folder.
    """
    parent, slash, _ = prefix.rpartition("/")
    base = bucket.joinpath(*components(parent)) if slash else bucket
    return _walk(base, parent + slash, prefix, after, deep)


def objects_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """What lies below a directory: the rests of the keys, and their files."""
    return _walk(folder, "", "", "", True)


def _walk(
    folder: Path, stem: str, prefix: str, after: str, deep: bool
) -> Iterator[tuple[str, Path]]:
    entries = []
    for segment, path, is_folder in _entries(folder):
        key = stem + segment
        if is_folder:
            entries.append((f"{key}/", path, True))
            path = path / _SELF
            if not path.is_file():
                continue
        entries.append((key, path, False))
    # Python compares text by code points, which is the order of UTF-8's bytes, as in S3.
    for key, path, is_folder in sorted(entries):
        if not is_folder:
            if key.startswith(prefix) and key > after:
                yield key, path
        elif _may_hold(key, prefix, after):
            inner = _walk(path, key, prefix, after, deep)
            if deep or not key.startswith(prefix):
                yield from inner
            else:
                yield from _first(inner)


def _may_hold(folder: str, prefix: str, after: str) -> bool:
    """Whether keys below a folder (with its slash) can start with the prefix and come after."""
    fits = folder.startswith(prefix) or prefix.startswith(folder)
    return fits and (folder > after or after.startswith(folder))


def _first(found: Iterator[tuple[str, Path]]) -> Iterator[tuple[str, Path]]:
    for item in found:
        yield item
        return


def _entries(folder: Path, begin: str = "") -> Iterator[tuple[str, Path, bool]]:
    """The segments in a directory: text, path, and whether it is a directory.

    ``begin`` is what the directories of a long segment have said of it so far.
    """
    try:
        found = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in found:
        name, path = entry.name, Path(entry.path)
        if name == _SELF or name.startswith(TEMP_PREFIX):
            continue
        if name.startswith(_CONTINUED):
            yield from _entries(path, begin + name.removeprefix(_CONTINUED))
        elif name.startswith(_ESCAPED):
            yield unquote(begin + name.removeprefix(_ESCAPED)), path, entry.is_dir()
        else:
            yield name, path, entry.is_dir()


def _names(segment: str) -> list[str]:
    plain = segment not in ("", ".", "..") and not segment.startswith(_OURS)
    if plain and "\0" not in segment and len(segment.encode()) <= _MOST_NAME_BYTES:
        return [segment]
    text = quote(segment, safe="")
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)] or [""]
    return [*(_CONTINUED + piece for piece in pieces[:-1]), _ESCAPED + pieces[-1]]


def _restore(folder: Path) -> None:
    """An object whose last inner object is gone becomes a plain file again."""
    try:
        if [entry.name for entry in os.scandir(folder)] != [_SELF]:
            return
    except FileNotFoundError:
        return
    aside = folder.with_name(f"{TEMP_PREFIX}{uuid.uuid4().hex}")
    (folder / _SELF).rename(aside)
    folder.rmdir()
    aside.rename(folder)
