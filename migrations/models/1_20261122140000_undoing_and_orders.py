"""Releases, voidings and changes; products and orders; events without value."""

from tortoise import BaseDBAsyncClient

from migrations.steps import sql

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return sql("1_undoing_and_orders")


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Nothing: going back would drop the books. aerich answers "No downgrade items found"."""
    return ""
