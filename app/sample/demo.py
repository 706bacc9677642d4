"""The sample that `scrip run` sets up: tenant `demo`, with a week of a real shop, and five months of a made-up one on top.

The tenant begins as many days ago. Until they are over it is suspended, so that no job and no request sees it with a part
of its past still to come; what is recorded meanwhile has the time of then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from app.files.importing.figures import Figures, figures_of
from app.files.importing.online_retail import CURRENCY, Contents, read
from app.files.importing.posting import key_of, post_documents
from app.postgres.clock import new_ledger
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.sample.business import acts
from app.sample.days import DAYS, Days
from app.sample.months import stories
from app.sample.people import person
from app.sample.shop import MARIA, SAM, TILL, Person, Shop
from app.sample.today import today
from app.settings import Settings
from models.commands import Actor, AdjustCredit, GiveReward
from models.configuration_commands import CreateProduct, CreateReason, CreateReward, CreateService, CreateTier
from models.errors import Duplicate, Invalid, LedgerError
from models.ledger import Ledger
from models.money import POINTS, SERVICE_CREDITS
from models.operations.adjust import adjust_credit
from models.operations.create_tenant import create_tenant
from models.operations.give_reward import give_reward
from models.operations.products import create_product
from models.operations.reasons import create_reason
from models.operations.rewards import create_reward
from models.operations.services import create_service
from models.operations.suspend_tenant import resume_tenant
from models.operations.tiers import create_tier
from models.reads.configuration import service_ids
from models.reads.customers import by_ids, ids_of
from models.reads.imports import is_used
from models.reads.products import product_ids
from models.reads.rewards import reward_ids
from models.reads.session import reading
from models.reads.tenants import facts_of
from models.session import tenant_id_of

TENANT: Final = "demo"
TENANT_NAME: Final = "Demo Gifts"
TIME_ZONE: Final = "Europe/London"
SAMPLE: Final = Path(__file__).parent / "data" / "online_retail" / "2010-12-13_2010-12-19.csv.gz"
ACTOR: Final = Actor("demo", "ADMIN", client="scrip-demo", name="Sample data", keeps_keys=True)

REGULAR: Final = "16013"
"""A customer with something of everything: credit left over, open invoices, points, service credits, a coupon."""
BEST: Final = "12748"
OCCASIONAL: Final = "16607"
FORMER: Final = "16422"
"""A customer whose membership ended longer ago than the grace period: service credits cannot be added any more."""
CANCELLED_ON_DAY: Final = 30
MEMBER_FOR: Final = timedelta(days=365)
OPENS_AT: Final = time(8, 30)

PEOPLE: Final = 96
"""Customers that something happens to in the months before today: so many of the list."""
LAST_KEY: Final = "demo/coupon"
"""The idempotency key of the last step: if it has been used, all is there."""

REASONS: Final = (
    CreateReason("PURCHASE", "Points for a purchase", adds=True, removes=False),
    CreateReason("MEMBERSHIP", "Part of the membership", adds=True, removes=False),
    CreateReason("POINTS_REFUND", "Redeemed points given back", adds=True, removes=False, moves_lifetime=False),
)
SERVICES: Final = ("Engraving", "Gift wrapping", "Next-day delivery")
PRODUCTS: Final = (
    CreateProduct("Account credit", "CREDIT", CURRENCY, Decimal(1)),
    CreateProduct("Gift hamper", "GOODS", CURRENCY, Decimal(45)),
    CreateProduct("Hamper delivered by hand", "SERVICE", CURRENCY, Decimal("12.50")),
)
TIERS: Final = (
    CreateTier("Bronze", Decimal(0)),
    CreateTier("Silver", Decimal(1_000)),
    CreateTier("Gold", Decimal(5_000)),
)
COUPON: Final = "5 pounds off"
REWARDS: Final = (
    CreateReward(COUPON, "FIXED", Decimal(500), value=Decimal(5), currency=CURRENCY, validity_days=90),
    CreateReward("10% off the next order", "PERCENT", Decimal(800), value=Decimal(10), validity_days=60),
    CreateReward("Free delivery", "FREE_DELIVERY", Decimal(200)),
    CreateReward("A free metal lantern", "FREE_PRODUCT", Decimal(300), product="71053 WHITE METAL LANTERN", stock=25),
)


@dataclass(frozen=True, slots=True)
class _Adjustment:
    """day: on which it is posted. expires_in_days: counted from today. starts_in_days: from today, too. service: the one
    that the credit is restricted to."""

    key: str
    day: int
    customer: str
    asset: str
    amount: int
    reason: str
    note: str | None = None
    expires_in_days: int | None = None
    service: str | None = None
    starts_in_days: int | None = None


POINT_A_POUND: Final = "One point a pound"
ADJUSTMENTS: Final = (
    _Adjustment("points-regular-1", 12, REGULAR, POINTS, 600, "PURCHASE", POINT_A_POUND),
    _Adjustment("points-regular-2", 58, REGULAR, POINTS, 450, "PURCHASE", POINT_A_POUND),
    _Adjustment("points-regular-3", 121, REGULAR, POINTS, 700, "PURCHASE", POINT_A_POUND),
    _Adjustment("points-best-1", 9, BEST, POINTS, 2_400, "PURCHASE", POINT_A_POUND),
    _Adjustment("points-best-2", 66, BEST, POINTS, 1_900, "PURCHASE", POINT_A_POUND),
    _Adjustment("points-best-3", 128, BEST, POINTS, 1_900, "PURCHASE", POINT_A_POUND),
    _Adjustment("points-occasional", 40, OCCASIONAL, POINTS, 400, "PURCHASE", POINT_A_POUND),
    _Adjustment("points-expiring", 134, OCCASIONAL, POINTS, 150, "PROMOTION", "Winter promotion", expires_in_days=14),
    _Adjustment("services", 100, REGULAR, SERVICE_CREDITS, 10, "MEMBERSHIP"),
    _Adjustment("services-restricted", 126, REGULAR, SERVICE_CREDITS, 5, "PROMOTION", service="Gift wrapping"),
    _Adjustment(
        "services-expiring", 138, REGULAR, SERVICE_CREDITS, 3, "GOODWILL", "Parcel was late", expires_in_days=30
    ),
    _Adjustment("services-scheduled", 148, REGULAR, SERVICE_CREDITS, 4, "MEMBERSHIP", "Next period", starts_in_days=30),
    _Adjustment("services-best", 80, BEST, SERVICE_CREDITS, 20, "MEMBERSHIP"),
    _Adjustment("services-former", 4, FORMER, SERVICE_CREDITS, 2, "MEMBERSHIP"),
    _Adjustment("goodwill", 144, OCCASIONAL, CURRENCY, 25, "GOODWILL", "Damaged in transit", expires_in_days=90),
)
REQUEST: Final = AdjustCredit(
    UUID(int=0), CURRENCY, Decimal(180), "GOODWILL", note="Two parcels lost in the snow", request_approval=True
)
"""More than staff may add to BEST: requested by them today, it waits for a manager."""


def load(settings: Settings, say: Callable[[str], None]) -> None:
    """Load the sample into the database of these settings, if it is not there yet.

    Raises SetupProblem, also if the sample conflicts with the database's contents.
    """
    url = settings.app_url
    if url is None:
        raise SetupProblem("DATABASE_URL is not set.")
    asyncio.run(_load(settings, url, say))


async def _load(settings: Settings, url: str, say: Callable[[str], None]) -> None:
    ledger, cache = new_ledger(settings), settings.database_statement_cache
    async with open_database(url, pool_min=1, pool_max=10, statement_cache=cache):
        try:
            await load_demo(ledger, say)
        except LedgerError as error:
            raise SetupProblem(f"The sample could not be loaded into tenant {TENANT}: {error.message}") from error
        finally:
            await ledger.close()


async def load_demo(ledger: Ledger, say: Callable[[str], None]) -> Figures:
    """Make sure that tenant `demo` is there with all of the sample. Returns the figures of its week as they are.

    A load that was stopped half way is resumed: everything has a key of its own. Raises LedgerError.
    """
    tenant_id = await tenant_id_of(TENANT)
    if tenant_id is not None and await _is_loaded(tenant_id):
        say(f"The sample is in tenant {TENANT}")
        return await demo_figures(tenant_id)
    documents = sample().documents
    say(f"Loading the sample: {len(documents)} invoices and credit notes of a real shop, into tenant {TENANT}")
    if tenant_id is None:
        tenant_id = await _open(ledger)
    await _live(ledger, tenant_id)
    return await demo_figures(tenant_id)


async def demo_figures(tenant_id: UUID) -> Figures:
    """The figures of the sample's week as they are now."""
    return await figures_of(tenant_id, _sample_keys())


@cache
def sample() -> Contents:
    """The contents of the sample's file."""
    return read(SAMPLE)


@cache
def _sample_keys() -> tuple[str, ...]:
    return tuple(key_of(document.number) for document in sample().documents)


async def _is_loaded(tenant_id: UUID) -> bool:
    async with reading(tenant_id) as session:
        return await is_used(session, LAST_KEY)


async def _open(ledger: Ledger) -> UUID:
    """The tenant as it was on its first day, suspended."""
    zone = ZoneInfo(TIME_ZONE)
    first = ledger.clock().astimezone(zone).date() - timedelta(days=DAYS)
    opened = datetime.combine(first, OPENS_AT, zone).astimezone(UTC)
    return await create_tenant(Ledger(lambda: opened), TENANT, TENANT_NAME, TIME_ZONE, suspended=True)


async def _live(ledger: Ledger, tenant_id: UUID) -> None:
    """All that was before today, and what is of today."""
    tenant = await facts_of(tenant_id)
    days = Days(tenant.created_at, ZoneInfo(TIME_ZONE))
    if tenant.suspended_at is not None:
        if tenant.suspended_at != tenant.created_at or days.begins(DAYS) > ledger.clock():
            raise Invalid("It is there already, and not as this sample begins.")
        past = Ledger(days.clock)
        past.fills_suspended = True
        try:
            await _live_days(past, tenant_id, days)
        finally:
            await past.close()
        await resume_tenant(ledger, tenant_id, ACTOR)
    await _live_today(ledger, tenant_id)


async def _live_days(ledger: Ledger, tenant_id: UUID, days: Days) -> None:
    """The tenant's days before today, in their order."""
    await post_documents(ledger, tenant_id, sample().documents, lambda: None, person)
    await _configure(ledger, tenant_id)
    numbers = _numbers()
    async with reading(tenant_id) as session:
        ids = await ids_of(session, [*numbers, REGULAR, BEST, OCCASIONAL, FORMER])
        shop = Shop(
            ledger,
            tenant_id,
            days,
            await service_ids(session, SERVICES),
            await reward_ids(session, [reward.name for reward in REWARDS]),
            await product_ids(session, [product.name for product in PRODUCTS]),
            await by_ids(session, ids.values()),
        )
    people = [Person(place, ids[number]) for place, number in enumerate(numbers)]
    named = [_adjusts(shop, adjustment, ids) for adjustment in ADJUSTMENTS]
    await days.live([*stories(shop, people), *acts(shop, people, numbers), *named, _joined(shop, ids)])


async def _live_today(ledger: Ledger, tenant_id: UUID) -> None:
    """The last of it is LAST_KEY's."""
    numbers = _numbers()
    async with reading(tenant_id) as session:
        ids = await ids_of(session, [*numbers, REGULAR, BEST])
        rewards = await reward_ids(session, (COUPON,))
        used = await is_used(session, key_of(sample().documents[0].number))
    if not used or REGULAR not in ids or COUPON not in rewards:
        raise Invalid("It is there already, and without the sample's first days.")
    people = [Person(place, ids[number]) for place, number in enumerate(numbers)]
    await today(ledger, tenant_id, people, SAM)
    await adjust_credit(ledger, tenant_id, SAM, replace(REQUEST, customer_id=ids[BEST]), "demo/request")
    coupon = GiveReward(ids[REGULAR], rewards[COUPON], deduct_points=True)
    await give_reward(ledger, tenant_id, SAM, coupon, LAST_KEY)


async def _configure(ledger: Ledger, tenant_id: UUID) -> None:
    """Set up the admin's part. Rows that exist are left as they are."""
    made: list[Callable[[], Awaitable[object]]] = [
        *(partial(create_reason, ledger, tenant_id, ACTOR, reason) for reason in REASONS),
        *(partial(create_service, ledger, tenant_id, ACTOR, CreateService(name)) for name in SERVICES),
        *(partial(create_product, ledger, tenant_id, ACTOR, product) for product in PRODUCTS),
        *(partial(create_tier, ledger, tenant_id, ACTOR, tier) for tier in TIERS),
        *(partial(create_reward, ledger, tenant_id, ACTOR, reward) for reward in REWARDS),
    ]
    for make in made:
        with suppress(Duplicate):
            await make()


@cache
def _numbers() -> tuple[str, ...]:
    """Of the people that something happens to: none whom the examples name, and none with a credit note of the week, whose
    money stays as the week has left it."""
    documents = sample().documents
    noted = {document.customer for document in documents if document.is_credit_note}
    others = {document.customer for document in documents} - noted - {REGULAR, BEST, OCCASIONAL, FORMER}
    return tuple(sorted(others)[:PEOPLE])


async def _adjusts(shop: Shop, told: _Adjustment, ids: dict[str, UUID]) -> None:
    await shop.days.moment(told.day)
    left = shop.days.left
    command = AdjustCredit(
        ids[told.customer],
        told.asset,
        Decimal(told.amount),
        told.reason,
        note=told.note,
        expires_in_days=None if told.expires_in_days is None else left + told.expires_in_days,
        effective_on=None if told.starts_in_days is None else shop.days.date(DAYS + told.starts_in_days),
        service_ids=() if told.service is None else (shop.services[told.service],),
    )
    who = TILL if told.asset == POINTS else MARIA
    await adjust_credit(shop.ledger, shop.tenant_id, who, command, f"demo/{told.key}")


async def _joined(shop: Shop, ids: dict[str, UUID]) -> None:
    """Members since long before, of whom one leaves."""
    for number in (REGULAR, BEST, FORMER):
        await shop.joins(Person(PEOPLE, ids[number]), shop.days.clock() - MEMBER_FOR)
    await shop.days.moment(CANCELLED_ON_DAY)
    former = Person(PEOPLE, ids[FORMER])
    await shop.leaves(former)


async def customer_ids(tenant_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Ids of the sample's customers that exist, by external id."""
    async with reading(tenant_id) as session:
        return await ids_of(session, external_ids)
