"""Docstrings begin with a verb, or with the noun that the thing is; conditions are told by "if"."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "app",
    "auth",
    "benchmarks",
    "gateway",
    "jobs",
    "migrations",
    "models",
    "resolvers",
    "schema",
    "scripts",
    "turns",
)
BAD_BEGINNING = re.compile(r"(What|Who|Whom|Whose|Where|Whoever|Whatever|Wherever)\b")
BAD_WORDS = re.compile(r"\bwhoever\b|\b(Raises|Returns)\s[\w\s,]+\swhere\b|\b(None|True|False) where\b", re.IGNORECASE)


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """By line, each string that stands by itself: under a module, a class, a function or a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def puzzles(tree: ast.AST) -> Iterator[str]:
    for line, text in docstrings(tree):
        if BAD_BEGINNING.match(text) or BAD_WORDS.search(text):
            yield f"line {line}: {text.splitlines()[0]}"


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_say_what_a_thing_is(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = [f"{path.relative_to(ROOT)}, {each}" for path in files for each in puzzles(ast.parse(path.read_text()))]

    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        '"""What a posting needs."""',
        'def lock() -> None:\n    """Whose rows these are."""',
        'class Lock:\n    """Where a row is locked."""',
        'class Lock:\n    async def take(self) -> None:\n        """Lock it.\n\n        For whoever asks."""',
        'MOST = 3\n"""Who may have so many."""',
        'def find() -> None:\n    """Find it. Raises NotFound, Busy where it cannot."""',
        'def find() -> None:\n    """The row; None where there is none."""',
    ],
)
def test_a_planted_puzzle_is_found(planted: str) -> None:
    assert list(puzzles(ast.parse(planted)))


@pytest.mark.parametrize(
    "plain",
    [
        '"""Rows that a posting needs."""',
        'def find() -> None:\n    """Return the row, whatever its state. Raises NotFound, Busy if it cannot be locked."""',
        'def find() -> None:\n    """Whether it is where it was."""',
        'QUERY = "What is this"',
    ],
)
def test_plain_words_pass(plain: str) -> None:
    assert not list(puzzles(ast.parse(plain)))
