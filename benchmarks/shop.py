"""Customers who have everything that postings and pages are about, below HTTP: for benchmarks.postings and .front_end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar
from uuid import UUID, uuid4

import asyncpg

from app.cli.token import make_token
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.data import CURRENCY, REASON, SLUG, customer_id, make_tenant
from benchmarks.rig import Rig
from models.commands import Actor, AdjustCredit, MembershipChange, Outcome, RecordPayment
from models.configuration_commands import CreateReward, CreateService
from models.ledger import Ledger
from models.money import POINTS, SERVICE_CREDITS
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.expire import expire_credits
from models.operations.hold_credit import hold_credit
from models.operations.memberships import start_membership
from models.operations.record_payment import record_payment
from models.operations.rewards import create_reward
from models.operations.services import create_service
from models.operations.spend_credit import spend_credit
from models.planning.holding import HoldCredit
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.spending import SpendCredit
from schema.ids import global_id

FIRST, NUMBER, QUICK_NUMBER = 1, 500, 100
AT_ONCE: Final = 32
CREDITS, INVOICES = 6, 5
SOON: Final = timedelta(seconds=60)
"""Until a credit expires that is to be revived: longer than it takes to fill the shop."""
PLENTY: Final = Decimal(1_000_000)
"""More than any measurement takes away."""
MUCH: Final = 500
"""Held of each: more than any measurement captures of one."""
_ADMIN: Final = Actor("filler", "ADMIN")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Shop:
    """The bench tenant with customers of whom each has what `fill` gives. Global ids; the lists are in one order.

    tokens: managers', one for each connection. credits, invoices: one of each customer, which no measurement uses up. holds:
    of others, which no measurement uses up either. holders: customers who have a credit and hold nothing. paid: an invoice
    of each customer that account credit has paid. unpaid: one that only credit notes are given for. spends, lapsed: of each
    customer a spend, and a credit that has expired; no measurement gives all of that back.
    """

    id: UUID
    tokens: list[str]
    customers: list[str]
    credits: list[str]
    invoices: list[str]
    holds: list[str]
    holders: list[str]
    paid: list[str]
    unpaid: list[str]
    spends: list[str]
    lapsed: list[str]
    reward: str
    service: str


def make_shop(rig: Rig, connections: int) -> Shop:
    """The shop, in a database that has no tenant."""
    tenant = make_tenant(rig)
    now = datetime.now(UTC)
    tokens = [
        make_token(
            rig.settings,
            tenant=SLUG,
            role=Role.MANAGER,
            subject=f"manager-{n}",
            issued_at=now,
            token_id=f"shop-{n}",
            ttl="1d",
        )
        for n in range(connections)
    ]
    return asyncio.run(_fill(rig, tenant.id, tokens, tenant.customers))


async def _fill(rig: Rig, tenant_id: UUID, tokens: list[str], everybody: list[str]) -> Shop:
    """Give each customer a membership, points, service credits, some credits and invoices."""
    number = QUICK_NUMBER if rig.quick else NUMBER
    customers = [customer_id(n) for n in range(FIRST, FIRST + number)]
    async with open_database(rig.urls.app, pool_min=2, pool_max=8):
        ledger = Ledger()
        reward = await create_reward(
            ledger, tenant_id, _ADMIN, CreateReward("Five off", "FIXED", Decimal(1), Decimal(5), CURRENCY)
        )
        service = await create_service(ledger, tenant_id, _ADMIN, CreateService("Repair"))

        async def one(customer: UUID) -> tuple[UUID, ...]:
            await start_membership(ledger, tenant_id, _ADMIN, MembershipChange(customer))
            await _credit(ledger, tenant_id, customer, POINTS)
            await _credit(ledger, tenant_id, customer, SERVICE_CREDITS)
            credits = [await _credit(ledger, tenant_id, customer, CURRENCY) for _ in range(CREDITS)]
            invoices = [await _invoice(ledger, tenant_id, customer) for _ in range(INVOICES)]
            paid = await _paid(ledger, tenant_id, customer, invoices[1])
            spent = SpendCredit(customer, CURRENCY, PLENTY, "Goods")
            spend = await spend_credit(ledger, tenant_id, _ADMIN, spent, uuid4().hex)
            lapsing = await _credit(ledger, tenant_id, customer, CURRENCY, expires_at=soon)
            bills = (invoices[0].invoice_id, paid, invoices[2].invoice_id)
            return tuple(map(_made, (credits[-1].credit_id, *bills, spend.transaction_id, lapsing.credit_id)))

        soon = datetime.now(UTC) + SOON
        made = await _each(customers, one)
        await asyncio.sleep(max((soon - datetime.now(UTC)).total_seconds(), 0) + 1)
        while await expire_credits(ledger, tenant_id):
            pass
        holding = [customer_id(n) for n in range(FIRST + number, FIRST + 2 * number)]
        held = await _each(holding, lambda customer: _hold(ledger, tenant_id, customer))
        await ledger.close()
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        await admin.execute("VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")
    finally:
        await admin.close()
    return Shop(
        tenant_id,
        tokens,
        [str(global_id("Customer", customer)) for customer in customers],
        [str(global_id("Credit", row[0])) for row in made],
        [str(global_id("Invoice", row[1])) for row in made],
        [str(global_id("Hold", hold)) for hold, _ in held],
        everybody[2 * number :],
        [str(global_id("Invoice", row[2])) for row in made],
        [str(global_id("Invoice", row[3])) for row in made],
        [str(global_id("Transaction", row[4])) for row in made],
        [str(global_id("Credit", row[5])) for row in made],
        str(global_id("Reward", reward.row_id)),
        str(global_id("Service", service.row_id)),
    )


async def _credit(
    ledger: Ledger, tenant_id: UUID, customer: UUID, asset: str, expires_at: datetime | None = None
) -> Outcome:
    command = AdjustCredit(customer, asset, PLENTY, REASON, expires_at=expires_at)
    return await adjust_credit(ledger, tenant_id, _ADMIN, command, uuid4().hex)


async def _hold(ledger: Ledger, tenant_id: UUID, customer: UUID) -> tuple[UUID, UUID]:
    await _credit(ledger, tenant_id, customer, CURRENCY)
    command = HoldCredit(customer, CURRENCY, Decimal(MUCH), "Table 7", expires_in_minutes=43_200)
    outcome = await hold_credit(ledger, tenant_id, _ADMIN, command, uuid4().hex)
    return _made(outcome.hold_id), customer


async def _invoice(ledger: Ledger, tenant_id: UUID, customer: UUID) -> Outcome:
    line = InvoiceLineItem("Goods", 1, PLENTY)
    command = CreateInvoice(customer, uuid4().hex, CURRENCY, (line,), auto_apply=False)
    return await create_invoice(ledger, tenant_id, _ADMIN, command, uuid4().hex)


async def _paid(ledger: Ledger, tenant_id: UUID, customer: UUID, invoice: Outcome) -> UUID | None:
    """The invoice, paid with account credit."""
    command = RecordPayment(_made(invoice.invoice_id), PLENTY, "ACCOUNT_CREDIT")
    return (await record_payment(ledger, tenant_id, _ADMIN, command, uuid4().hex)).invoice_id


async def _each(customers: list[UUID], work: Callable[[UUID], Awaitable[Made]]) -> list[Made]:
    """The results in the customers' order, some of them worked on at once."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(customer: UUID) -> Made:
        async with free:
            return await work(customer)

    return await asyncio.gather(*map(one, customers))


def _made(row_id: UUID | None) -> UUID:
    if row_id is None:
        raise RuntimeError("nothing was made")
    return row_id
