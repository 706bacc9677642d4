"""What the pages name is there, or stands in the rule book's list of what is not there yet; and that list is true."""

import re
from typing import Any, Final

import pytest

from auth.roles import Scope
from gateway.errors import ErrorCode
from models.money import POINTS, SERVICE_CREDITS
from models.operations.create_tenant import FIRST_REASONS
from tests.docs.blocks import ROOT
from tests.docs.test_commands import MAKEFILE, VARIABLES
from tests.docs.test_pages import without_code
from tests.support.schema import SCHEMA
from tests.support.who_may import RIGHTS, WHO_MAY

PAGES: Final = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/*.md"))]
RULE_BOOK: Final = (ROOT / "docs/domain.md").read_text()
LIST: Final = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$",
    RULE_BOOK.partition("## Not there yet")[2].partition("\n## ")[0],
    re.MULTILINE,
)[2:]
CODE: Final = re.compile(r"`([^`\n]+)`")
NAME: Final = re.compile(
    r"(?<![\w.:/@-])(?:[a-z]+(?:[A-Z][a-z0-9]*)+|[a-z]+:[a-z]+|[A-Z][A-Z_]{2,})(?![\w/.-])", re.ASCII
)
"""A name in the API, a scope or a code."""
OTHERS: Final = {
    *(POINTS, SERVICE_CREDITS, "EUR", "GBP"),
    *("GET", "POST", "PUT", "WEBSOCKET", "PATH"),
    *(
        "ALL",
        "ALTER",
        "ANALYZE",
        "BYPASSRLS",
        "COLUMN",
        "CONCURRENTLY",
        "CONSTRAINT",
        "COPY",
        "CREATE",
        "DATABASE",
        "DROP",
    ),
    *("EXISTS", "INDEX", "NOT", "NULL", "REPLICATION", "RESET", "UNIQUE", "USING", "VACUUM", "VALID", "VALIDATE"),
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER"),
    *("clockSkewSeconds", "connectionParams", "documentId", "fetchSubscriptions", "operationName", "retryAttempts"),
    *("hashAlgorithm", "persistConfig", "persistedDocuments", "persistedExchange", "presetConfig", "resetAt"),
    *("JWT", "requestedAccessTokenVersion"),
    *("SCRIP_TOKEN", "SCRIP_URL", "cacheExchange", "newCacheExchange"),
    *("FILE", "fileName", "POSTED", "NOT_POSTED", "GOOD"),
    *("PING", "SCRIP_TEST_POSTGRES_BIN", "BENCHMARKS", "FOLDER", "KEY", "PICK"),
}
"""Assets; of HTTP, of the shell, of PostgreSQL, of OpenTelemetry, of the protocols beside GraphQL and its tools, of
identity providers, of recipes, of files and their reports, of the tests and the benchmarks."""


def in_the_api() -> set[str]:
    """Types, fields, arguments and values of the schema."""
    found = set()
    for name, kind in SCHEMA.graphql.type_map.items():
        found.add(name)
        members: dict[str, Any] = {**getattr(kind, "fields", {}), **getattr(kind, "values", {})}
        for member, field in members.items():
            found |= {member, *getattr(field, "args", {})}
    return found


THERE: Final = in_the_api() | {scope.value for scope in Scope} | {code.value for code in ErrorCode}


def listed() -> set[str]:
    return {name for _, names, _ in LIST for code in CODE.findall(names) for name in NAME.findall(code)}


def unknown(text: str) -> set[str]:
    """The names in a page's text that stand for nothing."""
    named = {name for code in CODE.findall(without_code(text)) for name in NAME.findall(code)}
    known = THERE | VARIABLES | OTHERS | {code for code, *_ in FIRST_REASONS} | listed()
    return {name for name in named - known if f"$({name})" not in MAKEFILE and f"$(if $({name})" not in MAKEFILE}


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there_or_is_listed(page: str) -> None:
    assert unknown((ROOT / page).read_text()) == set()


def test_it_would_be_noticed() -> None:
    text = "`brewCoffee(cups: 2)`, `coffee:brew`, `NO_COFFEE`, `adjustCredit`, `DUPLICATE`, `keepExcess: true`"

    assert unknown(text) == {"brewCoffee", "coffee:brew", "NO_COFFEE"}


def test_nothing_that_is_listed_is_there() -> None:
    words = {word for _, names, _ in LIST for code in CODE.findall(names) for word in re.findall(r"[\w:]+\w", code)}

    assert words & THERE == set()


def test_a_row_of_who_may_that_no_request_uses_is_listed() -> None:
    """And one that is listed is used by none."""
    rows = [line.split("|")[1].strip() for line in WHO_MAY.splitlines()[2:]]
    used = {part.partition(" by ")[0] for choices in RIGHTS.values() for part in re.split(r" [&|] ", choices)}
    beginnings = {cell.strip() for _, _, cell in LIST if cell.strip()}

    idle = {row for row in rows if not any(row.startswith(beginning) for beginning in used)}
    assert idle == {row for row in rows if row.startswith(tuple(beginnings))}
    assert len(idle) == len(beginnings)
