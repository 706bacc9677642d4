"""graphene-django-graphiql-static: the files that the editor's page loads, which are those of npm's packages."""

import hashlib

from app.sample.pages.editor import SCRIPTS, STYLES, editor_files

BUILT: dict[str, tuple[str, str]] = {
    "graphiql.min.css": ("graphiql 2.4.7", "c6cd4b83f01c5e1ff4975d77bc957184dce6dec0155fbf9cc4d9190eba8a7b9d"),
    "style.css": (
        "@graphiql/plugin-explorer 0.1.15",
        "7c0d0b3d496e90c351e8be123d2785a834d86aff107568d0da7af9e7d6659f55",
    ),
    "react.production.min.js": ("react 17.0.2", "229bbf4d0e7488209564152c6723497f1ac3934136ca1684233d2fa88fa4146f"),
    "react-dom.production.min.js": (
        "react-dom 17.0.2",
        "9db33292007ab6c38527b39d5663e976a305564e19b2a5a8713ea2b2c00f505d",
    ),
    "graphiql.min.js": ("graphiql 2.4.7", "c564de05b95d184e2c5ba5ceaf2635821f6bf92f2d5777b74d91004ff6b591d1"),
    "graphiql-plugin-explorer.umd.js": (
        "@graphiql/plugin-explorer 0.1.15",
        "de152e8415dd5e57c28fa45378490916d121fe4506f9308301216914f2ebcef1",
    ),
    "graphql-ws.min.js": ("graphql-ws 5.12.1", "11986f83a00d26b06c80bbcb01ad2eb8734b7a92c95421584bec656f953f6eac"),
}
"""What each is, and its SHA-256: npm's, but for a line's end after those of graphiql (compared on 2026-11-29)."""


def test_files() -> None:
    found = {name: hashlib.sha256(editor_files()[name].content).hexdigest() for name in (*STYLES, *SCRIPTS)}
    assert found == {name: digest for name, (_, digest) in BUILT.items()}
