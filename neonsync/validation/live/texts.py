"""Texts, bytes and uuids: what quoting, escaping, trimming and encoding may spoil.

What is not printable ASCII is written by its code point, so that nothing on the way to Athena can
change it. U+0000 is not among them: Postgres refuses it in texts, and a run says so.
"""

from __future__ import annotations

from uuid import UUID

from neonsync.validation.live.column import LiveColumn

TEXTS = (
    LiveColumn(
        "varchar",
        "varchar",
        (
            ("''", ""),
            ("NULL", None),
            ("'plain'", "plain"),
            ("'  blanks around  '", "  blanks around  "),
            ("'it''s'", "it's"),
            ("'\"double\"'", '"double"'),
            (r"'back\slash \n \\.'", r"back\slash \n \\."),
            (r"U&'tab\0009tab'", "tab\ttab"),
            (r"U&'line\000Aline'", "line\nline"),
            (r"U&'carriage\000D\000Areturn'", "carriage\r\nreturn"),
            (r"U&'\+01F600 \+01F469\200D\+01F680'", "\U0001f600 \U0001f469\u200d\U0001f680"),
            (r"U&'e\0301 is \00E9'", "e\u0301 is \u00e9"),  # two spellings, not made one
            (r"U&'\4E2D\6587'", "\u4e2d\u6587"),
            (r"U&'\05E9\05DC\05D5\05DD'", "\u05e9\u05dc\u05d5\u05dd"),
            (r"U&'\FEFFmark'", "\ufeffmark"),
            (r"U&'\0001\001F\007F'", "\x01\x1f\x7f"),
            ("'NULL'", "NULL"),
            (r"'\N'", r"\N"),  # how COPY writes NULL as text
            ("'{\"a\": 1}'", '{"a": 1}'),
            ("rpad('', 5000, 'long ')", "long " * 1000),
        ),
    ),
    LiveColumn(
        "varchar(10)",
        "varchar(10)",
        (
            ("''", ""),
            ("NULL", None),
            ("'ten chars.'", "ten chars."),
            ("'end  '", "end  "),
            ("'          '", " " * 10),
            ("'it''s'", "it's"),
            # Ten characters, whatever their bytes.
            ("rpad('', 10, U&'\\+01F600')", "\U0001f600" * 10),
            (r"U&'e\0301'", "e\u0301"),
            (r"U&'\000A'", "\n"),
            ("'a,b:c|d'", "a,b:c|d"),
        ),
    ),
    LiveColumn(
        "char(5)",
        "char(5)",
        # Blanks fill a char up to its length, on both sides.
        (
            ("''", "     "),
            ("NULL", None),
            ("'ab'", "ab   "),
            ("'abcde'", "abcde"),
            ("' a'", " a   "),
            ("'a b'", "a b  "),
            ("'''\"'", "'\"   "),
            (r"U&'\00E9\4E2D'", "\u00e9\u4e2d   "),
            (r"U&'\+01F600'", "\U0001f600    "),
            (r"'\'", "\\    "),
        ),
    ),
    LiveColumn(
        "varbinary",
        "varbinary",
        (
            ("X''", b""),
            ("NULL", None),
            ("X'00'", b"\x00"),
            ("X'FF'", b"\xff"),
            ("X'000102030405060708090A0B0C0D0E0F'", bytes(range(16))),
            ("X'F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF'", bytes(range(240, 256))),
            ("X'5C783030'", b"\\x00"),  # bytes that look like how Postgres writes bytes
            ("X'F09F9880'", "\U0001f600".encode()),
            ("X'C328'", b"\xc3\x28"),  # no text in UTF-8
            ("to_utf8(rpad('', 5000, 'bytes'))", b"bytes" * 1000),
        ),
    ),
    LiveColumn(
        "uuid",
        "uuid",
        (
            ("'00000000-0000-0000-0000-000000000000'", UUID(int=0)),
            ("'ffffffff-ffff-ffff-ffff-ffffffffffff'", UUID(int=2**128 - 1)),
            ("NULL", None),
            (
                "'12151fd2-7586-11e9-8f9e-2a86e4085a59'",
                UUID("12151fd2-7586-11e9-8f9e-2a86e4085a59"),
            ),
            (
                "'80000000-0000-0000-7fff-ffffffffffff'",
                UUID("80000000-0000-0000-7fff-ffffffffffff"),
            ),
            (
                "'ABCDEFAB-CDEF-4ABC-8DEF-ABCDEFABCDEF'",
                UUID("abcdefab-cdef-4abc-8def-abcdefabcdef"),
            ),
        ),
    ),
)
