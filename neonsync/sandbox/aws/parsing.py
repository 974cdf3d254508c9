"""The text of statements: comments, quotes, parentheses, options, and the queries inside."""

from __future__ import annotations

import re

import sqlglot

# sqlglot loads a dialect at its first use, and gives it away before it is whole: of two queries
# that come first and together, one would be read by half a grammar.
import sqlglot.dialects.duckdb
import sqlglot.dialects.trino
from sqlglot import exp
from sqlglot.errors import SqlglotError

from neonsync.sandbox.aws.errors import QueryFailed

_SKIP = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_OPTION = re.compile(
    r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|ARRAY\s*\[[^\]]*\]|\w+)\s*(?:,|$)", re.I | re.DOTALL
)


def first_word(text: str) -> str:
    """The first word of a statement in upper case, after comments and parentheses."""
    start = skip(text, 0)
    while text[start : start + 1] == "(":
        start = skip(text, start + 1)
    match = _WORD.match(text, start)
    return match[0].upper() if match else ""


def skip(text: str, start: int) -> int:
    """The position of the next character that is neither white space nor comment."""
    match = _SKIP.match(text, start)
    return match.end() if match else start


def closing(text: str, opening: int) -> int:
    """The position of the parenthesis that closes the one at ``opening``."""
    depth, position = 0, opening
    while (position := skip(text, position)) < len(text):
        quoted = _QUOTED.match(text, position)
        if quoted:
            position = quoted.end()
            continue
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position
        position += 1
    raise mismatch(text, len(text), "')'")


def options(text: str) -> dict[str, str]:
    """``key = value`` pairs between commas; keys in lower case, values without quotes."""
    found, position = {}, 0
    while text[position:].strip():
        match = _OPTION.match(text, position)
        if not match:
            raise QueryFailed(f"SYNTAX_ERROR: cannot parse options at: {text[position:].strip()}")
        found[match[1].lower()] = match[2].strip("'").replace("''", "'")
        position = match.end()
    return found


def array_items(text: str) -> tuple[str, ...]:
    """The strings of an option like ``ARRAY['a', 'b']``, in lower case."""
    return tuple(item.replace("''", "'").lower() for item in re.findall(r"'((?:[^']|'')*)'", text))


def query(text: str, parameters: tuple[str, ...] = (), after: int = 0) -> exp.Query:
    """The query that starts at ``after``; ``parameters`` are literals for its question marks.

    What precedes is blanked out: the line and column of each error stay true.
    """
    blank = re.sub(r"[^\n]", " ", text[:after]) + text[after:]
    try:
        found = sqlglot.parse(blank, read="trino")
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


def item_name(item: exp.Expr) -> str:
    """The name of an item of a SELECT list in lower case; '' where Athena gives it none."""
    named = isinstance(item, exp.Alias | exp.Column | exp.Dot)
    return item.alias_or_name.lower() if named else ""


def is_unnamed(tree: exp.Query) -> bool:
    """Whether a query is VALUES and nothing else: its columns have no names."""
    source = tree.args.get("from_") if isinstance(tree, exp.Select) else None
    return source is not None and source.this.alias == "_values"


def mismatch(text: str, position: int, expected: str) -> QueryFailed:
    """The parser's complaint about what stands at a position."""
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    seen = text[position : position + 1] or "<EOF>"
    return QueryFailed(
        f"SYNTAX_ERROR: line {line}:{column}: mismatched input '{seen}'. Expecting: {expected}"
    )


def _as_query(tree: exp.Expr) -> exp.Expr:
    """VALUES as a statement of its own is a query, too; its columns have no names."""
    bare = tree
    while isinstance(bare, exp.Subquery) and not bare.args.get("alias"):
        bare = bare.this
    if not isinstance(bare, exp.Values):
        return tree
    width = len(bare.expressions[0].expressions)
    names = [exp.to_identifier(f"_col{number}") for number in range(width)]
    bare.set("alias", exp.TableAlias(this=exp.to_identifier("_values"), columns=names))
    select = exp.select("*").from_(bare)
    for clause in ("order", "limit", "offset"):
        if clause in bare.args:
            select.set(clause, bare.args.pop(clause))
    return select
