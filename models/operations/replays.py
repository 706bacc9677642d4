"""The results of used idempotency keys, looked up by the id stored with the key."""

from dataclasses import replace
from uuid import UUID

from models.commands import Outcome
from models.errors import InvariantViolated
from models.session import TenantConnection, tenant_transaction


async def replay_of_request(tenant_id: UUID, result_id: UUID) -> Outcome:
    """The outcome of an adjustment: its transaction, or the approval request that it became."""
    found = await found_transaction(tenant_id, result_id) or await found_request(tenant_id, result_id)
    if found is None:
        raise InvariantViolated(f"an idempotency key stands for {result_id}, which is nowhere")
    return found


async def found_request(tenant_id: UUID, result_id: UUID) -> Outcome | None:
    """The outcome of a command that became an approval request; None if it did not."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        request = await connection.raw.fetchval(
            "SELECT id FROM approval_requests WHERE tenant_id = $1 AND id = $2", tenant_id, result_id
        )
    return None if request is None else Outcome(approval_request_id=request, replayed=True)


async def replay_of_transaction(tenant_id: UUID, result_id: UUID) -> Outcome:
    """The outcome of an event: its transaction, account, credit, coupon, and the assignments made or released."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        found = await _transaction(connection, result_id)
        if found is None:
            raise InvariantViolated(f"an idempotency key stands for {result_id}, which is nowhere")
        rows = await connection.raw.fetch(
            """SELECT id FROM assignments WHERE tenant_id = $1 AND transaction_id = $2
            UNION ALL SELECT id FROM assignments WHERE tenant_id = $1 AND release_transaction_id = $2 ORDER BY id""",
            tenant_id,
            result_id,
        )
        coupon = await connection.raw.fetchval(
            "SELECT id FROM coupons WHERE tenant_id = $1 AND transaction_id = $2", tenant_id, result_id
        )
    return replace(found, assignment_ids=tuple(row["id"] for row in rows), coupon_id=coupon)


async def replay_of_hold(tenant_id: UUID, result_id: UUID) -> Outcome:
    """The outcome of an event that moved no value, but what is held: its transaction, account and hold."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(
            "SELECT hold_id, account_id FROM hold_lots WHERE tenant_id = $1 AND transaction_id = $2 LIMIT 1",
            tenant_id,
            result_id,
        )
    if row is None:
        raise InvariantViolated(f"an idempotency key stands for {result_id}, which is nowhere")
    return Outcome(transaction_id=result_id, account_id=row["account_id"], hold_id=row["hold_id"], replayed=True)


async def found_transaction(tenant_id: UUID, result_id: UUID) -> Outcome | None:
    """The same for an event that may have had no transaction: then None."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        return await _transaction(connection, result_id)


async def _transaction(connection: TenantConnection, transaction_id: UUID) -> Outcome | None:
    """The transaction, with its account and credit, if it concerns only one of each."""
    row = await connection.raw.fetchrow(
        """SELECT t.id, count(DISTINCT e.account_id) AS accounts, min(e.account_id::text)::uuid AS account_id,
            count(DISTINCT e.credit_id) AS credits, min(e.credit_id::text)::uuid AS credit_id
        FROM transactions t LEFT JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = t.id
        WHERE t.tenant_id = $1 AND t.id = $2 GROUP BY t.id""",
        connection.tenant_id,
        transaction_id,
    )
    if row is None:
        return None
    return Outcome(
        transaction_id=row["id"],
        account_id=row["account_id"] if row["accounts"] == 1 else None,
        credit_id=row["credit_id"] if row["credits"] == 1 else None,
        replayed=True,
    )
