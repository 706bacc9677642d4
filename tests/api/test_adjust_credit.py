"""adjustCredit: every rule of adjusting, as a client meets it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest

from models.ledger import Ledger
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import ADJUST, adjusting, done, refusal, refused, replayed
from tests.support.tenants import Tenant, make_tenant

BALANCES: Final = """query($id: ID!) { balances(customerId: $id) { asset available scheduled lifetime
  credits { edges { node { remaining status } } } } }"""


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


async def balance(api: Api, customer: UUID) -> dict[str, Any]:
    """The one account of a customer."""
    (account,) = (await api(BALANCES, {"id": gid("Customer", customer)}))["balances"]
    found: dict[str, Any] = account
    return found


async def test_adding_opens_a_credit_and_answers_with_all_of_it(
    api: Api, tenant: Tenant, carol: UUID, noon: datetime
) -> None:
    given = adjusting(carol, "25.00", reason="GOODWILL", note="Cold soup")
    payload = await done(api, ADJUST, given)

    made = datetime.fromisoformat(payload["transaction"].pop("createdAt"))
    assert timedelta() <= made - noon < timedelta(minutes=5)
    credit, transaction, account = (payload[name]["id"] for name in ("credit", "transaction", "account"))
    assert payload == {
        "replayed": False,
        "approvalRequest": None,
        "transaction": {
            "id": transaction,
            "kind": "ADJUSTMENT",
            "reason": "GOODWILL",
            "note": "Cold soup",
            "approvedBy": None,
            "actor": {"subject": "admin@test", "name": "Admin of the test", "role": "ADMIN", "client": None},
            "entries": {
                "edges": [
                    {"node": {"sequence": 1, "amount": "25.00", "balanceAfter": "25.00", "credit": {"id": credit}}}
                ]
            },
        },
        "account": {
            "id": account,
            "asset": "GBP",
            "available": "25.00",
            "scheduled": "0.00",
            "lifetime": "25.00",
            "tier": None,
            "customer": {"externalId": "carol"},
        },
        "credit": {
            "id": credit,
            "amount": "25.00",
            "remaining": "25.00",
            "status": "OPEN",
            "effectiveOn": noon.date().isoformat(),
            "expiresAt": None,
            "services": [],
            "autoApply": True,
            "transaction": {"id": transaction},
        },
    }


async def test_removing_takes_in_burn_order_and_says_from_which(api: Api, tenant: Tenant, carol: UUID) -> None:
    never = await tenant.adjust(carol, "10.00")
    soon = await tenant.adjust(carol, "10.00", expires_in_days=2)
    later = await tenant.adjust(carol, "10.00", expires_in_days=9)

    payload = await done(api, ADJUST, adjusting(carol, "-20.50", reason="POLICY"))

    entries = [edge["node"] for edge in payload["transaction"]["entries"]["edges"]]
    assert [(e["credit"]["id"], e["sequence"], e["amount"], e["balanceAfter"]) for e in entries] == [
        (gid("Credit", soon.credit_id), 4, "-10.00", "20.00"),
        (gid("Credit", later.credit_id), 5, "-10.00", "10.00"),
        (gid("Credit", never.credit_id), 6, "-0.50", "9.50"),
    ]
    assert (payload["credit"], payload["account"]["available"]) == (None, "9.50")


async def test_removing_from_the_named_credit_leaves_the_order_aside(api: Api, tenant: Tenant, carol: UUID) -> None:
    soon = await tenant.adjust(carol, "10.00", expires_in_days=2)
    named = gid("Credit", (await tenant.adjust(carol, "10.00")).credit_id)

    payload = await done(api, ADJUST, adjusting(carol, "-10.00", creditId=named))

    assert (payload["credit"]["id"], payload["credit"]["remaining"]) == (named, "0.00")
    assert payload["credit"]["status"] == "EXHAUSTED"
    again = adjusting(carol, "-0.01", creditId=named)
    assert await refusal(api, tenant, ADJUST, again) == ["CREDIT_NOT_OPEN", "creditId"]
    over = adjusting(carol, "-10.01", creditId=gid("Credit", soon.credit_id))
    assert await refusal(api, tenant, ADJUST, over) == ["INSUFFICIENT_BALANCE", "amount", "10.00"]
    adding = adjusting(carol, "1.00", creditId=gid("Credit", soon.credit_id))
    assert await refusal(api, tenant, ADJUST, adding) == ["INVALID", "creditId"]


async def test_more_than_is_available_is_refused_with_the_figure(api: Api, tenant: Tenant, carol: UUID) -> None:
    assert await refusal(api, tenant, ADJUST, adjusting(carol, "-1.00")) == ["INSUFFICIENT_BALANCE", "amount", "0.00"]
    await tenant.adjust(carol, "10.00")
    await tenant.adjust(carol, "7.00", effective_on=tenant.ledger.clock().date() + timedelta(days=5))
    given = adjusting(carol, "-10.01")
    assert await refusal(api, tenant, ADJUST, given) == ["INSUFFICIENT_BALANCE", "amount", "10.00"]
    assert (await done(api, ADJUST, adjusting(carol, "-10.00")))["account"]["available"] == "0.00"


@pytest.mark.parametrize(
    ("asset", "amount", "code"),
    [
        ("GBP", "10.005", "AMOUNT_PRECISION"),
        ("GBP", "-10.005", "AMOUNT_PRECISION"),
        ("JPY", "1.5", "AMOUNT_PRECISION"),
        ("KWD", "1.2345", "AMOUNT_PRECISION"),
        ("POINTS", "0.5", "AMOUNT_PRECISION"),
        ("SERVICE_CREDITS", "-0.5", "AMOUNT_PRECISION"),
        ("GBP", "0", "AMOUNT_ZERO"),
        ("JPY", "-0", "AMOUNT_ZERO"),
        ("KWD", "0.000", "AMOUNT_ZERO"),
        ("GBP", "10000000000000.01", "AMOUNT_OUT_OF_RANGE"),
        ("GBP", "-10000000000000.01", "AMOUNT_OUT_OF_RANGE"),
        ("JPY", "1000000000000001", "AMOUNT_OUT_OF_RANGE"),
        ("KWD", "1000000000000.001", "AMOUNT_OUT_OF_RANGE"),
    ],
)
async def test_an_amount_is_never_rounded_nor_clamped(
    api: Api, tenant: Tenant, carol: UUID, asset: str, amount: str, code: str
) -> None:
    assert await refusal(api, tenant, ADJUST, adjusting(carol, amount, asset)) == [code, "amount"]


@pytest.mark.parametrize(
    ("asset", "amount", "shown"),
    [
        ("GBP", "10.0000", "10.00"),
        ("GBP", "0.01", "0.01"),
        ("JPY", "150", "150"),
        ("JPY", "150.00", "150"),
        ("KWD", "1.234", "1.234"),
        ("KWD", "1", "1.000"),
        ("POINTS", "7", "7"),
        ("SERVICE_CREDITS", "3", "3"),
        ("GBP", "10000000000000.00", "10000000000000.00"),
        ("KWD", "1000000000000", "1000000000000.000"),
    ],
)
async def test_each_asset_has_its_own_places(api: Api, carol: UUID, asset: str, amount: str, shown: str) -> None:
    payload = await done(api, ADJUST, adjusting(carol, amount, asset))
    assert (payload["credit"]["amount"], payload["account"]["available"]) == (shown, shown)


async def test_an_account_holds_no_more_than_it_can(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "10000000000000.00")
    assert await refusal(api, tenant, ADJUST, adjusting(carol, "0.01")) == ["AMOUNT_OUT_OF_RANGE", "amount"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"reason": "NOPE"}, ["REASON_UNKNOWN", "reason"]),
        ({"reason": "goodwill"}, ["REASON_UNKNOWN", "reason"]),
        ({"reason": ""}, ["REASON_UNKNOWN", "reason"]),
        ({"reason": "POLICY"}, ["REASON_DIRECTION", "reason"]),
        ({"reason": "GOODWILL", "amount": "-1.00"}, ["REASON_DIRECTION", "reason"]),
        ({"reason": "OTHER"}, ["NOTE_REQUIRED", "note"]),
        ({"reason": "OTHER", "note": " \n\t"}, ["NOTE_REQUIRED", "note"]),
        ({"reason": "OTHER", "note": "", "amount": "-1.00"}, ["NOTE_REQUIRED", "note"]),
    ],
)
async def test_a_reason_is_required_and_serves_a_direction(
    api: Api, tenant: Tenant, carol: UUID, given: dict[str, Any], expected: list[str]
) -> None:
    await tenant.adjust(carol, "5.00")
    assert await refusal(api, tenant, ADJUST, {**adjusting(carol, "1.00"), **given}) == expected


async def test_a_retired_reason_is_gone_at_once(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.execute("update reasons set active = false where tenant_id = $1 and code = 'GOODWILL'")
    given = adjusting(carol, "1.00", reason="GOODWILL")
    assert await refusal(api, tenant, ADJUST, given) == ["REASON_UNKNOWN", "reason"]


async def test_a_correction_moves_the_lifetime_total_and_the_tier_with_it(
    api: Api, tenant: Tenant, carol: UUID
) -> None:
    await tenant.tier("Silver", 100)
    await tenant.execute(
        """insert into reasons (tenant_id, id, code, label, adds, removes, moves_lifetime, note_required, active)
        values ($1, $2, 'REFUND', 'Refund', true, true, false, false, true)""",
        uuid4(),
    )

    async def after(amount: str, reason: str) -> tuple[str, str, object]:
        account = (await done(api, ADJUST, adjusting(carol, amount, "POINTS", reason=reason)))["account"]
        return account["available"], account["lifetime"], account["tier"]

    assert await after("99", "GOODWILL") == ("99", "99", None)
    assert await after("50", "REFUND") == ("149", "99", None)
    assert await after("1", "PROMOTION") == ("150", "100", {"name": "Silver"})
    assert await after("-49", "REFUND") == ("101", "100", {"name": "Silver"})
    assert await after("-1", "CORRECTION") == ("100", "99", None)
    changes = await tenant.fetch("select old_tier, new_tier from tier_changes where tenant_id = $1 order by id")
    assert [tuple(row) for row in changes] == [(None, "Silver"), ("Silver", None)]
    # 49 of the first, which count, and the 50 that do not
    assert await after("-99", "CORRECTION") == ("1", "50", None)


# Expiry and start


async def test_n_days_end_with_the_nth_day_of_the_tenants_zone(
    api: Api, ledger: Ledger, client: httpx.AsyncClient, clock: Clock, noon: datetime
) -> None:
    tenant = await make_tenant(ledger, time_zone="Pacific/Auckland")  # by noon UTC it is the next day there
    api = Api(client, tenant, clock)
    carol = await tenant.customer("carol")
    credit = (await done(api, ADJUST, adjusting(carol, "5.00", expiresInDays=2)))["credit"]

    expires_at = datetime.fromisoformat(credit["expiresAt"])
    assert timedelta(days=2, hours=9) < expires_at - noon < timedelta(days=3)
    assert await after(api, carol, clock, expires_at - timedelta(milliseconds=1)) == ("5.00", "5.00", "OPEN")
    assert await after(api, carol, clock, expires_at) == ("0.00", "5.00", "EXPIRED")
    gone = ["INSUFFICIENT_BALANCE", "amount", "0.00"]
    assert await refusal(api, tenant, ADJUST, adjusting(carol, "-0.01")) == gone


async def after(api: Api, customer: UUID, clock: Clock, at: datetime) -> tuple[str, str, str]:
    """What there is to spend then, the one credit's remainder, and its status. The clock stands still for it."""
    clock.stand_still(at)
    account = await balance(api, customer)
    (credit,) = (edge["node"] for edge in account["credits"]["edges"])
    return account["available"], credit["remaining"], credit["status"]


@pytest.mark.parametrize("days", [None, 0])
async def test_blank_or_zero_never_expires(api: Api, carol: UUID, clock: Clock, days: int | None) -> None:
    assert (await done(api, ADJUST, adjusting(carol, "5.00", expiresInDays=days)))["credit"]["expiresAt"] is None
    clock.advance(timedelta(days=20_000))
    assert (await balance(api, carol))["available"] == "5.00"


async def test_an_instant_is_kept_whatever_its_offset(api: Api, carol: UUID) -> None:
    given = adjusting(carol, "5.00", expiresAt="2150-06-30T23:59:59.5+05:30")
    assert (await done(api, ADJUST, given))["credit"]["expiresAt"] == "2150-06-30T18:29:59.500000Z"


async def test_dates_that_contradict_are_refused(api: Api, tenant: Tenant, carol: UUID, noon: datetime) -> None:
    await tenant.adjust(carol, "5.00")
    past, tomorrow = (noon - timedelta(seconds=1)).isoformat(), noon.date() + timedelta(days=1)
    for amount, dates, expected in (
        ("1.00", {"expiresInDays": 3, "expiresAt": "2150-01-01T00:00:00Z"}, ["EXPIRY_CONFLICT", "expiresAt"]),
        ("1.00", {"expiresAt": past}, ["EXPIRY_IN_PAST", "expiresAt"]),
        (
            "1.00",
            {"effectiveOn": f"{tomorrow}", "expiresAt": f"{noon.date()}T23:00:00Z"},
            ["EXPIRY_IN_PAST", "expiresAt"],
        ),
        ("-1.00", {"expiresInDays": 3}, ["EXPIRY_CONFLICT", "expiresInDays"]),
        ("-1.00", {"expiresAt": "2150-01-01T00:00:00Z"}, ["EXPIRY_CONFLICT", "expiresAt"]),
        ("-1.00", {"effectiveOn": f"{tomorrow}"}, ["EXPIRY_CONFLICT", "effectiveOn"]),
    ):
        assert await refusal(api, tenant, ADJUST, adjusting(carol, amount, **dates)) == expected


async def test_a_removal_may_have_been_effective_before(api: Api, tenant: Tenant, carol: UUID, noon: datetime) -> None:
    await tenant.adjust(carol, "5.00")
    given = adjusting(carol, "-1.00", effectiveOn=noon.date().isoformat(), expiresInDays=0)
    assert (await done(api, ADJUST, given))["account"]["available"] == "4.00"


async def test_a_payment_date_may_lie_in_the_past(api: Api, carol: UUID) -> None:
    payload = await done(api, ADJUST, adjusting(carol, "5.00", effectiveOn="2020-02-29"))
    assert (payload["credit"]["effectiveOn"], payload["credit"]["status"]) == ("2020-02-29", "OPEN")
    assert payload["account"]["available"] == "5.00"


async def test_in_the_future_it_is_scheduled_and_then_available(
    api: Api, tenant: Tenant, carol: UUID, clock: Clock, noon: datetime
) -> None:
    start = (noon + timedelta(days=3)).date().isoformat()
    payload = await done(api, ADJUST, adjusting(carol, "50", "POINTS", effectiveOn=start))
    assert (payload["credit"]["status"], payload["credit"]["effectiveOn"]) == ("SCHEDULED", start)
    shown = payload["account"]
    assert (shown["available"], shown["scheduled"], shown["lifetime"]) == ("0", "50", "50")
    early = adjusting(carol, "-1", "POINTS")
    assert await refusal(api, tenant, ADJUST, early) == ["INSUFFICIENT_BALANCE", "amount", "0"]

    clock.advance(timedelta(days=3))
    shown = await balance(api, carol)
    assert (shown["available"], shown["scheduled"], shown["lifetime"]) == ("50", "0", "50")
    assert (await done(api, ADJUST, adjusting(carol, "-50", "POINTS")))["account"]["available"] == "0"


# Services and membership


async def test_service_credits_may_name_services_and_nothing_else_may(api: Api, tenant: Tenant, carol: UUID) -> None:
    cut, gone = gid("Service", await tenant.service("Cut")), gid("Service", await tenant.service("Old", active=False))
    unknown = gid("Service", uuid4())
    given = adjusting(carol, "5", "SERVICE_CREDITS", serviceIds=[cut, cut])
    assert (await done(api, ADJUST, given))["credit"]["services"] == [{"name": "Cut"}]
    for asset, services, expected in (
        ("GBP", [cut], ["INVALID", "serviceIds"]),
        ("POINTS", [cut], ["INVALID", "serviceIds"]),
        ("SERVICE_CREDITS", [unknown], ["NOT_FOUND", "serviceIds"]),
        ("SERVICE_CREDITS", [cut, gone], ["INVALID", "serviceIds"]),
        ("SERVICE_CREDITS", [cut] * 101, ["INVALID", "serviceIds"]),
        ("SERVICE_CREDITS", [cut, gid("Customer", carol)], ["NOT_FOUND", "serviceIds", "1"]),
    ):
        given = adjusting(carol, "5", asset, serviceIds=services)
        assert await refusal(api, tenant, ADJUST, given) == expected
    assert (await done(api, ADJUST, adjusting(carol, "5", serviceIds=[])))["credit"]["services"] == []


async def test_a_removal_for_a_service_sees_what_names_it_or_none(api: Api, tenant: Tenant, carol: UUID) -> None:
    cut, wash = await tenant.service("Cut"), await tenant.service("Wash")
    await tenant.adjust(carol, "5", "SERVICE_CREDITS", service_ids=(cut,))
    await tenant.adjust(carol, "5", "SERVICE_CREDITS", service_ids=(wash,))
    await tenant.adjust(carol, "5", "SERVICE_CREDITS")

    given = adjusting(carol, "-11", "SERVICE_CREDITS", serviceIds=[gid("Service", cut)])
    assert await refusal(api, tenant, ADJUST, given) == ["INSUFFICIENT_BALANCE", "amount", "10"]
    assert (await done(api, ADJUST, {**given, "amount": "-10"}))["account"]["available"] == "5"
    assert (await done(api, ADJUST, adjusting(carol, "-5", "SERVICE_CREDITS")))["account"]["available"] == "0"


async def test_the_membership_gate(api: Api, tenant: Tenant, carol: UUID, clock: Clock, noon: datetime) -> None:
    await tenant.adjust(carol, "5", "SERVICE_CREDITS")
    await tenant.cancel_membership(carol, noon)
    clock.advance(timedelta(days=60))
    await done(api, ADJUST, adjusting(carol, "1", "SERVICE_CREDITS"))
    clock.advance(timedelta(days=1))
    given = adjusting(carol, "1", "SERVICE_CREDITS")
    assert await refusal(api, tenant, ADJUST, given) == ["MEMBERSHIP_GRACE_ENDED", "customerId"]
    assert (await done(api, ADJUST, adjusting(carol, "-6", "SERVICE_CREDITS")))["account"]["available"] == "0"
    assert (await done(api, ADJUST, adjusting(carol, "1.00")))["account"]["available"] == "1.00"


# Idempotency


async def test_an_addition_is_replayed(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = adjusting(carol, "2.50", note="sorry")
    first = await done(api, ADJUST, given)
    await replayed(api, tenant, ADJUST, given, first)
    await replayed(api, tenant, ADJUST, {**given, "amount": "2.5", "requestApproval": False}, first)


@pytest.mark.parametrize("amount", ["-2.50", "-12.50"])
async def test_a_removal_is_replayed(api: Api, tenant: Tenant, carol: UUID, amount: str) -> None:
    """Taken from one credit, and from two."""
    await tenant.adjust(carol, "10.00")
    await tenant.adjust(carol, "10.00")
    given = adjusting(carol, amount)
    await replayed(api, tenant, ADJUST, given, await done(api, ADJUST, given))


async def test_a_removal_from_just_one_credit_names_it(api: Api, tenant: Tenant, carol: UUID) -> None:
    credit = gid("Credit", (await tenant.adjust(carol, "10.00")).credit_id)
    payload = await done(api, ADJUST, adjusting(carol, "-2.50"))
    assert (payload["credit"]["id"], payload["credit"]["remaining"]) == (credit, "7.50")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "2.51"},
        {"amount": "-2.50"},
        {"asset": "EUR"},
        {"reason": "GOODWILL"},
        {"note": "no"},
        {"expiresInDays": 9},
        {"effectiveOn": "2020-01-01"},
        {"requestApproval": True},
    ],
    ids=str,
)
async def test_the_same_key_for_anything_else_is_refused(
    api: Api, tenant: Tenant, carol: UUID, change: dict[str, Any]
) -> None:
    given = adjusting(carol, "2.50", note="sorry")
    await done(api, ADJUST, given)
    assert await refusal(api, tenant, ADJUST, {**given, **change}) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_a_refusal_frees_its_key(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = adjusting(carol, "-2.50")
    await refused(api, tenant, ADJUST, given)
    await done(api, ADJUST, {**given, "amount": "2.50"})


async def test_twenty_at_once_with_one_key_post_once(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = adjusting(carol, "2.50")
    payloads = await asyncio.gather(*(done(api, ADJUST, given) for _ in range(20)))
    assert sorted(payload["replayed"] for payload in payloads) == [False] + [True] * 19
    assert len({payload["transaction"]["id"] for payload in payloads}) == 1
    assert (await balance(api, carol))["available"] == "2.50"


# What is not there


@pytest.mark.parametrize("amount", ["1.00", "-1.00"])
async def test_who_is_not_there_gets_nothing(api: Api, tenant: Tenant, other_tenant: Tenant, amount: str) -> None:
    theirs = await other_tenant.customer("carol")
    await other_tenant.adjust(theirs, "9.00")
    async with other_tenant.nothing_moves():
        for customer in (theirs, uuid4()):
            code, field, *_ = await refusal(api, tenant, ADJUST, adjusting(customer, amount))
            assert (code, field) == ("NOT_FOUND", "customerId")


async def test_a_credit_has_to_be_the_customers_own_in_that_asset(api: Api, tenant: Tenant, carol: UUID) -> None:
    dave = await tenant.customer("dave")
    his, euros = await tenant.adjust(dave, "9.00"), await tenant.adjust(carol, "9.00", "EUR")
    await tenant.adjust(carol, "9.00")
    for credit in (his.credit_id, euros.credit_id, uuid4()):
        given = adjusting(carol, "-1.00", creditId=gid("Credit", credit))
        assert await refusal(api, tenant, ADJUST, given) == ["NOT_FOUND", "creditId"]


@pytest.mark.parametrize("asset", ["XAU", "XXX", "ABC", "GBX", "POINT"])
async def test_an_asset_is_a_currency_or_one_of_ours(api: Api, tenant: Tenant, carol: UUID, asset: str) -> None:
    assert await refusal(api, tenant, ADJUST, adjusting(carol, "1", asset)) == ["INVALID", "asset"]


async def test_an_instant_of_the_clock_is_what_the_books_say(
    api: Api, tenant: Tenant, carol: UUID, clock: Clock
) -> None:
    """Not the database's own time, nor the machine's."""
    clock.advance(timedelta(days=400))
    payload = await done(api, ADJUST, adjusting(carol, "1.00"))
    assert datetime.fromisoformat(payload["transaction"]["createdAt"]) > datetime.now(UTC) + timedelta(days=399)
