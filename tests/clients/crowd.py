"""Customers CROWD-0, CROWD-1 and so on, put into the database of a `scrip run`: python crowd.py DATA_FOLDER SIZE."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

import asyncpg

_ROWS: Final = """
INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
SELECT t.id, gen_random_uuid(), 'CROWD-' || n, 'Crowd ' || n, now(), now()
FROM tenants t, generate_series(0, $1::int - 1) n WHERE t.slug = 'demo'"""


async def main(folder: Path, size: int) -> None:
    """Add them."""
    password = json.loads((folder / "passwords.json").read_text())["admin"]
    host = (folder / "socket").read_text().strip()
    connection = await asyncpg.connect(host=host, user="postgres", password=password, database="scrip")
    # Without seals, as the benchmarks make their customers.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(_ROWS, size)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
