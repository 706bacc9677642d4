"""The code blocks of the pages, and what an answer that is shown has in common with one that came."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")),
]
LANGUAGES: Final = {"sh", "graphql", "json", "sql", "ts", "js", "python"}
"""Those that a test runs. `text` is what a program says, or a figure."""
TUTORIALS: Final = [page for page in PAGES if page.startswith("docs/tutorials/")]
"""Done from their beginning to their end by tutorials.py, whatever language a block is in."""
ANY: Final = "…"
"""Stands in a JSON text for a value that is another one each time."""
_FENCE: Final = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """language: as the fence names it. reason: of one that is marked as not run."""

    page: str
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def json(self) -> Any:
        return json.loads(self.text)


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, but for Sphinx's directives."""
    text = (ROOT / page).read_text()
    return [
        Block(page, text.count("\n", 0, found.start("language")) + 1, found["language"], found["text"], found["reason"])
        for found in _FENCE.finditer(text)
        if not found["language"].startswith("{")
    ]


def all_blocks(*languages: str) -> list[Block]:
    """The blocks in these languages, of all pages but the tutorials, that are not marked as not run."""
    pages = [page for page in PAGES if page not in TUTORIALS]
    return [block for page in pages for block in blocks(page) if block.language in languages and block.reason is None]


class Examples:
    """A page's blocks in the order of the page, each to be taken once."""

    def __init__(self, page: str, *languages: str) -> None:
        self._left = [block for block in blocks(page) if block.language in languages and block.reason is None]

    def take(self, language: str) -> Block:
        block = self._left.pop(0)
        assert block.language == language, f"{block} is {block.language}"
        return block

    def end(self) -> None:
        """Nothing of the page is left over."""
        assert [str(block) for block in self._left] == []


def fits(shown: Any, came: Any) -> bool:
    """Whether what came is what is shown, `…` standing for anything."""
    if shown == ANY:
        return True
    if isinstance(shown, dict) and isinstance(came, dict):
        return shown.keys() == came.keys() and all(fits(shown[key], came[key]) for key in shown)
    if isinstance(shown, list) and isinstance(came, list):
        return len(shown) == len(came) and all(map(fits, shown, came))
    return type(shown) is type(came) and bool(shown == came)


def is_shaped_like(shown: Any, came: Any) -> bool:
    """The same, but that numbers stand for any number."""
    if isinstance(shown, dict) and isinstance(came, dict):
        return shown.keys() == came.keys() and all(is_shaped_like(shown[key], came[key]) for key in shown)
    if isinstance(shown, list) and isinstance(came, list):
        return len(shown) == len(came) and all(map(is_shaped_like, shown, came))
    return isinstance(came, int) if isinstance(shown, int) else fits(shown, came)
