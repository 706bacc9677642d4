"""Every block of every page is one that a test runs, or says why not."""

import pytest

from tests.docs.blocks import LANGUAGES, PAGES, ROOT, TUTORIALS, blocks, fits, is_shaped_like

MAX_NOT_RUN = 5


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    known = LANGUAGES | {"text"} | ({"html", "tsx"} if page in TUTORIALS else set())

    assert [str(block) for block in blocks(page) if block.language not in known] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_code_hides_in_an_indented_block(page: str) -> None:
    fenced = False
    before = ""
    hidden = []
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("    ") and not before.strip():
            hidden.append(number)
        before = line
    assert hidden == []


def test_few_blocks_are_not_run() -> None:
    marked = [block for page in PAGES for block in blocks(page) if block.reason is not None]

    assert len(marked) <= MAX_NOT_RUN, [str(block) for block in marked]


def test_what_is_shown_is_compared() -> None:
    assert fits({"a": ["…", 1]}, {"a": [{"b": 2}, 1]})
    for other in ({"a": [3, 2]}, {"a": [3]}, {"a": [3, 1], "b": 0}, {}, {"a": [3, True]}):
        assert not fits({"a": ["…", 1]}, other)
    assert is_shaped_like({"a": {"b": 1}, "c": "x"}, {"a": {"b": 7}, "c": "x"})
    assert not is_shaped_like({"a": {"b": 1}}, {"a": {"b": "7"}})
