"""Adding and removing value: each rule of the domain by its name."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import AdjustCredit
from models.errors import InsufficientBalance, LedgerError
from models.loading.accounts import load_facts
from models.operations.adjust import preview_adjustment
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, STAFF, Tenant


async def test_positive_adds_and_negative_removes(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "250.00")
    await tenant.adjust(anna, "-100.50")

    assert await tenant.available(anna) == 14950
    assert [(amount, after) for _, amount, after in await tenant.entries(anna)] == [(25000, 25000), (-10050, 14950)]


async def test_every_asset_goes_the_same_way(tenant: Tenant, anna: UUID) -> None:
    for asset, amount, minor in (
        ("GBP", "1.25", 125),
        ("JPY", "7", 7),
        ("KWD", "1.234", 1234),
        ("SERVICE_CREDITS", "3", 3),
        ("POINTS", "9", 9),
    ):
        await tenant.adjust(anna, amount, asset)
        assert await tenant.available(anna, asset) == minor


@pytest.mark.parametrize(
    ("amount", "asset", "code"),
    [
        ("10.005", "GBP", "AMOUNT_PRECISION"),
        ("-10.005", "GBP", "AMOUNT_PRECISION"),
        ("1.5", "JPY", "AMOUNT_PRECISION"),
        ("1.2345", "KWD", "AMOUNT_PRECISION"),
        ("0.5", "POINTS", "AMOUNT_PRECISION"),
        ("0.5", "SERVICE_CREDITS", "AMOUNT_PRECISION"),
        ("0", "GBP", "AMOUNT_ZERO"),
        ("-0.00", "GBP", "AMOUNT_ZERO"),
        ("10000000000000.01", "GBP", "AMOUNT_OUT_OF_RANGE"),
        ("-10000000000000.01", "GBP", "AMOUNT_OUT_OF_RANGE"),
        ("1", "XXX", "INVALID"),
        ("1", "gbp", "INVALID"),
        ("1", "", "INVALID"),
    ],
)
async def test_an_amount_that_does_not_fit_is_refused(
    tenant: Tenant, anna: UUID, amount: str, asset: str, code: str
) -> None:
    async with tenant.refused(code):
        await tenant.adjust(anna, amount, asset)


async def test_a_balance_never_passes_what_an_account_holds(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 10**15, "POINTS")

    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.adjust(anna, 1, "POINTS")


async def test_more_than_available_moves_nothing_and_says_the_figure(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "30.00")

    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await tenant.adjust(anna, "-30.01")

    error = caught.value
    assert isinstance(error, InsufficientBalance)
    assert (error.available, error.field) == (Decimal("30.00"), ("amount",))


async def test_nothing_is_removed_where_no_account_is(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -1)


async def test_an_unknown_customer_gets_no_account(tenant: Tenant) -> None:
    for amount in (1, -1):
        async with tenant.refused("NOT_FOUND"):
            await tenant.adjust(uuid4(), amount, "POINTS")


# Expiry and start


async def test_in_n_days_means_the_end_of_the_nth_day_in_the_tenants_zone(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    clock.stand_still(datetime(2026, 6, 15, 23, 30, tzinfo=UTC))  # half past midnight of the 16th in London
    await tenant.adjust(anna, 5, expires_in_days=2)

    clock.stand_still(datetime(2026, 6, 18, 22, 59, 59, 999999, tzinfo=UTC))
    assert await tenant.available(anna) == 500
    clock.stand_still(datetime(2026, 6, 18, 23, tzinfo=UTC))
    assert await tenant.available(anna) == 0


@pytest.mark.parametrize("days", [None, 0])
async def test_blank_or_zero_days_never_expire(tenant: Tenant, anna: UUID, clock: Clock, days: int | None) -> None:
    await tenant.adjust(anna, 5, expires_in_days=days)

    clock.advance(days=40_000)
    assert await tenant.available(anna) == 500


async def test_an_instant_of_expiry_is_kept_to_the_microsecond(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    at = clock() + timedelta(days=1, microseconds=1)
    await tenant.adjust(anna, 5, expires_at=at)

    clock.stand_still(at - timedelta(microseconds=1))
    assert await tenant.available(anna) == 500
    clock.stand_still(at)
    assert await tenant.available(anna) == 0


async def test_two_ways_of_saying_the_expiry_conflict(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    async with tenant.refused("EXPIRY_CONFLICT"):
        await tenant.adjust(anna, 5, expires_in_days=1, expires_at=clock() + timedelta(days=9))


async def test_an_expiry_that_has_passed_is_refused(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    for at in (clock(), clock() - timedelta(seconds=1)):
        async with tenant.refused("EXPIRY_IN_PAST"):
            await tenant.adjust(anna, 5, expires_at=at)


async def test_an_expiry_before_the_start_is_refused(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    start = date(2026, 7, 1)
    async with tenant.refused("EXPIRY_IN_PAST"):
        await tenant.adjust(
            anna, 5, effective_on=start, expires_at=datetime(2026, 6, 30, 23, tzinfo=UTC)
        )  # its midnight


@pytest.mark.parametrize("days", [-1, 36_501])
async def test_days_out_of_range_are_refused(tenant: Tenant, anna: UUID, days: int) -> None:
    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, 5, expires_in_days=days)


@pytest.mark.parametrize("at", [datetime.max.replace(tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)])
async def test_an_expiry_past_the_last_date_is_refused(tenant: Tenant, anna: UUID, at: datetime) -> None:
    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, 5, expires_at=at)


async def test_days_count_from_the_start_where_that_is_later(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.adjust(anna, 5, effective_on=date(2026, 7, 1), expires_in_days=1)

    clock.stand_still(datetime(2026, 7, 2, 22, 59, tzinfo=UTC))
    assert await tenant.available(anna) == 500
    clock.stand_still(datetime(2026, 7, 2, 23, tzinfo=UTC))
    assert await tenant.available(anna) == 0


async def test_a_payment_date_may_lie_in_the_past(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 5, effective_on=date(2025, 1, 1))

    assert await tenant.available(anna) == 500
    rows = await tenant.rows("SELECT effective_on, starts_at FROM credits WHERE tenant_id = $1 AND id = $2", credit)
    assert rows == [(date(2025, 1, 1), datetime(2025, 1, 1, tzinfo=UTC))]


async def test_in_the_future_it_is_scheduled_until_then(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.adjust(anna, 5, effective_on=date(2026, 6, 16))
    await tenant.adjust(anna, 2)

    account = await tenant.account(anna)
    assert account is not None
    assert (account.balance_minor, account.available_minor, account.scheduled_minor) == (700, 200, 500)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -3)

    clock.stand_still(datetime(2026, 6, 15, 23, tzinfo=UTC))  # midnight in London
    await tenant.adjust(anna, -7)
    assert await tenant.available(anna) == 0


async def test_scheduled_points_move_the_lifetime_total_at_once(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 50, "POINTS", effective_on=date(2027, 1, 1))

    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 50)


@pytest.mark.parametrize(
    "dates",
    [{"expires_in_days": 3}, {"expires_at": datetime(2030, 1, 1, tzinfo=UTC)}, {"effective_on": date(2026, 6, 16)}],
)
async def test_a_removal_has_no_expiry_and_no_future_start(
    tenant: Tenant, anna: UUID, dates: dict[str, object]
) -> None:
    await tenant.adjust(anna, 5)
    async with tenant.refused("EXPIRY_CONFLICT"):
        await tenant.adjust(anna, -1, **dates)  # type: ignore[arg-type]


async def test_expiry_is_true_at_once_for_spends(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    old = await tenant.credit(anna, 5, expires_in_days=1)
    new = await tenant.credit(anna, 3)
    clock.advance(days=2)

    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await tenant.adjust(anna, "-3.01")
    assert isinstance(caught.value, InsufficientBalance)
    assert caught.value.available == 3
    await tenant.adjust(anna, -3)

    assert await tenant.remainders(old, new) == [500, 0]
    account = await tenant.account(anna)
    assert account is not None
    assert (account.balance_minor, account.available_minor) == (500, 0)  # no sweep has run yet


async def test_what_has_expired_does_not_count_beside_what_is_added(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.adjust(anna, 5, expires_in_days=1)
    await tenant.adjust(anna, 4, effective_on=date(2026, 6, 30))
    clock.advance(days=2)
    outcome = await tenant.adjust(anna, 2)

    account = next(view for view in outcome.views if type(view).__name__ == "AccountView")
    assert (account.balance_minor, account.available_minor, account.scheduled_minor) == (1100, 200, 400)
    assert account == await tenant.account(anna)


# Reasons


@pytest.mark.parametrize(
    ("reason", "amount", "note", "code"),
    [
        ("NOPE", 1, None, "REASON_UNKNOWN"),
        ("goodwill", 1, None, "REASON_UNKNOWN"),
        ("GOODWILL", -1, None, "REASON_DIRECTION"),
        ("POLICY", 1, None, "REASON_DIRECTION"),
        ("OTHER", 1, None, "NOTE_REQUIRED"),
        ("OTHER", 1, " \n", "NOTE_REQUIRED"),
        ("GOODWILL", 1, "x" * 10_001, "INVALID"),
    ],
)
async def test_a_reason_out_of_the_list_that_serves(
    tenant: Tenant, anna: UUID, reason: str, amount: int, note: str | None, code: str
) -> None:
    await tenant.adjust(anna, 5)
    async with tenant.refused(code):
        await tenant.adjust(anna, amount, reason=reason, note=note)


async def test_a_retired_reason_is_unknown_at_once(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 5)
    await tenant.execute("UPDATE reasons SET active = false WHERE tenant_id = $1 AND code = 'GOODWILL'")

    async with tenant.refused("REASON_UNKNOWN"):
        await tenant.adjust(anna, 5)


async def test_other_with_a_note_is_posted_and_its_note_kept(tenant: Tenant, anna: UUID) -> None:
    outcome = await tenant.adjust(anna, 5, reason="OTHER", note="A broken cup")

    rows = await tenant.rows("SELECT id, note FROM transaction_texts WHERE tenant_id = $1")
    assert rows == [(outcome.transaction_id, "A broken cup")]


async def test_a_correction_moves_the_lifetime_total_and_a_refund_does_not(tenant: Tenant, anna: UUID) -> None:
    refund = await tenant.reason("REFUND", moves_lifetime=False)
    await tenant.adjust(anna, 100, "POINTS")
    await tenant.adjust(anna, 7, "POINTS", refund)
    await tenant.adjust(anna, -30, "POINTS", "CORRECTION")
    await tenant.adjust(anna, -2, "POINTS", refund)

    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (75, 70)


async def test_the_lifetime_total_follows_what_counts_and_refuses_nothing(tenant: Tenant, anna: UUID) -> None:
    refund = await tenant.reason("REFUND", moves_lifetime=False)
    await tenant.adjust(anna, 10, "POINTS")
    await tenant.adjust(anna, 10, "POINTS", refund)

    await tenant.adjust(anna, -11, "POINTS")  # of the first ten, which count, and one that does not
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (9, 0)
    await tenant.adjust(anna, 5, "POINTS", expires_in_days=1)
    await tenant.adjust(anna, -6, "POINTS", refund)  # does not move it, from whatever it takes
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (8, 5)


# Removing


async def test_burn_order_soonest_expiry_then_restricted_then_older(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    tea, at = await tenant.service(), clock() + timedelta(days=30)
    never = await tenant.credit(anna, 10, "SERVICE_CREDITS")
    older = await tenant.credit(anna, 10, "SERVICE_CREDITS", expires_at=at)
    clock.advance(seconds=1)
    newer = await tenant.credit(anna, 10, "SERVICE_CREDITS", expires_at=at)
    restricted = await tenant.credit(anna, 10, "SERVICE_CREDITS", expires_at=at, service_ids=(tea,))
    soonest = await tenant.credit(anna, 10, "SERVICE_CREDITS", expires_at=at - timedelta(days=1))
    await tenant.adjust(anna, -45, "SERVICE_CREDITS")

    taken = [(credit, amount) for credit, amount, _ in (await tenant.entries(anna, "SERVICE_CREDITS"))[5:]]
    assert taken == [(soonest, -10), (restricted, -10), (older, -10), (newer, -10), (never, -5)]


async def test_a_named_credit_is_taken_from_out_of_turn(tenant: Tenant, anna: UUID) -> None:
    first = await tenant.credit(anna, 10, expires_in_days=1)
    named = await tenant.credit(anna, 10)
    await tenant.adjust(anna, -4, credit_id=named)

    assert await tenant.remainders(first, named) == [1000, 600]
    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await tenant.adjust(anna, "-6.01", credit_id=named)
    assert isinstance(caught.value, InsufficientBalance)
    assert caught.value.available == 6


async def test_a_named_credit_has_to_be_open(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    used = await tenant.credit(anna, 1)
    await tenant.adjust(anna, -1, credit_id=used)
    scheduled = await tenant.credit(anna, 1, effective_on=date(2027, 1, 1))
    expired = await tenant.credit(anna, 1, expires_in_days=1)
    await tenant.credit(anna, 9)
    clock.advance(days=3)

    for credit in (used, scheduled, expired):
        async with tenant.refused("CREDIT_NOT_OPEN"):
            await tenant.adjust(anna, -1, credit_id=credit)


async def test_a_named_credit_is_closed_from_the_instant_of_its_expiry(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    at = clock() + timedelta(hours=1)
    credit = await tenant.credit(anna, 9, expires_at=at)
    clock.stand_still(at - timedelta(microseconds=1))
    await tenant.adjust(anna, -1, credit_id=credit)
    clock.stand_still(at)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.adjust(anna, -1, credit_id=credit)


async def test_a_named_credit_has_to_be_this_customers_in_this_asset(tenant: Tenant, anna: UUID) -> None:
    ben = await tenant.customer(name="Ben")
    his, euros = await tenant.credit(ben, 9), await tenant.credit(anna, 9, "EUR")
    await tenant.credit(anna, 9)

    for credit in (his, euros, uuid4()):
        async with tenant.refused("NOT_FOUND"):
            await tenant.adjust(anna, -1, credit_id=credit)


async def test_an_addition_names_no_credit(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 9)
    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, 1, credit_id=credit)


# Services and membership


async def test_a_spend_for_a_service_sees_what_names_it_or_names_none(tenant: Tenant, anna: UUID) -> None:
    tea, cake = await tenant.service(), await tenant.service()
    for_tea = await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(tea,))
    for_cake = await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(cake,))
    for_all = await tenant.credit(anna, 5, "SERVICE_CREDITS")

    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await tenant.adjust(anna, -11, "SERVICE_CREDITS", service_ids=(tea,))
    assert isinstance(caught.value, InsufficientBalance)
    assert caught.value.available == 10
    await tenant.adjust(anna, -7, "SERVICE_CREDITS", service_ids=(tea,))
    assert await tenant.remainders(for_tea, for_cake, for_all) == [0, 5, 3]
    await tenant.adjust(anna, -8, "SERVICE_CREDITS")  # names none, sees all
    assert await tenant.available(anna, "SERVICE_CREDITS") == 0


async def test_only_service_credits_name_services(tenant: Tenant, anna: UUID) -> None:
    tea, retired = await tenant.service(), await tenant.service(active=False)
    await tenant.adjust(anna, 5, "SERVICE_CREDITS")

    for asset, services, code in (
        ("GBP", (tea,), "INVALID"),
        ("POINTS", (tea,), "INVALID"),
        ("SERVICE_CREDITS", (uuid4(),), "NOT_FOUND"),
        ("SERVICE_CREDITS", (tea, retired), "INVALID"),
        ("SERVICE_CREDITS", (tea,) * 101, "INVALID"),
    ):
        async with tenant.refused(code):
            await tenant.adjust(anna, 1, asset, service_ids=services)


async def test_a_service_named_twice_is_kept_once(tenant: Tenant, anna: UUID) -> None:
    tea = await tenant.service()
    await tenant.adjust(anna, 1, "SERVICE_CREDITS", service_ids=(tea, tea))

    assert await tenant.count("credit_services") == 1


async def test_service_credits_end_with_the_grace_of_a_membership(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.execute("UPDATE customers SET membership_cancelled_at = $2 WHERE tenant_id = $1", clock())
    clock.stand_still(datetime(2026, 8, 14, 22, 59, tzinfo=UTC))  # the 60th day after 15 June, in London
    await tenant.adjust(anna, 5, "SERVICE_CREDITS")

    clock.stand_still(datetime(2026, 8, 14, 23, tzinfo=UTC))
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.adjust(anna, 5, "SERVICE_CREDITS")
    await tenant.adjust(anna, -5, "SERVICE_CREDITS")
    await tenant.adjust(anna, 5, "GBP")
    await tenant.adjust(anna, 5, "POINTS")


# Preview


async def test_a_preview_says_what_will_happen_and_writes_nothing(tenant: Tenant, anna: UUID) -> None:
    await tenant.tier("Silver", 100)
    soon = await tenant.credit(anna, 60, "POINTS", expires_in_days=5)
    later = await tenant.credit(anna, 60, "POINTS")
    before = await tenant.fingerprint()
    remove = AdjustCredit(anna, "POINTS", Decimal(-70), "POLICY")

    preview = await preview_adjustment(tenant.ledger, tenant.id, MANAGER, remove)

    assert await tenant.fingerprint() == before
    assert (preview.available_after_minor, preview.lifetime_after_minor, preview.tier_after) == (50, 50, None)
    effects = [(effect.credit_id, effect.amount_minor, effect.remaining_after_minor) for effect in preview.credits]
    assert effects == [(soon, -60, 0), (later, -10, 50)]
    await tenant.adjust(anna, -70, "POINTS")
    assert await tenant.remainders(soon, later) == [0, 50]


async def test_a_preview_reports_refusals(tenant: Tenant, anna: UUID) -> None:
    async def codes(amount: str, asset: str = "GBP", **more: object) -> list[str]:
        command = AdjustCredit(anna, asset, Decimal(amount), "CORRECTION", **more)  # type: ignore[arg-type]
        preview = await preview_adjustment(tenant.ledger, tenant.id, STAFF, command)
        return [error.code for error in preview.errors]

    before = await tenant.fingerprint()
    assert await codes("-1") == ["INSUFFICIENT_BALANCE"]
    assert await codes("0") == ["AMOUNT_ZERO"]
    assert await codes("1", "XAU") == ["INVALID"]
    assert await codes("101") == ["LIMIT_EXCEEDED"]
    assert await codes("101", request_approval=True) == []
    assert await codes("100") == []
    assert await tenant.fingerprint() == before


async def test_a_preview_sees_one_moment(tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is posted while it reads is all in it or not at all."""
    await tenant.adjust(anna, 10)

    async def while_others_post(*arguments: object, **more: object) -> object:
        monkeypatch.setattr("models.operations.previewing.load_facts", load_facts)
        await tenant.adjust(anna, -8)
        return await load_facts(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("models.operations.previewing.load_facts", while_others_post)
    command = AdjustCredit(anna, "GBP", Decimal(-9), "POLICY")
    preview = await preview_adjustment(tenant.ledger, tenant.id, MANAGER, command)

    assert preview.errors == ()
    assert preview.available_after_minor == 100


async def test_another_tenants_customer_is_nobody(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    elsewhere = await Tenant.open(clock)
    try:
        with pytest.raises(LedgerError) as caught:
            await elsewhere.adjust(anna, 5)
        assert caught.value.code == "NOT_FOUND"
        assert await elsewhere.count("accounts") == 0
    finally:
        await elsewhere.ledger.close()
