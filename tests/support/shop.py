"""A tenant of a test's own, and everything that can be done with it, in few words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from models.commands import (
    Actor,
    AdjustCredit,
    AssignCredit,
    BulkCredit,
    BulkItem,
    CreateInvoice,
    CreateOrder,
    DisableCoupon,
    GiveReward,
    InvoiceAmount,
    InvoiceLineItem,
    OrderItem,
    Outcome,
    ReassignCredit,
    RecordPayment,
    ReleaseAssignments,
    UpdateCredit,
    UpsertCustomer,
    UseCoupon,
    UseCredit,
    VoidCredit,
    VoidInvoice,
    VoidPayment,
)
from models.configuration_commands import CreateProduct
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.coupons import disable_coupon, use_coupon
from models.operations.create_invoice import create_invoice
from models.operations.create_order import create_order
from models.operations.create_tenant import create_tenant
from models.operations.expire import expire_credits
from models.operations.give_reward import give_reward
from models.operations.products import create_product
from models.operations.record_payment import record_payment, void_payment
from models.operations.releasing import reassign_credit, release_assignments, update_credit, void_credit, void_invoice
from models.operations.upsert_customer import upsert_customer
from models.operations.use_credit import use_credit
from models.planning.state import Source
from models.reads import accounts
from models.reads.session import ReadSession
from models.session import tenant_transaction
from models.views import AccountView

ADMIN: Final = Actor("ada", "ADMIN", name="Ada")
MANAGER: Final = Actor("maria", "MANAGER", name="Maria")
STAFF: Final = Actor("sam", "STAFF", name="Sam")
PARTNER: Final = Actor("bot", "PARTNER", client="app")
NOON: Final = datetime(2026, 6, 15, 12, tzinfo=UTC)

LEDGER_TABLES: Final = (
    "accounts",
    "approval_requests",
    "assignments",
    "audit_events",
    "bulk_operations",
    "bulk_rows",
    "coupons",
    "credit_changes",
    "credit_services",
    "credits",
    "entries",
    "grants",
    "idempotency_keys",
    "invoice_lines",
    "invoices",
    "limit_rules",
    "outbox",
    "partner_tokens",
    "payments",
    "rewards",
    "tier_changes",
    "transaction_texts",
    "transactions",
)
_FINGERPRINT: Final = " UNION ALL ".join(
    f"SELECT '{table}' AS name, count(*) AS rows, md5(string_agg(t::text, ' ' ORDER BY t::text)) AS digest"
    f" FROM {table} t WHERE tenant_id = $1 {more}"
    # A counter that stands at 0 says nothing: it was only locked.
    for table, more in [*((name, "") for name in LEDGER_TABLES), ("limit_counters", "AND used_minor > 0")]
)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Go on by so many `days`, `hours` or `seconds`."""
        self.now += timedelta(**by)
        return self.now


class Shop:
    """One tenant. Amounts are decimals as text or whole numbers; keys are fresh unless given."""

    def __init__(self, ledger: Ledger, clock: Clock, slug: str, tenant_id: UUID) -> None:
        self.ledger = ledger
        self.clock = clock
        self.slug = slug
        self.tenant_id = tenant_id

    @classmethod
    async def open(cls, clock: Clock, *, zone: str = "Europe/London", source: Source | None = None) -> "Shop":
        ledger, slug = Ledger(clock, source), f"t-{uuid4().hex}"
        return cls(ledger, clock, slug, await create_tenant(ledger, slug, "Tea shop", zone))

    # What is asked of the ledger

    async def customer(self, name: str = "Anna") -> UUID:
        command = UpsertCustomer(f"{name}-{uuid4().hex}", name)
        return (await upsert_customer(self.ledger, self.tenant_id, MANAGER, command))[0].id

    async def adjust(
        self,
        customer_id: UUID,
        amount: str | int,
        asset: str = "GBP",
        reason: str | None = None,
        *,
        actor: Actor = MANAGER,
        key: str | None = None,
        **more: Any,
    ) -> Outcome:
        signed = Decimal(amount)
        reason = reason or ("GOODWILL" if signed > 0 else "POLICY")
        command = AdjustCredit(customer_id, asset, signed, reason, **more)
        return await adjust_credit(self.ledger, self.tenant_id, actor, command, key or uuid4().hex)

    async def credit(self, customer_id: UUID, amount: str | int, asset: str = "GBP", **more: Any) -> UUID:
        """The id of a new credit, which does not apply itself to invoices unless told."""
        outcome = await self.adjust(customer_id, amount, asset, **{"auto_apply": False, **more})
        assert outcome.credit_id is not None
        return outcome.credit_id

    async def invoice(
        self,
        customer_id: UUID,
        total: str | int,
        currency: str = "GBP",
        *,
        number: str | None = None,
        key: str | None = None,
        **more: Any,
    ) -> UUID:
        lines = more.pop("lines", (InvoiceLineItem("Tea", 1, Decimal(total)),))
        command = CreateInvoice(customer_id, number or uuid4().hex, currency, lines, **more)
        outcome = await create_invoice(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)
        assert outcome.invoice_id is not None
        return outcome.invoice_id

    async def assign(self, credit_id: UUID, *amounts: tuple[UUID, str | int | None], key: str | None = None) -> Outcome:
        items = tuple(InvoiceAmount(i, None if amount is None else Decimal(amount)) for i, amount in amounts)
        command = AssignCredit(credit_id, items)
        return await assign_credit(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def release(self, *assignment_ids: UUID, key: str | None = None, note: str | None = None) -> Outcome:
        command = ReleaseAssignments(assignment_ids, note)
        return await release_assignments(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def reassign(
        self, assignment_id: UUID, *amounts: tuple[UUID, str | int | None], key: str | None = None
    ) -> Outcome:
        items = tuple(InvoiceAmount(i, None if amount is None else Decimal(amount)) for i, amount in amounts)
        command = ReassignCredit(assignment_id, items)
        return await reassign_credit(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def void_invoice(self, invoice_id: UUID, *, key: str | None = None, note: str | None = None) -> Outcome:
        command = VoidInvoice(invoice_id, note)
        return await void_invoice(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def void_credit(self, credit_id: UUID, *, key: str | None = None, **more: Any) -> Outcome:
        command = VoidCredit(credit_id, **more)
        return await void_credit(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def update_credit(self, credit_id: UUID, *, key: str | None = None, **more: Any) -> Outcome:
        command = UpdateCredit(credit_id, **more)
        return await update_credit(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def pay(
        self, invoice_id: UUID, amount: str | int, method: str = "CARD", *, key: str | None = None, **more: Any
    ) -> Outcome:
        command = RecordPayment(invoice_id, Decimal(amount), method, **more)
        return await record_payment(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def order(
        self, customer_id: UUID, *items: tuple[UUID, int], currency: str = "GBP", key: str | None = None, **more: Any
    ) -> UUID:
        """The id of a new order of so many of these products."""
        outcome = await self.issue(customer_id, *items, currency=currency, key=key, **more)
        assert outcome.invoice_id is not None
        return outcome.invoice_id

    async def issue(
        self,
        customer_id: UUID,
        *items: tuple[UUID, int],
        currency: str = "GBP",
        key: str | None = None,
        actor: Actor = MANAGER,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """What becomes of such an order: it may have to wait."""
        lines = tuple(OrderItem(product_id, quantity) for product_id, quantity in items)
        command = CreateOrder(customer_id, more.pop("number", uuid4().hex), currency, lines, **more)
        return await create_order(ledger or self.ledger, self.tenant_id, actor, command, key or uuid4().hex)

    async def void_payment(
        self, payment_id: UUID | None, *, note: str | None = None, key: str | None = None
    ) -> Outcome:
        assert payment_id is not None
        command = VoidPayment(payment_id, note)
        return await void_payment(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def give(
        self,
        customer_id: UUID,
        reward_id: UUID,
        *,
        deduct: bool = True,
        actor: Actor = MANAGER,
        key: str | None = None,
        note: str | None = None,
        request_approval: bool = False,
        propose_only: bool = False,
    ) -> Outcome:
        command = GiveReward(customer_id, reward_id, deduct, note, request_approval, propose_only)
        return await give_reward(self.ledger, self.tenant_id, actor, command, key or uuid4().hex)

    async def use_coupon(self, coupon_id: UUID | None, *, key: str | None = None, actor: Actor = STAFF) -> Outcome:
        assert coupon_id is not None
        return await use_coupon(self.ledger, self.tenant_id, actor, UseCoupon(coupon_id), key or uuid4().hex)

    async def disable(
        self, coupon_id: UUID | None, *, refund: bool, note: str | None = None, key: str | None = None
    ) -> Outcome:
        assert coupon_id is not None
        command = DisableCoupon(coupon_id, refund, note)
        return await disable_coupon(self.ledger, self.tenant_id, MANAGER, command, key or uuid4().hex)

    async def expire(self) -> int:
        """Write off what has expired; how many transactions that took."""
        return await expire_credits(self.ledger, self.tenant_id)

    async def use(
        self,
        customer_id: UUID,
        service_id: UUID,
        amount: str | int | Decimal,
        *,
        key: str | None = None,
        note: str | None = None,
        actor: Actor = STAFF,
    ) -> Outcome:
        command = UseCredit(customer_id, service_id, Decimal(amount), note)
        return await use_credit(self.ledger, self.tenant_id, actor, command, key or uuid4().hex)

    async def bulk(
        self,
        *items: tuple[UUID | None, str | int],
        asset: str = "POINTS",
        reason: str = "CORRECTION",
        actor: Actor = MANAGER,
        key: str | None = None,
        **more: Any,
    ) -> Outcome:
        command = BulkCredit(tuple(BulkItem(c, Decimal(amount)) for c, amount in items), asset, reason, **more)
        return await bulk_credit(self.ledger, self.tenant_id, actor, command, key or uuid4().hex)

    # What an admin sets

    async def run(self, sql: str, *arguments: object) -> None:
        """One statement of the app's role; $1 is the tenant."""
        async with tenant_transaction(self.tenant_id) as connection:
            await connection.raw.execute(sql, self.tenant_id, *arguments)

    async def service(self, *, active: bool = True) -> UUID:
        service_id = uuid4()
        sql = "INSERT INTO services (tenant_id, id, name, active) VALUES ($1, $2, $3, $4)"
        await self.run(sql, service_id, f"Service {service_id}", active)
        return service_id

    async def reward(
        self, price: int, *, stock: int | None = None, validity_days: int | None = None, active: bool = True
    ) -> UUID:
        reward_id = uuid4()
        await self.run(
            """INSERT INTO rewards (tenant_id, id, name, kind, points_cost_minor, stock, validity_days, active)
            VALUES ($1, $2, $3, 'FREE_DELIVERY', $4, $5, $6, $7)""",
            reward_id,
            f"Reward {reward_id}",
            price,
            stock,
            validity_days,
            active,
        )
        return reward_id

    async def product(self, price: str | int, kind: str = "GOODS", currency: str = "GBP") -> UUID:
        command = CreateProduct(f"{kind} {uuid4()}", kind, currency, Decimal(price))
        return await create_product(self.ledger, self.tenant_id, ADMIN, command)

    async def reason(
        self, code: str, *, adds: bool = True, removes: bool = True, moves_lifetime: bool = True, active: bool = True
    ) -> str:
        await self.run(
            """INSERT INTO reasons (tenant_id, id, code, label, adds, removes, moves_lifetime, note_required, active)
            VALUES ($1, $2, $3, $3, $4, $5, $6, false, $7)""",
            uuid4(),
            code,
            adds,
            removes,
            moves_lifetime,
            active,
        )
        return code

    async def tier(self, name: str, threshold: int) -> None:
        sql = "INSERT INTO tiers (tenant_id, id, name, threshold_minor) VALUES ($1, $2, $3, $4)"
        await self.run(sql, uuid4(), name, threshold)

    async def limit(
        self,
        role: str,
        asset: str,
        *,
        holder: str = "",
        adjustment: int | None = None,
        actor_day: int | None = None,
        customer_day: int | None = None,
        kind: str = "ADDING",
    ) -> None:
        """In place of the rule of this name, if there is one."""
        await self.run(
            """INSERT INTO limit_rules
                (tenant_id, id, role, asset, holder, per_adjustment, per_actor_day, per_customer_day, kind)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (tenant_id, kind, role, asset, holder) DO UPDATE
            SET per_adjustment = $6, per_actor_day = $7, per_customer_day = $8""",
            uuid4(),
            role,
            asset,
            holder,
            adjustment,
            actor_day,
            customer_day,
            kind,
        )

    # What is in the books

    async def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What a statement finds; $1 is the tenant."""
        async with tenant_transaction(self.tenant_id, read_only=True) as connection:
            return [tuple(row) for row in await connection.raw.fetch(sql, self.tenant_id, *arguments)]

    async def count(self, table: str) -> int:
        found: int = (await self.rows(f"SELECT count(*) FROM {table} WHERE tenant_id = $1"))[0][0]
        return found

    async def account(self, customer_id: UUID, asset: str = "GBP") -> AccountView | None:
        """The account as it stands at the clock's time."""
        session = ReadSession(self.tenant_id)
        try:
            views = await accounts.of_customers(session, [customer_id], self.clock())
        finally:
            await session.release()
        return next((view for view in views if view.asset == asset), None)

    async def available(self, customer_id: UUID, asset: str = "GBP") -> int:
        """In minor units; 0 where there is no account."""
        view = await self.account(customer_id, asset)
        return 0 if view is None else view.available_minor

    async def remainders(self, *credit_ids: UUID) -> list[int]:
        """In the order asked for, in minor units."""
        sql = "SELECT id, remaining_minor FROM credits WHERE tenant_id = $1 AND id = ANY($2)"
        found = {row[0]: row[1] for row in await self.rows(sql, credit_ids)}
        return [found[credit_id] for credit_id in credit_ids]

    async def entries(self, customer_id: UUID, asset: str = "GBP") -> list[tuple[UUID, int, int]]:
        """Credit, amount and balance after of each entry, in order."""
        return [
            (row[0], row[1], row[2])
            for row in await self.rows(
                """SELECT e.credit_id, e.amount_minor, e.balance_after_minor FROM entries e
                JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
                WHERE e.tenant_id = $1 AND a.customer_id = $2 AND a.asset = $3 ORDER BY e.sequence""",
                customer_id,
                asset,
            )
        ]

    async def invoice_state(self, invoice_id: UUID) -> tuple[str, int, int]:
        """Status, paid and credited."""
        sql = "SELECT status, paid_minor, credited_minor FROM invoices WHERE tenant_id = $1 AND id = $2"
        status, paid, credited = (await self.rows(sql, invoice_id))[0]
        return status, paid, credited

    async def fingerprint(self) -> dict[str, tuple[int, str | None]]:
        """Rows and digest of every table that a posting writes."""
        return {name: (count, digest) for name, count, digest in await self.rows(_FINGERPRINT)}

    @asynccontextmanager
    async def refused(self, code: str) -> AsyncIterator["pytest.ExceptionInfo[LedgerError]"]:
        """The block is refused with this code, and nothing has moved."""
        before = await self.fingerprint()
        with pytest.raises(LedgerError) as caught:
            yield caught
        assert caught.value.code == code, caught.value
        assert await self.fingerprint() == before

    def today(self) -> date:
        return self.clock().date()
