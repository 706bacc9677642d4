"""The proof of the books: right books pass, and each kind of tampering is found, by its name."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import Actor, AdjustCredit, GiveReward, RecordPayment
from models.customers import UpsertCustomer
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.assign import assign_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_tenant import create_tenant
from models.operations.give_reward import give_reward
from models.operations.people import erase_customer
from models.operations.record_payment import record_payment
from models.operations.upsert_customer import upsert_customer
from models.plan_ages import PlanAges
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.reads.proof import MAX_LISTED
from models.reads.verify import every_tenant, verify
from models.session import tenant_transaction
from tests.support.tampering import Tampering, planted

MANAGER = Actor("maria", "MANAGER", name="Maria")


@dataclass(frozen=True, slots=True)
class Books:
    """A tenant whose every kind of row is there, posted by the operations themselves."""

    ledger: Ledger
    slug: str
    tenant_id: UUID
    customer_id: UUID

    async def adjust(self, customer_id: UUID, asset: str, amount: int, **more: Any) -> UUID | None:
        reason = "GOODWILL" if amount > 0 else "POLICY"
        command = AdjustCredit(customer_id, asset, Decimal(amount), reason, **more)
        return (await adjust_credit(self.ledger, self.tenant_id, MANAGER, command, uuid4().hex)).credit_id

    async def invoice(self, customer_id: UUID, price: int, **more: Any) -> UUID:
        lines = (InvoiceLineItem("Tea", 2, Decimal(price)),)
        command = CreateInvoice(customer_id, uuid4().hex, "GBP", lines, **more)
        outcome = await create_invoice(self.ledger, self.tenant_id, MANAGER, command, uuid4().hex)
        assert outcome.invoice_id is not None
        return outcome.invoice_id


@pytest.fixture
async def books(database: Urls) -> AsyncIterator[Books]:
    ledger = Ledger()
    slug = f"t-{uuid4().hex}"
    tenant_id = await create_tenant(ledger, slug, "Tea shop", "Europe/London")
    anna, ben = [
        (await upsert_customer(ledger, tenant_id, MANAGER, UpsertCustomer(name, name)))[0].id
        for name in ("Anna", "Ben")
    ]
    made = Books(ledger, slug, tenant_id, anna)
    await _post_everything(made, anna, ben)
    yield made
    await ledger.close()


async def _post_everything(books: Books, anna: UUID, ben: UUID) -> None:
    ledger, tenant_id = books.ledger, books.tenant_id
    service_id, reward_id = uuid4(), uuid4()
    async with tenant_transaction(tenant_id) as connection:
        await connection.raw.execute("INSERT INTO services VALUES ($1, $2, 'Yoga', true)", service_id, tenant_id)
        await connection.raw.execute(
            """INSERT INTO rewards (id, tenant_id, name, kind, points_cost_minor, active)
            VALUES ($1, $2, 'Delivery', 'FREE_DELIVERY', 300, true)""",
            reward_id,
            tenant_id,
        )
    await books.adjust(anna, "GBP", 100, note="The parcel was late", auto_apply=False)
    credit_id = await books.adjust(anna, "GBP", 50, auto_apply=False)
    await books.adjust(anna, "GBP", -30)
    await books.adjust(anna, "SERVICE_CREDITS", 5, service_ids=(service_id,))
    await books.adjust(anna, "POINTS", 1000)
    await books.adjust(ben, "GBP", 20)
    await give_reward(ledger, tenant_id, MANAGER, GiveReward(anna, reward_id, deduct_points=True), uuid4().hex)
    await books.invoice(ben, 500)
    mine = await books.invoice(anna, 40)
    assert credit_id is not None
    assign = AssignCredit(credit_id, (InvoiceAmount(mine, Decimal(25)),))
    await assign_credit(ledger, tenant_id, MANAGER, assign, uuid4().hex)
    await record_payment(ledger, tenant_id, MANAGER, RecordPayment(mine, Decimal(15), "CARD"), uuid4().hex)


@pytest.fixture
def tamper(books: Books, owner_connection: "asyncpg.Connection[Any]") -> Tampering:
    return Tampering(owner_connection, books.tenant_id)


def _of(person: str, table: str) -> str:
    return f"(SELECT x.id FROM {table} x JOIN customers c ON c.id = x.customer_id WHERE c.name = '{person}')"


POUNDS = f"id IN {_of('Anna', 'accounts')} AND asset = 'GBP'"
OF_POUNDS = f"account_id IN (SELECT id FROM accounts WHERE {POUNDS})"
BENS_ACCOUNT = _of("Ben", "accounts")
INVOICE = f"id = {_of('Anna', 'invoices')}"
OF_INVOICE = f"invoice_id = {_of('Anna', 'invoices')}"
NOTED = "id = (SELECT id FROM transaction_texts)"
FORGED = "sha256('forged')"


PLANTED = {
    "a balance": planted("accounts", "balance_minor = balance_minor + 1", POUNDS, "account sums"),
    "a lifetime total": planted("accounts", "lifetime_minor = lifetime_minor + 1", "asset = 'POINTS'", "account sums"),
    "an account's sequence": planted("accounts", "sequence = sequence + 1", POUNDS, "account sums", "account head"),
    "an account's head": planted("accounts", f"head_hash = {FORGED}", POUNDS, "account head"),
    "an account's time": planted("accounts", "posted_at = posted_at + interval '1 s'", POUNDS, "account head"),
    "a remainder": planted(
        "credits", "remaining_minor = remaining_minor - 1", f"amount_minor = 5000 AND {OF_POUNDS}", "credit remainder"
    ),
    "a credit's amount": planted(
        "credits", "amount_minor = 5001", f"amount_minor = 5000 AND {OF_POUNDS}", "credit amount"
    ),
    "a credit's restriction": planted("credits", "restricted = false", "restricted", "credit services"),
    "whose a credit is": planted(
        "credits", f"account_id = {BENS_ACCOUNT}, opened_sequence = 99", "restricted", "entry parties"
    ),
    "an entry's amount": planted(
        "entries",
        "amount_minor = amount_minor + 1",
        f"counter = 'INVOICES' AND {OF_POUNDS}",
        "account sums",
        "credit remainder",
        "assignment entries",
        "entry balance",
        "entry hash",
    ),
    "an entry's counter": planted(
        "entries", "counter = 'ORDERS'", f"sequence = 1 AND {OF_POUNDS}", "entry hash", "grant entries"
    ),
    "an entry's time": planted(
        "entries", "created_at = '2020-01-01Z'", f"sequence = 2 AND {OF_POUNDS}", "entry time", "entry hash"
    ),
    "an entry's hash": planted(
        "entries", f"hash = {FORGED}", f"sequence = 1 AND {OF_POUNDS}", "entry hash", "entry link"
    ),
    "an entry's link": planted(
        "entries", f"previous_hash = {FORGED}", f"sequence = 2 AND {OF_POUNDS}", "entry hash", "entry link"
    ),
    "an entry that is gone": planted(
        "entries",
        None,
        f"sequence = 2 AND {OF_POUNDS}",
        "account sums",
        "credit remainder",
        "credit amount",
        "entry sequence",
        "entry balance",
        "entry link",
    ),
    "the newest entry gone": planted(
        "entries",
        None,
        "account_id = (SELECT id FROM accounts WHERE asset = 'SERVICE_CREDITS')",
        "account sums",
        "account head",
        "credit remainder",
        "credit amount",
    ),
    "a reason": planted("transactions", "reason = 'PROMOTION'", NOTED, "row of transactions"),
    "a kind": planted("transactions", "kind = 'USE'", "kind = 'REWARD'", "row of transactions", "coupon points"),
    "a note": planted("transaction_texts", "note = 'The parcel was on time'", NOTED, "note"),
    "a note's digest": planted("transactions", f"note_digest = {FORGED}", NOTED, "note", "row of transactions"),
    "what an invoice was paid": planted("invoices", "paid_minor = paid_minor + 1", INVOICE, "invoice sums"),
    "what an invoice was credited": planted("invoices", "credited_minor = credited_minor - 1", INVOICE, "invoice sums"),
    "an invoice's line": planted("invoice_lines", "quantity = 3", OF_INVOICE, "invoice sums"),
    "a payment": planted("payments", "amount_minor = amount_minor + 1", OF_INVOICE, "invoice sums"),
    "a payment that is voided": planted("payments", "voided_at = created_at", OF_INVOICE, "invoice sums"),
    "an assignment's amount": planted(
        "assignments", "amount_minor = amount_minor + 1", OF_INVOICE, "invoice sums", "assignment entries"
    ),
    "an assignment that is gone": planted("assignments", None, OF_INVOICE, "invoice sums", "assignment entries"),
    "an assignment that is called released": planted(
        "assignments",
        "released_at = assigned_at, release_transaction_id = transaction_id",
        OF_INVOICE,
        "invoice sums",
        "assignment entries",
    ),
    "an assignment to another's invoice": planted(
        "assignments", f"invoice_id = {_of('Ben', 'invoices')}", OF_INVOICE, "invoice sums", "assignment parties"
    ),
    "a coupon's price": planted("coupons", "points_spent_minor = 299", "true", "coupon points"),
}


async def test_books_are_proved_on_a_connection_whose_plans_are_made_anew(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PlanAges, "due", lambda self, connection: True)
    assert (await verify(books.tenant_id)).holds


async def test_right_books_hold(books: Books) -> None:
    proof = await verify(books.tenant_id)

    assert proof.holds
    assert proof.listed == []
    assert (proof.accounts, proof.invoices, proof.coupons, proof.notes) == (4, 2, 1, 1)
    # Four credits of Anna's and one of Ben's; a removal, a reward, an assignment by hand and an automatic one.
    assert (proof.credits, proof.entries) == (5, 9)


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(books: Books, tamper: Tampering, what: str) -> None:
    corruption = PLANTED[what]
    await tamper(corruption.table, corruption.statement)

    proof = await verify(books.tenant_id)

    assert not proof.holds
    assert corruption.found <= set(proof.found)
    assert {difference.check for difference in proof.listed} == set(proof.found)


async def test_a_note_is_blank_only_where_its_customer_is_erased(
    books: Books, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    async with owner_connection.transaction():  # with the triggers on: this is the one change that they allow
        await owner_connection.execute(f"SET LOCAL scrip.tenant = '{books.tenant_id}'")
        assert await owner_connection.execute("UPDATE transaction_texts SET note = '', salt = ''") == "UPDATE 1"
    assert (await verify(books.tenant_id)).found == {"note": 1}

    await erase_customer(books.ledger, books.tenant_id, MANAGER, books.customer_id)
    proof = await verify(books.tenant_id)

    assert proof.holds
    assert proof.notes == 1


async def test_the_list_of_differences_is_bounded(books: Books, owner_connection: "asyncpg.Connection[Any]") -> None:
    number = MAX_LISTED + 5
    async with tenant_transaction(books.tenant_id) as connection:
        await connection.raw.execute(
            """INSERT INTO invoices (id, tenant_id, customer_id, number, kind, currency, total_minor, creditable_minor,
                paid_minor, credited_minor, status, auto_apply, issued_on, actor_id, created_at)
            SELECT u.id, a.tenant_id, $2, 'wrong-' || u.n, 'INVOICE', 'GBP', 100, 100, 0, 0, 'OPEN', true,
                current_date, a.id, now()
            FROM (SELECT tenant_id, id FROM actors WHERE tenant_id = $1 LIMIT 1) a
            CROSS JOIN unnest($3::uuid[]) WITH ORDINALITY AS u(id, n)""",
            books.tenant_id,
            books.customer_id,
            [uuid4() for _ in range(number)],
        )

    proof = await verify(books.tenant_id)

    assert proof.found == {"invoice sums": number}
    assert len(proof.listed) == MAX_LISTED


async def test_it_runs_beside_the_service(books: Books) -> None:
    async def post() -> None:
        for _ in range(20):
            await books.adjust(books.customer_id, "POINTS", 1)

    posting = asyncio.gather(*(post() for _ in range(3)))
    proofs = [await verify(books.tenant_id) for _ in range(5)]
    await posting

    assert all(proof.holds for proof in proofs)
    assert (await verify(books.tenant_id)).entries == 9 + 60


async def test_every_tenant_is_listed_for_operators_only(books: Books) -> None:
    assert books.slug in [tenant.slug for tenant in await every_tenant()]

    async with tenant_transaction(books.tenant_id) as connection:
        slugs = [row["slug"] for row in await connection.raw.fetch("SELECT slug FROM tenants")]
    assert slugs == [books.slug]
