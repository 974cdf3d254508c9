"""Athena's statements: tells them apart, and parses those that hold a query."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from neonsync.sandbox.aws import parsing
from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.parsing import first_word

_UNLOAD_TAIL = re.compile(
    r"TO\s*'((?:[^']|'')+)'(?:\s*WITH\s*\((?P<options>.*)\))?\s*;?\s*", re.DOTALL | re.IGNORECASE
)
_NAME = r"((?:[\w$]+|\"[^\"]+\"|`[^`]+`)(?:\s*\.\s*(?:[\w$]+|\"[^\"]+\"|`[^`]+`))*)"
_CTAS = re.compile(
    rf"CREATE\s+TABLE\s+(?P<maybe>IF\s+NOT\s+EXISTS\s+)?{_NAME}\s*(?=WITH\s*\(|AS\b)", re.I
)
_VIEW = re.compile(rf"CREATE\s+(?P<replace>OR\s+REPLACE\s+)?VIEW\s+{_NAME}\s+AS\b", re.I)
_INSERT = re.compile(rf"INSERT\s+INTO\s+{_NAME}\s*", re.I)
_EXPLAIN = re.compile(r"EXPLAIN\b\s*(?:\(((?:\s*(?:TYPE|FORMAT)\s+\w+\s*,?)+)\))?", re.I)
_PREPARE = re.compile(r"PREPARE\s+(\w+)\s+FROM\s+", re.I)
_EXECUTE = re.compile(r"EXECUTE\s+(\w+)(?:\s+USING\s+(.*?))?\s*;?\s*", re.I | re.DOTALL)
_DEALLOCATE = re.compile(r"DEALLOCATE\s+PREPARE\s+(\w+)\s*;?\s*", re.I)
_COMPRESSIONS = {"NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4"}
_DDL = {"CREATE", "DROP", "ALTER", "MSCK"}
_UTILITIES = {"SHOW", "DESCRIBE", "DESC"}
_REFUSED = {"DELETE", "UPDATE", "MERGE", "OPTIMIZE", "VACUUM", "ANALYZE", "TRUNCATE", "USE"} | {
    *("SET", "CALL")
}
_PLANS = {("LOGICAL", "TEXT"), ("DISTRIBUTED", "TEXT"), ("LOGICAL", "JSON"), ("IO", "JSON")} | {
    *(("DISTRIBUTED", "JSON"), ("IO", "TEXT"), ("VALIDATE", "TEXT"))
}


@dataclass(frozen=True)
class Select:
    """A query whose rows are the result."""

    query: exp.Query


@dataclass(frozen=True)
class Unload:
    """A query whose rows become Parquet files under ``location``."""

    query: exp.Query
    location: str
    compression: str
    partitioned_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreateTableAs:
    """A query whose rows become a table. ``location`` is '' where Athena is to choose."""

    name: str
    query: exp.Query
    location: str
    compression: str
    partitioned_by: tuple[str, ...]
    if_not_exists: bool
    with_data: bool


@dataclass(frozen=True)
class Insert:
    """A query whose rows are added to a table."""

    name: str
    columns: tuple[str, ...]
    query: exp.Query


@dataclass(frozen=True)
class CreateView:
    """A query under a name."""

    name: str
    query: exp.Query
    text: str
    or_replace: bool


@dataclass(frozen=True)
class Explain:
    """A statement whose plan is the result."""

    query: exp.Query
    kind: str
    form: str


@dataclass(frozen=True)
class Prepare:
    """A statement that is kept under a name; it is forgotten where the text is ''."""

    name: str
    text: str


@dataclass(frozen=True)
class Execute:
    """A prepared statement with values for its question marks."""

    name: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Ddl:
    """A statement that changes the catalogue and holds no query."""

    text: str


@dataclass(frozen=True)
class Utility:
    """A short statement about the catalogue, e.g. SHOW TABLES: its words, without quotes."""

    words: tuple[str, ...]


Writing = Unload | CreateTableAs | Insert
WithQuery = Select | Writing | CreateView | Explain
Statement = WithQuery | Prepare | Execute | Ddl | Utility


def parse(text: str, parameters: tuple[str, ...] = ()) -> Statement:
    """Parse one statement; ``parameters`` are SQL literals for its question marks."""
    start = parsing.skip(text, 0)
    word = first_word(text)
    if word in _REFUSED:
        raise QueryFailed(f"NOT_SUPPORTED: {word} statements are not supported by the sandbox")
    if word in _UTILITIES:
        words = re.findall(r"[\w.$-]+|'[^']*'", text[start:].replace('"', "").replace("`", ""))
        return Utility(tuple(words))
    if match := _CTAS.match(text, start):
        return _create_table_as(text, match, parameters)
    if match := _VIEW.match(text, start):
        body = text[match.end() :].strip().removesuffix(";")
        query = parsing.query(text, (), match.end())
        return CreateView(_plain(match[2]), query, body, bool(match["replace"]))
    if word in _DDL:
        return Ddl(text[start:])
    if word == "UNLOAD":
        return _unload(text, start + len(word), parameters)
    if match := _INSERT.match(text, start):
        return _insert(text, match, parameters)
    if match := _EXPLAIN.match(text, start):
        return _explain(text, match, parameters)
    if match := _PREPARE.match(text, start):
        return Prepare(match[1], text[match.end() :].strip().removesuffix(";"))
    if match := _DEALLOCATE.fullmatch(text, start):
        return Prepare(match[1], "")
    if match := _EXECUTE.fullmatch(text, start):
        given = parsing.query(f"SELECT {match[2]}").selects if match[2] else []
        values = tuple(value.sql(dialect="trino") for value in given)
        return Execute(match[1], (*values, *parameters))
    return Select(parsing.query(text, parameters))


def statement_type(text: str) -> tuple[str, str]:
    """Athena's StatementType (DML, DDL or UTILITY) and SubstatementType."""
    start, word = parsing.skip(text, 0), first_word(text)
    words = re.findall(r"[A-Za-z_]+", text[start : start + 200].upper())
    if word in {*_UTILITIES, "EXPLAIN"}:
        return "UTILITY", "_".join(words[:2]) if word == "SHOW" else word
    if _CTAS.match(text, start):
        return "DML", "CREATE_TABLE_AS_SELECT"
    if word in _DDL:
        rest = [each for each in words[1:] if each not in {"EXTERNAL", "OR", "REPLACE"}]
        return "DDL", "_".join([word, *rest[:1]])
    return "DML", {"WITH": "SELECT", "VALUES": "SELECT", "TABLE": "SELECT"}.get(word, word)


def names_a_result_file(text: str) -> str:
    """How the address of a statement's result ends, after the query's id."""
    kind, detail = statement_type(text)
    if kind != "DML":
        return ".txt"
    return "" if detail in {"UNLOAD", "CREATE_TABLE_AS_SELECT", "INSERT"} else ".csv"


def _unload(text: str, after: int, parameters: tuple[str, ...]) -> Unload:
    opening = parsing.skip(text, after)
    if text[opening : opening + 1] != "(":
        raise parsing.mismatch(text, opening, "'('")
    end = parsing.closing(text, opening)
    query = parsing.query(text[:end], parameters, opening + 1)
    tail = _UNLOAD_TAIL.fullmatch(text, parsing.skip(text, end + 1))
    if not tail:
        raise parsing.mismatch(text, parsing.skip(text, end + 1), "'TO'")
    options = parsing.options(tail["options"] or "")
    location = _location(tail[1].replace("''", "'"))
    _refuse_format(options.pop("format", "TEXTFILE"), "UNLOAD")
    compression = _compression(options.pop("compression", "GZIP"))
    partitioned_by = parsing.array_items(options.pop("partitioned_by", ""))
    _refuse_others(options, {"compression_level"}, "UNLOAD")
    return Unload(query, location, compression, partitioned_by)


def _create_table_as(text: str, match: re.Match[str], parameters: tuple[str, ...]) -> CreateTableAs:
    position, given = match.end(), ""
    if text[position : position + 4].upper() == "WITH":
        opening = text.index("(", position)
        end = parsing.closing(text, opening)
        given, position = text[opening + 1 : end], parsing.skip(text, end + 1)
    if text[position : position + 2].upper() != "AS":
        raise parsing.mismatch(text, position, "'AS'")
    tail = re.search(r"\bWITH\s+(NO\s+)?DATA\s*;?\s*$", text, re.I)
    body = text[: tail.start()] if tail else text
    query = parsing.query(body, parameters, position + 2)
    options = parsing.options(given)
    _refuse_format(options.pop("format", "PARQUET"), "CREATE TABLE AS")
    compression = options.pop("write_compression", options.pop("parquet_compression", "GZIP"))
    location = options.pop("external_location", "")
    partitioned_by = parsing.array_items(options.pop("partitioned_by", ""))
    if options.pop("table_type", "HIVE").upper() != "HIVE":
        raise not_supported("an Iceberg table")
    _refuse_others(options, {"is_external", "compression_level"}, "CREATE TABLE AS")
    return CreateTableAs(
        _plain(match[2]),
        query,
        _location(location) if location else "",
        _compression(compression),
        partitioned_by,
        bool(match["maybe"]),
        not (tail and tail[1]),
    )


def _insert(text: str, match: re.Match[str], parameters: tuple[str, ...]) -> Insert:
    position, columns = match.end(), ""
    after = parsing.skip(text, position + 1)
    is_list = text[position : position + 1] == "("
    if is_list and first_word(text[after:]) not in {"SELECT", "WITH", "VALUES"}:
        end = parsing.closing(text, position)
        columns, position = text[position + 1 : end], end + 1
    names = tuple(_plain(name) for name in columns.split(",") if name.strip())
    return Insert(_plain(match[1]), names, parsing.query(text, parameters, position))


def _explain(text: str, match: re.Match[str], parameters: tuple[str, ...]) -> Explain:
    if re.match(r"ANALYZE\b", text[match.end() :].strip(), re.I):
        raise not_supported("EXPLAIN ANALYZE")
    pairs = re.findall(r"(TYPE|FORMAT)\s+(\w+)", match[1] or "", re.I)
    given = {key.upper(): value.upper() for key, value in pairs}
    kind = given.get("TYPE", "DISTRIBUTED")
    form = given.get("FORMAT", "JSON" if kind == "IO" else "TEXT")
    if (kind, form) not in _PLANS:
        raise not_supported(f"EXPLAIN (TYPE {kind}, FORMAT {form})")
    inner = parse(" " * match.end() + text[match.end() :], parameters)
    if not isinstance(inner, Select | Unload | CreateTableAs | Insert):
        raise not_supported("EXPLAIN of a statement without a query")
    return Explain(inner.query, kind, form)


def _plain(name: str) -> str:
    """A name without its quotes, in lower case."""
    return re.sub(r"[\"`\s]", "", name).lower()


def _location(location: str) -> str:
    if not re.match(r"s3a?://[^/]+/", location):
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: Invalid location URI: {location}")
    return location.rstrip("/") + "/"


def _compression(name: str) -> str:
    if name.upper() not in _COMPRESSIONS:
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: unsupported compression: {name.upper()}")
    return name.upper()


def _refuse_format(form: str, statement: str) -> None:
    if form.upper() != "PARQUET":
        raise not_supported(f"{statement} in format {form.upper()}")


def _refuse_others(options: dict[str, str], known: set[str], statement: str) -> None:
    if unknown := sorted(set(options) - known):
        raise not_supported(f"{statement} with {', '.join(unknown)}")
