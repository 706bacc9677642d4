"""Each decision says where it stands, since when, and which tests hold it."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
HEAD: Final = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"- Status: (?:accepted|replaced by)\b.*\n- Date: \d{4}-\d{2}-\d{2}\n- Held by: (?P<held>.+)\n"
)
TEST: Final = re.compile(r"`([\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_decision_has_its_status_its_date_and_what_holds_it(page: Path) -> None:
    head = HEAD.match(page.read_text())

    assert head is not None
    assert int(head["number"]) == int(page.name[:4])
    tests = TEST.findall(head["held"])
    assert tests
    assert [test for test in tests if test[1] not in functions(ROOT / "tests" / test[0])] == []


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_list_has_every_decision_by_its_title() -> None:
    rows = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| (.+) \|$", (ROOT / "docs/adr/README.md").read_text(), re.MULTILINE)
    titles = [(head["number"], page.name, head["title"]) for page in PAGES if (head := HEAD.match(page.read_text()))]

    assert rows == titles
