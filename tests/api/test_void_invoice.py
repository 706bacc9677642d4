"""voidInvoice, as a client meets it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import VOID_INVOICE, denied, done, refusal, replayed
from tests.support.tenants import Tenant


def voiding(invoice: UUID | None, **more: Any) -> dict[str, Any]:
    return {"invoiceId": gid("Invoice", invoice), "idempotencyKey": uuid4().hex, **more}


async def test_what_is_set_against_it_goes_back_last_first(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    brief, lasting = await tenant.adjust(carol, "30.00", expires_in_days=1), await tenant.adjust(carol, "30.00")
    invoice = await tenant.invoice(carol, "50.00", auto_apply=False)
    for credit in (brief, lasting):
        await tenant.assign(credit.credit_id, (invoice, None))
    clock.advance(timedelta(days=3))
    given = voiding(invoice, note="Issued twice")
    payload = await done(api, VOID_INVOICE, given)

    entries = [edge["node"] for edge in payload["transaction"]["entries"]["edges"]]
    assert (payload["transaction"]["kind"], payload["transaction"]["note"]) == ("VOID", "Issued twice")
    assert [(entry["amount"], entry["credit"]["id"]) for entry in entries] == [
        ("20.00", gid("Credit", lasting.credit_id)),
        ("30.00", gid("Credit", brief.credit_id)),
        ("-30.00", gid("Credit", brief.credit_id)),
    ]
    assert (payload["invoice"]["status"], payload["invoice"]["credited"]) == ("VOID", "0.00")
    assert [part["credit"]["status"] for part in payload["assignments"]] == ["EXPIRED", "OPEN"]
    assert all(part["releasedAt"] for part in payload["assignments"])
    await replayed(api, tenant, VOID_INVOICE, given, payload)
    assert await refusal(api, tenant, VOID_INVOICE, voiding(invoice)) == ["INVOICE_NOT_OPEN", "invoiceId"]


async def test_one_without_anything_on_it(api: Api, tenant: Tenant) -> None:
    invoice = await tenant.invoice(await tenant.customer(), "50.00", auto_apply=False)
    given = voiding(invoice)
    payload = await done(api, VOID_INVOICE, given)

    assert (payload["invoice"]["status"], payload["assignments"]) == ("VOID", [])
    assert payload["transaction"]["entries"]["edges"] == []
    await replayed(api, tenant, VOID_INVOICE, given, payload)
    query = "query($status: [InvoiceStatus!]) { invoices(status: $status) { edges { node { id } } } }"
    found = (await api(query, {"status": ["VOID"]}))["invoices"]["edges"]
    assert found == [{"node": {"id": gid("Invoice", invoice)}}]
    assert payload["invoice"]["due"] == "0.00"
    owed = 'query { invoices(filter: {due: {asset: "GBP", min: "0.01"}}) { edges { node { id } } } }'
    assert (await api(owed))["invoices"]["edges"] == []


@pytest.mark.parametrize("method", ["CASH", "ACCOUNT_CREDIT"])
async def test_payments_are_voided_before(api: Api, tenant: Tenant, method: str) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "30.00")
    invoice = await tenant.invoice(carol, "50.00", auto_apply=False)
    await tenant.pay(invoice, "20.00", method)
    assert await refusal(api, tenant, VOID_INVOICE, voiding(invoice)) == ["INVOICE_PAID", "invoiceId"]


async def test_managers_may(api: Api, tenant: Tenant) -> None:
    invoice = await tenant.invoice(await tenant.customer("carol"), "50.00", auto_apply=False)
    given = voiding(invoice)
    await denied(api, tenant, VOID_INVOICE, given, role=Role.STAFF)
    await denied(api, tenant, VOID_INVOICE, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, VOID_INVOICE, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.INVOICES_WRITE})
    assert await refusal(api, tenant, VOID_INVOICE, voiding(uuid4())) == ["NOT_FOUND", "invoiceId"]
    await done(api, VOID_INVOICE, given, role=Role.MANAGER)
