"""A tenant of a test's own, and everything that can be done with it, in few words.

It is made through the ledger's own operations, or by SQL as the app's role where there is none.
"""

from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

from auth.partner_tokens import PartnerSecret
from models.commands import (
    Actor,
    AdjustCredit,
    BulkCredit,
    BulkItem,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    MembershipChange,
    NewExpiry,
    NotedLine,
    OrderItem,
    Outcome,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.configuration_commands import CreateProduct, IssueToken, UpdateProduct
from models.customers import UpsertCustomer
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.coupons import disable_coupon, reopen_coupon, use_coupon
from models.operations.create_credit_note import create_credit_note, void_credit_note
from models.operations.create_invoice import create_invoice
from models.operations.create_order import create_order
from models.operations.create_tenant import create_tenant
from models.operations.expire import expire_credits
from models.operations.give_reward import give_reward
from models.operations.memberships import start_membership
from models.operations.partner_tokens import issue_token
from models.operations.products import create_product, update_product
from models.operations.record_payment import record_payment, void_payment
from models.operations.refund_spend import refund_spend
from models.operations.releasing import reassign_credit, release_assignments, update_credit, void_credit, void_invoice
from models.operations.reverse_bulk import ReverseBulk, reverse_bulk
from models.operations.revive_credit import revive_credit
from models.operations.spend_credit import spend_credit
from models.operations.transfer_credit import transfer_credit
from models.operations.upsert_customer import upsert_customer
from models.operations.use_credit import use_credit
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.coupons import DisableCoupon, ReopenCoupon, UseCoupon
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.payments import VoidPayment
from models.planning.releasing import ReassignCredit, ReleaseAssignments, UpdateCredit, VoidCredit, VoidInvoice
from models.planning.spending import SpendCredit
from models.planning.state import Source
from models.planning.using import UseCredit
from models.planning.voiding_notes import VoidCreditNote
from models.session import tenant_transaction
from tests.support.clock import Clock
from tests.support.rows import TenantRows

IN_TEN_DAYS: Final = NewExpiry(in_days=10)
ADMIN: Final = Actor("admin@test", "ADMIN", name="Ada Admin")
MANAGER: Final = Actor("maria", "MANAGER", name="Maria")
STAFF: Final = Actor("sam", "STAFF", name="Sam")
PARTNER: Final = Actor("bot", "PARTNER", client="app")


class Tenant(TenantRows):
    """One tenant of one test. Amounts are decimals as text or whole numbers; keys are fresh unless given.

    actor: who asks, where a test names nobody.
    """

    def __init__(self, ledger: Ledger, clock: Clock, slug: str, tenant_id: UUID, *, actor: Actor = MANAGER) -> None:
        super().__init__(tenant_id, clock)
        self.ledger = ledger
        self.slug = slug
        self.actor = actor
        self._number = count(1)

    @classmethod
    async def open(cls, clock: Clock, *, time_zone: str = "Europe/London", source: Source | None = None) -> "Tenant":
        """On a ledger of its own; a manager asks."""
        return await make_tenant(Ledger(clock, source), clock, time_zone=time_zone, actor=MANAGER)

    def key(self) -> str:
        """An idempotency key that was not used before."""
        return uuid4().hex

    # What is asked of the ledger

    async def customer(
        self, external_id: str | None = None, name: str = "Carol Customer", email: str | None = None
    ) -> UUID:
        command = UpsertCustomer(external_id or f"{name}-{uuid4().hex}", name, email)
        return (await upsert_customer(self.ledger, self.id, self.actor, command))[0].id

    async def member(self) -> UUID:
        """A customer whose membership runs."""
        customer_id = await self.customer()
        await start_membership(self.ledger, self.id, self.actor, MembershipChange(customer_id))
        return customer_id

    async def adjust(
        self,
        customer_id: UUID,
        amount: str | int,
        asset: str = "GBP",
        reason: str | None = None,
        *,
        actor: Actor | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Outcome:
        """reason: GOODWILL for what is added, POLICY for what is removed, unless given."""
        signed = Decimal(amount)
        reason = reason or ("GOODWILL" if signed > 0 else "POLICY")
        command = AdjustCredit(customer_id, asset, signed, reason, **more)
        return await adjust_credit(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def credit(self, customer_id: UUID, amount: str | int, asset: str = "GBP", **more: Any) -> UUID:
        """The id of a new credit, which does not apply itself to invoices unless told."""
        outcome = await self.adjust(customer_id, amount, asset, **{"auto_apply": False, **more})
        return known(outcome.credit_id)

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
        outcome = await create_invoice(self.ledger, self.id, self.actor, command, key or self.key())
        return known(outcome.invoice_id)

    async def invoice_with_line(self, customer_id: UUID, total: str | int, quantity: int = 1) -> tuple[UUID, UUID]:
        """The id of a new invoice that takes no credit, of one line, and that line's."""
        line = InvoiceLineItem("Tea", quantity, Decimal(total) / quantity)
        invoice = await self.invoice(customer_id, total, lines=(line,), auto_apply=False)
        return invoice, (await self.lines_of(invoice))[0]

    async def lines_of(self, invoice_id: UUID) -> list[UUID]:
        """The ids of its lines, in their order."""
        sql = "SELECT id FROM invoice_lines WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY position"
        return [row[0] for row in await self.rows(sql, invoice_id)]

    async def assign(
        self, credit_id: UUID | None, *amounts: tuple[UUID, str | int | None], key: str | None = None
    ) -> Outcome:
        """Of no amount, as much as there is room for."""
        command = AssignCredit(known(credit_id), _amounts(amounts))
        return await assign_credit(self.ledger, self.id, self.actor, command, key or self.key())

    async def release(self, *assignment_ids: UUID, key: str | None = None, note: str | None = None) -> Outcome:
        command = ReleaseAssignments(assignment_ids, note)
        return await release_assignments(self.ledger, self.id, self.actor, command, key or self.key())

    async def reassign(
        self, assignment_id: UUID, *amounts: tuple[UUID, str | int | None], key: str | None = None
    ) -> Outcome:
        command = ReassignCredit(assignment_id, _amounts(amounts))
        return await reassign_credit(self.ledger, self.id, self.actor, command, key or self.key())

    async def void_invoice(self, invoice_id: UUID, *, key: str | None = None, note: str | None = None) -> Outcome:
        command = VoidInvoice(invoice_id, note)
        return await void_invoice(self.ledger, self.id, self.actor, command, key or self.key())

    async def void_credit(self, credit_id: UUID, *, key: str | None = None, **more: Any) -> Outcome:
        command = VoidCredit(credit_id, **more)
        return await void_credit(self.ledger, self.id, self.actor, command, key or self.key())

    async def update_credit(
        self, credit_id: UUID, *, key: str | None = None, actor: Actor | None = None, **more: Any
    ) -> Outcome:
        command = UpdateCredit(credit_id, **more)
        return await update_credit(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def pay(
        self,
        invoice_id: UUID | None,
        amount: str | int,
        method: str = "CARD",
        *,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        command = RecordPayment(known(invoice_id), Decimal(amount), method, **more)
        return await record_payment(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def overpay(self, invoice_id: UUID | None, amount: str | int, **more: Any) -> Outcome:
        """What is too much is kept."""
        return await self.pay(invoice_id, amount, keep_excess=True, **more)

    async def order(
        self, customer_id: UUID, *items: tuple[UUID, int], currency: str = "GBP", key: str | None = None, **more: Any
    ) -> UUID:
        """The id of a new order of so many of these products."""
        return known((await self.issue(customer_id, *items, currency=currency, key=key, **more)).invoice_id)

    async def issue(
        self,
        customer_id: UUID,
        *items: tuple[UUID, int],
        currency: str = "GBP",
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """What becomes of such an order: it may have to wait."""
        lines = tuple(OrderItem(product_id, quantity) for product_id, quantity in items)
        command = CreateOrder(customer_id, more.pop("number", uuid4().hex), currency, lines, **more)
        return await create_order(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def void_payment(
        self, payment_id: UUID | None, *, note: str | None = None, key: str | None = None
    ) -> Outcome:
        command = VoidPayment(known(payment_id), note)
        return await void_payment(self.ledger, self.id, self.actor, command, key or self.key())

    async def give(
        self,
        customer_id: UUID,
        reward_id: UUID,
        *,
        deduct_points: bool = True,
        actor: Actor | None = None,
        key: str | None = None,
        note: str | None = None,
        request_approval: bool = False,
        propose_only: bool = False,
    ) -> Outcome:
        command = GiveReward(customer_id, reward_id, deduct_points, note, request_approval, propose_only)
        return await give_reward(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def use_coupon(
        self, coupon_id: UUID | None, *, invoice: UUID | None = None, key: str | None = None, actor: Actor = STAFF
    ) -> Outcome:
        command = UseCoupon(known(coupon_id), invoice)
        return await use_coupon(self.ledger, self.id, actor, command, key or self.key())

    async def reopen(self, coupon_id: UUID | None, *, note: str | None = None, key: str | None = None) -> Outcome:
        command = ReopenCoupon(known(coupon_id), note)
        return await reopen_coupon(self.ledger, self.id, self.actor, command, key or self.key())

    async def disable(
        self,
        coupon_id: UUID | None,
        *,
        refund: bool,
        restock: bool = False,
        note: str | None = None,
        key: str | None = None,
    ) -> Outcome:
        command = DisableCoupon(known(coupon_id), refund, note, restock)
        return await disable_coupon(self.ledger, self.id, self.actor, command, key or self.key())

    async def expire(self) -> int:
        """Write off what has expired; how many transactions that took."""
        return await expire_credits(self.ledger, self.id)

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
        return await use_credit(self.ledger, self.id, actor, command, key or self.key())

    async def spend(
        self,
        customer_id: UUID,
        amount: str | int | Decimal,
        asset: str = "GBP",
        *,
        note: str | None = "Coffee",
        services: tuple[UUID, ...] = (),
        key: str | None = None,
        actor: Actor = STAFF,
    ) -> Outcome:
        command = SpendCredit(customer_id, asset, Decimal(amount), note, services)
        return await spend_credit(self.ledger, self.id, actor, command, key or self.key())

    async def refund(
        self,
        spend: Outcome | UUID,
        amount: str | int | Decimal | None = None,
        *,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """Of no amount, all that is left of it."""
        transaction_id = spend if isinstance(spend, UUID) else known(spend.transaction_id)
        command = RefundSpend(transaction_id, None if amount is None else Decimal(amount), **more)
        return await refund_spend(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def note(
        self,
        invoice_id: UUID,
        amount: str | int | Decimal | None = None,
        *lines: NotedLine,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """A credit note. Of no amount, what the lines come to, or all that can still be noted."""
        command = CreateCreditNote(invoice_id, None if amount is None else Decimal(amount), lines, **more)
        return await create_credit_note(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def void_note(
        self, note: Outcome, *, text: str | None = None, key: str | None = None, ledger: Ledger | None = None
    ) -> Outcome:
        command = VoidCreditNote(known(note.credit_note_id), text)
        return await void_credit_note(ledger or self.ledger, self.id, self.actor, command, key or self.key())

    async def transfer(
        self,
        giver: UUID,
        receiver: UUID,
        amount: str | int | Decimal,
        asset: str = "GBP",
        *,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        command = TransferCredit(giver, receiver, asset, Decimal(amount), **more)
        return await transfer_credit(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def revive(
        self,
        credit_id: UUID,
        amount: str | int | Decimal | None = None,
        expiry: NewExpiry = IN_TEN_DAYS,
        *,
        reason: str = "GOODWILL",
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """Of no amount, all that has expired."""
        command = ReviveCredit(credit_id, reason, expiry, None if amount is None else Decimal(amount), **more)
        return await revive_credit(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def bulk(
        self,
        *items: tuple[UUID | None, str | int],
        asset: str = "POINTS",
        reason: str = "CORRECTION",
        actor: Actor | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Outcome:
        command = BulkCredit(tuple(BulkItem(c, Decimal(amount)) for c, amount in items), asset, reason, **more)
        return await bulk_credit(self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def reverse(
        self,
        bulk: Outcome | UUID,
        *,
        dry_run: bool = False,
        note: str | None = None,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
    ) -> Outcome:
        operation_id = bulk if isinstance(bulk, UUID) else known(bulk.bulk_operation_id)
        command = ReverseBulk(operation_id, dry_run, note)
        return await reverse_bulk(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    # What an admin sets

    async def service(self, name: str | None = None, *, active: bool = True) -> UUID:
        return await self._insert("services", name=name or f"Service {uuid4()}", active=active)

    async def tier(self, name: str, threshold: int) -> UUID:
        return await self._insert("tiers", name=name, threshold_minor=threshold)

    async def reward(
        self,
        points: int,
        *,
        name: str | None = None,
        active: bool = True,
        stock: int | None = None,
        validity_days: int | None = None,
    ) -> UUID:
        return await self._insert(
            "rewards",
            name=name or f"Reward {uuid4()}",
            kind="FREE_DELIVERY",
            points_cost_minor=points,
            active=active,
            stock=stock,
            validity_days=validity_days,
        )

    async def product(
        self,
        price: str | int,
        kind: str = "GOODS",
        currency: str = "GBP",
        *,
        name: str | None = None,
        active: bool = True,
    ) -> UUID:
        command = CreateProduct(name or f"{kind} {uuid4()}", kind, currency, Decimal(price))
        product_id = await create_product(self.ledger, self.id, ADMIN, command)
        if not active:
            await update_product(self.ledger, self.id, ADMIN, UpdateProduct(product_id, active=False))
        return product_id

    async def reason(
        self, code: str, *, adds: bool = True, removes: bool = True, moves_lifetime: bool = True, active: bool = True
    ) -> str:
        await self._insert(
            "reasons",
            code=code,
            label=code,
            adds=adds,
            removes=removes,
            moves_lifetime=moves_lifetime,
            note_required=False,
            active=active,
        )
        return code

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
        await self.execute(
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

    async def partner_token(
        self, *scopes: str, client: str = "shop", name: str | None = None, expires_at: datetime | None = None
    ) -> PartnerSecret:
        """One that is good, with its secret."""
        made = PartnerSecret(self.id, self.ledger.source.new_id(), self.ledger.source.new_secret())
        name = name or f"Token {next(self._number)}"
        command = IssueToken(made.token_id, made.digest, client, name, frozenset(scopes), expires_at=expires_at)
        await issue_token(self.ledger, self.id, ADMIN, command)
        return made

    async def cancel_membership(self, customer_id: UUID, at: datetime) -> None:
        await self.execute(
            "UPDATE customers SET membership_cancelled_at = $3 WHERE tenant_id = $1 AND id = $2", customer_id, at
        )

    async def execute(self, sql: str, *arguments: object) -> None:
        """One statement as the app's role; $1 is the tenant."""
        async with tenant_transaction(self.id) as connection:
            await connection.raw.execute(sql, self.id, *arguments)

    async def _insert(self, table: str, **columns: object) -> UUID:
        row_id = self.ledger.source.new_id()
        names = ["tenant_id", "id", *columns]
        places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        await self.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", row_id, *columns.values())
        return row_id

    def today(self) -> date:
        return self.clock().date()


async def make_tenant(
    ledger: Ledger, clock: Clock | None = None, *, time_zone: str = "Europe/London", actor: Actor = ADMIN
) -> Tenant:
    """A tenant as a new one is: the first reasons and limits, and nothing else. Unless said otherwise, an admin asks."""
    slug = f"t-{uuid4().hex}"
    tenant_id = await create_tenant(ledger, slug, "Test & Co", time_zone)
    return Tenant(ledger, clock or Clock(), slug, tenant_id, actor=actor)


def known(row_id: UUID | None) -> UUID:
    """The id of what an operation has made, of which not each makes one."""
    assert row_id is not None
    return row_id


def _amounts(amounts: tuple[tuple[UUID, str | int | None], ...]) -> tuple[InvoiceAmount, ...]:
    return tuple(InvoiceAmount(i, None if amount is None else Decimal(amount)) for i, amount in amounts)
