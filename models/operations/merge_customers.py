"""Merge one record of a person into another (domain: people)."""

from typing import Final
from uuid import UUID

from models.commands import Actor, MergeCustomers, Outcome
from models.errors import Busy
from models.ledger import Ledger
from models.planning.merging import needs
from models.session import ONE_MOMENT, tenant_transaction

MAX_TRIES: Final = 5


async def merge_customers(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: MergeCustomers, idempotency_key: str
) -> Outcome:
    """Move all that `from_id` has to `into_id`, once for the key, and mark it as merged. Done again (under another key),
    it moves what came back since, such as the points of a coupon. Raises the errors of models/planning/merging.py.
    """
    for _ in range(MAX_TRIES - 1):
        try:
            return await _merge(ledger, tenant_id, actor, command, idempotency_key)
        except Busy:  # something came in between looking and locking
            continue
    return await _merge(ledger, tenant_id, actor, command, idempotency_key)


async def _merge(ledger: Ledger, tenant_id: UUID, actor: Actor, command: MergeCustomers, key: str) -> Outcome:
    async with tenant_transaction(tenant_id, read_only=True, settings=ONE_MOMENT) as connection:
        accounts = await connection.raw.fetch(
            "SELECT id, asset FROM accounts WHERE tenant_id = $1 AND customer_id = $2", tenant_id, command.from_id
        )
        lots = await connection.raw.fetch(
            "SELECT id FROM credits WHERE tenant_id = $1 AND account_id = ANY($2) AND open",
            tenant_id, [row["id"] for row in accounts],
        )  # fmt: skip
    wanted = needs(command, tuple(row["asset"] for row in accounts), tuple(row["id"] for row in lots))
    done = await ledger.submit(tenant_id, actor, "mergeCustomers", command, wanted, key)
    return done if isinstance(done, Outcome) else Outcome(replayed=True)
