"""How Sphinx builds this folder as a site: `make docs`. The generated parts of pages come from scripts/docs_pages.py."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.docs_pages import fill_page  # noqa: E402 (the project's folder is on the path only from here on)

project = "Scrip"
extensions = ["myst_parser"]
myst_heading_anchors = 4
nitpicky = True
html_theme = "furo"
html_title = "Scrip"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
# The theme's and Sphinx's own files are copied into the site: nothing is loaded from anywhere else.
html_theme_options = {"navigation_with_keys": True}


# Below the page that lists them, so that their list is not written twice.
DECISIONS = "\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"


def _fill(_: Sphinx, page: str, source: list[str]) -> None:
    source[0] = fill_page(source[0]) + (DECISIONS if page == "adr/README" else "")


def setup(app: Sphinx) -> None:
    app.connect("source-read", _fill)
