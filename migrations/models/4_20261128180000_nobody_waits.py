"""Nobody waits for another, and nobody comes in by the back door."""

from tortoise import BaseDBAsyncClient

from migrations.steps import sql

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return sql("4_nobody_waits")


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Nothing: going back would drop the books. aerich answers "No downgrade items found"."""
    return ""
