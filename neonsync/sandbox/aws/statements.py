"""Athena statements: tells SELECT, UNLOAD and the small utilities apart, and parses them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from neonsync.sandbox.aws.errors import QueryFailed

_SKIP = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_UNLOAD_TAIL = re.compile(
    r"TO\s*'((?:[^']|'')+)'(?:\s*WITH\s*\((?P<options>.*)\))?\s*;?\s*", re.DOTALL | re.IGNORECASE
)
_OPTION = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|ARRAY\s*\[[^\]]*\]|\d+)\s*(?:,|$)", re.I)
_COMPRESSIONS = {"NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4"}
_DDL = {"CREATE", "DROP", "ALTER", "MSCK"}
_UTILITIES = {"SHOW", "DESCRIBE", "DESC"}
_REFUSED = {*_DDL, "EXPLAIN", "INSERT", "DELETE", "UPDATE", "MERGE", "OPTIMIZE", "VACUUM"} | {
    *("PREPARE", "EXECUTE", "DEALLOCATE", "ANALYZE", "TRUNCATE", "USE", "SET", "CALL")
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


@dataclass(frozen=True)
class Utility:
    """A short statement about the catalogue, e.g. SHOW TABLES: its words, without quotes."""

    words: tuple[str, ...]


Statement = Select | Unload | Utility


def parse(text: str, parameters: tuple[str, ...] = ()) -> Statement:
    """Parse one statement; ``parameters`` are SQL literals for its question marks."""
    start = _skip(text, 0)
    word = first_word(text)
    if word == "UNLOAD":
        return _unload(text, start + len(word), parameters)
    if word in _REFUSED:
        raise QueryFailed(f"NOT_SUPPORTED: {word} statements are not supported by the sandbox")
    if word in _UTILITIES:
        words = re.findall(r"[\w.$-]+|'[^']*'", text[start:].replace('"', "").replace("`", ""))
        return Utility(tuple(words))
    return Select(_query(text, parameters))


def first_word(text: str) -> str:
    """The first word of a statement in upper case, after comments and parentheses."""
    start = _skip(text, 0)
    while text[start : start + 1] == "(":
        start = _skip(text, start + 1)
    match = _WORD.match(text, start)
    return match[0].upper() if match else ""


def statement_type(text: str) -> str:
    """Athena's StatementType: DML, DDL or UTILITY."""
    word = first_word(text)
    if word in {*_UTILITIES, "EXPLAIN"}:
        return "UTILITY"
    is_ctas = word == "CREATE" and re.search(r"\bAS\s*\(?\s*(SELECT|WITH)\b", text, re.I)
    return "DDL" if word in _DDL and not is_ctas else "DML"


def item_name(item: exp.Expr) -> str:
    """The name of an item of a SELECT list in lower case; '' where Athena gives it none."""
    named = isinstance(item, exp.Alias | exp.Column | exp.Dot)
    return item.alias_or_name.lower() if named else ""


def _unload(text: str, after: int, parameters: tuple[str, ...]) -> Unload:
    opening = _skip(text, after)
    if text[opening : opening + 1] != "(":
        raise _mismatch(text, opening, "'('")
    closing = _closing(text, opening)
    # Blanks in place of what precedes keep the line and column of each error true.
    blank = re.sub(r"[^\n]", " ", text[: opening + 1])
    query = _query(blank + text[opening + 1 : closing], parameters)
    tail = _UNLOAD_TAIL.fullmatch(text, _skip(text, closing + 1))
    if not tail:
        raise _mismatch(text, _skip(text, closing + 1), "'TO'")
    options = _options(tail["options"] or "")
    location = tail[1].replace("''", "'")
    if not re.match(r"s3a?://[^/]+/", location):
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: Invalid location URI: {location}")
    form = options.get("format", "TEXTFILE").upper()
    if form != "PARQUET":
        raise QueryFailed(f"NOT_SUPPORTED: UNLOAD in format {form} is not supported by the sandbox")
    compression = options.get("compression", "GZIP").upper()
    if compression not in _COMPRESSIONS:
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: unsupported compression: {compression}")
    unknown = sorted(set(options) - {"format", "compression", "compression_level"})
    if unknown:
        raise QueryFailed(
            f"NOT_SUPPORTED: UNLOAD with {', '.join(unknown)} is not supported by the sandbox"
        )
    return Unload(query, location.rstrip("/") + "/", compression)


def _options(text: str) -> dict[str, str]:
    options, position = {}, 0
    while text[position:].strip():
        match = _OPTION.match(text, position)
        if not match:
            raise QueryFailed(f"SYNTAX_ERROR: cannot parse UNLOAD options at: {text[position:]}")
        options[match[1].lower()] = match[2].strip("'").replace("''", "'")
        position = match.end()
    return options


def _query(text: str, parameters: tuple[str, ...]) -> exp.Query:
    try:
        found = sqlglot.parse(text, read="trino")
        literals = [sqlglot.parse_one(value, read="trino") for value in parameters]
    except SqlglotError as error:
        detail = getattr(error, "errors", None)
        where = f"line {detail[0]['line']}:{detail[0]['col']}: " if detail else "line 1:1: "
        near = f"mismatched input '{detail[0]['highlight']}'" if detail else str(error)
        raise QueryFailed(f"SYNTAX_ERROR: {where}{near}") from error
    trees = [tree for tree in found if tree is not None]
    if len(trees) != 1:
        raise QueryFailed("SYNTAX_ERROR: Only one sql statement is allowed.")
    tree = _as_query(trees[0])
    if not isinstance(tree, exp.Query):
        raise QueryFailed(
            f"NOT_SUPPORTED: {tree.key.upper()} statements are not supported by the sandbox"
        )
    marks = list(tree.find_all(exp.Placeholder, bfs=False))
    if len(marks) != len(literals):
        raise QueryFailed(
            f"INVALID_PARAMETER_USAGE: Incorrect number of parameters: "
            f"expected {len(marks)} but found {len(literals)}"
        )
    for mark, literal in zip(marks, literals, strict=True):
        mark.replace(literal)
    return tree


def _as_query(tree: exp.Expr) -> exp.Expr:
    """VALUES as a statement of its own is a query, too; its columns have no names."""
    while isinstance(tree, exp.Subquery) and not tree.args.get("alias"):
        tree = tree.this
    if not isinstance(tree, exp.Values):
        return tree
    width = len(tree.expressions[0].expressions)
    names = [exp.to_identifier(f"_col{number}") for number in range(width)]
    tree.set("alias", exp.TableAlias(this=exp.to_identifier("_values"), columns=names))
    select = exp.select("*").from_(tree)
    for clause in ("order", "limit", "offset"):
        if clause in tree.args:
            select.set(clause, tree.args.pop(clause))
    return select


def is_unnamed(query: exp.Query) -> bool:
    """Whether a query is VALUES and nothing else: its columns have no names."""
    source = query.args.get("from_") if isinstance(query, exp.Select) else None
    return source is not None and source.this.alias == "_values"


def _skip(text: str, start: int) -> int:
    """The position of the next character that is neither white space nor comment."""
    match = _SKIP.match(text, start)
    return match.end() if match else start


def _closing(text: str, opening: int) -> int:
    """The position of the parenthesis that closes the one at ``opening``."""
    depth, position = 0, opening
    while (position := _skip(text, position)) < len(text):
        quoted = _QUOTED.match(text, position)
        if quoted:
            position = quoted.end()
            continue
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position
        position += 1
    raise _mismatch(text, len(text), "')'")


def _mismatch(text: str, position: int, expected: str) -> QueryFailed:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    seen = text[position : position + 1] or "<EOF>"
    return QueryFailed(
        f"SYNTAX_ERROR: line {line}:{column}: mismatched input '{seen}'. Expecting: {expected}"
    )
