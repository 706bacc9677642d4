"""What is made in steps is made at all: a generator that nobody takes the steps of does nothing, silently."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "models", "resolvers", "schema", "jobs", "app")
TAKEN_BY = frozenset({"in_slices", "finish"})


def trees() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text()) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))
    }


def made_in_steps(files: dict[Path, ast.Module]) -> dict[str, bool]:
    """By name, whether every function that is called so is made in steps."""
    found: dict[str, set[bool]] = {}
    for tree in files.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                answer = "" if node.returns is None else ast.unparse(node.returns).strip("'\"")
                found.setdefault(node.name, set()).add(answer.startswith("Steps["))
    return {name: answers == {True} for name, answers in found.items()}


def untaken(tree: ast.Module, names: frozenset[str]) -> Iterator[int]:
    """The lines where steps are begun as a statement of their own, or as a value that is not one of steps."""
    taken = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.YieldFrom | ast.Return)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TAKEN_BY)
        for child in ast.iter_child_nodes(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in taken and called(node) in names:
            yield node.lineno


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


FILES = trees()
NAMES = frozenset(name for name, always in made_in_steps(FILES).items() if always)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_steps_are_taken(path: Path) -> None:
    assert list(untaken(FILES[path], NAMES)) == []


def test_it_would_be_noticed() -> None:
    assert {"spend", "require_spendable", "rolling_back_to"} <= NAMES
    planted = ast.parse("def plan(books):\n    credits.spend(books)\n    yield from credits.spend(books)\n")

    assert list(untaken(planted, NAMES)) == [2]
