"""Trigger functions as the shards of a distributed table run them.

A trigger of a distributed table runs on each of its shards, whose names have a number at their end. From there Citus
would distribute each statement anew, and refuses what it cannot: rows that a statement has changed, for one. So statements
have to name the shards themselves, as texts that are executed. They are made from the functions' own, which plain
PostgreSQL keeps: there a table stands for itself, with a plan that is made once.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

MARK: Final = "-- As the shards run it."
"""Begins the body of a function that has been rewritten."""
BESIDE: Final = "shard_beside"
BESIDE_SQL: Final = f"""CREATE OR REPLACE FUNCTION {BESIDE}(own name, wanted text) RETURNS text
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    found text;
BEGIN
    SELECT format('%I.%I', c.relnamespace::regnamespace::name, wanted || '_' || e.shardid) INTO found
    FROM pg_dist_shard a
    JOIN pg_dist_shard e ON e.shardminvalue = a.shardminvalue
    JOIN pg_class c ON c.oid = e.logicalrelid AND c.relname = wanted
    WHERE a.shardid = substring(own FROM '_([0-9]+)$')::bigint;
    RETURN coalesce(found, quote_ident(wanted));
END $$"""
"""The shard of the table `wanted` with the same tenants as the shard `own`. A table that is none finds the table itself."""

_TOKEN: Final = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"|;|[^-/'\";]+|.", re.DOTALL)
_STATEMENT: Final = re.compile(r"\b(INSERT|SELECT|WITH|UPDATE|DELETE)\b")
_INTO: Final = re.compile(r"\s+INTO\s+(?:STRICT\s+)?(\w+)(?=\s+FROM\b)")
_DECLARED: Final = re.compile(r"^[ \t]+(\w+)[ \t]+[\w.]", re.MULTILINE)
_FOUND: Final = re.compile(r"\bIF FOUND\b")
_ALIASED: Final = re.compile(r"\s+(?:AS\s+)?(\w+)", re.IGNORECASE)
_WORDS: Final = frozenset(
    {
        "where",
        "on",
        "join",
        "left",
        "inner",
        "cross",
        "order",
        "group",
        "limit",
        "set",
        "union",
        "offset",
        "for",
        "using",
    }
    | {"returning", "values", "default"}
)
"""Words that may follow a table's name and are no other name of it."""


_PIECE: Final = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|\$(?P<mark>\w*)\$.*?\$(?P=mark)\$|'(?:[^']|'')*'|\"[^\"]*\"|;|[^-/$'\";]+|.",
    re.DOTALL,
)


def statements_of(script: str) -> Iterator[str]:
    """The statements of a script, without its comments."""
    statement = ""
    for piece in _PIECE.finditer(script):
        if piece[0] == ";":
            yield statement.strip()
            statement = ""
        elif piece["comment"] is None:
            statement += piece[0]
    if statement.strip():
        yield statement.strip()


class CannotBeDistributed(ValueError):
    """A trigger function that is written in a way that has no form for shards."""


def for_shards(body: str, tables: Collection[str]) -> str | None:
    """The body of a plpgsql trigger function, with every statement naming the shards of `tables`; None if none does, or
    if it has been rewritten before.

    Raises CannotBeDistributed.
    """
    if body.lstrip().startswith(MARK):
        return None
    names = "|".join(sorted(map(re.escape, tables), reverse=True))
    named = re.compile(rf"\b(FROM|JOIN|INTO|UPDATE|USING)(\s+)({names})\b(?!\s*\.)")
    declared = _declared(body)
    pieces, variable, rewritten = [], "", False
    for own in _pieces(body):
        if named.search(_masked(own)):
            piece, variable = _rewritten(own, named, declared)
            rewritten = True
        else:
            # EXECUTE does not tell whether it has found anything; a row that it has found has no null.
            piece = _FOUND.sub(f"IF {variable} IS NOT NULL", own) if variable else own
        if rewritten and "FOUND" in _masked(piece):
            raise CannotBeDistributed("FOUND, after a statement that selects into nothing")
        pieces.append(piece)
    return f"{MARK}\n{''.join(pieces).lstrip()}" if rewritten else None


def _pieces(body: str) -> Iterator[str]:
    """The text between semicolons, with them."""
    piece = ""
    for token in _TOKEN.finditer(body):
        piece += token[0]
        if token[0] == ";":
            yield piece
            piece = ""
    yield piece


def _masked(text: str) -> str:
    """As long as the text, with nothing in its strings, quoted names and comments."""
    return "".join(
        token[0] if token[0][0] not in "'\"" and token[0][:2] not in ("--", "/*") else "'" * len(token[0])
        for token in _TOKEN.finditer(text)
    )


def _declared(body: str) -> set[str]:
    declared, begin, _ = body.partition("BEGIN")
    return set(_DECLARED.findall(declared)) if begin else set()


def _rewritten(piece: str, named: re.Pattern[str], declared: Collection[str]) -> tuple[str, str]:
    """The statement as a text that is executed, and the variable that it selects into."""
    start = _STATEMENT.search(_masked(piece))
    if start is None or piece[: start.start()].rstrip().endswith("("):
        raise CannotBeDistributed(f"a query that is no statement: {' '.join(piece.split())[:80]}")
    before, statement = piece[: start.start()], piece[start.start() :].rstrip().removesuffix(";")
    variable = ""
    if start[1] in ("SELECT", "WITH") and (into := _INTO.search(statement)):
        variable = into[1]
        statement = statement[: into.start()] + statement[into.end() :]
    statement, used = _with_places(statement, declared)
    text, shards = _with_shards(statement.replace("%", "%%"), named)
    into_it = f" INTO {variable}" if variable else ""
    using = f" USING {', '.join(used)}" if used else ""
    return f"{before}EXECUTE format($shards${text}$shards${shards}){into_it}{using};", variable


def _with_places(statement: str, declared: Collection[str]) -> tuple[str, list[str]]:
    """The statement with a number in place of each variable, and these in their order."""
    known = "|".join(sorted({"NEW", "OLD", r"TG_\w+", *map(re.escape, declared)}))
    variables = re.compile(rf"(?<![\w.])({known})(?!\w|\s*\()")
    used: list[str] = []
    parts, end = [], 0
    for found in variables.finditer(_masked(statement)):
        if found[1] not in used:
            used.append(found[1])
        place = f"${used.index(found[1]) + 1}"
        parts += [statement[end : found.start()], f"({place})" if found[1] in ("NEW", "OLD") else place]
        end = found.end()
    return "".join((*parts, statement[end:])), used


def _with_shards(statement: str, named: re.Pattern[str]) -> tuple[str, str]:
    """The statement with a place for each table, and the calls that find what stands there."""
    masked = _masked(statement)
    tables: list[str] = []
    parts, end = [], 0
    for found in named.finditer(masked):
        if found[3] not in tables:
            tables.append(found[3])
        following = _ALIASED.match(masked, found.end())
        aliased = found[1] == "INTO" or (following is not None and following[1].lower() not in _WORDS)
        place = f"%{tables.index(found[3]) + 1}$s{'' if aliased else f' AS {found[3]}'}"
        parts += [statement[end : found.start()], found[1], found[2], place]
        end = found.end()
    calls = "".join(f", {BESIDE}(TG_TABLE_NAME, '{table}')" for table in tables)
    return "".join((*parts, statement[end:])), calls
