"""The tenants of benchmarks.growth and benchmarks.verify: of several sizes in one database."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic
from typing import Any, Final
from uuid import UUID

import asyncpg

from app.cli.token import make_token
from app.postgres.database import open_database
from auth.roles import Role
from benchmarks.ledger_rows import HELD, Filled, fill, fill_many
from benchmarks.report import print_table
from benchmarks.rig import Rig
from models.commands import Actor, AdjustCredit
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_tenant import create_tenant
from models.operations.hold_credit import hold_credit
from models.operations.keep_totals import keep_latest, keep_totals
from models.planning.holding import HoldCredit
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.reads.verify import verify
from schema.ids import global_id

SMALL: Final = 10_000
LARGE, QUICK_LARGE = 1_000_000, 100_000
MANY: Final = 10_000
CREDITS: Final = 20
CREDIT: Final = Decimal(10_000)
_TABLES: Final = (
    *("accounts", "audit_events", "credits", "customers", "entries", "seals", "transactions"),
    *("totals", "totals_amounts", "totals_latest", "totals_seen"),
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """entries: as asked for. invoice_id, credits, hold_id, noted_id: of the customer who has half of all entries."""

    id: UUID
    slug: str
    entries: int
    token: str
    filled: Filled
    invoice_id: str
    hold_id: str
    noted_id: str
    credits: list[str]


def sizes_of(rig: Rig) -> tuple[int, ...]:
    """Numbers of entries, the smallest first: as asked for, one of them beside the small tenant."""
    asked = rig.entries or (QUICK_LARGE if rig.quick else LARGE,)
    return tuple(sorted({SMALL, *asked} if len(asked) == 1 else {*asked}))


async def make_tenants(rig: Rig, sizes: Sequence[int]) -> list[Tenant]:
    """Filled, with their totals, and proved. In parts `many` and `restored`: see benchmarks.growth. Prints how long it took.

    Raises RuntimeError if the books do not hold.
    """
    found, times = [], []
    async with open_database(rig.urls.app, pool_min=1, pool_max=4):
        admin = await asyncpg.connect(rig.urls.admin)
        ledger = Ledger()
        restored, many = (part in rig.part.split() for part in ("restored", "many"))
        if restored:
            for table in _TABLES:
                await admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        for size in sizes:
            began = monotonic()
            found.append(await _tenant(rig, admin, ledger, size))
            times.append([f"{size:,}", f"{monotonic() - began:,.0f}"])
        if many:
            await fill_many(admin, MANY, max(sizes) * 100)
        for tenant, row in zip(found, times, strict=True):
            began = monotonic()
            await _kept(ledger, tenant)
            row.append(f"{monotonic() - began:,.0f}")
        await ledger.close()
        await admin.execute("VACUUM" if restored else "VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")
        await admin.close()
        for tenant, row in zip(found, times, strict=True):
            began = monotonic()
            proof = await verify(tenant.id, lanes=2)
            if not proof.holds or not 0.98 < proof.entries / (tenant.entries * (1 + 1 / HELD)) <= 1.01:
                raise RuntimeError(f"the rows made are not right: {proof.entries} entries, {proof.listed[:3]}")
            row.append(f"{monotonic() - began:,.0f}")
    print_table(["entries", "to make, s", "totals, s", "verified, s"], times, title="The tenants")
    return found


async def keep_up(rig: Rig, tenants: Sequence[Tenant]) -> None:
    """Add what was posted to the totals, as `scrip work` does every few seconds."""
    async with open_database(rig.urls.app, pool_min=1, pool_max=2):
        ledger = Ledger()
        for tenant in tenants:
            await _kept(ledger, tenant)
        await ledger.close()


async def _kept(ledger: Ledger, tenant: Tenant) -> None:
    while await keep_totals(ledger, tenant.id):
        pass
    await keep_latest(ledger, tenant.id)


async def _tenant(rig: Rig, admin: "asyncpg.Connection[Any]", ledger: Ledger, size: int) -> Tenant:
    slug = f"entries-{size}"
    tenant_id = await create_tenant(ledger, slug, slug, "Europe/London")
    actor_id = await ledger.actor_id(tenant_id, Actor("filler", "ADMIN"))
    filled = await fill(admin, tenant_id, actor_id, size, first_id=size * 10)
    token = make_token(
        rig.settings, tenant=slug, role=Role.ADMIN, subject="reader", issued_at=filled.until, token_id=slug, ttl="1d"
    )
    return Tenant(tenant_id, slug, size, token, filled, *await _to_assign(ledger, tenant_id, filled))


async def _to_assign(ledger: Ledger, tenant_id: UUID, filled: Filled) -> tuple[str, str, str, list[str]]:
    """An invoice that takes as much as may come, what is held, an invoice to note, and credits to set against the first."""
    actor, customer_id = Actor("filler", "ADMIN"), filled.customer_id
    # What is held and spent is taken from this one, which is older than those to assign.
    to_spend = AdjustCredit(customer_id, "GBP", 10 * CREDIT, "GOODWILL")
    await adjust_credit(ledger, tenant_id, actor, to_spend, "to spend")
    credits = []
    for n in range(CREDITS):
        command = AdjustCredit(customer_id, "GBP", CREDIT, "GOODWILL")
        outcome = await adjust_credit(ledger, tenant_id, actor, command, f"credit-{n}")
        if outcome.credit_id is not None:
            credits.append(str(global_id("Credit", outcome.credit_id)))
    line = InvoiceLineItem("Goods", 1, CREDIT * CREDITS)
    invoices = []
    for number in ("to assign", "to note"):
        invoice = CreateInvoice(customer_id, number, "GBP", (line,), auto_apply=False)
        invoices.append((await create_invoice(ledger, tenant_id, actor, invoice, number)).invoice_id)
    hold = HoldCredit(customer_id, "GBP", CREDIT, "Goods", expires_in_minutes=43_200)
    held = (await hold_credit(ledger, tenant_id, actor, hold, "hold")).hold_id
    first, second = (None if each is None else str(global_id("Invoice", each)) for each in invoices)
    if first is None or second is None or held is None or len(credits) < CREDITS:
        raise RuntimeError("what is to be assigned was not made")
    return first, str(global_id("Hold", held)), second, credits
