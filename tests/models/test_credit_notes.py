"""Credit notes: what they lower, what they give back and to whom, and how they are voided."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from models.commands import CreateCreditNote, MergeCustomers, NotedLine
from models.errors import CreditSpent, ExceedsRemaining, LimitExceeded
from models.ledger import Ledger
from models.operations.create_credit_note import preview_credit_note
from models.operations.merge_customers import merge_customers
from models.planning.invoices import InvoiceLineItem
from models.reads.verify import verify
from tests.support.approvals import approve
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, STAFF, Tenant, known

ENTRIES = """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries
    WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY account_id, sequence"""
SUMS = """SELECT status, total_minor, noted_minor, paid_minor, credited_minor,
    total_minor - noted_minor - paid_minor - credited_minor FROM invoices WHERE tenant_id = $1 AND id = $2"""
NOTES = "SELECT amount_minor, lowered_minor, credit_id FROM credit_notes WHERE tenant_id = $1 ORDER BY id"


async def moved(tenant: Tenant, transaction_id: UUID | None) -> list[tuple[Any, ...]]:
    return await tenant.rows(ENTRIES, transaction_id)


async def sums(tenant: Tenant, invoice: UUID) -> tuple[Any, ...]:
    """Status, total, noted, paid, credited and due."""
    (row,) = await tenant.rows(SUMS, invoice)
    return tuple(row)


async def invoiced(tenant: Tenant, anna: UUID, total: str | int = 100) -> UUID:
    return await tenant.invoice(anna, total, auto_apply=False)


async def test_it_first_lowers_what_is_due(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    await tenant.pay(invoice, 30)
    done = await tenant.note(invoice, 70, note="Not delivered")

    assert await sums(tenant, invoice) == ("PAID", 10000, 7000, 3000, 0, 0)
    assert await moved(tenant, done.transaction_id) == []
    assert await tenant.rows(NOTES) == [(7000, 7000, None)]
    assert done.account_id is None
    assert await tenant.account(anna) is None  # it was only opened to be locked
    assert (await verify(tenant.id)).holds


async def test_the_rest_of_it_is_given_back_last_first(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    invoice = await invoiced(tenant, anna)
    old, new = await tenant.credit(anna, 20), await tenant.credit(anna, 20)
    await tenant.assign(new, (invoice, 20))
    clock.advance(seconds=1)
    await tenant.pay(invoice, 50)
    clock.advance(seconds=1)
    await tenant.assign(old, (invoice, 20))
    done = await tenant.note(invoice, 95)  # 10 of it are due

    (opened,) = await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1")
    assert await sums(tenant, invoice) == ("PAID", 10000, 9500, 0, 500, 0)
    assert await moved(tenant, done.transaction_id) == [
        (old, "INVOICES", 2000, 0),
        (new, "INVOICES", 1500, 0),
        (opened[0], "NOTES", 5000, 0),
    ]
    assert await tenant.rows(NOTES) == [(9500, 1000, opened[0])]
    assert done.credit_id == opened[0]
    kind = "SELECT kind, reason FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(kind, done.transaction_id) == [("CREDIT_NOTE", None)]
    assert await tenant.available(anna) == 8500
    assert (await verify(tenant.id)).holds


async def test_the_money_is_new_credit_that_counts_nothing(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    await tenant.pay(invoice, 100)
    done = await tenant.note(invoice)

    terms = "SELECT amount_minor, expires_at, auto_apply, counts, transaction_id FROM credits WHERE tenant_id = $1"
    assert await tenant.rows(terms) == [(10000, None, True, False, done.transaction_id)]
    account = await tenant.account(anna)
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (10000, 0)
    assert await sums(tenant, invoice) == ("PAID", 10000, 10000, 0, 0, 0)
    nothing_left = await invoiced(tenant, anna, 0)
    for noted in (invoice, nothing_left):
        async with tenant.refused("EXCEEDS_REMAINING") as caught:
            await tenant.note(noted)
        assert isinstance(caught.value, ExceedsRemaining)
        assert caught.value.message == "Only 0.00 GBP of the invoice can still be noted."


async def test_in_proportion_to_the_minor_unit(tenant: Tenant, anna: UUID) -> None:
    """What rounding leaves goes to the largest remainders, then to the older credit; money is the youngest."""
    invoice = await invoiced(tenant, anna, "0.09")
    older, younger = await tenant.credit(anna, "0.03"), await tenant.credit(anna, "0.03")
    await tenant.assign(younger, (invoice, "0.03"))
    await tenant.assign(older, (invoice, "0.01"))
    await tenant.assign(older, (invoice, "0.02"))
    await tenant.pay(invoice, "0.03")
    done = await tenant.note(invoice, "0.04", give_back="IN_PROPORTION")

    assert [row[:3] for row in await moved(tenant, done.transaction_id)] == [
        (older, "INVOICES", 2),
        (younger, "INVOICES", 1),
        (done.credit_id, "NOTES", 1),
    ]
    again = await tenant.note(invoice, "0.02", give_back="IN_PROPORTION")  # of 1, 2 and 2 that are left
    assert [row[:3] for row in await moved(tenant, again.transaction_id)] == [
        (younger, "INVOICES", 1),
        (again.credit_id, "NOTES", 1),
    ]
    assert (await verify(tenant.id)).holds


async def test_what_has_expired_comes_back_and_expires(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    invoice = await invoiced(tenant, anna)
    soon = await tenant.credit(anna, 40, expires_in_days=1)
    await tenant.assign(soon, (invoice, 40))
    await tenant.pay(invoice, 60)
    clock.advance(days=3)
    note = await tenant.note(invoice)

    assert await moved(tenant, note.transaction_id) == [
        (soon, "INVOICES", 4000, 0),
        (soon, "EXPIRED", -4000, 0),
        (note.credit_id, "NOTES", 6000, 0),
    ]
    assert await tenant.available(anna) == 6000
    async with tenant.refused("CREDIT_SPENT") as caught:  # what came back and expired at once is gone
        await tenant.void_note(note)
    assert isinstance(caught.value, CreditSpent)
    assert caught.value.used == Decimal(40)
    assert (await verify(tenant.id)).holds


async def test_what_is_given_back_of_a_voided_credit_is_reversed(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    credit = await tenant.credit(anna, 50)
    paid = await tenant.pay(invoice, 40, "ACCOUNT_CREDIT")
    await tenant.void_credit(await tenant.credit(anna, 1))
    await tenant.adjust(anna, -10, credit_id=credit)
    note = await tenant.note(invoice, 90)

    assert await moved(tenant, note.transaction_id) == [(credit, "INVOICES", 3000, 0)]
    async with tenant.refused("CREDIT_NOTED"):
        await tenant.void_payment(paid.payment_id)
    await tenant.void_note(note)
    await tenant.void_payment(paid.payment_id)
    assert await tenant.remainders(credit) == [4000]
    assert (await verify(tenant.id)).holds


async def test_by_lines(tenant: Tenant, anna: UUID) -> None:
    lines = (InvoiceLineItem("Tea", 3, Decimal("3.33")), InvoiceLineItem("Cups", 2, Decimal(10)))
    invoice = await tenant.invoice(anna, 0, lines=lines, auto_apply=False)
    tea, cups = await tenant.lines_of(invoice)
    first = await tenant.note(invoice, None, NotedLine(tea, Decimal("0.5")), NotedLine(cups, Decimal(1)))
    await tenant.note(invoice, None, NotedLine(tea, amount=Decimal("0.33")))
    rest = await tenant.note(invoice, "17.99", NotedLine(tea), NotedLine(cups))

    noted = """SELECT line_id, quantity, amount_minor FROM credit_note_lines
        WHERE tenant_id = $1 AND note_id = $2 ORDER BY id"""
    assert await tenant.rows(noted, first.credit_note_id) == [(tea, Decimal("0.5"), 167), (cups, Decimal(1), 1000)]
    assert await tenant.rows(noted, rest.credit_note_id) == [(tea, Decimal("2.5"), 799), (cups, Decimal(1), 1000)]
    assert await sums(tenant, invoice) == ("PAID", 2999, 2999, 0, 0, 0)
    await tenant.void_note(first)
    await tenant.note(invoice, None, NotedLine(cups, Decimal(1)), NotedLine(tea, Decimal("0.5"), Decimal("1.67")))
    assert (await verify(tenant.id)).holds


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ((NotedLine(uuid4()),), "NOT_FOUND"),
        (("tea", "tea"), "DUPLICATE"),
        ((("tea", "4", None),), "INVALID"),
        ((("tea", "0", None),), "INVALID"),
        ((("tea", "-1", None),), "INVALID"),
        ((("tea", "0.0000001", None),), "INVALID"),
        ((("tea", None, "9.01"),), "EXCEEDS_REMAINING"),
        ((("tea", None, "0"),), "AMOUNT_ZERO"),
        ((("tea", None, "1.001"),), "AMOUNT_PRECISION"),
        ((("credit", None, None),), "INVALID"),
    ],
)
async def test_lines_that_cannot_be_noted(tenant: Tenant, anna: UUID, named: Any, code: str) -> None:
    order = await tenant.order(anna, (await tenant.product(3, name="Tea"), 3), (await tenant.product(5, "CREDIT"), 1))
    tea, credit = await tenant.lines_of(order)
    ids = {"tea": tea, "credit": credit}

    def line(said: Any) -> NotedLine:
        if isinstance(said, NotedLine):
            return said
        which, *more = (said, None, None) if isinstance(said, str) else said
        return NotedLine(ids[which], *(None if each is None else Decimal(each) for each in more))

    async with tenant.nothing_moves(), tenant.refused(code):
        await tenant.note(order, None, *map(line, named))
    async with tenant.nothing_moves(), tenant.refused("INVALID"):
        await tenant.note(order, 8, NotedLine(tea))


async def test_credit_that_was_sold_is_left_alone(tenant: Tenant, anna: UUID) -> None:
    """A note takes back goods; what account credit paid of them goes back, though money is due for the credit."""
    goods, gift = await tenant.product(20), await tenant.product(10, "CREDIT")
    order = await tenant.order(anna, (goods, 1), (gift, 1))
    credit = await tenant.credit(anna, 20)
    await tenant.assign(credit, (order, 20))
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.note(order, "20.01")
    await tenant.note(order, 15)

    assert await sums(tenant, order) == ("PART_PAID", 3000, 1500, 0, 500, 1000)
    assert await tenant.remainders(credit) == [1500]
    async with tenant.refused("EXCEEDS_DUE"):
        await tenant.pay(order, 1, "ACCOUNT_CREDIT")
    await tenant.pay(order, 10)  # which grants the credit
    assert await tenant.available(anna) == 2500
    await tenant.note(order)
    assert await sums(tenant, order) == ("PAID", 3000, 2000, 1000, 0, 0)
    assert await tenant.available(anna) == 3000
    assert (await verify(tenant.id)).holds


async def test_an_order_paid_in_full_by_a_note_grants_its_credit(tenant: Tenant, anna: UUID) -> None:
    goods, gift = await tenant.product(20), await tenant.product(10, "CREDIT")
    order = await tenant.order(anna, (goods, 1), (gift, 1))
    await tenant.pay(order, 10)
    note = await tenant.note(order, 20)
    assert await tenant.available(anna) == 1000
    await tenant.spend(anna, 1)
    async with tenant.refused("CREDIT_SPENT"):
        await tenant.void_note(note)
    await tenant.adjust(anna, 5)
    back = await tenant.rows("SELECT id FROM transactions WHERE tenant_id = $1 AND kind = 'SPEND'")
    await tenant.refund(back[0][0])
    await tenant.void_note(note)
    assert await sums(tenant, order) == ("PART_PAID", 3000, 0, 1000, 0, 2000)
    assert await tenant.available(anna) == 500
    assert (await verify(tenant.id)).holds


async def test_voiding_takes_again_what_it_gave(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    credit = await tenant.credit(anna, 30)
    await tenant.assign(credit, (invoice, 30))
    await tenant.pay(invoice, 50)
    note = await tenant.note(invoice)
    done = await tenant.void_note(note, text="It was delivered after all")

    assert await sums(tenant, invoice) == ("PART_PAID", 10000, 0, 5000, 3000, 2000)
    assert [row[1:3] for row in await moved(tenant, done.transaction_id)] == [("INVOICES", -3000), ("NOTES", -5000)]
    kind = "SELECT kind FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(kind, done.transaction_id) == [("REVERSAL",)]
    assert await tenant.available(anna) == 0
    async with tenant.refused("CREDIT_NOTE_VOIDED"):
        await tenant.void_note(note)
    await tenant.note(invoice)
    assert await tenant.available(anna) == 8000
    assert (await verify(tenant.id)).holds


async def test_what_several_payments_paid_is_one_credit_of_one_entry(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    for amount in (50, 30, 20):
        await tenant.pay(invoice, amount)
    note = await tenant.note(invoice)
    done = await tenant.void_note(note)

    [(credit,)] = await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1")
    assert await moved(tenant, note.transaction_id) == [(credit, "NOTES", 10000, 0)]
    assert await moved(tenant, done.transaction_id) == [(credit, "NOTES", -10000, 0)]


async def test_what_was_spent_of_it_keeps_it_from_being_voided(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    await tenant.pay(invoice, 100)
    note = await tenant.note(invoice, 60)
    spend = await tenant.spend(anna, "12.50")
    async with tenant.nothing_moves(), tenant.refused("CREDIT_SPENT") as caught:
        await tenant.void_note(note)
    assert isinstance(caught.value, CreditSpent)
    assert caught.value.used == Decimal("12.50")
    assert "12.50 GBP of the 60.00 GBP that the credit note gave back" in caught.value.message
    await tenant.refund(spend)
    await tenant.void_note(note)


async def test_nothing_under_a_note_comes_back_another_way(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    credit = await tenant.credit(anna, 40)
    assigned = await tenant.assign(credit, (invoice, 40))
    paid = await tenant.pay(invoice, 60)
    other = await invoiced(tenant, anna)
    note = await tenant.note(invoice, 80)
    async with tenant.nothing_moves():
        for undo in (
            tenant.release(*assigned.assignment_ids),
            tenant.reassign(assigned.assignment_ids[0], (other, 10)),
            tenant.void_payment(paid.payment_id),
            tenant.void_invoice(invoice),
        ):
            async with tenant.refused("CREDIT_NOTED"):
                await undo
    await tenant.void_note(note)
    await tenant.void_payment(paid.payment_id)
    await tenant.void_invoice(invoice)
    assert await tenant.remainders(credit) == [4000]
    assert (await verify(tenant.id)).holds


async def test_what_no_note_has_given_back_can_be_undone_beside_it(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    first = await tenant.pay(invoice, 60)
    await tenant.pay(invoice, 40)
    await tenant.note(invoice, 30)  # of the 40, which came last
    await tenant.void_payment(first.payment_id)

    assert await sums(tenant, invoice) == ("PART_PAID", 10000, 3000, 1000, 0, 6000)
    async with tenant.refused("EXCEEDS_DUE"):
        await tenant.pay(invoice, "60.01")
    assert (await verify(tenant.id)).holds


async def test_an_invoice_whose_notes_gave_nothing_back_can_be_voided(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    credit = await tenant.credit(anna, 40)
    await tenant.assign(credit, (invoice, 40))
    note = await tenant.note(invoice, 60)
    assert await sums(tenant, invoice) == ("PAID", 10000, 6000, 0, 4000, 0)
    await tenant.void_invoice(invoice)
    assert await tenant.remainders(credit) == [4000]
    for undo in (tenant.void_note(note), tenant.note(invoice, 1)):
        async with tenant.refused("INVOICE_NOT_OPEN"):
            await undo
    assert (await verify(tenant.id)).holds


async def test_it_lands_on_whoever_the_record_is_now(tenant: Tenant, anna: UUID) -> None:
    """Also where a merge has left nothing of the credit to move; and is voided there."""
    ben = await tenant.customer(name="Ben")
    invoice = await invoiced(tenant, anna)
    credit = await tenant.credit(anna, 40)
    await tenant.assign(credit, (invoice, 40))
    await tenant.pay(invoice, 60)
    first = await tenant.note(invoice, 10)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(anna, ben), uuid4().hex)
    second = await tenant.note(invoice)

    assert await tenant.available(ben) == 10000
    assert (await verify(tenant.id)).holds
    await tenant.void_note(first)
    await tenant.void_note(second)
    assert await sums(tenant, invoice) == ("PAID", 10000, 0, 6000, 4000, 0)
    assert await tenant.available(ben) == 0
    assert (await verify(tenant.id)).holds


async def test_it_counts_with_its_whole_amount(tenant: Tenant, anna: UUID) -> None:
    """Whether it lowers what is due or is given back."""
    invoice = await tenant.invoice(anna, 500, auto_apply=False)
    async with tenant.nothing_moves(), tenant.refused("LIMIT_EXCEEDED"):
        await tenant.note(invoice, "100.01", actor=STAFF)
    await tenant.note(invoice, 100, actor=STAFF)
    await tenant.note(invoice, 99, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED") as caught:
        await tenant.note(invoice, 2, actor=STAFF)
    assert isinstance(caught.value, LimitExceeded)
    left = {each.scope: each.remaining for each in caught.value.remaining}
    assert left == {"PER_ADJUSTMENT": 100, "PER_ACTOR_DAY": 301, "PER_CUSTOMER_DAY": 1}
    await tenant.note(invoice)
    assert (await verify(tenant.id)).holds


async def test_over_a_limit_it_waits_with_its_amounts(tenant: Tenant, anna: UUID) -> None:
    invoice, line = await tenant.invoice_with_line(anna, 300, 3)
    await tenant.pay(invoice, 300)
    waits = await tenant.note(
        invoice, None, NotedLine(line, Decimal(2)), actor=STAFF, request_approval=True, note="Two were broken"
    )
    assert (waits.transaction_id, waits.credit_note_id) == (None, None)
    await tenant.note(invoice, None, NotedLine(line, Decimal("0.5")))
    done = await approve(tenant, known(waits.approval_request_id))
    assert await sums(tenant, invoice) == ("PAID", 30000, 25000, 5000, 0, 0)
    again = await approve(tenant, known(waits.approval_request_id))
    assert (again.credit_note_id, again.invoice_id, again.replayed) == (done.credit_note_id, invoice, True)
    late = await tenant.note(invoice, 50, propose_only=True)
    await tenant.note(invoice, 1)
    async with tenant.refused("EXCEEDS_REMAINING"):
        await approve(tenant, known(late.approval_request_id), STAFF)
    assert (await verify(tenant.id)).holds


async def test_the_same_key_again(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    await tenant.pay(invoice, 100)
    first, again = await tenant.note(invoice, 60, key="k"), await tenant.note(invoice, 60, key="k")
    assert (again.replayed, again.credit_note_id, again.invoice_id) == (True, first.credit_note_id, invoice)
    assert (again.transaction_id, again.account_id) == (first.transaction_id, first.account_id)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.note(invoice, 61, key="k")
    voided, same = await tenant.void_note(first, key="v"), await tenant.void_note(first, key="v")
    assert (same.replayed, same.credit_note_id) == (True, first.credit_note_id)
    assert (same.transaction_id, same.invoice_id) == (voided.transaction_id, invoice)


async def test_several_at_once_never_take_back_more_than_there_is(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """On two servers, beside payments that are voided and assignments that are released."""
    invoice = await invoiced(tenant, anna)
    credit = await tenant.credit(anna, 50)
    assigned = await tenant.assign(credit, (invoice, 50))
    paid = await tenant.pay(invoice, 50)
    other = Ledger(clock)
    ledgers = (tenant.ledger, other)
    requests = [
        *(tenant.note(invoice, 30, ledger=ledger) for ledger in ledgers for _ in range(4)),
        tenant.void_payment(paid.payment_id),
        tenant.release(*assigned.assignment_ids),
    ]
    answers = await asyncio.gather(*requests, return_exceptions=True)
    await other.close()

    assert sum(not isinstance(answer, BaseException) for answer in answers[:8]) == 3
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert {getattr(error, "code", error) for error in refused} <= {"EXCEEDS_REMAINING", "CREDIT_NOTED"}
    _, _, noted, *_ = await sums(tenant, invoice)
    assert noted == 9000
    assert (await verify(tenant.id)).holds


async def test_the_preview_tells_and_moves_nothing(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    credit = await tenant.credit(anna, 40)
    await tenant.assign(credit, (invoice, 40))
    await tenant.pay(invoice, 30)
    async with tenant.nothing_moves():
        seen = await preview_credit_note(tenant.ledger, tenant.id, STAFF, CreateCreditNote(invoice, Decimal(90)))
        over = await preview_credit_note(tenant.ledger, tenant.id, STAFF, CreateCreditNote(invoice, Decimal("100.01")))
    note, told = seen.views[-2:]
    assert (note.amount_minor, note.lowered_minor, told.due_minor) == (9000, 3000, 0)
    # Of what paid at the same instant, account credit goes back first.
    assert [(effect.credit_id, effect.amount_minor) for effect in seen.credits] == [(credit, 4000), (None, 2000)]
    assert (seen.available_after_minor, seen.limit.allowed) == (6000, True)
    assert [error.code for error in over.errors] == ["EXCEEDS_REMAINING"]


async def test_the_database_refuses_it_too(tenant: Tenant, anna: UUID) -> None:
    invoice = await invoiced(tenant, anna)
    await tenant.pay(invoice, 100)
    await tenant.note(invoice, 40)
    for change in (
        "UPDATE invoices SET noted_minor = 4001 WHERE tenant_id = $1",
        "UPDATE payments SET noted_minor = 10001 WHERE tenant_id = $1",
        "UPDATE payments SET voided_at = now() WHERE tenant_id = $1",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await tenant.execute(change)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await tenant.execute("UPDATE credit_notes SET amount_minor = 1 WHERE tenant_id = $1")


async def test_what_is_noted_in_full_is_no_obstacle_to_voiding_the_credit(tenant: Tenant, anna: UUID) -> None:
    """Nothing of it is set against the invoice any more. What is noted in part is."""
    credit, one, other = (
        await tenant.credit(anna, 50),
        await invoiced(tenant, anna, 10),
        await invoiced(tenant, anna, 20),
    )
    await tenant.assign(credit, (one, 10), (other, 20))
    whole, part = await tenant.note(one, 10), await tenant.note(other, 15)
    async with tenant.refused("CREDIT_ASSIGNED"):
        await tenant.void_credit(credit)
    async with tenant.refused("CREDIT_NOTED"):
        await tenant.void_credit(credit, release_assignments=True)
    await tenant.note(other, 5)
    await tenant.void_credit(credit)
    assert await tenant.rows(
        "SELECT remaining_minor, gone_minor, voided_at IS NULL FROM credits WHERE tenant_id = $1"
    ) == [(0, 5000, False)]
    for note in (whole, part):
        async with tenant.refused("CREDIT_SPENT"):
            await tenant.void_note(note)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.void_credit(credit)
    assert (await verify(tenant.id)).holds
