"""A tenant with a row of every kind, and a superuser who changes one of them behind the service's back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
from pglast import parse_sql

from models.checkpoints import Notary
from models.commands import MembershipChange, MergeCustomers, NotedLine
from models.configuration_commands import IssueToken, UpdateTenant
from models.operations.keep_feed import keep_feed
from models.operations.make_checkpoint import make_checkpoint
from models.operations.memberships import start_membership
from models.operations.merge_customers import merge_customers
from models.operations.partner_tokens import issue_token
from models.operations.people import erase_customer
from models.operations.update_tenant import update_tenant
from models.planning.invoices import InvoiceLineItem
from models.signed_notes import Keys, new_key
from models.texts import Texts
from tests.support import approvals, holds
from tests.support.clock import Clock
from tests.support.receivers import hooked, pinged
from tests.support.tampering import past_triggers, set_one
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant

TEXTS = Texts("PO-7", (("till", "2"),))
NOBODY = "00000000-0000-4000-8000-000000000000"


async def everything(tenant: Tenant, clock: Clock) -> None:
    """At least one row in each table, by the operations themselves."""
    await tenant.tier("Gold", 100)
    await pinged(tenant, await hooked(tenant, "https://example.com/scrip"))
    anna, ben, carl = [await tenant.customer(name=name) for name in ("Anna", "Ben", "Carl")]
    yoga, reward = await tenant.service(), await tenant.reward(300, stock=5, validity_days=30)
    change = MembershipChange(anna)
    await start_membership(tenant.ledger, tenant.id, MANAGER, change)
    await tenant.credit(anna, 100, note="The parcel was late")
    await tenant.adjust(anna, -30, texts=TEXTS)
    pounds = await tenant.credit(anna, 50, actor=STAFF, expires_at=clock() + timedelta(days=9))
    lessons = await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(yoga,))
    await tenant.use(anna, yoga, 1)
    await tenant.refund(await tenant.spend(anna, 4), 1)
    await tenant.transfer(anna, ben, 3, note="Between them")
    await holds.capture(tenant, await holds.hold(tenant, anna, 2, minutes=600), 1)
    await tenant.update_credit(lessons, expires_at=clock() + timedelta(days=90))
    await tenant.credit(anna, 1000, "POINTS")
    used = (await tenant.give(anna, reward)).coupon_id
    await tenant.give(anna, reward)
    refunded = (await tenant.give(anna, reward)).coupon_id
    await tenant.use_coupon(used)
    await tenant.disable(refunded, refund=True)
    await _invoices(tenant, anna, pounds)
    await approvals.approve(tenant, await approvals.ask(tenant, ben, note="Please"))
    await approvals.reject(tenant, await approvals.ask(tenant, ben), note="No")
    await approvals.ask(tenant, ben)
    await _sold(tenant, ben)
    await tenant.bulk((anna, 10), (ben, 20))
    await tenant.reverse(await tenant.bulk((ben, 30)), note="The wrong list")
    await tenant.void_credit(await tenant.credit(ben, 7))
    await tenant.credit(ben, 3, expires_at=clock() + timedelta(hours=1))
    late = await tenant.credit(ben, 4, expires_at=clock() + timedelta(hours=1))
    clock.advance(hours=2)
    await tenant.expire()
    await tenant.revive(late, 1)
    await tenant.credit(carl, 12)
    merge = MergeCustomers(carl, ben)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, merge, uuid4().hex)
    gone = await tenant.customer(name="Dora")
    await tenant.credit(gone, 5, note="Dora's own")
    await erase_customer(tenant.ledger, tenant.id, MANAGER, gone)
    token = IssueToken(uuid4(), bytes(32), "shop", "Web shop", frozenset({"credits:add"}), (), None)
    await issue_token(tenant.ledger, tenant.id, ADMIN, token)
    clock.advance(minutes=1)
    await keep_feed(tenant.ledger, tenant.id)
    key = new_key("books.example", bytes(32))
    notary = Notary(Keys((key,), (key.public,)), timedelta(hours=1), None)
    while await make_checkpoint(tenant.ledger, tenant.id, notary, now=True):
        pass


async def _sold(tenant: Tenant, ben: UUID) -> None:
    """An order within a limit on selling credit, and one that was approved."""
    await tenant.limit("STAFF", "GBP", adjustment=30, actor_day=50, kind="SELLING_CREDIT")
    product = await tenant.product(1, "CREDIT")
    await tenant.issue(ben, (product, 20), actor=STAFF)
    await approvals.approve(tenant, await approvals.ask_order(tenant, ben, (product, 40)))
    currencies = UpdateTenant(limited_currencies=("EUR", "GBP"))
    await update_tenant(tenant.ledger, tenant.id, ADMIN, currencies)


async def _invoices(tenant: Tenant, anna: UUID, pounds: UUID) -> None:
    part_paid, void, _ = [await tenant.invoice(anna, total, invoice_texts=TEXTS) for total in (40, 20, 10)]
    await tenant.assign(pounds, (part_paid, 25))
    await tenant.pay(part_paid, 5)
    other = await tenant.assign(pounds, (void, 5))
    await tenant.release(*other.assignment_ids)
    await tenant.void_invoice(void)
    product = await tenant.product(1, "CREDIT")
    order = await tenant.order(anna, (product, 50))
    await tenant.pay(order, 50)
    voided = await tenant.pay(await tenant.order(anna, (product, 10)), 10)
    await tenant.void_payment(voided.payment_id)
    line = InvoiceLineItem("Tea", 0, Decimal("1.99"), Decimal("2.5"), Decimal(10), tax_amount=Decimal("0.90"))
    await tenant.overpay(await tenant.invoice(anna, 0, lines=(line,), auto_apply=False), 9)
    kept = await tenant.overpay(await tenant.invoice(anna, 5, auto_apply=False), 7)
    await tenant.void_payment(kept.payment_id)
    await _noted(tenant, anna)


async def _noted(tenant: Tenant, anna: UUID) -> None:
    """A credit note that gives back credit and money, one that names a line, and one that was voided."""
    invoice, line = await tenant.invoice_with_line(anna, 30)
    await tenant.assign(await tenant.credit(anna, 9), (invoice, 9))
    await tenant.pay(invoice, 21)
    await tenant.note(invoice, 12)
    await tenant.note(invoice, None, NotedLine(line, Decimal("0.5")))
    await tenant.void_note(await tenant.note(await tenant.invoice(anna, 4, auto_apply=False), 1))


@dataclass(frozen=True, slots=True)
class Corruption:
    """What is done to the one row of `table` that `where` finds. change: what it is set to; None deletes it, COPIED makes a
    second one, MOVED gives it to another tenant."""

    table: str
    where: str
    change: str | None


COPIED, MOVED = "copied", "moved"


class Superuser:
    """Changes one row with every trigger and foreign key asleep, and puts it back."""

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant_id: UUID, other_tenant_id: UUID) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.other_tenant_id = other_tenant_id

    @asynccontextmanager
    async def doing(self, corruption: Corruption) -> AsyncIterator[Any]:
        """For as long as the block lasts; the row as it was before (of a copy: the copy)."""
        table, admin = corruption.table, self.connection
        key = "key" if table == "idempotency_keys" else "id"
        own = "id" if table == "tenants" else "tenant_id"
        columns = ", ".join(f'"{name}"' for (name,) in await admin.fetch(_COLUMNS, table))
        row = await admin.fetchrow(
            f"""SELECT t.*, to_jsonb(t) AS whole FROM {table} t WHERE t.{own} = $1 AND {corruption.where}
            ORDER BY t.{key} LIMIT 1""",
            self.tenant_id,
        )
        assert row is not None, corruption
        of_row = f"DELETE FROM {table} WHERE {own} = $1 AND {key} = $2"
        if corruption.change == COPIED:
            new = _of_a_copy(table)
            async with past_triggers(admin):
                await self._add(table, columns, row["whole"], new)
            yield {"id": UUID(new["id"])}
            async with past_triggers(admin):
                await admin.execute(of_row, self.tenant_id, UUID(new["id"]))
            return
        async with past_triggers(admin):
            if corruption.change in (None, MOVED):
                assert await admin.execute(of_row, self.tenant_id, row[key]) == "DELETE 1"
            else:
                parsed: Any = parse_sql(f"UPDATE {table} SET {corruption.change}")[0].stmt
                where = f"{own} = $1 AND {key} = $2"
                assert await set_one(admin, table, parsed.targetList, where, self.tenant_id, row[key]) == "UPDATE 1"
            if corruption.change == MOVED:
                await self._add(table, columns, row["whole"], {"tenant_id": str(self.other_tenant_id)})
        yield row
        async with past_triggers(admin):
            if corruption.change == MOVED:
                await admin.execute(of_row, self.other_tenant_id, row[key])
            await admin.execute(of_row, self.tenant_id, row[key])
            await self._add(table, columns, row["whole"], {})

    async def _add(self, table: str, columns: str, whole: str, new: dict[str, Any]) -> None:
        done = await self.connection.execute(
            f"""INSERT INTO {table} ({columns})
            SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $1::jsonb || $2::jsonb)""",
            whole,
            _json(new),
        )
        assert done == "INSERT 0 1", done


_COLUMNS: Final = """SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' AND attidentity = ''"""


def _of_a_copy(table: str) -> dict[str, Any]:
    """An id of its own, and other values where there has to be only one."""
    unique = {"invoices": {"number": "doubled"}, "coupons": {"code": "DOUBLED"}, "customers": {"external_id": "two"}}
    new: dict[str, Any] = {"id": str(uuid4()), **unique.get(table, {})}
    if table in ("grants", "overpayments"):
        new["credit_id"] = NOBODY
    if table == "invoice_lines":
        new["position"] = 99
    if table in ("accounts", "limit_counters"):
        new["asset"] = "CHF"
    if table == "entries":
        new["sequence"] = 99
    if table == "credits":
        new["opened_sequence"] = 99
    if table == "bulk_rows":
        new["row"] = 99
    if table in ("payments", "approval_requests"):
        new["transaction_id"] = None
    return new


def _json(value: dict[str, Any]) -> str:
    pairs = ", ".join(f'"{name}": {_literal(each)}' for name, each in value.items())
    return "{" + pairs + "}"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else f'"{value}"'
