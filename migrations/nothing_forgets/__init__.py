"""The third step: lots that remember what counts and where they went, people that are one, settled lists, proven facts.

Each part is a module with the SQL of one subject; from this step on, one subcommand an ALTER and no sub-select in a
policy, so that engines which distribute tables take it as well.
"""

from migrations.nothing_forgets.books import BOOKS
from migrations.nothing_forgets.credits import CREDITS
from migrations.nothing_forgets.names import NAMES
from migrations.nothing_forgets.people import PEOPLE
from migrations.nothing_forgets.settling import SETTLING

__all__ = ["UPGRADE"]

UPGRADE = CREDITS + PEOPLE + NAMES + SETTLING + BOOKS
