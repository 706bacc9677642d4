"""GraphiQL as Strawberry brings it, held to what its page names: its files come from a CDN, each with its hash."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from strawberry.http.ides import get_graphql_ide_html

_TAG: Final = re.compile(r"<(script|link)\b([^>]*)>(?:([^<].*?)</script>)?", re.DOTALL)
_ADDRESS: Final = re.compile(r"""\b(?:src|href)="(https://[^"\s;,]+)\"""")


@dataclass(frozen=True, slots=True)
class IdePage:
    """The page, and the headers that it is sent with."""

    html: bytes
    headers: Mapping[str, str]


@cache
def ide_page() -> IdePage:
    """The page. A file that it names without a hash is not let in, so that the CDN cannot change what runs."""
    html = get_graphql_ide_html("graphiql")
    return IdePage(html.encode(), {"content-security-policy": policy_of(html)})


def policy_of(html: str) -> str:
    """The Content-Security-Policy that lets just this page's scripts and styles in.

    Styles are let in inline as well: GraphiQL's editor writes them as it runs. Fonts and pictures are in its style file.
    """
    sources: dict[str, list[str]] = {"script": [], "link": []}
    for tag, attributes, inline in _TAG.findall(html):
        address = _ADDRESS.search(attributes)
        if address and "integrity=" in attributes:
            sources[tag].append(address[1])
        elif tag == "script" and inline:
            digest = hashlib.sha256(inline.encode()).digest()
            sources[tag].append(f"'sha256-{b64encode(digest).decode()}'")
    return (
        f"default-src 'none'; script-src {' '.join(sources['script'])}; "
        f"style-src 'unsafe-inline' {' '.join(sources['link'])}; font-src data:; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
