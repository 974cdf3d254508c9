"""How long to wait before something is tried again, as arithmetic alone.

Who tries again is settled, so that no attempt is multiplied by another layer's:

- a request to AWS: botocore, in its standard mode, until the answer begins (``athena.client``);
- a request to Neon's API: ``neon.transport``;
- a connection to Postgres: ``postgres.connect``;
- everything that is made of these, a query, a chunk, an object that broke off while it was read,
  a transaction, the publishing: the engine, by the one decision of ``engine.retry``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """So many attempts in all; before the second at most ``first`` seconds, then up to twice that,
    and so on up to ``most``."""

    attempts: int
    first: float
    most: float = 20.0

    def seconds(self, attempt: int, chance: float) -> float | None:
        """The wait after the attempt of this number has failed; None when it was the last.

        ``chance`` is drawn evenly from 0 to 1. The jitter is full, so that those who failed
        together do not come back together.
        """
        if attempt >= self.attempts:
            return None
        return chance * min(self.most, self.first * 2.0 ** (attempt - 1))
