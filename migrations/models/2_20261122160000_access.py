"""Tokens for partners, two people on each approval, from where things were done."""

from tortoise import BaseDBAsyncClient

from migrations.steps import sql

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return sql("2_access")


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Nothing: going back would drop the books. aerich answers "No downgrade items found"."""
    return ""
