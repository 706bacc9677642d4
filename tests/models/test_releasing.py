"""Assignments released and moved, and invoices voided: what goes back, in which order, and what it finds there."""

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import Outcome
from models.errors import AlreadyReleased, InvoicePaid, LedgerError
from models.ledger import Ledger
from models.planning import assign, releasing
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.releasing import VoidInvoice
from models.units import Posted
from tests.support.clock import Clock
from tests.support.tenants import Tenant
from tests.support.units import post, unit


async def movements(tenant: Tenant, outcome: Outcome) -> list[tuple[UUID, str, int]]:
    """Credit, counter and amount of each entry of a transaction, in order."""
    sql = """SELECT credit_id, counter, amount_minor FROM entries
        WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""
    return [(row[0], row[1], row[2]) for row in await tenant.rows(sql, outcome.transaction_id)]


async def swept(tenant: Tenant, credit_id: UUID) -> bool:
    rows = await tenant.rows("SELECT swept_at IS NOT NULL FROM credits WHERE tenant_id = $1 AND id = $2", credit_id)
    return bool(rows[0][0])


async def test_a_release_reopens_the_invoice_and_the_credit(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 250)
    first, second = await tenant.invoice(anna, 100), await tenant.invoice(anna, 150)
    assigned = await tenant.assign(credit, (first, 100), (second, 150))
    outcome = await tenant.release(assigned.assignment_ids[0], note="Wrong invoice")

    assert await tenant.invoice_state(first) == ("OPEN", 0, 0)
    assert await tenant.invoice_state(second) == ("PAID", 0, 15000)
    assert await tenant.available(anna) == 10000
    assert await movements(tenant, outcome) == [(credit, "INVOICES", 10000)]
    assert (outcome.credit_id, outcome.assignment_ids) == (credit, assigned.assignment_ids[:1])
    rows = await tenant.rows("SELECT id, released_at, release_transaction_id FROM assignments WHERE tenant_id = $1")
    assert {row for row in rows if row[1]} == {(assigned.assignment_ids[0], tenant.clock(), outcome.transaction_id)}


async def test_a_release_goes_last_first(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    one, other = await tenant.credit(anna, 10), await tenant.credit(anna, 10)
    invoice, another = await tenant.invoice(anna, 100), await tenant.invoice(anna, 100)
    first = await tenant.assign(one, (invoice, 1), (another, 2))
    clock.advance(hours=1)
    second = await tenant.assign(other, (invoice, 3))
    outcome = await tenant.release(*first.assignment_ids, *second.assignment_ids)

    assert await movements(tenant, outcome) == [
        (other, "INVOICES", 300),
        (one, "INVOICES", 200),
        (one, "INVOICES", 100),
    ]
    assert outcome.credit_id is None
    assert await tenant.remainders(one, other) == [1000, 1000]


async def test_what_cannot_be_released_releases_nothing(tenant: Tenant, anna: UUID) -> None:
    ben = await tenant.customer(name="Ben")
    credit, invoice = await tenant.credit(anna, 10), await tenant.invoice(anna, 10)
    mine = (await tenant.assign(credit, (invoice, 5))).assignment_ids[0]
    gone = (await tenant.assign(credit, (invoice, 5))).assignment_ids[0]
    await tenant.release(gone)
    bens = (await tenant.assign(await tenant.credit(ben, 10), (await tenant.invoice(ben, 10), 5))).assignment_ids[0]
    for named, code in (
        ((), "INVALID"),
        ((mine, uuid4()), "NOT_FOUND"),
        ((mine, mine), "DUPLICATE"),
        ((mine, bens), "INVALID"),
        ((mine, gone), "ALREADY_RELEASED"),
        (tuple(uuid4() for _ in range(101)), "INVALID"),
    ):
        async with tenant.refused(code):
            await tenant.release(*named)
    with pytest.raises(AlreadyReleased) as caught:
        await tenant.release(mine, gone)
    assert caught.value.field == ("assignmentIds", "1")
    async with tenant.refused("INVALID"):
        await tenant.release(mine, note="x" * 10_001)


async def test_a_repeated_release_answers_the_same(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 10), await tenant.invoice(anna, 10)
    assigned = await tenant.assign(credit, (invoice, 5))
    once = await tenant.release(*assigned.assignment_ids, key="k")
    before = await tenant.fingerprint()
    again = await tenant.release(*assigned.assignment_ids, key="k")

    assert again.replayed
    assert (again.transaction_id, again.account_id, again.credit_id, again.assignment_ids) == (
        once.transaction_id,
        once.account_id,
        once.credit_id,
        once.assignment_ids,
    )
    assert await tenant.fingerprint() == before


async def test_a_release_over_two_accounts_names_neither(tenant: Tenant, anna: UUID) -> None:
    parts: list[UUID] = []
    for currency in ("GBP", "EUR"):
        credit, invoice = await tenant.credit(anna, 10, currency), await tenant.invoice(anna, 10, currency)
        parts += (await tenant.assign(credit, (invoice, 5))).assignment_ids
    once = await tenant.release(*parts, key="k")
    again = await tenant.release(*parts, key="k")

    assert (once.account_id, again.account_id) == (None, None)
    assert [await tenant.available(anna, currency) for currency in ("GBP", "EUR")] == [1000, 1000]


async def test_a_credit_expires_while_assigned(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """What is set against the invoice stays there; what was left is gone, and a release brings nothing back."""
    credit, invoice = await tenant.credit(anna, 30, expires_in_days=1), await tenant.invoice(anna, 20)
    assigned = await tenant.assign(credit, (invoice, 20))
    clock.advance(days=3)

    assert await tenant.invoice_state(invoice) == ("PAID", 0, 2000)
    assert await tenant.available(anna) == 0
    outcome = await tenant.release(*assigned.assignment_ids)
    # With what was left of it, which no sweep had written off yet.
    assert await movements(tenant, outcome) == [(credit, "INVOICES", 2000), (credit, "EXPIRED", -3000)]
    assert await tenant.invoice_state(invoice) == ("OPEN", 0, 0)
    assert await tenant.remainders(credit) == [0]
    assert (await tenant.available(anna), await swept(tenant, credit)) == (0, True)


async def test_a_voided_invoice_brings_back_an_expired_credit_which_expires_at_once(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    expiring, lasting = await tenant.credit(anna, 30, expires_in_days=1), await tenant.credit(anna, 30)
    invoice = await tenant.invoice(anna, 50)
    await tenant.assign(expiring, (invoice, 30))
    await tenant.assign(lasting, (invoice, 20))
    clock.advance(days=3)
    outcome = await tenant.void_invoice(invoice, note="Issued twice")

    assert await movements(tenant, outcome) == [
        (lasting, "INVOICES", 2000),
        (expiring, "INVOICES", 3000),
        (expiring, "EXPIRED", -3000),
    ]
    assert [row[2] for row in (await tenant.entries(anna))[-3:]] == [3000, 6000, 3000]
    assert await tenant.remainders(expiring, lasting) == [0, 3000]
    assert await tenant.available(anna) == 3000
    assert await tenant.invoice_state(invoice) == ("VOID", 0, 0)


async def test_a_release_after_a_later_assignment_burned_around_it(tenant: Tenant, anna: UUID) -> None:
    """It goes back where it came from, though by today's order another credit would have been taken first."""
    early = await tenant.credit(anna, 10, expires_in_days=5, auto_apply=True)
    late = await tenant.credit(anna, 10, expires_in_days=9, auto_apply=True)
    held = await tenant.invoice(anna, 10, auto_apply=False)
    assigned = await tenant.assign(early, (held, 10))
    around = await tenant.invoice(anna, 4)
    assert await tenant.remainders(early, late) == [0, 600]
    await tenant.release(*assigned.assignment_ids)

    assert await tenant.remainders(early, late) == [1000, 600]
    assert await tenant.invoice_state(around) == ("PAID", 0, 400)
    await tenant.invoice(anna, 11)  # and now it is the first to be taken again
    assert await tenant.remainders(early, late) == [0, 500]


async def test_what_was_released_goes_to_the_next_invoice(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 30, auto_apply=True)
    invoice = await tenant.invoice(anna, 20)
    parts = await tenant.rows("SELECT id, origin FROM assignments WHERE tenant_id = $1")
    assert [origin for _, origin in parts] == ["AUTO"]
    await tenant.release(parts[0][0])
    following = await tenant.invoice(anna, 40)

    assert (await tenant.invoice_state(invoice), await tenant.invoice_state(following)) == (
        ("OPEN", 0, 0),
        ("PART_PAID", 0, 3000),
    )
    assert await tenant.remainders(credit) == [0]


async def test_a_removal_between_the_unexpired_remainder_and_the_stored_balance(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    await tenant.credit(anna, 60, expires_in_days=1)
    lasting = await tenant.credit(anna, 40)
    clock.advance(days=3)
    account = await tenant.account(anna)
    assert account is not None
    assert (account.balance_minor, account.available_minor) == (10000, 4000)

    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await tenant.adjust(anna, "-40.01")
    assert "40" in str(caught.value)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -100)
    await tenant.adjust(anna, -40)
    assert await tenant.remainders(lasting) == [0]


async def test_credit_moves_to_other_invoices(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 250)
    first, second, third = [await tenant.invoice(anna, 150) for _ in range(3)]
    assigned = await tenant.assign(credit, (first, 150))
    outcome = await tenant.reassign(assigned.assignment_ids[0], (second, 130), (third, None), key="k")

    assert [await tenant.invoice_state(i) for i in (first, second, third)] == [
        ("OPEN", 0, 0),
        ("PART_PAID", 0, 13000),
        ("PART_PAID", 0, 12000),
    ]
    assert await tenant.remainders(credit) == [0]
    kinds = await tenant.rows(
        "SELECT kind FROM transactions WHERE tenant_id = $1 AND idempotency_key = 'k' ORDER BY id"
    )
    assert sorted(kinds) == [("ASSIGNMENT",), ("RELEASE",)]
    again = await tenant.reassign(assigned.assignment_ids[0], (second, 130), (third, None), key="k")
    assert again.replayed
    assert (again.transaction_id, again.assignment_ids) == (outcome.transaction_id, outcome.assignment_ids)


async def test_credit_moves_within_one_invoice(tenant: Tenant, anna: UUID) -> None:
    credit, invoice, other = (
        await tenant.credit(anna, 100),
        await tenant.invoice(anna, 100),
        await tenant.invoice(anna, 100),
    )
    assigned = await tenant.assign(credit, (invoice, 100))
    await tenant.reassign(assigned.assignment_ids[0], (invoice, 60), (other, 40))

    assert await tenant.invoice_state(invoice) == ("PART_PAID", 0, 6000)
    assert await tenant.invoice_state(other) == ("PART_PAID", 0, 4000)


async def test_what_cannot_be_moved_stays(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    ben = await tenant.customer(name="Ben")
    credit = await tenant.credit(anna, 10, expires_in_days=1)
    invoice, other = await tenant.invoice(anna, 10), await tenant.invoice(anna, 10)
    bens, euros = await tenant.invoice(ben, 10), await tenant.invoice(anna, 10, "EUR")
    part = (await tenant.assign(credit, (invoice, 10))).assignment_ids[0]
    for amounts, code in (
        ((), "INVALID"),
        (((other, "10.01"),), "EXCEEDS_DUE"),
        (((uuid4(), 1),), "NOT_FOUND"),
        (((bens, 1),), "CUSTOMER_MISMATCH"),
        (((euros, 1),), "CURRENCY_MISMATCH"),
        (((other, 8), (invoice, 3)), "EXCEEDS_REMAINING"),
        (((other, 1), (other, 1)), "DUPLICATE"),
    ):
        async with tenant.refused(code):
            await tenant.reassign(part, *amounts)
    async with tenant.refused("NOT_FOUND") as caught:
        await tenant.reassign(uuid4(), (other, 1))
    assert caught.value.field == ("assignmentId",)
    clock.advance(days=3)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.reassign(part, (other, 1))
    await tenant.release(part)
    async with tenant.refused("ALREADY_RELEASED") as caught:
        await tenant.reassign(part, (other, 1))
    assert caught.value.field == ("assignmentId",)


async def test_an_invoice_nobody_paid_is_voided(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 10)
    once = await tenant.void_invoice(invoice, key="k")
    again = await tenant.void_invoice(invoice, key="k")

    assert await tenant.invoice_state(invoice) == ("VOID", 0, 0)
    assert (once.invoice_id, again.invoice_id, again.transaction_id) == (invoice, invoice, once.transaction_id)
    assert await tenant.rows("SELECT voided_at FROM invoices WHERE tenant_id = $1") == [(tenant.clock(),)]
    assert await tenant.count("accounts") == 0
    events = await tenant.rows("SELECT action, subject_id FROM audit_events WHERE tenant_id = $1")
    assert ("invoice.voided", invoice) in events


async def test_what_is_void_takes_nothing_more(tenant: Tenant, anna: UUID) -> None:
    credit, invoice = await tenant.credit(anna, 10), await tenant.invoice(anna, 10)
    await tenant.void_invoice(invoice)
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await tenant.void_invoice(invoice)
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await tenant.assign(credit, (invoice, 1))
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await tenant.pay(invoice, 1)
    async with tenant.refused("NOT_FOUND"):
        await tenant.void_invoice(uuid4())


@pytest.mark.parametrize("method", ["CARD", "ACCOUNT_CREDIT"])
async def test_a_paid_invoice_is_voided_after_its_payments(tenant: Tenant, anna: UUID, method: str) -> None:
    credit, invoice = await tenant.credit(anna, 10), await tenant.invoice(anna, 10)
    await tenant.assign(credit, (invoice, 2))
    await tenant.pay(invoice, 3, method)

    async with tenant.refused("INVOICE_PAID") as caught:
        await tenant.void_invoice(invoice)
    assert isinstance(caught.value, InvoicePaid)
    assert "3.00" in str(caught.value)


async def test_a_payment_with_account_credit_is_voided_not_released(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10)
    invoice, other = await tenant.invoice(anna, 10), await tenant.invoice(anna, 10)
    await tenant.pay(invoice, 3, "ACCOUNT_CREDIT")
    part = (await tenant.rows("SELECT id FROM assignments WHERE tenant_id = $1"))[0][0]

    async with tenant.refused("INVALID"):
        await tenant.release(part)
    async with tenant.refused("INVALID"):
        await tenant.reassign(part, (other, 1))


async def settle(*attempts: object) -> list[str]:
    """What came of each, all at once: `done`, or the code it was refused with."""
    results = await asyncio.gather(*attempts, return_exceptions=True)  # type: ignore[call-overload]
    for result in results:
        assert isinstance(result, Outcome | LedgerError), result
    return [result.code if isinstance(result, LedgerError) else "done" for result in results]


async def two_doors(tenant: Tenant) -> tuple[Tenant, Tenant]:
    """The same tenant as two servers have it: neither's requests join the other's postings."""
    return tenant, Tenant(Ledger(tenant.clock), tenant.clock, tenant.slug, tenant.id)


async def test_two_assignments_race_for_the_last_pound_of_an_invoice(tenant: Tenant, anna: UUID) -> None:
    here, there = await two_doors(tenant)
    one, other = await tenant.credit(anna, 50), await tenant.credit(anna, 50)
    for _ in range(5):
        invoice = await tenant.invoice(anna, 10)
        await tenant.pay(invoice, 9)
        came = await settle(here.assign(one, (invoice, 1)), there.assign(other, (invoice, 1)))

        assert sorted(came) in (["EXCEEDS_DUE", "done"], ["INVOICE_NOT_OPEN", "done"])
        assert await tenant.invoice_state(invoice) == ("PAID", 900, 100)
    assert sum(await tenant.remainders(one, other)) == 9500
    await there.ledger.close()


async def test_a_payment_and_an_assignment_race_for_the_last_pound_of_an_invoice(tenant: Tenant, anna: UUID) -> None:
    here, there = await two_doors(tenant)
    credit = await tenant.credit(anna, 50)
    for _ in range(5):
        invoice = await tenant.invoice(anna, 1)
        came = await settle(here.assign(credit, (invoice, 1)), there.pay(invoice, 1))

        assert sorted(came) == ["INVOICE_NOT_OPEN", "done"]
    await there.ledger.close()


async def test_a_release_and_a_voiding_race_for_the_same_assignment(tenant: Tenant, anna: UUID) -> None:
    here, there = await two_doors(tenant)
    credit = await tenant.credit(anna, 50)
    for _ in range(5):
        invoice = await tenant.invoice(anna, 10)
        part = (await tenant.assign(credit, (invoice, 10))).assignment_ids[0]
        came = await settle(here.release(part), there.void_invoice(invoice), here.void_invoice(invoice))

        assert sorted(came) in (["ALREADY_RELEASED", "INVOICE_NOT_OPEN", "done"], ["INVOICE_NOT_OPEN", "done", "done"])
        assert await tenant.invoice_state(invoice) == ("VOID", 0, 0)
        assert await tenant.remainders(credit) == [5000]
    await there.ledger.close()


async def test_one_batch_assigns_and_voids(tenant: Tenant, anna: UUID) -> None:
    """The second has to see what the first has planned, though nothing of it is written yet."""
    credit, invoice, account = await tenant.credit(anna, 50), await tenant.invoice(anna, 10), (anna, "GBP")
    assigning, voiding = AssignCredit(credit, (InvoiceAmount(invoice, Decimal(10)),)), VoidInvoice(invoice)
    first = await unit(tenant, assigning, needs=assign.needs(assigning, account))
    second = await unit(tenant, voiding, needs=releasing.void_invoice_needs(voiding, account))
    results = await post(tenant, first, second)

    assert [type(result) for result in results] == [Posted, Posted]
    assert await tenant.invoice_state(invoice) == ("VOID", 0, 0)
    assert await tenant.remainders(credit) == [5000]
    assert await tenant.rows("SELECT released_at FROM assignments WHERE tenant_id = $1") == [(tenant.clock(),)]
