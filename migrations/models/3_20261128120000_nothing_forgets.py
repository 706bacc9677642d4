"""Undoing, merging, lists and the past, and what proves it."""

from tortoise import BaseDBAsyncClient

from migrations.clashing_names import check_names
from migrations.steps import sql

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    await check_names(db)
    return sql("3_nothing_forgets")


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Nothing: going back would drop the books. aerich answers "No downgrade items found"."""
    return ""
