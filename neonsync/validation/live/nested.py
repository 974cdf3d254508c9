"""Nested types and JSON, all of which become jsonb: what they must hold stands as JSON text."""

from __future__ import annotations

from neonsync.validation.live.column import LiveColumn

NESTED = (
    LiveColumn(
        "array(integer)",
        "array(integer)",
        (
            ("ARRAY[1, 2, 3]", "[1, 2, 3]"),
            ("ARRAY[]", "[]"),
            ("NULL", None),
            ("ARRAY[NULL]", "[null]"),
            ("ARRAY[1, NULL, -2147483648, 2147483647]", "[1, null, -2147483648, 2147483647]"),
            ("ARRAY[0]", "[0]"),
            ("sequence(1, 100)", str(list(range(1, 101)))),
        ),
    ),
    LiveColumn(
        "array(varchar)",
        "array(varchar)",
        (
            ("ARRAY['a', 'b']", '["a", "b"]'),
            ("ARRAY['']", '[""]'),
            ("NULL", None),
            ("ARRAY['null', NULL]", '["null", null]'),
            ("ARRAY['\"', '''', '\\']", r"""["\"", "'", "\\"]"""),
            ("ARRAY[U&'\\0009\\000A', '\\n']", r'["\t\n", "\\n"]'),
            ("ARRAY[U&'\\+01F600', U&'e\\0301']", r'["\ud83d\ude00", "e\u0301"]'),
            ("ARRAY['[1, 2]', '{}', ',']", '["[1, 2]", "{}", ","]'),
        ),
    ),
    LiveColumn(
        "array(array(double))",
        "array(array(double))",
        (
            ("ARRAY[ARRAY[1.5E0], ARRAY[]]", "[[1.5], []]"),
            ("ARRAY[NULL, ARRAY[NULL]]", "[null, [null]]"),
            ("NULL", None),
            ("ARRAY[ARRAY[0.1E0, 1E100, 5E-100]]", "[[0.1, 1E100, 5E-100]]"),
            ("ARRAY[ARRAY[1.7976931348623157E308]]", "[[1.7976931348623157E308]]"),
        ),
    ),
    LiveColumn(
        "map(varchar,bigint)",
        "map(varchar, bigint)",
        (
            ("MAP(ARRAY['a', 'b'], ARRAY[1, 2])", '{"a": 1, "b": 2}'),
            ("MAP()", "{}"),
            ("NULL", None),
            ("MAP(ARRAY['none'], ARRAY[NULL])", '{"none": null}'),
            ("MAP(ARRAY[''], ARRAY[0])", '{"": 0}'),
            ("MAP(ARRAY['most'], ARRAY[9223372036854775807])", '{"most": 9223372036854775807}'),
            ("MAP(ARRAY['\"', '\\'], ARRAY[1, -1])", r'{"\"": 1, "\\": -1}'),
            ("MAP(ARRAY[U&'\\+01F600'], ARRAY[1])", r'{"\ud83d\ude00": 1}'),
        ),
    ),
    LiveColumn(
        "map(integer,varchar)",
        "map(integer, varchar)",
        (
            ("MAP(ARRAY[2, 10], ARRAY['two', 'ten'])", '{"2": "two", "10": "ten"}'),
            ("MAP(ARRAY[-1], ARRAY[''])", '{"-1": ""}'),
            ("NULL", None),
            ("MAP(ARRAY[0], ARRAY[NULL])", '{"0": null}'),
        ),
    ),
    LiveColumn(
        "row",
        "ROW(n bigint, t varchar, b boolean, d date, m decimal(38,18), s timestamp(3),"
        " l array(integer), r ROW(x double))",
        (
            (
                "ROW('9007199254740993', 'text', true, DATE '2026-01-31', DECIMAL '1.5',"
                " TIMESTAMP '2026-01-31 10:00:00.500', ARRAY[1, NULL], ROW(2.5E0))",
                '{"n": 9007199254740993, "t": "text", "b": true, "d": "2026-01-31", "m": 1.5,'
                ' "s": "2026-01-31 10:00:00.500", "l": [1, null], "r": {"x": 2.5}}',
            ),
            (
                "ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
                '{"n": null, "t": null, "b": null, "d": null, "m": null, "s": null, "l": null,'
                ' "r": null}',
            ),
            ("NULL", None),
            (
                "ROW('-9223372036854775808', '', false, DATE '0001-01-01',"
                " DECIMAL '99999999999999999999.999999999999999999',"
                " TIMESTAMP '9999-12-31 23:59:59.999', ARRAY[], ROW(NULL))",
                '{"n": -9223372036854775808, "t": "", "b": false, "d": "0001-01-01",'
                ' "m": 99999999999999999999.999999999999999999,'
                ' "s": "9999-12-31 23:59:59.999", "l": [], "r": {"x": null}}',
            ),
            (
                r"""ROW('0', U&'\\"\000A\+01F600', false, DATE '9999-12-31',"""
                " DECIMAL '0.000000000000000001', TIMESTAMP '1969-12-31 23:59:59.999',"
                " ARRAY[2147483647], ROW(-1.5E0))",
                r'{"n": 0, "t": "\\\"\n\ud83d\ude00", "b": false, "d": "9999-12-31",'
                ' "m": 0.000000000000000001, "s": "1969-12-31 23:59:59.999",'
                ' "l": [2147483647], "r": {"x": -1.5}}',
            ),
        ),
    ),
    LiveColumn(
        "json",
        "json",
        (
            ('JSON \'{"b": 1, "a": [true, null, "x"]}\'', '{"a": [true, null, "x"], "b": 1}'),
            ("NULL", None),
            ("JSON 'null'", "null"),  # a value, unlike no value
            ("JSON '{}'", "{}"),
            ("JSON '[]'", "[]"),
            ("JSON '\"\"'", '""'),
            ("JSON 'true'", "true"),
            ("JSON '0'", "0"),
            ("JSON '-1.5'", "-1.5"),
            ("JSON '9007199254740993'", "9007199254740993"),
            ("JSON '\"it''s\"'", '"it\'s"'),
            (r"""JSON '"\"\\\/\b\f\n\r\t"'""", r'"\"\\/\b\f\n\r\t"'),
            (r"""JSON '"\u00e9 e\u0301 \ud83d\ude00"'""", r'"\u00e9 e\u0301 \ud83d\ude00"'),
            ('JSON \'{"": {"": []}}\'', '{"": {"": []}}'),
            ('JSON \'[[[1]], {"a": {"b": 2}}]\'', '[[[1]], {"a": {"b": 2}}]'),
        ),
    ),
)
