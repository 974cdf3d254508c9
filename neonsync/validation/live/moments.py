"""Dates and times: the ends of the calendar, fractions, and both sides of a change of clocks.

A time that the clocks leave out, as 02:30 on the night that summer begins, is none that Athena
takes; of a time that is there twice it takes the first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from neonsync.validation.live.column import LiveColumn


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MOMENTS = (
    LiveColumn(
        "date",
        "date",
        (
            ("'0001-01-01'", date(1, 1, 1)),
            ("'9999-12-31'", date(9999, 12, 31)),
            ("NULL", None),
            ("'1582-10-04'", date(1582, 10, 4)),  # the last day before the Gregorian calendar
            ("'1582-10-10'", date(1582, 10, 10)),  # left out when it began
            ("'1582-10-15'", date(1582, 10, 15)),
            ("'1900-03-01'", date(1900, 3, 1)),
            ("'1969-12-31'", date(1969, 12, 31)),
            ("'1970-01-01'", date(1970, 1, 1)),
            ("'1999-12-31'", date(1999, 12, 31)),
            ("'2000-02-29'", date(2000, 2, 29)),
            ("'2026-01-31'", date(2026, 1, 31)),
        ),
    ),
    LiveColumn(
        "timestamp",
        "timestamp(3)",  # an UNLOAD to Parquet takes milliseconds only
        (
            ("'0001-01-01 00:00:00.000'", datetime(1, 1, 1)),
            ("'9999-12-31 23:59:59.999'", datetime(9999, 12, 31, 23, 59, 59, 999_000)),
            ("NULL", None),
            ("'1582-10-10 12:00:00.000'", datetime(1582, 10, 10, 12)),
            ("'1677-09-21 00:12:43.144'", datetime(1677, 9, 21, 0, 12, 43, 144_000)),
            ("'1900-01-01 00:00:00.001'", datetime(1900, 1, 1, 0, 0, 0, 1_000)),
            ("'1969-12-31 23:59:59.999'", datetime(1969, 12, 31, 23, 59, 59, 999_000)),
            ("'1970-01-01 00:00:00.000'", datetime(1970, 1, 1)),
            ("'2000-02-29 23:59:59.500'", datetime(2000, 2, 29, 23, 59, 59, 500_000)),
            # As it stands there, whatever the clocks of any place do.
            ("'2026-03-29 02:30:00.000'", datetime(2026, 3, 29, 2, 30)),
            ("'2026-01-31 10:00:00.123'", datetime(2026, 1, 31, 10, 0, 0, 123_000)),
            ("'2026-01-31 10:00:00.120'", datetime(2026, 1, 31, 10, 0, 0, 120_000)),
            ("'2038-01-19 03:14:08.000'", datetime(2038, 1, 19, 3, 14, 8)),
            ("'2262-04-11 23:47:16.855'", datetime(2262, 4, 11, 23, 47, 16, 855_000)),
        ),
    ),
    LiveColumn(
        "timestamp with time zone",
        "timestamp(3) with time zone",
        (
            ("'0001-01-01 00:00:00.000 UTC'", _utc("0001-01-01 00:00:00.000")),
            ("'9999-12-31 23:59:59.999 UTC'", _utc("9999-12-31 23:59:59.999")),
            ("NULL", None),
            ("'1969-12-31 23:59:59.999 UTC'", _utc("1969-12-31 23:59:59.999")),
            ("'1970-01-01 00:00:00.000 +00:00'", _utc("1970-01-01 00:00:00.000")),
            # Central Europe, 2026: summer begins on March 29 at 01:00 UTC and ends on October 25.
            ("'2026-03-29 01:59:59.999 Europe/Berlin'", _utc("2026-03-29 00:59:59.999")),
            ("'2026-03-29 03:00:00.000 Europe/Berlin'", _utc("2026-03-29 01:00:00.000")),
            ("'2026-10-25 02:30:00.000 Europe/Berlin'", _utc("2026-10-25 00:30:00.000")),
            ("'2026-10-25 02:30:00.000 +01:00'", _utc("2026-10-25 01:30:00.000")),
            ("'2026-03-08 01:59:59.999 America/New_York'", _utc("2026-03-08 06:59:59.999")),
            ("'2026-03-08 03:00:00.000 America/New_York'", _utc("2026-03-08 07:00:00.000")),
            ("'2026-04-05 02:30:00.000 Australia/Sydney'", _utc("2026-04-04 15:30:00.000")),
            ("'2026-07-01 12:00:00.123 Asia/Kolkata'", _utc("2026-07-01 06:30:00.123")),
            ("'2024-12-31 23:59:59.500 Asia/Kathmandu'", _utc("2024-12-31 18:14:59.500")),
            ("'2026-01-01 00:00:00.000 +14:00'", _utc("2025-12-31 10:00:00.000")),
            ("'2026-01-01 00:00:00.000 -12:00'", _utc("2026-01-01 12:00:00.000")),
            ("'2000-02-29 12:00:00.001 +05:30'", _utc("2000-02-29 06:30:00.001")),
            ("'2038-01-19 03:14:08.000 UTC'", _utc("2038-01-19 03:14:08.000")),
        ),
    ),
    LiveColumn(
        "time",
        "time(6)",
        (
            ("'00:00:00'", time(0, 0)),
            ("'23:59:59.999999'", time(23, 59, 59, 999_999)),
            ("NULL", None),
            ("'00:00:00.000001'", time(0, 0, 0, 1)),
            ("'12:00:00'", time(12, 0)),
            ("'12:34:56.789'", time(12, 34, 56, 789_000)),
            ("'12:34:56.123456'", time(12, 34, 56, 123_456)),
            ("'01:02:03.100000'", time(1, 2, 3, 100_000)),
            ("'02:30:00'", time(2, 30)),
        ),
    ),
)
