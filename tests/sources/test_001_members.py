"""Adjusting members' credits, from the first heading of that product's guide to the last. See docs/sources."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from auth.roles import Role
from tests.api.conftest import Api
from tests.sources.pages import queries
from tests.support.clock import Clock
from tests.support.tenants import Tenant

PAGE = queries("001-members.md")
AUCKLAND = ZoneInfo("Pacific/Auckland")


class Desk:
    """The front desk of a salon, and what it knows: one member and two services."""

    def __init__(self, api: Api, member: str, services: dict[str, str]) -> None:
        self.api = api
        self.member = member
        self.services = services

    async def do(self, name: str, given: dict[str, Any], role: Role = Role.MANAGER) -> dict[str, Any]:
        """The payload of one of the page's mutations."""
        answer = await self.api(PAGE[name], {"input": given}, role=role, subject=role.value)
        assert answer.data is not None
        (payload,) = answer.data.values()
        return payload if payload is not None else {"denied": answer.codes}

    async def adjust(self, amount: str, key: str, role: Role = Role.MANAGER, **more: Any) -> dict[str, Any]:
        given = {
            "customerId": self.member,
            "asset": "SERVICE_CREDITS",
            "amount": amount,
            "reason": "SERVICE_RECOVERY",
            "idempotencyKey": key,
        }
        return await self.do("AdjustCredits", {**given, **more}, role)

    async def use(self, service: str, amount: str, key: str) -> dict[str, Any]:
        given = {
            "customerId": self.member,
            "serviceId": self.services[service],
            "amount": amount,
            "idempotencyKey": key,
        }
        return await self.do("UseCredits", given, Role.STAFF)

    async def tab(self) -> dict[str, Any]:
        """The member's Membership tab."""
        answer = await self.api(PAGE["MembershipTab"], {"id": self.member}, role=Role.STAFF)
        customer: dict[str, Any] = answer["customer"]
        return customer


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


@pytest.fixture
async def desk(api: Api, tenant: Tenant) -> Desk:
    services = {}
    for name in ("Massage", "Facial"):
        made = (await api(PAGE["AddService"], {"input": {"name": name}}))["createService"]
        services[name] = made["service"]["id"]
    await tenant.customer("m-1", "Mia Member")
    found = (await api(PAGE["FindMember"], {"search": "member"}, role=Role.STAFF))["customers"]["edges"]
    desk = Desk(api, found[0]["node"]["id"], services)
    assert codes(await desk.do("StartMembership", {"customerId": desk.member}, Role.STAFF)) == []
    return desk


@pytest.mark.parametrize(
    ("reason", "amount"),
    [
        ("SERVICE_RECOVERY", "2"),  # the client was unhappy with a service
        ("PROMOTION", "5"),  # a sign-up bonus
        ("CORRECTION", "1"),  # credits were consumed in error
        ("GOODWILL", "1"),  # apologizing for a scheduling issue
    ],
)
async def test_when_to_add_credits(desk: Desk, reason: str, amount: str) -> None:
    payload = await desk.adjust(amount, "a", Role.STAFF, reason=reason)
    assert (codes(payload), payload["account"]["available"]) == ([], amount)


@pytest.mark.parametrize("reason", ["CORRECTION", "POLICY"])
async def test_when_to_remove_credits(desk: Desk, reason: str) -> None:
    await desk.adjust("5", "a")
    payload = await desk.adjust("-2", "b", reason=reason)
    assert (codes(payload), payload["account"]["available"]) == ([], "3")


async def test_removing_credits_requires_manager_permission(desk: Desk, tenant: Tenant) -> None:
    await desk.adjust("5", "a", Role.STAFF)
    async with tenant.nothing_moves():
        denied = await desk.adjust("-1", "b", Role.STAFF, reason="CORRECTION")
    assert denied == {"denied": ["FORBIDDEN"]}
    assert codes(await desk.adjust("-1", "b", reason="CORRECTION")) == []


async def test_the_reason_is_required_and_has_to_fit(desk: Desk, tenant: Tenant) -> None:
    async with tenant.nothing_moves():
        for amount, reason, expected in (
            ("1", "", "REASON_UNKNOWN"),
            ("1", "NOPE", "REASON_UNKNOWN"),
            ("1", "POLICY", "REASON_DIRECTION"),
            ("-1", "GOODWILL", "REASON_DIRECTION"),
            ("1", "OTHER", "NOTE_REQUIRED"),
        ):
            assert codes(await desk.adjust(amount, "a", reason=reason)) == [expected]


async def test_the_balance_updates_immediately_and_is_logged(desk: Desk) -> None:
    assert (await desk.tab())["account"] is None
    await desk.adjust("5", "a", note="The oil was cold")
    tab = await desk.tab()
    assert tab["account"]["available"] == "5"
    (entry,) = [edge["node"] for edge in tab["account"]["ledger"]["edges"]]
    assert (entry["amount"], entry["balanceAfter"]) == ("5", "5")
    assert (entry["transaction"]["reason"], entry["transaction"]["note"]) == ("SERVICE_RECOVERY", "The oil was cold")
    assert entry["transaction"]["actor"]["subject"] == "manager"


async def test_every_adjustment_is_recorded_with_who_when_why_and_how_much(desk: Desk, clock: Clock) -> None:
    began = clock()
    await desk.adjust("5", "a", Role.STAFF, note="The oil was cold")
    await desk.adjust("-1", "b", reason="CORRECTION")
    await desk.use("Massage", "2", "c")
    trail = (await desk.api(PAGE["AuditTrail"], {"customerId": desk.member}, role=Role.MANAGER))["auditTrail"]
    records = [edge["node"] for edge in trail["edges"] if edge["node"]["action"] is None]
    assert [(r["actor"]["subject"], r["kind"], r["reason"], r["note"], r["asset"], r["amount"]) for r in records] == [
        ("staff", "ADJUSTMENT", "SERVICE_RECOVERY", "The oil was cold", "SERVICE_CREDITS", "5"),
        ("manager", "ADJUSTMENT", "CORRECTION", None, "SERVICE_CREDITS", "-1"),
        ("staff", "USE", None, None, "SERVICE_CREDITS", "-2"),
    ]
    assert all(began <= datetime.fromisoformat(record["at"]) <= clock() for record in records)
    started = [edge["node"] for edge in trail["edges"] if edge["node"]["action"] == "membership.started"]
    assert [record["actor"]["subject"] for record in started] == ["staff"]
    by_sum = {"customerId": desk.member, "maxAmount": "-1", "reason": "CORRECTION", "actor": "manager"}
    found = (await desk.api(PAGE["AuditTrail"], by_sum, role=Role.MANAGER))["auditTrail"]["edges"]
    assert [edge["node"]["amount"] for edge in found] == ["-1"]
    assert (await desk.api(PAGE["AuditTrail"], by_sum, role=Role.STAFF)).codes == ["FORBIDDEN"]


async def test_adjusted_credits_expire_like_any_others(desk: Desk, clock: Clock, tenant: Tenant) -> None:
    payload = await desk.adjust("5", "a", expiresInDays=14)
    expires_at = datetime.fromisoformat(payload["credit"]["expiresAt"])
    assert timedelta(days=14) < expires_at - clock() <= timedelta(days=15)
    clock.advance(expires_at - clock())
    assert (await desk.tab())["account"]["available"] == "0"
    async with tenant.nothing_moves():
        assert codes(await desk.use("Massage", "1", "b")) == ["INSUFFICIENT_BALANCE"]


async def test_a_cancelled_membership_within_and_after_its_60_days(desk: Desk, clock: Clock, tenant: Tenant) -> None:
    salon = {"name": "Salon", "timeZone": "Pacific/Auckland"}
    changed = (await desk.api(PAGE["Salon"], {"input": salon}))["updateTenant"]["tenant"]
    assert changed == {**salon, "graceDays": 60}
    cancelled = await desk.do("CancelMembership", {"customerId": desk.member, "note": "Moves away"}, Role.STAFF)
    membership = cancelled["customer"]["membership"]
    last_day = datetime.fromisoformat(membership["cancelledAt"]).astimezone(AUCKLAND).date() + timedelta(days=60)
    last_minute = datetime(last_day.year, last_day.month, last_day.day, 23, 59, tzinfo=AUCKLAND).astimezone(UTC)
    assert datetime.fromisoformat(membership["graceEndsAt"]) == last_minute + timedelta(minutes=1)

    clock.advance(last_minute - clock())
    assert (await desk.tab())["membership"]["status"] == "CANCELLED"
    assert codes(await desk.adjust("5", "a", Role.STAFF)) == []
    clock.advance(timedelta(minutes=1))
    assert (await desk.tab())["membership"]["status"] == "ENDED"
    async with tenant.nothing_moves():
        assert codes(await desk.adjust("5", "b", Role.STAFF)) == ["MEMBERSHIP_GRACE_ENDED"]
        assert codes(await desk.adjust("5", "b")) == ["MEMBERSHIP_GRACE_ENDED"]  # whoever asks
    assert codes(await desk.use("Massage", "1", "c")) == []
    assert codes(await desk.adjust("-1", "d", reason="CORRECTION")) == []
    reinstated = await desk.do("ReinstateMembership", {"customerId": desk.member}, Role.STAFF)
    assert reinstated["customer"]["membership"]["status"] == "ACTIVE"
    assert codes(await desk.adjust("5", "b", Role.STAFF)) == []


async def test_credits_for_a_different_service(desk: Desk, tenant: Tenant) -> None:
    await desk.adjust("2", "a", serviceIds=[desk.services["Facial"]])
    await desk.adjust("1", "b")
    async with tenant.nothing_moves():
        refused = await desk.use("Massage", "2", "c")
    assert (codes(refused), refused["userErrors"][0]["available"]) == (["INSUFFICIENT_BALANCE"], "1")
    assert codes(await desk.use("Facial", "2", "d")) == []  # what names it goes first
    assert codes(await desk.use("Massage", "1", "e")) == []
    assert (await desk.tab())["account"]["available"] == "0"


async def test_a_service_that_is_no_longer_offered(desk: Desk, tenant: Tenant) -> None:
    facial = desk.services["Facial"]
    await desk.adjust("2", "a", serviceIds=[facial])
    retired = await desk.do("ChangeService", {"serviceId": facial, "active": False}, Role.ADMIN)
    assert retired["service"]["active"] is False
    async with tenant.nothing_moves():
        assert codes(await desk.adjust("2", "b", serviceIds=[facial])) == ["INVALID"]
    assert codes(await desk.use("Facial", "2", "c")) == []  # what was given is owed


async def test_staff_have_limits_and_managers_do_not(desk: Desk, tenant: Tenant) -> None:
    async with tenant.nothing_moves():
        refused = await desk.adjust("11", "a", Role.STAFF)
    assert codes(refused) == ["LIMIT_EXCEEDED"]
    remaining = {each["scope"]: each["remaining"] for each in refused["userErrors"][0]["remaining"]}
    assert remaining["PER_ADJUSTMENT"] == "10"
    assert codes(await desk.adjust("11", "b")) == []
    asked = await desk.adjust("11", "c", Role.STAFF, requestApproval=True)
    assert (codes(asked), asked["approvalRequest"]["status"]) == ([], "PENDING")
    assert (await desk.tab())["account"]["available"] == "11"


async def test_a_cancelled_class_comes_back_also_after_the_grace_period(desk: Desk, clock: Clock) -> None:
    await desk.adjust("5", "a")
    used = await desk.use("Massage", "2", "b")
    await desk.do("CancelMembership", {"customerId": desk.member, "note": "Moves away"}, Role.STAFF)
    clock.advance(timedelta(days=90))
    given = {"transactionId": used["transaction"]["id"], "note": "The class was cancelled", "idempotencyKey": "c"}
    back = await desk.do("GiveBackCredits", given, Role.STAFF)
    assert (codes(back), back["account"]["available"]) == ([], "5")
    assert back["transaction"]["kind"] == "REFUND"
    assert back["transaction"]["refundOf"] == {"id": used["transaction"]["id"]}


async def test_a_cancelled_class_that_was_invoiced_comes_back_to_what_paid_it(desk: Desk) -> None:
    await desk.do(
        "AdjustCredits",
        {"customerId": desk.member, "asset": "GBP", "amount": "15", "reason": "GOODWILL", "idempotencyKey": "a"},
    )
    lines = [{"description": each, "quantity": 1, "unitPrice": "20"} for each in ("Yoga, Monday", "Yoga, Tuesday")]
    billed = await desk.do(
        "InvoiceClasses",
        {"customerId": desk.member, "number": "Y-1", "currency": "GBP", "lines": lines, "idempotencyKey": "b"},
        Role.STAFF,
    )
    invoice = billed["invoice"]
    assert (codes(billed), invoice["credited"], invoice["due"]) == ([], "15.00", "25.00")
    card = {"invoiceId": invoice["id"], "amount": "25", "method": "CARD", "idempotencyKey": "c"}
    paid = await desk.do("PayClasses", card, Role.STAFF)
    assert (codes(paid), paid["invoice"]) == ([], {"status": "PAID", "due": "0.00"})
    monday, tuesday = (edge["node"]["id"] for edge in invoice["lines"]["edges"])

    async def cancel(line: str, key: str) -> dict[str, Any]:
        given = {"invoiceId": invoice["id"], "lines": [{"lineId": line}], "note": "Cancelled", "idempotencyKey": key}
        return await desk.do("CancelClass", given, Role.STAFF)

    first = await cancel(monday, "d")  # what was paid last goes back first: of 25.00 by card, 20.00
    assert (codes(first), first["creditNote"]["givenBack"]) == ([], "20.00")
    assert first["creditNote"]["credit"] == {"remaining": "20.00"}
    noted = {"status": "PAID", "total": "40.00", "noted": "20.00", "paid": "5.00", "credited": "15.00", "due": "0.00"}
    assert (first["invoice"], first["account"]["available"]) == (noted, "20.00")
    second = await cancel(tuesday, "e")  # the rest by card, and the money credit that it took
    assert (codes(second), second["creditNote"]["credit"]) == ([], {"remaining": "5.00"})
    assert (second["invoice"]["paid"], second["invoice"]["credited"]) == ("0.00", "0.00")
    assert second["account"]["available"] == "40.00"
    assert codes(await cancel(monday, "f")) == ["EXCEEDS_REMAINING"]
