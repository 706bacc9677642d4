"""Adjusting customers' credit by hand, from the first heading of that product's guide to the last. See docs/sources."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from auth.roles import Role
from tests.api.conftest import Api
from tests.sources.pages import queries
from tests.support.clock import Clock
from tests.support.tenants import Tenant

PAGE = queries("000-adjust.md")
"""The queries that the page shows, by name: what it says is what is tested."""


@pytest.fixture
async def jo(api: Api) -> str:
    """A customer to adjust, found as the guide finds them: by searching."""
    for external_id, name in (("jo-1", "Jo March"), ("amy-1", "Amy March"), ("lou-1", "Louisa Alcott")):
        customer = {"externalId": external_id, "name": name}
        assert (await api(PAGE["AddCustomer"], {"input": customer}))["upsertCustomer"]["userErrors"] == []
    found = (await api(PAGE["FindCustomer"], {"search": "jo"}))["customers"]["edges"]
    assert [edge["node"]["name"] for edge in found] == ["Jo March"]
    customer_id: str = found[0]["node"]["id"]
    return customer_id


async def adjust(api: Api, customer: str, amount: str, key: str, **more: Any) -> dict[str, Any]:
    given = {"customerId": customer, "asset": "GBP", "amount": amount, "reason": "GOODWILL", "idempotencyKey": key}
    payload: dict[str, Any] = (await api(PAGE["Adjust"], {"input": {**given, **more}}))["adjustCredit"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_the_balance_increases_from_0_to_100(api: Api, jo: str) -> None:
    payload = await adjust(api, jo, "100", "a")
    assert codes(payload) == []
    assert payload["account"]["available"] == "100.00"


async def test_a_negative_sign_deducts(api: Api, jo: str, tenant: Tenant) -> None:
    await adjust(api, jo, "100", "a")
    assert (await adjust(api, jo, "-30", "b", reason="POLICY"))["account"]["available"] == "70.00"
    async with tenant.nothing_moves():
        refused = await adjust(api, jo, "-70.01", "c", reason="POLICY")
    assert codes(refused) == ["INSUFFICIENT_BALANCE"]
    assert refused["userErrors"][0]["available"] == "70.00"


async def test_5_means_that_the_credits_expire_after_5_days(api: Api, jo: str, tenant: Tenant, clock: Clock) -> None:
    payload = await adjust(api, jo, "10", "a", expiresInDays=5)
    zone = ZoneInfo("Europe/London")
    last_day = clock().astimezone(zone).date() + timedelta(days=5)
    expires_at = datetime.combine(last_day + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC)
    assert datetime.fromisoformat(payload["credit"]["expiresAt"]) == expires_at

    async def available() -> str:
        balances = (await api(PAGE["Profile"], {"id": jo}))["customer"]["balances"]
        amount: str = balances[0]["available"]
        return amount

    clock.advance(expires_at - timedelta(minutes=1) - clock())
    assert await available() == "10.00"
    clock.advance(timedelta(minutes=1))
    assert await available() == "0.00"
    assert codes(await adjust(api, jo, "-10", "b", reason="POLICY")) == ["INSUFFICIENT_BALANCE"]


@pytest.mark.parametrize("days", [{}, {"expiresInDays": None}, {"expiresInDays": 0}], ids=str)
async def test_left_blank_it_is_0_and_they_never_expire(api: Api, jo: str, clock: Clock, days: dict[str, Any]) -> None:
    assert (await adjust(api, jo, "10", "a", **days))["credit"]["expiresAt"] is None
    clock.advance(timedelta(days=10_000))
    assert (await api(PAGE["Profile"], {"id": jo}))["customer"]["balances"][0]["available"] == "10.00"


async def test_a_reason_is_selected_and_other_has_a_box_of_its_own(api: Api, jo: str, tenant: Tenant) -> None:
    choices = (await api(PAGE["Reasons"]))["adjustmentReasons"]
    assert [choice["code"] for choice in choices if choice["noteRequired"]] == ["OTHER"]
    async with tenant.nothing_moves():
        assert codes(await adjust(api, jo, "5", "a", reason="OTHER")) == ["NOTE_REQUIRED"]
        assert codes(await adjust(api, jo, "5", "a", reason="OTHER", note=" ")) == ["NOTE_REQUIRED"]
        assert codes(await adjust(api, jo, "5", "a", reason="")) == ["REASON_UNKNOWN"]
    payload = await adjust(api, jo, "5", "a", reason="OTHER", note="Lost in the post")
    assert (payload["transaction"]["reason"], payload["transaction"]["note"]) == ("OTHER", "Lost in the post")


async def test_reasons_of_ones_own(api: Api, jo: str, tenant: Tenant) -> None:
    birthday = {"code": "BIRTHDAY", "label": "Birthday", "directions": ["ADD"]}
    assert (await api(PAGE["AddReason"], {"input": birthday}))["createReason"]["userErrors"] == []
    assert codes(await adjust(api, jo, "5", "a", reason="BIRTHDAY")) == []
    async with tenant.nothing_moves():
        assert codes(await adjust(api, jo, "-5", "b", reason="BIRTHDAY")) == ["REASON_DIRECTION"]
    retire = {"code": "BIRTHDAY", "active": False}
    assert (await api(PAGE["ChangeReason"], {"input": retire}))["updateReason"]["userErrors"] == []
    async with tenant.nothing_moves():
        assert codes(await adjust(api, jo, "5", "c", reason="BIRTHDAY")) == ["REASON_UNKNOWN"]


async def test_the_profile_shows_the_balance_and_what_it_came_from(api: Api, jo: str) -> None:
    await adjust(api, jo, "100", "a")
    await adjust(api, jo, "-30", "b", reason="POLICY")
    customer = (await api(PAGE["Profile"], {"id": jo}))["customer"]
    assert customer["balances"] == [{"asset": "GBP", "available": "70.00", "scheduled": "0.00"}]
    entries = [edge["node"] for edge in customer["ledger"]["edges"]]
    assert [(e["amount"], e["balanceAfter"], e["transaction"]["reason"]) for e in entries] == [
        ("100.00", "100.00", "GOODWILL"),
        ("-30.00", "70.00", "POLICY"),
    ]


async def test_bulk_credit_adjusts_many_customers_at_once(api: Api, jo: str, tenant: Tenant) -> None:
    found = (await api(PAGE["FindCustomer"], {"search": "march"}))["customers"]["edges"]
    marches = [edge["node"]["id"] for edge in found]
    assert len(marches) == 2
    given = {
        "items": [{"customerId": each, "amount": "15"} for each in marches],
        "asset": "GBP",
        "reason": "PROMOTION",
        "expiresInDays": 30,
        "idempotencyKey": "spring",
    }
    dry = (await api(PAGE["BulkCredit"], {"input": {**given, "dryRun": True, "idempotencyKey": "dry"}}))["bulkCredit"]
    assert (dry["userErrors"], dry["operation"]["succeeded"]) == ([], 2)
    assert (await api(PAGE["Profile"], {"id": jo}))["customer"]["balances"] == []
    async with tenant.nothing_moves():
        bad = [{"customerId": marches[0], "amount": "15"}, {"customerId": marches[1], "amount": "0"}]
        refused = (await api(PAGE["BulkCredit"], {"input": {**given, "items": bad}}))["bulkCredit"]
        assert [(error["row"], error["code"]) for error in refused["userErrors"]] == [(1, "AMOUNT_ZERO")]
    operation = (await api(PAGE["BulkCredit"], {"input": given}))["bulkCredit"]["operation"]
    assert (operation["status"], operation["succeeded"], operation["failed"]) == ("COMPLETED", 2, 0)
    again = (await api(PAGE["BulkCredit"], {"input": given}))["bulkCredit"]
    assert (again["replayed"], again["operation"]["id"]) == (True, operation["id"])
    for each in marches:
        balances = (await api(PAGE["Profile"], {"id": each}))["customer"]["balances"]
        assert [balance["available"] for balance in balances] == ["15.00"]


async def test_a_preview_shows_the_balance_before_anything_moves(api: Api, jo: str, tenant: Tenant) -> None:
    await adjust(api, jo, "100", "a")
    given = {"customerId": jo, "asset": "GBP", "amount": "-30", "reason": "POLICY"}
    async with tenant.nothing_moves():
        preview = (await api(PAGE["Preview"], {"input": given}))["previewAdjustment"]
    assert (preview["account"]["available"], preview["availableAfter"]) == ("100.00", "70.00")


async def test_only_who_may_adjusts(api: Api, jo: str, tenant: Tenant) -> None:
    given = {"customerId": jo, "asset": "GBP", "amount": "-1", "reason": "POLICY", "idempotencyKey": "a"}
    async with tenant.nothing_moves():
        denied = await api(PAGE["Adjust"], {"input": given}, role=Role.STAFF)
        own = await api(PAGE["Adjust"], {"input": {**given, "amount": "1"}}, role=Role.CUSTOMER, customer="jo-1")
    assert (denied.codes, own.codes) == (["FORBIDDEN"], ["FORBIDDEN"])


async def test_the_till_spends_and_gives_back(api: Api, jo: str, tenant: Tenant) -> None:
    """Two coffees of 4.50, of which one comes back, and then the other."""
    await adjust(api, jo, "3", "a", expiresInDays=5)
    await adjust(api, jo, "10", "b")
    given = {"customerId": jo, "asset": "GBP", "amount": "4.50", "note": "Two coffees, receipt 1027"}
    spent = (await api(PAGE["Spend"], {"input": {**given, "idempotencyKey": "c"}}, role=Role.STAFF))["spendCredit"]
    assert (codes(spent), spent["account"]["available"]) == ([], "8.50")
    assert [edge["node"]["amount"] for edge in spent["transaction"]["entries"]["edges"]] == ["-3.00", "-1.50"]

    back = {"transactionId": spent["transaction"]["id"], "amount": "2.25"}
    async with tenant.nothing_moves():
        seen = (await api(PAGE["PreviewGiveBack"], {"input": back}, role=Role.STAFF))["previewRefund"]
    assert seen["availableAfter"] == "10.75"
    assert [effect["amount"] for effect in seen["credits"]] == ["1.50", "0.75"]
    for key, left in (("d", "10.75"), ("e", "13.00")):
        done = (await api(PAGE["GiveBack"], {"input": {**back, "idempotencyKey": key}}, role=Role.STAFF))["refundSpend"]
        assert (codes(done), done["account"]["available"]) == ([], left)
    async with tenant.nothing_moves():
        more = (await api(PAGE["GiveBack"], {"input": {**back, "idempotencyKey": "f"}}, role=Role.STAFF))["refundSpend"]
    assert codes(more) == ["EXCEEDS_REMAINING"]


async def test_the_till_holds_and_captures(api: Api, jo: str, tenant: Tenant, clock: Clock) -> None:
    """A table's bill of 30.00 is held, 27.40 of it taken, and one coffee comes back."""
    await adjust(api, jo, "20", "a", expiresInDays=1)
    await adjust(api, jo, "20", "b")
    given = {"customerId": jo, "asset": "GBP", "amount": "30.00", "note": "Table 7", "expiresInMinutes": 180}
    async with tenant.nothing_moves():
        seen = (await api(PAGE["PreviewHold"], {"input": given}, role=Role.STAFF))["previewHold"]
    assert (seen["availableAfter"], seen["heldAfter"]) == ("10.00", "30.00")
    assert [(effect["amount"], effect["remainingAfter"]) for effect in seen["credits"]] == [
        ("-20.00", "0.00"),
        ("-10.00", "10.00"),
    ]
    held = (await api(PAGE["Hold"], {"input": {**given, "idempotencyKey": "c"}}, role=Role.STAFF))["holdCredit"]
    assert (codes(held), held["account"]) == ([], {"available": "10.00", "held": "30.00"})
    spend = {"customerId": jo, "asset": "GBP", "amount": "10.01", "note": "Cake", "idempotencyKey": "d"}
    async with tenant.nothing_moves():
        refused = (await api(PAGE["Spend"], {"input": spend}, role=Role.STAFF))["spendCredit"]
    assert (codes(refused), refused["userErrors"][0]["available"]) == (["INSUFFICIENT_BALANCE"], "10.00")

    hold = held["hold"]["id"]
    later = {"holdId": hold, "expiresInMinutes": 2_880, "idempotencyKey": "e"}
    assert codes((await api(PAGE["Extend"], {"input": later}, role=Role.STAFF))["extendHold"]) == []
    clock.advance(hours=47)  # by then the first 20.00 have expired
    (edge,) = (await api(PAGE["Held"], {"customer": jo}, role=Role.STAFF))["holds"]["edges"]
    assert (edge["node"]["held"], edge["node"]["transaction"]["note"]) == ("30.00", "Table 7")
    taking = {"holdId": hold, "amount": "27.40", "note": "Receipt 1031", "idempotencyKey": "f"}
    taken = (await api(PAGE["Capture"], {"input": taking}, role=Role.STAFF))["captureHold"]
    assert (codes(taken), taken["hold"]["held"], taken["payment"]) == ([], "2.60", None)
    assert [edge["node"]["amount"] for edge in taken["transaction"]["entries"]["edges"]] == ["-20.00", "-7.40"]
    gone = (await api(PAGE["LetGo"], {"input": {"holdId": hold, "idempotencyKey": "g"}}, role=Role.STAFF))[
        "releaseHold"
    ]
    assert (gone["hold"]["status"], gone["account"]) == ("RELEASED", {"available": "12.60", "held": "0.00"})
    back = {"transactionId": taken["transaction"]["id"], "amount": "2.25", "idempotencyKey": "h"}
    done = (await api(PAGE["GiveBack"], {"input": back}, role=Role.STAFF))["refundSpend"]
    assert (codes(done), done["account"]["available"]) == ([], "14.85")
