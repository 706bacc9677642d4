"""Every threat in docs/security.md has a test. The other pages: tests/docs."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
THREATS: Final = (ROOT / "docs/security.md").read_text()
TEST: Final = re.compile(r"`([\w/]+\.py)::(\w+)`")


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), sorted(set(TEST.findall(THREATS))))
def test_a_threat_has_the_test_that_it_names(file: str, name: str) -> None:
    assert name in functions(ROOT / "tests" / file)


def test_every_threat_names_a_test() -> None:
    rows = [
        line for line in THREATS.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| threat"))
    ]

    assert len(rows) > 50
    assert [row for row in rows if not TEST.search(row.rsplit("|", 2)[1])] == []
