"""Numbers that look random and depend on nothing but a key and a counter.

No state is carried from one number to the next, so rows can be made in any order, in batches of any
size, by several at once, and one alone again.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
# with the multipliers of Stafford's 13th variant, as in Vigna's public-domain splitmix64.c.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)


def stream_key(*names: object) -> int:
    """64 bits that stand for a seed, a table, a column: the same on every machine and Python."""
    digest = hashlib.blake2b(digest_size=8)
    for name in names:
        text = str(name).encode()
        # With its length before it, ("a", "bc") is not ("ab", "c").
        digest.update(len(text).to_bytes(8, "little") + text)
    return int.from_bytes(digest.digest(), "little")


def draw(key: int, counters: Ints) -> Words:
    """64 random bits for each counter of the stream ``key``."""
    words = counters.astype(np.uint64)
    words *= _GAMMA
    words += np.uint64(key)
    return mix(words)


def mix(words: Words) -> Words:
    """SplitMix64's finaliser, in place: a bijection in which each bit depends on all."""
    words ^= words >> np.uint64(30)
    words *= _FIRST
    words ^= words >> np.uint64(27)
    words *= _SECOND
    words ^= words >> np.uint64(31)
    return words


def below(words: Words, size: int) -> Ints:
    """Each word as a number from 0 to ``size - 1``, all of them as likely (to 1 in 2**32)."""
    if size <= 1 << 32:
        words = words >> _HALF
        words *= np.uint64(size)
        words >>= _HALF
        return words.view(np.int64)
    return (words % np.uint64(size)).view(np.int64)


def chosen(words: Words, share: float) -> Mask:
    """True for that share of the words, 0 to 1."""
    return (words >> _HALF) < np.uint64(int(share * (1 << 32)))
