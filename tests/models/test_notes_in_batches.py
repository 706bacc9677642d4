"""Credit notes in one posting with what pays their invoices, and with what is undone of it."""

from typing import Any
from uuid import UUID

import pytest

from models.commands import Outcome
from models.reads.verify import verify
from tests.support.batch import Batch
from tests.support.clock import Clock
from tests.support.tenants import Tenant

SUMS = "SELECT noted_minor, paid_minor, credited_minor FROM invoices WHERE tenant_id = $1 AND id = $2"
PARTS = """SELECT p.amount_minor, p.payment_id IS NOT NULL FROM credit_note_parts p
    WHERE p.tenant_id = $1 AND p.note_id = $2 ORDER BY p.id"""
MONEY, CREDIT = True, False


@pytest.fixture
async def invoice(tenant: Tenant, anna: UUID) -> UUID:
    return await tenant.invoice(anna, 100, auto_apply=False)


class Asking:
    """What is asked for together."""

    def __init__(self, tenant: Tenant) -> None:
        self._batch = Batch(tenant.clock)
        self.tenant = Tenant(self._batch.ledger, tenant.clock, tenant.slug, tenant.id)

    async def posted(self, *operations: Any) -> list[Any]:
        answers = await self._batch.run(self.tenant.id, operations)
        assert all(isinstance(answer, Outcome) for answer in answers), answers
        return answers


async def noted(tenant: Tenant, invoice: UUID, note: Outcome) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """What is noted, paid and credited of the invoice; and what the note gave back."""
    (sums,) = await tenant.rows(SUMS, invoice)
    return tuple(sums), [tuple(part) for part in await tenant.rows(PARTS, note.credit_note_id)]


async def test_after_the_first_money(tenant: Tenant, invoice: UUID) -> None:
    asking = Asking(tenant)
    _, note = await asking.posted(asking.tenant.pay(invoice, 100), asking.tenant.note(invoice, 30))
    assert await noted(tenant, invoice, note) == ((3000, 7000, 0), [(3000, MONEY)])
    assert (await verify(tenant.id)).holds


async def test_after_credit_was_set_against_it(tenant: Tenant, anna: UUID, invoice: UUID) -> None:
    credit = await tenant.credit(anna, 50)
    asking = Asking(tenant)
    _, note = await asking.posted(asking.tenant.assign(credit, (invoice, 50)), asking.tenant.note(invoice, 80))
    assert await noted(tenant, invoice, note) == ((8000, 0, 2000), [(3000, CREDIT)])
    assert await tenant.remainders(credit) == [3000]
    assert (await verify(tenant.id)).holds


async def test_after_one_that_had_given_all_the_money_back_was_voided(tenant: Tenant, invoice: UUID) -> None:
    await tenant.pay(invoice, 100)
    whole = await tenant.note(invoice)
    asking = Asking(tenant)
    _, note = await asking.posted(asking.tenant.void_note(whole), asking.tenant.note(invoice, 40))
    assert await noted(tenant, invoice, note) == ((4000, 6000, 0), [(4000, MONEY)])
    assert (await verify(tenant.id)).holds


async def test_two_of_one_invoice(tenant: Tenant, anna: UUID, invoice: UUID, clock: Clock) -> None:
    """The second goes on where the first ended: with the credit, once the money that came later is given back."""
    credit = await tenant.credit(anna, 40)
    await tenant.assign(credit, (invoice, 40))
    clock.advance(seconds=1)
    await tenant.pay(invoice, 60)
    asking = Asking(tenant)
    first, second = await asking.posted(asking.tenant.note(invoice, 50), asking.tenant.note(invoice, 30))
    assert await noted(tenant, invoice, first) == ((8000, 0, 2000), [(5000, MONEY)])
    assert sorted((await noted(tenant, invoice, second))[1]) == [(1000, MONEY), (2000, CREDIT)]
    assert await tenant.remainders(credit) == [2000]
    assert (await verify(tenant.id)).holds


async def test_before_others_spend(tenant: Tenant, anna: UUID, invoice: UUID, clock: Clock) -> None:
    """Of the credit that comes back, and of another customer's."""
    ben = await tenant.customer(name="Ben")
    credits = []
    for who in (anna, ben, ben):
        credits.append(await tenant.credit(who, 60))
        clock.advance(seconds=1)
    await tenant.assign(credits[0], (invoice, 60))
    asking = Asking(tenant)
    note, *_ = await asking.posted(
        asking.tenant.note(invoice, 70), asking.tenant.spend(anna, 20), asking.tenant.spend(ben, 70)
    )
    assert (await noted(tenant, invoice, note))[1] == [(3000, CREDIT)]
    assert await tenant.remainders(*credits) == [1000, 0, 5000]
    assert (await verify(tenant.id)).holds
