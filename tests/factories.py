"""Tenants to test with: made through the ledger's own operations, or by SQL as the app's role where there is none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

from auth.partner_tokens import PartnerSecret
from models import tables
from models.commands import (
    Actor,
    AdjustCredit,
    AssignCredit,
    CreateInvoice,
    CreateOrder,
    GiveReward,
    InvoiceAmount,
    InvoiceLineItem,
    MembershipChange,
    OrderItem,
    Outcome,
    RecordPayment,
    UpsertCustomer,
)
from models.configuration_commands import CreateProduct, IssueToken, UpdateProduct
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_order import create_order
from models.operations.create_tenant import create_tenant
from models.operations.give_reward import give_reward
from models.operations.memberships import start_membership
from models.operations.partner_tokens import issue_token
from models.operations.products import create_product, update_product
from models.operations.record_payment import record_payment
from models.operations.upsert_customer import upsert_customer
from models.session import tenant_transaction

ADMIN: Final = Actor(subject="admin@test", role="ADMIN", name="Ada Admin")

# Everything that a mutation could leave behind. Actors are left out: a refused request may well have introduced one. So are
# seals, which change where what they seal does.
MOVED_TABLES: Final = tuple(
    sorted({getattr(tables, name)._meta.db_table for name in tables.__all__} - {"actors", "seals", "tenants"})
)
# A counter that stands at 0 says nothing: it was only locked. That access was denied is written down on purpose.
_LEFT_OUT: Final = {"limit_counters": "and used_minor > 0", "audit_events": "and action <> 'access.denied'"}
_FINGERPRINT: Final = " union all ".join(
    f"select '{table}' as name, md5(string_agg(t::text, '|' order by t::text)) as digest from {table} t"
    f" where tenant_id = $1 {_LEFT_OUT.get(table, '')}"
    for table in MOVED_TABLES
)


class Clock:
    """The time, ahead of the real one by as much as a test wants; or standing still."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.still: datetime | None = None

    def __call__(self) -> datetime:
        return self.still or datetime.now(UTC) + self.ahead

    def advance(self, by: timedelta) -> None:
        self.ahead += by

    def stand_still(self, at: datetime) -> None:
        self.still = at


class Tenant:
    """One tenant of one test."""

    def __init__(self, ledger: Ledger, tenant_id: UUID, slug: str) -> None:
        self.ledger = ledger
        self.id = tenant_id
        self.slug = slug
        self._number = count(1)

    def key(self) -> str:
        """An idempotency key that was not used before."""
        return f"key-{next(self._number)}"

    async def customer(
        self, external_id: str | None = None, name: str = "Carol Customer", email: str | None = None
    ) -> UUID:
        external_id = external_id or f"c-{next(self._number)}"
        view, _ = await upsert_customer(self.ledger, self.id, ADMIN, UpsertCustomer(external_id, name, email))
        return view.id

    async def adjust(
        self,
        customer_id: UUID,
        amount: str,
        asset: str = "GBP",
        *,
        actor: Actor = ADMIN,
        reason: str = "CORRECTION",
        **more: Any,
    ) -> Outcome:
        command = AdjustCredit(customer_id=customer_id, asset=asset, amount=Decimal(amount), reason=reason, **more)
        return await adjust_credit(self.ledger, self.id, actor, command, self.key())

    async def invoice(
        self,
        customer_id: UUID,
        total: str,
        currency: str = "GBP",
        *,
        number: str | None = None,
        auto_apply: bool = False,
        issued_on: date | None = None,
    ) -> Outcome:
        line = InvoiceLineItem("Work done", 1, Decimal(total))
        number = number or f"INV-{next(self._number)}"
        command = CreateInvoice(customer_id, number, currency, (line,), issued_on=issued_on, auto_apply=auto_apply)
        return await create_invoice(self.ledger, self.id, ADMIN, command, self.key())

    async def assign(self, credit_id: UUID | None, invoice_id: UUID | None, amount: str | None = None) -> Outcome:
        assert credit_id is not None
        assert invoice_id is not None
        part = InvoiceAmount(invoice_id, None if amount is None else Decimal(amount))
        return await assign_credit(self.ledger, self.id, ADMIN, AssignCredit(credit_id, (part,)), self.key())

    async def pay(self, invoice_id: UUID | None, amount: str, method: str = "CASH") -> Outcome:
        assert invoice_id is not None
        command = RecordPayment(invoice_id, Decimal(amount), method)
        return await record_payment(self.ledger, self.id, ADMIN, command, self.key())

    async def give(self, customer_id: UUID, reward_id: UUID, *, deduct_points: bool = True) -> Outcome:
        command = GiveReward(customer_id, reward_id, deduct_points)
        return await give_reward(self.ledger, self.id, ADMIN, command, self.key())

    async def product(
        self, name: str, price: str, kind: str = "GOODS", currency: str = "GBP", *, active: bool = True
    ) -> UUID:
        product_id = await create_product(
            self.ledger, self.id, ADMIN, CreateProduct(name, kind, currency, Decimal(price))
        )
        if not active:
            await update_product(self.ledger, self.id, ADMIN, UpdateProduct(product_id, active=False))
        return product_id

    async def order(
        self, customer_id: UUID, *items: tuple[UUID, int], currency: str = "GBP", number: str | None = None
    ) -> Outcome:
        """Of so many of these products."""
        lines = tuple(OrderItem(product_id, quantity) for product_id, quantity in items)
        command = CreateOrder(customer_id, number or f"ORD-{next(self._number)}", currency, lines)
        return await create_order(self.ledger, self.id, ADMIN, command, self.key())

    async def service(self, name: str, *, active: bool = True) -> UUID:
        return await self._insert("services", name=name, active=active)

    async def tier(self, name: str, threshold: int) -> UUID:
        return await self._insert("tiers", name=name, threshold_minor=threshold)

    async def reward(
        self, name: str, points: int, *, active: bool = True, stock: int | None = None, validity_days: int | None = None
    ) -> UUID:
        return await self._insert(
            "rewards",
            name=name,
            kind="FREE_DELIVERY",
            points_cost_minor=points,
            active=active,
            stock=stock,
            validity_days=validity_days,
        )

    async def partner_token(
        self, *scopes: str, client: str = "shop", name: str | None = None, expires_at: datetime | None = None
    ) -> PartnerSecret:
        """One that is good, with its secret."""
        made = PartnerSecret(self.id, self.ledger.source.new_id(), self.ledger.source.new_secret())
        command = IssueToken(
            made.token_id,
            made.digest,
            client,
            name or f"Token {next(self._number)}",
            frozenset(scopes),
            expires_at=expires_at,
        )
        await issue_token(self.ledger, self.id, ADMIN, command)
        return made

    async def member(self) -> UUID:
        """A customer whose membership runs."""
        customer_id = await self.customer()
        await start_membership(self.ledger, self.id, ADMIN, MembershipChange(customer_id))
        return customer_id

    async def cancel_membership(self, customer_id: UUID, at: datetime) -> None:
        await self.execute(
            "update customers set membership_cancelled_at = $3 where tenant_id = $1 and id = $2", customer_id, at
        )

    async def execute(self, sql: str, *arguments: object) -> None:
        """One statement as the app's role; $1 is the tenant."""
        async with tenant_transaction(self.id) as connection:
            await connection.raw.execute(sql, self.id, *arguments)

    async def fetch(self, sql: str, *arguments: object) -> list[Any]:
        """The rows of one statement as the app's role; $1 is the tenant."""
        async with tenant_transaction(self.id, read_only=True) as connection:
            rows: list[Any] = await connection.raw.fetch(sql, self.id, *arguments)
            return rows

    async def _insert(self, table: str, **columns: object) -> UUID:
        row_id = self.ledger.source.new_id()
        names = ["tenant_id", "id", *columns]
        places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        await self.execute(f"insert into {table} ({', '.join(names)}) values ({places})", row_id, *columns.values())
        return row_id

    @asynccontextmanager
    async def nothing_moves(self) -> AsyncIterator[None]:
        """Fails where the block changes, adds or removes any row that a mutation could."""
        before = await self.fingerprint()
        yield
        after = await self.fingerprint()
        changed = [table for table in MOVED_TABLES if before[table] != after[table]]
        assert not changed, f"something moved in {changed}"

    async def fingerprint(self) -> dict[str, str]:
        """A digest of all rows of each table."""
        return {row["name"]: row["digest"] for row in await self.fetch(_FINGERPRINT)}


async def make_tenant(ledger: Ledger, *, time_zone: str = "Europe/London") -> Tenant:
    """A tenant as a new one is: the first reasons and limits, and nothing else."""
    slug = f"t-{uuid4().hex}"
    return Tenant(ledger, await create_tenant(ledger, slug, "Test & Co", time_zone), slug)
