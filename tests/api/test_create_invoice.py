"""createInvoice: invoices, and the credit that applies itself to them, as a client meets it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import INVOICING, ask, denied, document, done, refusal, replayed
from tests.support.tenants import Tenant


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


def invoicing(customer: UUID, *prices: str, **more: Any) -> dict[str, Any]:
    """The input, with a number and a key of its own."""
    return {
        "customerId": gid("Customer", customer),
        "number": uuid4().hex,
        "currency": "GBP",
        "lines": [{"description": "Tea", "quantity": 1, "unitPrice": price} for price in prices],
        "idempotencyKey": uuid4().hex,
        **more,
    }


def applied(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Which credits were set against it, and how much of each."""
    nodes = [edge["node"] for edge in payload["invoice"]["assignments"]["edges"]]
    assert all((node["origin"], node["releasedAt"]) == ("AUTO", None) for node in nodes)
    return [(node["credit"]["id"], node["amount"]) for node in nodes]


async def test_its_lines_add_up(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = invoicing(
        carol,
        number="INV-1",
        issuedOn="2026-01-31",
        dueOn="2026-02-28",
        lines=[
            {"description": "Tea", "quantity": 3, "unitPrice": "1.10"},
            {"description": "", "quantity": 1, "unitPrice": "0.0000"},
            {"description": "Cake, 🍰 and all", "quantity": 1, "unitPrice": "20"},
        ],
    )
    payload = await done(api, INVOICING, given)
    assert payload == {
        "replayed": False,
        "invoice": {
            "id": payload["invoice"]["id"],
            "number": "INV-1",
            "customer": {"externalId": "carol"},
            "currency": "GBP",
            "status": "OPEN",
            "total": "23.30",
            "paid": "0.00",
            "credited": "0.00",
            "due": "23.30",
            "issuedOn": "2026-01-31",
            "dueOn": "2026-02-28",
            "assignments": {"edges": []},
        },
    }
    assert await tenant.fetch("select 1 from transactions where tenant_id = $1") == []


async def test_open_credit_applies_itself_in_burn_order(api: Api, tenant: Tenant, carol: UUID, clock: Clock) -> None:
    never = gid("Credit", (await tenant.adjust(carol, "30.00")).credit_id)
    soon = gid("Credit", (await tenant.adjust(carol, "10.00", expires_in_days=3)).credit_id)
    await tenant.adjust(carol, "99.00", effective_on=clock().date() + timedelta(days=3))
    await tenant.adjust(carol, "99.00", auto_apply=False)
    await tenant.adjust(carol, "99.00", "EUR")
    await tenant.adjust(await tenant.customer(), "99.00")

    payload = await done(api, INVOICING, invoicing(carol, "25.00"))
    assert applied(payload) == [(soon, "10.00"), (never, "15.00")]
    assert (payload["invoice"]["status"], payload["invoice"]["due"]) == ("PAID", "0.00")

    payload = await done(api, INVOICING, invoicing(carol, "25.00"))
    assert applied(payload) == [(never, "15.00")]
    assert (payload["invoice"]["status"], payload["invoice"]["credited"]) == ("PART_PAID", "15.00")
    assert payload["invoice"]["due"] == "10.00"


async def test_credit_applies_itself_from_its_start_and_until_its_expiry(
    api: Api, tenant: Tenant, carol: UUID, clock: Clock
) -> None:
    lot = await tenant.adjust(carol, "9.00", effective_on=clock().date() + timedelta(days=3), expires_in_days=1)
    for days, expected in ((0, []), (3, [(gid("Credit", lot.credit_id), "1.00")]), (3, [])):
        clock.advance(timedelta(days=days))
        assert applied(await done(api, INVOICING, invoicing(carol, "1.00"))) == expected


async def test_it_can_be_kept_from_applying_itself(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "30.00")
    assert applied(await done(api, INVOICING, invoicing(carol, "25.00", autoApplyCredit=False))) == []
    assert len(applied(await done(api, INVOICING, invoicing(carol, "25.00", autoApplyCredit=None)))) == 1


async def test_an_invoice_over_nothing_is_paid_from_the_start(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "30.00")
    payload = await done(api, INVOICING, invoicing(carol, "0.00"))
    assert (payload["invoice"]["status"], payload["invoice"]["total"], applied(payload)) == ("PAID", "0.00", [])


@pytest.mark.parametrize(("currency", "price", "total"), [("JPY", "150.5", "301"), ("KWD", "1.2345", "2.469")])
async def test_every_currency_has_its_places(
    api: Api, tenant: Tenant, carol: UUID, currency: str, price: str, total: str
) -> None:
    lines = [{"description": "Tea", "quantity": 2, "unitPrice": price}]
    payload = await done(api, INVOICING, invoicing(carol, currency=currency, lines=lines))
    assert payload["invoice"]["total"] == total
    lines[0]["discountAmount"] = "0.5" if currency == "JPY" else "0.0005"
    expected = ["AMOUNT_PRECISION", "lines", "0", "discountAmount"]
    assert await refusal(api, tenant, INVOICING, invoicing(carol, currency=currency, lines=lines)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lines": []}, ["INVALID", "lines"]),
        ({"lines": [{"description": "Tea", "quantity": 1, "unitPrice": "1.00"}] * 1001}, ["INVALID", "lines"]),
        (
            {"lines": [{"description": "Tea", "quantity": 0, "unitPrice": "1.00"}]},
            ["INVALID", "lines", "0", "quantity"],
        ),
        (
            {"lines": [{"description": "Tea", "quantity": -1, "unitPrice": "1.00"}]},
            ["INVALID", "lines", "0", "quantity"],
        ),
        (
            {"lines": [{"description": "Tea", "quantity": 1, "unitPrice": "-1.00"}]},
            ["INVALID", "lines", "0", "unitPrice"],
        ),
        (
            {"lines": [{"description": "x" * 501, "quantity": 1, "unitPrice": "1.00"}]},
            ["INVALID", "lines", "0", "description"],
        ),
        (
            {"lines": [{"description": "Tea", "quantity": 2**31 - 1, "unitPrice": "9999999999999.99"}]},
            ["AMOUNT_OUT_OF_RANGE", "lines"],
        ),
        (
            {"lines": [{"description": "Tea", "quantity": 1, "unitPrice": "10000000000000.00"}] * 2},
            ["AMOUNT_OUT_OF_RANGE", "lines"],
        ),
        ({"currency": "POINTS"}, ["CURRENCY_MISMATCH", "currency"]),
        ({"currency": "SERVICE_CREDITS"}, ["CURRENCY_MISMATCH", "currency"]),
        ({"number": " "}, ["INVALID", "number"]),
        ({"number": "INV-1"}, ["DUPLICATE", "number"]),
        ({"issuedOn": "2026-01-31", "dueOn": "2026-01-30"}, ["INVALID", "dueOn"]),
        ({"issuedOn": "1899-12-31"}, ["INVALID", "issuedOn"]),
        ({"dueOn": "2201-01-01"}, ["INVALID", "dueOn"]),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_is_no_invoice_is_refused(
    api: Api, tenant: Tenant, carol: UUID, change: dict[str, Any], expected: list[str]
) -> None:
    await tenant.adjust(carol, "30.00")
    await tenant.invoice(carol, "1.00", number="INV-1", auto_apply=False)
    assert await refusal(api, tenant, INVOICING, invoicing(carol, "1.00", **change)) == expected


@pytest.mark.parametrize("currency", ["XAU", "GBX"])
async def test_a_currency_that_is_none_is_refused_by_its_name(
    api: Api, tenant: Tenant, carol: UUID, currency: str
) -> None:
    refused = await refusal(api, tenant, INVOICING, invoicing(carol, "1.00", currency=currency))
    assert refused == ["INVALID", "currency"]


async def test_a_customer_that_is_not_there_gets_none(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    for customer in (uuid4(), await other_tenant.customer("carol")):
        assert await refusal(api, tenant, INVOICING, invoicing(customer, "1.00")) == ["NOT_FOUND", "customerId"]


async def test_a_number_is_the_tenants_own(api: Api, tenant: Tenant, other_tenant: Tenant, carol: UUID) -> None:
    await other_tenant.invoice(await other_tenant.customer(), "1.00", number="INV-1", auto_apply=False)
    payload = await done(api, INVOICING, invoicing(carol, "1.00", number="INV-1"))
    assert payload["invoice"]["number"] == "INV-1"


async def test_it_is_replayed_and_its_key_is_good_for_nothing_else(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "30.00")
    given = invoicing(carol, "25.00")
    await replayed(api, tenant, INVOICING, given, await done(api, INVOICING, given))
    for change in (
        {"number": "another"},
        {"lines": given["lines"] * 2},
        {"autoApplyCredit": False},
        {"dueOn": "2199-01-01"},
    ):
        again = {**given, **change}
        assert await refusal(api, tenant, INVOICING, again) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_twenty_at_once_make_one_of_a_number_and_spend_a_credit_once(
    api: Api, tenant: Tenant, carol: UUID
) -> None:
    await tenant.adjust(carol, "30.00")
    same = [invoicing(carol, "5.00", number="N") for _ in range(10)]
    others = [invoicing(carol, "5.00") for _ in range(10)]
    payloads = await asyncio.gather(*(ask(api, INVOICING, given) for given in same + others))
    assert sum(payload["invoice"] is not None for payload in payloads[:10]) == 1
    assert {e["code"] for payload in payloads for e in payload["userErrors"]} == {"DUPLICATE"}
    sums = await tenant.fetch(
        "select sum(credited_minor), sum(total_minor), count(*) from invoices where tenant_id = $1"
    )
    assert [tuple(row) for row in sums] == [(3000, 5500, 11)]


async def test_who_may(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = invoicing(carol, "25.00")
    await denied(api, tenant, INVOICING, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, INVOICING, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.INVOICES_WRITE})
    await denied(api, tenant, INVOICING, given, role=Role.STAFF, scopes=[Scope.INVOICES_READ])
    small = document(INVOICING, "userErrors { code } invoice { due }")
    answer = await api(small, {"input": given}, role=Role.PARTNER, scopes=[Scope.INVOICES_WRITE, Scope.INVOICES_READ])
    assert answer[INVOICING] == {"userErrors": [], "invoice": {"due": "25.00"}}
    await denied(api, tenant, INVOICING, given, role=Role.PARTNER, scopes=[Scope.INVOICES_READ])  # a replay, too
    await done(api, INVOICING, invoicing(carol, "9999.00"), role=Role.STAFF)
