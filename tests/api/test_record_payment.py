"""recordPayment: what was paid on an invoice, as a client meets it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from auth.roles import Role, Scope
from models.ledger import Ledger
from tests.api.conftest import Api, gid
from tests.factories import Clock, Tenant, make_tenant
from tests.support.headline import PAYING, ask, denied, document, done, refusal, replayed


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


def paying(invoice: UUID | None, amount: str, **more: Any) -> dict[str, Any]:
    """The input, with a key of its own."""
    return {
        "invoiceId": gid("Invoice", invoice), "amount": amount, "method": "CASH", "idempotencyKey": uuid4().hex,
        **more,
    }  # fmt: skip


async def test_in_part_and_then_in_full(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice = (await tenant.invoice(carol, "25.00", number="INV-1")).invoice_id
    given = paying(invoice, "10.00", method="CHECK", receivedOn="2026-01-31")
    payload = await done(api, PAYING, given)
    assert payload["payment"] == {
        "id": payload["payment"]["id"], "amount": "10.00", "method": "CHECK", "receivedOn": "2026-01-31",
        "voidedAt": None,
    }  # fmt: skip
    shown = payload["invoice"]
    assert (shown["number"], shown["status"], shown["paid"], shown["due"]) == ("INV-1", "PART_PAID", "10.00", "15.00")
    await replayed(api, tenant, PAYING, given, payload)

    payload = await done(api, PAYING, paying(invoice, "15.00"))
    assert (payload["invoice"]["status"], payload["invoice"]["due"]) == ("PAID", "0.00")
    assert await tenant.fetch("select 1 from transactions where tenant_id = $1") == []
    assert await refusal(api, tenant, PAYING, paying(invoice, "0.01")) == ["INVOICE_NOT_OPEN", "invoiceId"]


async def test_credit_that_was_assigned_is_no_longer_due(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "10.00")
    invoice = (await tenant.invoice(carol, "25.00", auto_apply=True)).invoice_id
    assert await refusal(api, tenant, PAYING, paying(invoice, "15.01")) == ["EXCEEDS_DUE", "amount"]
    payload = await done(api, PAYING, paying(invoice, "15.00"))
    shown = payload["invoice"]
    assert (shown["status"], shown["paid"], shown["credited"]) == ("PAID", "15.00", "10.00")


@pytest.mark.parametrize("method", ["CASH", "CHECK", "CARD", "TRANSFER", "OTHER"])
async def test_every_method(api: Api, tenant: Tenant, carol: UUID, method: str) -> None:
    invoice = (await tenant.invoice(carol, "25.00")).invoice_id
    assert (await done(api, PAYING, paying(invoice, "1.00", method=method)))["payment"]["method"] == method


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"amount": "25.01"}, ["EXCEEDS_DUE", "amount"]), ({"amount": "0.00"}, ["AMOUNT_ZERO", "amount"]),
        ({"amount": "-5.00"}, ["INVALID", "amount"]), ({"amount": "5.005"}, ["AMOUNT_PRECISION", "amount"]),
        ({"amount": "9999999999999999"}, ["AMOUNT_OUT_OF_RANGE", "amount"]),
        ({"invoiceId": gid("Invoice", UUID(int=7))}, ["NOT_FOUND", "invoiceId"]),
        ({"receivedOn": "1899-12-31"}, ["INVALID", "receivedOn"]),
        ({"receivedOn": "2150-01-01"}, ["INVALID", "receivedOn"]),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
async def test_what_is_no_payment_is_refused(
    api: Api, tenant: Tenant, carol: UUID, change: dict[str, Any], expected: list[str]
) -> None:
    invoice = (await tenant.invoice(carol, "25.00")).invoice_id
    assert await refusal(api, tenant, PAYING, {**paying(invoice, "1.00"), **change}) == expected


async def test_today_is_the_tenants(
    ledger: Ledger, client: httpx.AsyncClient, clock: Clock, noon: datetime
) -> None:
    today = noon.date()
    tenant = await make_tenant(ledger, time_zone="Pacific/Auckland")  # where it is tomorrow already
    api = Api(client, tenant, clock)
    invoice = (await tenant.invoice(await tenant.customer(), "25.00")).invoice_id
    tomorrow, after = f"{today + timedelta(days=1)}", f"{today + timedelta(days=2)}"
    assert (await done(api, PAYING, paying(invoice, "1.00")))["payment"]["receivedOn"] == tomorrow
    await done(api, PAYING, paying(invoice, "1.00", receivedOn=tomorrow))
    expected = ["INVALID", "receivedOn"]
    assert await refusal(api, tenant, PAYING, paying(invoice, "1.00", receivedOn=after)) == expected


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "150"), ("KWD", "1.234")])
async def test_every_currency_has_its_places(
    api: Api, tenant: Tenant, carol: UUID, currency: str, amount: str
) -> None:
    invoice = (await tenant.invoice(carol, amount, currency)).invoice_id
    wrong = paying(invoice, f"{amount}{'.5' if currency == 'JPY' else '5'}")
    assert await refusal(api, tenant, PAYING, wrong) == ["AMOUNT_PRECISION", "amount"]
    assert (await done(api, PAYING, paying(invoice, amount)))["invoice"]["paid"] == amount


async def test_the_same_key_for_anything_else_is_refused(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice, other = [(await tenant.invoice(carol, "25.00")).invoice_id for _ in range(2)]
    given = paying(invoice, "5.00")
    await done(api, PAYING, given)
    for change in ({"amount": "5.01"}, {"method": "CARD"}, {"invoiceId": gid("Invoice", other)},
                   {"receivedOn": "2026-01-01"}):  # fmt: skip
        again = {**given, **change}
        assert await refusal(api, tenant, PAYING, again) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_twenty_at_once_pay_no_more_than_is_due(api: Api, tenant: Tenant, carol: UUID) -> None:
    invoice = (await tenant.invoice(carol, "25.00")).invoice_id
    payloads = await asyncio.gather(*(ask(api, PAYING, paying(invoice, "4.00")) for _ in range(20)))
    assert sum(payload["payment"] is not None for payload in payloads) == 6
    assert {e["code"] for payload in payloads for e in payload["userErrors"]} == {"EXCEEDS_DUE"}
    (row,) = await tenant.fetch("select paid_minor from invoices where tenant_id = $1")
    assert row[0] == 2400


async def test_who_may(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = paying((await tenant.invoice(carol, "25.00")).invoice_id, "5.00")
    await denied(api, tenant, PAYING, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, PAYING, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.PAYMENTS_WRITE})
    await denied(api, tenant, PAYING, given, role=Role.STAFF, scopes=[Scope.INVOICES_WRITE])
    small = document(PAYING, "userErrors { code } payment { amount }")
    answer = await api(small, {"input": given}, role=Role.PARTNER, scopes=[Scope.PAYMENTS_WRITE])
    assert answer[PAYING] == {"userErrors": [], "payment": {"amount": "5.00"}}
    await denied(api, tenant, PAYING, given, role=Role.PARTNER, scopes=[Scope.INVOICES_READ])  # a replay, too
    await done(api, PAYING, {**given, "idempotencyKey": "new"}, role=Role.STAFF)
