"""GraphiQL as shipped by Strawberry, restricted to the files its page names: from a CDN, each with its hash."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from typing import Final

from strawberry.http.ides import get_graphql_ide_html

_SETTING: Final = "shouldPersistHeaders: true,"
_STORAGE: Final = "storage: window.sessionStorage,"


@dataclass(frozen=True, slots=True)
class IdePage:
    """The page and its response headers."""

    html: bytes
    headers: Mapping[str, str]


@cache
def ide_page() -> IdePage:
    """The page. A file that it names without a hash is blocked, so that the CDN cannot change the code.

    The editor stores the headers of each query in the browser, in its history even if told not to, and a token is one
    of them. Here it keeps them until the tab is closed; in Strawberry's page, for good.
    """
    html = get_graphql_ide_html("graphiql").replace(_SETTING, f"{_SETTING} {_STORAGE}")
    return IdePage(html.encode(), {"content-security-policy": policy_of(html)})


def policy_of(html: str) -> str:
    """The Content-Security-Policy that allows only this page's scripts and styles.

    Inline styles are allowed too: GraphiQL's editor writes them as it runs. Fonts and pictures are in its style file.
    """
    sources = _Sources()
    sources.feed(html)
    sources.close()
    return (
        f"default-src 'none'; script-src {' '.join(sources.scripts)}; "
        f"style-src 'unsafe-inline' {' '.join(sources.styles)}; font-src data:; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class _Sources(HTMLParser):
    """Sources of a page's scripts and styles, for its policy: addresses given with a hash, and hashes of inline
    scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._inline: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given:
            self._inline = []
        elif tag == "script" and given.get("integrity") and given["src"]:
            self.scripts.append(given["src"])
        elif tag == "link" and given.get("rel") == "stylesheet" and given.get("integrity") and (style := given["href"]):
            self.styles.append(style)

    def handle_data(self, data: str) -> None:
        if self._inline is not None:
            self._inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._inline is not None:
            digest = hashlib.sha256("".join(self._inline).encode()).digest()
            self.scripts.append(f"'sha256-{b64encode(digest).decode()}'")
            self._inline = None
