"""Customers CROWD-0, CROWD-1 and so on, put into the database of a `scrip run`: python crowd.py DATA_FOLDER SIZE [balances].

With balances, each has credit in pounds, an e-mail address and a day of last activity besides, and one in three is a member.
"""

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
_WITH_BALANCES: Final = """
WITH people AS (
    INSERT INTO customers (tenant_id, id, external_id, name, email, created_at, updated_at, membership_started_at)
    SELECT t.id, gen_random_uuid(), 'CROWD-' || n, 'Crowd W' || lpad((n::bigint * 7919 % $1)::text, 7, '0') || ' Costa',
        'c' || n || '@d' || n % 50000 || '.example', now() - n * interval '1 second', now(),
        CASE WHEN n % 3 = 0 THEN now() END
    FROM tenants t, generate_series(0, $1::int - 1) n WHERE t.slug = 'demo' RETURNING tenant_id, id, external_id),
held AS (
    INSERT INTO accounts (tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, head_hash, created_at,
        posted_at)
    SELECT tenant_id, gen_random_uuid(), id, 'GBP', 100 + hashtext(external_id) & 65535, 0, 1, sha256(''), now(),
        timestamptz '2020-01-01' + (hashtext(external_id) & 1048575) * interval '1 second'
    FROM people RETURNING tenant_id, id, customer_id, asset, balance_minor, posted_at)
INSERT INTO standings (tenant_id, id, customer_id, asset, balance_minor, sequence, active_at)
SELECT tenant_id, id, customer_id, asset, balance_minor, 1, NULL::timestamptz FROM held
UNION ALL SELECT tenant_id, customer_id, customer_id, '', 0, 0, posted_at FROM held"""


async def main(folder: Path, size: int, *, balances: bool) -> None:
    """Add them."""
    password = json.loads((folder / "passwords.json").read_text())["admin"]
    host = (folder / "socket").read_text().strip()
    connection = await asyncpg.connect(host=host, user="postgres", password=password, database="scrip")
    # Without seals, as the benchmarks make their customers.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(_WITH_BALANCES if balances else _ROWS, size)
    if balances:
        await connection.execute("VACUUM ANALYZE customers, accounts, standings")
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), balances=sys.argv[3:] == ["balances"]))
