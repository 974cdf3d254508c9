"""What a comparison of a branch with Athena has found."""

from __future__ import annotations

from dataclasses import dataclass

from neonsync.tables import Validation


@dataclass(frozen=True)
class DateDifference:
    """A date that differs: its rows on both sides, None for rows without a date."""

    date: str | None
    source: int
    target: int


@dataclass(frozen=True)
class Comparison:
    """What came of one table: ``rows_differ`` tells in words which rows and columns do.

    The target lacks the columns ``lacking``, which it should have, and ``left_out``, which it need
    not: neither are compared.
    ``error`` says why it could not be compared; then nothing else is told.
    """

    table: str
    scope: str
    validation: Validation
    source_rows: int = 0
    target_rows: int = 0
    dates: int = 0
    differing: tuple[DateDifference, ...] = ()
    rows_differ: str = ""
    not_compared: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""
    remedy: str = ""

    @property
    def equal(self) -> bool:
        """Whether it is sure that nothing differs."""
        return not self.differs and not self.error

    @property
    def differs(self) -> bool:
        """Whether it has been compared, and is not equal."""
        return bool(self.differing or self.lacking)


@dataclass(frozen=True)
class Comparisons:
    """All tables, and what Athena bills for having been asked."""

    tables: tuple[Comparison, ...]
    scanned_bytes: int
    price: float

    @property
    def equal(self) -> bool:
        """Whether nothing differs in any table."""
        return all(table.equal for table in self.tables)

    @property
    def surplus(self) -> bool:
        """Whether some date has more rows here than in Athena."""
        dates = (each for table in self.tables for each in table.differing)
        return any(each.target > each.source for each in dates)
