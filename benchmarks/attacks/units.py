"""Single operations that touch a great many rows, and an account that another transaction holds."""

import asyncio
from time import monotonic
from typing import Any, Final

import asyncpg

from benchmarks.attacks.aim import Aim, Attack, at_once
from benchmarks.ledger_rows import fill_lots
from schema.ids import global_id

CREDITS, MANY_CREDITS = 10_000, 100_000
LOT: Final = 5
"""Pounds in each of the open credits."""
HELD_S: Final = 18.0
WAITING: Final = 18
SWEEP: Final = "sweep of 100,000 credits"
SWEPT_S: Final = 200.0
"""The job runs once a minute."""
_ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  account { available } userErrors { code } } }"""
_INVOICE: Final = """mutation($input: CreateInvoiceInput!) { createInvoice(input: $input) {
  invoice { id } userErrors { code } } }"""
_VOID: Final = "mutation($input: VoidInvoiceInput!) { voidInvoice(input: $input) { userErrors { code } } }"
_MERGE: Final = "mutation($input: MergeCustomersInput!) { mergeCustomers(input: $input) { userErrors { code } } }"
_ERASE: Final = "mutation($input: EraseCustomerInput!) { eraseCustomer(input: $input) { userErrors { code } } }"
_HOLD: Final = """SELECT a.id FROM accounts a JOIN tenants t ON t.id = a.tenant_id
    JOIN customers c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
    WHERE t.slug = $1 AND c.external_id = $2 FOR UPDATE OF a"""
_BALANCES: Final = "query($id: ID!) { customer(by: {id: $id}) { balances { available } } }"
_BALANCE: Final = "SELECT balance_minor FROM accounts WHERE tenant_id = $1 AND customer_id = $2"
_FILLER: Final = "SELECT t.id, a.id FROM tenants t JOIN actors a ON a.tenant_id = t.id WHERE t.slug = $1 LIMIT 1"


def _adjustment(aim: Aim, customer: str, amount: str) -> dict[str, Any]:
    given = {"customerId": customer, "asset": "GBP", "amount": amount, "reason": "CORRECTION"}
    return {"input": {**given, "idempotencyKey": aim.key()}}


async def invoice(aim: Aim) -> None:
    """Takes 10,000 credits at once, and is voided."""
    total = {"description": "Goods", "quantity": 1, "unitPrice": str(aim.many(CREDITS) * LOT)}
    given = {"customerId": aim.big.invoiced, "number": aim.key(), "currency": "GBP", "lines": [total]}
    made = await aim.ask(_INVOICE, {"input": {**given, "idempotencyKey": aim.key()}})
    payload = (made.get("data") or {}).get("createInvoice") or {}
    if payload.get("invoice"):
        await aim.ask(_VOID, {"input": {"invoiceId": payload["invoice"]["id"], "idempotencyKey": aim.key()}})


async def removal(aim: Aim) -> None:
    """Of all that 100,000 credits hold."""
    await aim.ask(_ADJUST, _adjustment(aim, aim.big.spent, f"-{aim.many(MANY_CREDITS) * LOT}"))


async def merge(aim: Aim) -> None:
    into = {"fromId": aim.big.merged, "intoId": aim.customers[-1], "idempotencyKey": aim.key()}
    await aim.ask(_MERGE, {"input": into}, role="admin")


async def erasure(aim: Aim) -> None:
    """Of a customer who has nothing left; the texts to erase have been searched for."""
    await aim.ask(_ERASE, {"input": {"customerId": aim.big.erased}}, role="admin")


async def sweep(aim: Aim) -> None:
    """Of 100,000 expired credits of one account, by the servers' own job."""
    connection = await asyncpg.connect(aim.database)
    try:
        tenant_id, actor_id = await connection.fetchrow(_FILLER, aim.tenant)
        sizes = [aim.many(MANY_CREDITS)]
        made = await fill_lots(connection, tenant_id, actor_id, sizes, 2, first_id=10**9, expired=True)
        # The job makes them again, with the rows that lie in their past.
        for table in ("totals", "totals_amounts", "totals_latest", "totals_seen"):
            await connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant_id)
        began = monotonic()
        while await connection.fetchval(_BALANCE, tenant_id, made[0]):
            if monotonic() - began > SWEPT_S:
                raise TimeoutError("the credits were not swept")
            await asyncio.sleep(0.5)
    finally:
        await connection.close()
    await aim.ask(_BALANCES, {"id": str(global_id("Customer", made[0]))})


async def held_account(aim: Aim) -> None:
    """Another transaction holds one account's row for 18 s, and 18 clients add to that account meanwhile."""
    connection = await asyncpg.connect(aim.database)
    try:
        async with connection.transaction():
            await connection.fetchval(_HOLD, aim.tenant, aim.locked)
            customer = aim.customers[int(aim.locked.rpartition("-")[2]) - 1]
            waiting = asyncio.create_task(
                at_once(WAITING, lambda n: aim.ask(_ADJUST, _adjustment(aim, customer, "1.00"), server=n))
            )
            await asyncio.sleep(max(HELD_S * aim.scale, 2.0))
        await waiting
    finally:
        await connection.close()


ATTACKS: Final[dict[str, Attack]] = {
    "an account that somebody holds": held_account,
    "invoice of 10,000 assignments, voided": invoice,
    "removal from 100,000 credits": removal,
    "merge of 100,000 credits": merge,
    SWEEP: sweep,
    "erasure of a large customer": erasure,
}
