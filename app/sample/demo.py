"""The sample that `scrip run` sets up: tenant `demo`, with a week of a real shop, and things to try on top."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Final
from uuid import UUID

from app.files.importing.figures import Figures, figures_of
from app.files.importing.online_retail import CURRENCY, Contents, read
from app.files.importing.posting import key_of, post_documents
from app.postgres.clock import new_ledger
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.sample.life import live
from app.sample.people import person
from app.settings import Settings
from models.commands import Actor, AdjustCredit, GiveReward, MembershipChange
from models.configuration_commands import CreateProduct, CreateReason, CreateReward, CreateService, CreateTier
from models.errors import Duplicate, LedgerError, NoMembership
from models.ledger import Ledger
from models.money import POINTS, SERVICE_CREDITS
from models.operations.adjust import adjust_credit
from models.operations.create_tenant import create_tenant
from models.operations.give_reward import give_reward
from models.operations.memberships import cancel_membership, start_membership
from models.operations.products import create_product
from models.operations.reasons import create_reason
from models.operations.rewards import create_reward
from models.operations.services import create_service
from models.operations.tiers import create_tier
from models.reads.configuration import service_ids
from models.reads.customers import ids_of
from models.reads.imports import is_used
from models.reads.rewards import reward_ids
from models.reads.session import reading
from models.reads.tenants import began_at
from models.session import tenant_id_of

TENANT: Final = "demo"
TENANT_NAME: Final = "Demo Gifts"
TIME_ZONE: Final = "Europe/London"
SAMPLE: Final = Path(__file__).parent / "data" / "online_retail" / "2010-12-13_2010-12-19.csv.gz"
ACTOR: Final = Actor("demo", "ADMIN", client="scrip-demo", name="Sample data", keeps_keys=True)
STAFF_NAME: Final = "Sam, staff"

REGULAR: Final = "16013"
"""A customer with something of everything: credit left over, open invoices, points, service credits, a coupon."""
BEST: Final = "12748"
OCCASIONAL: Final = "16607"
FORMER: Final = "16422"
"""A customer whose membership ended longer ago than the grace period: service credits cannot be added any more."""
CANCELLED_BEFORE_TENANT: Final = timedelta(days=90)
MEMBER_FOR: Final = timedelta(days=365)

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
    """service: the one that the credit is restricted to. starts_in_days: counted from the tenant's first day."""

    key: str
    customer: str
    asset: str
    amount: int
    reason: str
    note: str | None = None
    expires_in_days: int | None = None
    service: str | None = None
    starts_in_days: int | None = None


ADJUSTMENTS: Final = (
    _Adjustment("points-regular", REGULAR, POINTS, 1_750, "PURCHASE", "One point a pound"),
    _Adjustment("points-best", BEST, POINTS, 6_200, "PURCHASE", "One point a pound"),
    _Adjustment("points-occasional", OCCASIONAL, POINTS, 400, "PURCHASE", "One point a pound"),
    _Adjustment("points-expiring", OCCASIONAL, POINTS, 150, "PROMOTION", "Winter promotion", expires_in_days=14),
    _Adjustment("services", REGULAR, SERVICE_CREDITS, 10, "MEMBERSHIP"),
    _Adjustment("services-restricted", REGULAR, SERVICE_CREDITS, 5, "PROMOTION", service="Gift wrapping"),
    _Adjustment("services-expiring", REGULAR, SERVICE_CREDITS, 3, "GOODWILL", "Parcel was late", expires_in_days=30),
    _Adjustment("services-scheduled", REGULAR, SERVICE_CREDITS, 4, "MEMBERSHIP", "Next period", starts_in_days=30),
    _Adjustment("services-best", BEST, SERVICE_CREDITS, 20, "MEMBERSHIP"),
    _Adjustment("services-former", FORMER, SERVICE_CREDITS, 2, "MEMBERSHIP"),
    _Adjustment("goodwill", OCCASIONAL, CURRENCY, 25, "GOODWILL", "Damaged in transit", expires_in_days=90),
)
REQUEST: Final = _Adjustment("request", BEST, CURRENCY, 180, "GOODWILL", "Two parcels lost in the snow")
"""More than staff may add: requested by them, it waits for a manager."""


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
    if tenant_id is None:
        tenant_id = await create_tenant(ledger, TENANT, TENANT_NAME, TIME_ZONE)
    if await _is_loaded(tenant_id):
        say(f"The sample is in tenant {TENANT}")
    else:
        documents = sample().documents
        say(f"Loading the sample: {len(documents)} invoices and credit notes of a real shop, into tenant {TENANT}")
        await post_documents(ledger, tenant_id, documents, lambda: None, person)
        await _configure(ledger, tenant_id)
        await _live(ledger, tenant_id)
        await _give(ledger, tenant_id)
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


async def _live(ledger: Ledger, tenant_id: UUID) -> None:
    """Some months of today's life, of customers who are none of those that the examples name."""
    numbers = sorted({document.customer for document in sample().documents} - {REGULAR, BEST, OCCASIONAL, FORMER})
    async with reading(tenant_id) as session:
        began = await began_at(session)
        ids = await ids_of(session, numbers)
    await live(ledger, tenant_id, [ids[number] for number in numbers], began, ACTOR, _staff())


async def _give(ledger: Ledger, tenant_id: UUID) -> None:
    """Give points, service credits and a coupon. One membership is cancelled; one request waits for a manager."""
    async with reading(tenant_id) as session:
        began = await began_at(session)
        customers = await ids_of(session, (REGULAR, BEST, OCCASIONAL, FORMER))
        services = await service_ids(session, SERVICES)
        rewards = await reward_ids(session, (COUPON,))
    for adjustment in ADJUSTMENTS:
        command = _command(adjustment, customers, services, began)
        await adjust_credit(ledger, tenant_id, ACTOR, command, f"demo/{adjustment.key}")
    await _end_membership(ledger, tenant_id, MembershipChange(customers[FORMER], at=began - CANCELLED_BEFORE_TENANT))
    request = replace(_command(REQUEST, customers, services, began), request_approval=True)
    await adjust_credit(ledger, tenant_id, _staff(), request, f"demo/{REQUEST.key}")
    coupon = GiveReward(customers[REGULAR], rewards[COUPON], deduct_points=True)
    await give_reward(ledger, tenant_id, ACTOR, coupon, LAST_KEY)


async def _end_membership(ledger: Ledger, tenant_id: UUID, end: MembershipChange) -> None:
    """End a membership that had begun long before."""
    assert end.at is not None  # noqa: S101 - for the type checker
    try:
        await cancel_membership(ledger, tenant_id, ACTOR, end)
    except NoMembership:
        await start_membership(ledger, tenant_id, ACTOR, replace(end, at=end.at - MEMBER_FOR))
        await cancel_membership(ledger, tenant_id, ACTOR, end)


def subject_of(role: str) -> str:
    """The subject of the token of that role on the page: `staff` …"""
    return f"{role}@{TENANT}"


def _staff() -> Actor:
    return Actor(subject_of("staff"), "STAFF", name=STAFF_NAME, keeps_keys=True)


def _command(
    adjustment: _Adjustment, customers: dict[str, UUID], services: dict[str, UUID], began: datetime
) -> AdjustCredit:
    days = adjustment.starts_in_days
    return AdjustCredit(
        customers[adjustment.customer],
        adjustment.asset,
        Decimal(adjustment.amount),
        adjustment.reason,
        note=adjustment.note,
        expires_in_days=adjustment.expires_in_days,
        # From the tenant's first day, not from today: taken up again tomorrow, the input is still the same.
        effective_on=None if days is None else (began + timedelta(days=days)).date(),
        service_ids=() if adjustment.service is None else (services[adjustment.service],),
    )


async def customer_ids(tenant_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Ids of the sample's customers that exist, by external id."""
    async with reading(tenant_id) as session:
        return await ids_of(session, external_ids)
