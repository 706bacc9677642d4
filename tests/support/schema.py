"""The product's schema, made once a process for tests that only look at it or ask it."""

from typing import Final

from schema.root import build_schema

SCHEMA: Final = build_schema()
