"""No circle of files: not one that the type checker alone walks, nor one that is put off until a function is called.

Types of the GraphQL schema lead to each other, and name each other by text (schema/types/refs.py): no file needs another
for that.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grimp
import pytest

PACKAGES: Final = ("app", "auth", "gateway", "jobs", "migrations", "models", "resolvers", "schema", "turns")


def needs(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """By file, those that it imports, and the packages around them, which run before: unless it is in them itself."""
    return {
        module: {
            needed
            for imported in graph.find_modules_directly_imported_by(module)
            for needed in (imported, *packages_around(imported))
            if not f"{module}.".startswith(f"{needed}.") or needed == imported
        }
        for module in graph.modules
    }


def packages_around(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for needed in edges.get(waiting.pop(), ()):
            if needed not in found:
                found.add(needed)
                waiting.append(needed)
    return found


def circles(graph: grimp.ImportGraph) -> set[frozenset[str]]:
    """The strongly connected components of more than one file."""
    edges = needs(graph)
    below = {module: reached(module, edges) for module in edges}
    in_circles = [module for module in edges if module in below[module]]
    return {frozenset(other for other in below[module] if module in below.get(other, ())) for module in in_circles}


@pytest.fixture(scope="module")
def product() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def test_no_files_need_each_other(product: grimp.ImportGraph) -> None:
    assert len(product.modules) > 300
    assert circles(product) == set()


def test_one_import_back_up_makes_a_circle(product: grimp.ImportGraph) -> None:
    spoilt = grimp.build_graph(*PACKAGES, cache_dir=None)
    spoilt.add_import(importer="schema.context", imported="schema.types.account")

    (found,) = circles(spoilt)
    assert {"schema.context", "schema.types.account"} <= found


@pytest.mark.parametrize(
    "back",
    [
        "from planted.upper import Upper\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from planted.upper import Upper\n",
        "def late() -> None:\n    from planted import upper\n",
        "from planted.above import beside\n",
    ],
    ids=["plain", "for the type checker", "in a function", "by way of a package"],
)
def test_a_planted_circle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: str) -> None:
    files = {
        "__init__": "",
        "upper": "from planted.lower import X\n",
        "lower": back,
        "above/__init__": "import planted.upper\n",
        "above/beside": "",
    }
    for name, text in files.items():
        path = tmp_path / "planted" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    (found,) = circles(grimp.build_graph("planted", cache_dir=None))
    assert {"planted.upper", "planted.lower"} <= found
