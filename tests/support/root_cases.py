"""Requests to every root field."""

from typing import Final

from tests.support.root_mutations import MUTATIONS
from tests.support.root_queries import QUERIES

CASES: Final = [*QUERIES, *MUTATIONS]
