"""The product's schema, made once a process for tests that only look at it or ask it.

An operation is compiled when it first comes, so that what tests ask is what is compiled.
"""

from typing import Final

from schema.root import build_schema

SCHEMA: Final = build_schema(compile_at=1)
PLAIN: Final = build_schema(compile_at=None)
"""The same, where graphql-core executes all."""
