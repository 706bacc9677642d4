"""The SQL of the steps, from its files."""

from pathlib import Path
from typing import Final

from tortoise import BaseDBAsyncClient

__all__ = ["one_by_one", "sql"]

_FOLDER: Final = Path(__file__).parent / "sql"


def sql(step: str) -> str:
    """The text of `sql/<step>.sql`, or of the files in the folder `sql/<step>/`, joined in the order of their names.

    Raises FileNotFoundError if there is neither.
    """
    if (folder := _FOLDER / step).is_dir():
        return "\n".join(file.read_text("utf-8") for file in sorted(folder.glob("*.sql")))
    return (_FOLDER / f"{step}.sql").read_text("utf-8")


async def one_by_one(db: BaseDBAsyncClient, step: str) -> str:
    """Send the statements of a step outside of any transaction, one from each file of its folder, waiting for locks as long
    as it takes: for indexes made CONCURRENTLY. Returns a statement that does nothing.

    Interrupted, such a step is done again from its beginning: its files have to say DROP … IF EXISTS first.
    """
    async with db.acquire_connection() as connection:
        await connection.execute("SET lock_timeout = 0")
        try:
            for file in sorted((_FOLDER / step).glob("*.sql")):
                await connection.execute(file.read_text("utf-8"))
        finally:
            await connection.execute("RESET lock_timeout")
    return "SELECT 1"
