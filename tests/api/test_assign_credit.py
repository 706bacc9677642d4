"""assignCredit: money credit set against invoices, as a client meets it."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import ASSIGN, ask, denied, document, done, refusal, replayed
from tests.support.tenants import Tenant

INVOICE = "query($id: ID!) { invoice(id: $id) { status paid credited due assignments { edges { node { amount } } } } }"


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


def assigning(credit: UUID | None, *parts: tuple[UUID | None, str | None], **more: Any) -> dict[str, Any]:
    """The input, with a key of its own. parts: invoice and amount, None being as much as possible."""
    return {
        "creditId": gid("Credit", credit),
        "idempotencyKey": uuid4().hex,
        "assignments": [{"invoiceId": gid("Invoice", invoice), "amount": amount} for invoice, amount in parts],
        **more,
    }


async def credit(tenant: Tenant, customer: UUID, amount: str, asset: str = "GBP", **more: Any) -> UUID | None:
    return (await tenant.adjust(customer, amount, asset, **more)).credit_id


async def invoice(tenant: Tenant, customer: UUID, total: str, currency: str = "GBP") -> UUID | None:
    return await tenant.invoice(customer, total, currency, auto_apply=False)


async def invoice_now(api: Api, invoice_id: UUID | None) -> tuple[str, str, str, str]:
    found = (await api(INVOICE, {"id": gid("Invoice", invoice_id)}))["invoice"]
    return found["status"], found["paid"], found["credited"], found["due"]


async def test_a_credit_is_split_over_invoices(api: Api, tenant: Tenant, carol: UUID) -> None:
    """The source's own example: £250 becomes £100 and £150."""
    money = await credit(tenant, carol, "250.00")
    first, second = await invoice(tenant, carol, "100.00"), await invoice(tenant, carol, "200.00")

    payload = await done(api, ASSIGN, assigning(money, (first, "100.00"), (second, "150.00")))

    parts = payload["assignments"]
    assert [(p["amount"], p["origin"], p["releasedAt"], p["credit"]["id"], p["invoice"]) for p in parts] == [
        (
            "100.00",
            "MANUAL",
            None,
            gid("Credit", money),
            {"id": gid("Invoice", first), "status": "PAID", "credited": "100.00", "due": "0.00"},
        ),
        (
            "150.00",
            "MANUAL",
            None,
            gid("Credit", money),
            {"id": gid("Invoice", second), "status": "PART_PAID", "credited": "150.00", "due": "50.00"},
        ),
    ]
    assert (payload["credit"]["remaining"], payload["credit"]["status"]) == ("0.00", "EXHAUSTED")
    assert (payload["transaction"]["kind"], payload["replayed"]) == ("ASSIGNMENT", False)
    entries = [edge["node"] for edge in payload["transaction"]["entries"]["edges"]]
    assert [(e["sequence"], e["amount"], e["balanceAfter"]) for e in entries] == [
        (2, "-100.00", "150.00"),
        (3, "-150.00", "0.00"),
    ]


async def test_blank_takes_as_much_as_possible(api: Api, tenant: Tenant, carol: UUID) -> None:
    money = await credit(tenant, carol, "25.00")
    small, large = await invoice(tenant, carol, "10.00"), await invoice(tenant, carol, "99.00")
    payload = await done(api, ASSIGN, assigning(money, (small, None), (large, None)))
    assert [part["amount"] for part in payload["assignments"]] == ["10.00", "15.00"]
    assert await invoice_now(api, large) == ("PART_PAID", "0.00", "15.00", "84.00")


async def test_a_blank_that_would_get_nothing_is_left_out(api: Api, tenant: Tenant, carol: UUID) -> None:
    money = await credit(tenant, carol, "30.00")
    due, more = await invoice(tenant, carol, "40.00"), await invoice(tenant, carol, "40.00")
    payload = await done(api, ASSIGN, assigning(money, (more, None), (due, "30.00")))
    assert [(part["amount"], part["invoice"]["id"]) for part in payload["assignments"]] == [
        ("30.00", gid("Invoice", due))
    ]
    assert await invoice_now(api, more) == ("OPEN", "0.00", "0.00", "40.00")


async def test_where_no_blank_gets_anything_it_is_refused(api: Api, tenant: Tenant, carol: UUID) -> None:
    """All that is due is for credit itself, which account credit cannot pay."""
    money = await credit(tenant, carol, "30.00")
    order = await tenant.order(carol, (await tenant.product("1.00", "CREDIT", name="Credit"), 50))
    assert await refusal(api, tenant, ASSIGN, assigning(money, (order, None))) == ["EXCEEDS_REMAINING", "assignments"]


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "150"), ("KWD", "1.234")])
async def test_every_currency_has_its_places(api: Api, tenant: Tenant, carol: UUID, currency: str, amount: str) -> None:
    money, due = await credit(tenant, carol, amount, currency), await invoice(tenant, carol, amount, currency)
    wrong = assigning(money, (due, f"{amount}{'.5' if currency == 'JPY' else '5'}"))
    assert await refusal(api, tenant, ASSIGN, wrong) == ["AMOUNT_PRECISION", "assignments", "0", "amount"]
    payload = await done(api, ASSIGN, assigning(money, (due, amount)))
    assert [part["invoice"]["status"] for part in payload["assignments"]] == ["PAID"]


async def test_what_it_cannot_be_set_against_is_refused_whole(api: Api, tenant: Tenant, carol: UUID) -> None:
    dave = await tenant.customer("dave")
    money = await credit(tenant, carol, "30.00")
    good, tight = await invoice(tenant, carol, "20.00"), await invoice(tenant, carol, "5.00")
    paid, his = await invoice(tenant, carol, "5.00"), await invoice(tenant, dave, "5.00")
    await tenant.pay(paid, "5.00")
    euros = await invoice(tenant, carol, "5.00", "EUR")
    for second, expected in (
        ((tight, "5.01"), ["EXCEEDS_DUE", "assignments", "1", "amount"]),
        ((tight, "0"), ["AMOUNT_ZERO", "assignments", "1", "amount"]),
        ((tight, "0.001"), ["AMOUNT_PRECISION", "assignments", "1", "amount"]),
        ((tight, "-1.00"), ["INVALID", "assignments", "1", "amount"]),
        ((good, "1.00"), ["DUPLICATE", "assignments", "1", "invoiceId"]),
        ((paid, "1.00"), ["INVOICE_NOT_OPEN", "assignments", "1", "invoiceId"]),
        ((paid, None), ["INVOICE_NOT_OPEN", "assignments", "1", "invoiceId"]),
        ((his, "1.00"), ["CUSTOMER_MISMATCH", "assignments", "1", "invoiceId"]),
        ((euros, "1.00"), ["CURRENCY_MISMATCH", "assignments", "1", "invoiceId"]),
        ((uuid4(), "1.00"), ["NOT_FOUND", "assignments", "1", "invoiceId"]),
    ):
        assert await refusal(api, tenant, ASSIGN, assigning(money, (good, "20.00"), second)) == expected
    assert await invoice_now(api, good) == ("OPEN", "0.00", "0.00", "20.00")
    too_many = assigning(money, *[(good, "0.01")] * 101)
    assert await refusal(api, tenant, ASSIGN, too_many) == ["INVALID", "assignments"]


async def test_a_credit_gives_no_more_than_its_remainder(api: Api, tenant: Tenant, carol: UUID) -> None:
    money = await credit(tenant, carol, "30.00")
    await credit(tenant, carol, "99.00")  # of no help
    due, more = await invoice(tenant, carol, "40.00"), await invoice(tenant, carol, "40.00")
    for parts, row in (([(due, "30.01")], "0"), ([(due, "30.00"), (more, "0.01")], "1")):
        expected = ["EXCEEDS_REMAINING", "assignments", row, "amount"]
        assert await refusal(api, tenant, ASSIGN, assigning(money, *parts)) == expected


async def test_only_a_money_credit_that_is_open_can_be_set(api: Api, tenant: Tenant, carol: UUID, clock: Clock) -> None:
    due = await invoice(tenant, carol, "40.00")
    used = await credit(tenant, carol, "5.00", reason="GOODWILL")
    await tenant.adjust(carol, "-5.00", credit_id=used)
    later = await credit(tenant, carol, "5.00", effective_on=clock().date() + timedelta(days=40))
    brief = await credit(tenant, carol, "5.00", expires_in_days=1)
    clock.advance(timedelta(days=3))
    for lot in (used, later, brief):
        given = assigning(lot, (due, "1.00"))
        assert await refusal(api, tenant, ASSIGN, given) == ["CREDIT_NOT_OPEN", "creditId"]
    for asset in ("POINTS", "SERVICE_CREDITS"):
        given = assigning(await credit(tenant, carol, "5", asset), (due, "1"))
        assert await refusal(api, tenant, ASSIGN, given) == ["INVALID", "creditId"]
    assert await refusal(api, tenant, ASSIGN, assigning(uuid4(), (due, "1.00"))) == ["NOT_FOUND", "creditId"]
    clock.advance(timedelta(days=40))
    await done(api, ASSIGN, assigning(later, (due, "5.00")))


async def test_it_is_replayed_and_its_key_is_good_for_nothing_else(api: Api, tenant: Tenant, carol: UUID) -> None:
    money, due = await credit(tenant, carol, "30.00"), await invoice(tenant, carol, "40.00")
    other = await invoice(tenant, carol, "40.00")
    given = assigning(money, (due, "10.00"), (other, None))
    first = await done(api, ASSIGN, given)
    await replayed(api, tenant, ASSIGN, given, first)
    for change in ({"assignments": given["assignments"][:1]}, {"assignments": given["assignments"][::-1]}):
        again = {**given, **change}
        assert await refusal(api, tenant, ASSIGN, again) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_who_may(api: Api, tenant: Tenant, carol: UUID) -> None:
    money, due = await credit(tenant, carol, "30.00"), await invoice(tenant, carol, "40.00")
    given = assigning(money, (due, "10.00"))
    await denied(api, tenant, ASSIGN, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, ASSIGN, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.CREDITS_ASSIGN})
    await denied(api, tenant, ASSIGN, given, role=Role.STAFF, scopes=[Scope.CREDITS_ADD])
    small = document(ASSIGN, "userErrors { code } assignments { amount }")
    answer = await api(small, {"input": given}, role=Role.PARTNER, scopes=[Scope.CREDITS_ASSIGN, Scope.INVOICES_READ])
    assert answer[ASSIGN] == {"userErrors": [], "assignments": [{"amount": "10.00"}]}
    await denied(api, tenant, ASSIGN, given, role=Role.PARTNER, scopes=[Scope.CREDITS_ADD])  # a replay, too
    await done(api, ASSIGN, assigning(money, (due, "10.00")), role=Role.STAFF)


async def test_crosswise_at_once_nothing_is_set_twice(api: Api, tenant: Tenant, carol: UUID) -> None:
    """Ten credits and ten invoices, each credit asked for all invoices in an order of its own."""
    credits = [await credit(tenant, carol, "10.00") for _ in range(10)]
    invoices = [await invoice(tenant, carol, "10.00") for _ in range(10)]
    asked = [
        assigning(lot, *((due, "5.00") for due in (*invoices[n:], *invoices[:n])[:2])) for n, lot in enumerate(credits)
    ]
    payloads = await asyncio.gather(*(ask(api, ASSIGN, given) for given in asked * 2))
    # Each was sent twice under one key; each invoice was asked for by two credits, for half each: all of it fits.
    assert Counter((p["replayed"], *(e["code"] for e in p["userErrors"])) for p in payloads) == {
        (False,): 10,
        (True,): 10,
    }
    for due in invoices:
        assert await invoice_now(api, due) == ("PAID", "0.00", "10.00", "0.00")
    over = assigning(await credit(tenant, carol, "1.00"), (invoices[0], "0.01"))
    assert await refusal(api, tenant, ASSIGN, over) == ["INVOICE_NOT_OPEN", "assignments", "0", "invoiceId"]
