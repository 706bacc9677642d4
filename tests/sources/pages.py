"""The pages of docs/sources: their queries are the ones that the walks send, so that what they show is true."""

import re
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs" / "sources"
_BLOCK: Final = re.compile(r"^```graphql\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAME: Final = re.compile(r"^(?:query|mutation) (\w+)", re.MULTILINE)


def queries(page: str) -> dict[str, str]:
    """The GraphQL operations of a page, by name."""
    found = {}
    for block in _BLOCK.findall((DOCS / page).read_text()):
        name = _NAME.search(block)
        assert name is not None, f"{page}: an operation without a name"
        assert name[1] not in found, f"{page}: two operations are called {name[1]}"
        found[name[1]] = block
    return found
