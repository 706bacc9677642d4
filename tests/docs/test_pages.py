"""The pages name what is there, and leave out nothing of what they list."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from app.settings import Settings
from gateway.errors import ErrorCode
from scripts.docs_pages import MARK, error_codes, fill_page, read_schema
from tests.docs.blocks import PAGES, ROOT

CLIENTS: Final = ["clients/python/README.md", "clients/typescript/README.md"]
TEXTS: Final = {page: (ROOT / page).read_text() for page in [*PAGES, "CHANGELOG.md", *CLIENTS]}
LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
RECIPE: Final = re.compile(
    r"^### (?P<name>[^\n(]+) \((?P<files>\d+) files\)\n(?P<text>.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL
)
MAX_README_LINES: Final = 75
ORIGINS: Final = re.compile(r"\bissues? (no\. ?)?#?\d+|(?<![\w&/])#\d+\b|\bcases? [A-Z]\d+\b", re.IGNORECASE)
"""How the project came about, which is no business of its pages."""


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: str) -> set[str]:
    """Of a page's headings, as its readers' links name them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", without_code(fill_page(TEXTS[page])), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken(page: str, text: str) -> list[str]:
    """The links of a page's text that lead nowhere in the repository."""
    missing = []
    for link in LINK.findall(without_code(text)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
        if not path.exists() or (anchor and (name not in TEXTS or anchor not in anchors(name))):
            missing.append(link)
    return missing


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    assert broken(page, fill_page(TEXTS[page])) == []


def test_it_would_be_noticed() -> None:
    text = "[a](nowhere.md) [b](time.md#nowhere) [c](#nothing) [d](time.md#the-past) [e](https://example.com/#x)"

    assert broken("docs/time.md", text) == ["nowhere.md", "time.md#nowhere", "#nothing"]


def test_every_page_is_in_the_navigation() -> None:
    listed = {
        f"docs/{line}.md"
        for block in re.findall(r"```\{toctree\}(.*?)```", TEXTS["docs/index.md"], re.DOTALL)
        for line in block.split("\n")
        if re.fullmatch(r"[\w/-]+", line)
    }
    pages = {page for page in PAGES if page.startswith("docs/") and not page.startswith("docs/adr/0")}

    assert listed | {"docs/index.md"} == pages


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_of_how_it_came_about(page: str) -> None:
    assert ORIGINS.search(without_code(TEXTS[page])) is None


def test_every_code_of_a_user_error_has_an_entry() -> None:
    page = fill_page(TEXTS["docs/errors.md"])
    codes = error_codes(read_schema())

    assert len(codes) > 30
    assert re.findall(r"^### ([A-Z_]+)$", page, re.MULTILINE) == list(codes)


def test_every_code_of_an_error_has_an_entry_that_says_what_to_do() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TEXTS["docs/errors.md"], re.MULTILINE)
    entries = {code: todo for code, _, _, todo in rows}

    assert entries.keys() == {code.value for code in ErrorCode}


def test_every_part_that_is_generated_is_on_one_page() -> None:
    marks = [mark for text in TEXTS.values() for mark in MARK.findall(text)]

    assert sorted(marks) == ["errors", "inputs", "mutations", "queries", "subscriptions", "types", "values"]


def test_every_setting_has_its_line() -> None:
    names = [str(field.validation_alias or f"SCRIP_{name.upper()}") for name, field in Settings.model_fields.items()]
    listed = re.findall(
        r"`((?:SCRIP|DATABASE)_\w+)`",
        "".join(line.split("|")[1] for line in TEXTS["docs/settings.md"].splitlines() if line.startswith("| `")),
    )

    assert sorted(listed) == sorted(name for name in names if name != "SCRIP_SAMPLE")


RECIPES: Final = {found["name"]: found for found in RECIPE.finditer(TEXTS["CONTRIBUTING.md"])}


def test_there_are_five_recipes() -> None:
    assert list(RECIPES) == [
        "A mutation",
        "A field of Customer",
        "An error code",
        "A table shown in the API",
        "A setting",
    ]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_names_files_that_are_there(recipe: str) -> None:
    steps = re.findall(r"^\d+\. (.*)$", RECIPES[recipe]["text"], re.MULTILINE)
    files = [re.match(r"`([^`]+)`: ", step) for step in steps]

    assert len(files) == int(RECIPES[recipe]["files"])
    assert [step for step, file in zip(steps, files, strict=True) if file is None or not any_file(file[1])] == []


def any_file(pattern: str) -> bool:
    """Whether such a file is there, NAME standing for any name."""
    return any(path.is_file() for path in ROOT.glob(pattern.replace("NAME", "*")))


def test_a_house_rule_is_held_by_a_test_that_is_there() -> None:
    rows = [line for line in TEXTS["docs/house-rules.md"].splitlines() if line.startswith("| ")][2:]
    held = [path for row in rows for path in re.findall(r"`(tests/[^`]+)`", row)]

    assert len(held) > 5
    assert [path for path in held if not Path(ROOT / path).is_file()] == []
