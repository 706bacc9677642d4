"""The sample that `scrip run` sets up: tenant `demo`, with a week of a real shop, and things to try on top."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from app.files.importing.figures import Figures, figures_of
from app.files.importing.online_retail import CURRENCY, Contents, read
from app.files.importing.posting import key_of, post_documents
from app.postgres.clock import new_ledger
from app.postgres.database import open_database
from app.problems import SetupProblem
from app.settings import Settings
from models.commands import Actor, AdjustCredit, GiveReward
from models.errors import LedgerError
from models.ledger import Ledger
from models.money import POINTS, SERVICE_CREDITS
from models.operations.adjust import adjust_credit
from models.operations.create_tenant import create_tenant
from models.operations.give_reward import give_reward
from models.reads.session import ReadSession
from models.session import tenant_id_of, tenant_transaction
from models.tables import Customer, Product, Reason, Reward, Service, Tier

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
"""Whose membership ended longer ago than the grace period: service credits cannot be added any more."""
CANCELLED_BEFORE_TENANT: Final = timedelta(days=90)

LAST_KEY: Final = "demo/coupon"
"""The idempotency key of what is done last: where it has been used, all is there."""

REASONS: Final = (  # code, label, adds, removes, moves the lifetime total
    ("PURCHASE", "Points for a purchase", True, False, True),
    ("MEMBERSHIP", "Part of the membership", True, False, True),
    ("POINTS_REFUND", "Redeemed points given back", True, False, False),
)
SERVICES: Final = ("Engraving", "Gift wrapping", "Next-day delivery")
PRODUCTS: Final = (  # name, kind, price in pence
    ("Account credit", "CREDIT", 100),
    ("Gift hamper", "GOODS", 4_500),
    ("Hamper delivered by hand", "SERVICE", 1_250),
)
TIERS: Final = (("Bronze", 0), ("Silver", 1_000), ("Gold", 5_000))


@dataclass(frozen=True, slots=True)
class _Reward:
    name: str
    kind: str
    points: int
    value: Decimal | None = None
    product: str | None = None
    validity_days: int | None = None
    stock: int | None = None


COUPON: Final = "5 pounds off"
REWARDS: Final = (
    _Reward(COUPON, "FIXED", 500, value=Decimal(5), validity_days=90),
    _Reward("10% off the next order", "PERCENT", 800, value=Decimal(10), validity_days=60),
    _Reward("Free delivery", "FREE_DELIVERY", 200),
    _Reward("A free metal lantern", "FREE_PRODUCT", 300, product="71053 WHITE METAL LANTERN", stock=25),
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
"""More than staff may add: asked for by them, it waits for a manager."""


def load(settings: Settings, say: Callable[[str], None]) -> None:
    """Load the sample into the database of these settings, where it is not there yet.

    Raises SetupProblem, also where the sample does not fit what the database holds.
    """
    url = settings.app_url
    if url is None:
        raise SetupProblem("DATABASE_URL is not set.")
    asyncio.run(_load(new_ledger(settings), url, say))


async def _load(ledger: Ledger, url: str, say: Callable[[str], None]) -> None:
    async with open_database(url, pool_min=1, pool_max=10):
        try:
            await load_demo(ledger, say)
        except LedgerError as error:
            raise SetupProblem(f"The sample could not be loaded into tenant {TENANT}: {error.message}") from error
        finally:
            await ledger.close()


async def load_demo(ledger: Ledger, say: Callable[[str], None]) -> Figures:
    """See to it that tenant `demo` is there with all of the sample. Answers the figures of its week as they stand.

    A load that was stopped half way is taken up again: everything has a key of its own. Raises LedgerError.
    """
    tenant_id = await tenant_id_of(TENANT)
    if tenant_id is None:
        tenant_id = await create_tenant(ledger, TENANT, TENANT_NAME, TIME_ZONE)
    if await _is_loaded(tenant_id):
        say(f"The sample is in tenant {TENANT}")
    else:
        documents = sample().documents
        say(f"Loading the sample: {len(documents)} invoices and credit notes of a real shop, into tenant {TENANT}")
        await post_documents(ledger, tenant_id, documents, lambda: None)
        await _configure(ledger, tenant_id)
        await _give(ledger, tenant_id)
    return await demo_figures(tenant_id)


async def demo_figures(tenant_id: UUID) -> Figures:
    """The figures of the sample's week as they stand now."""
    return await figures_of(tenant_id, _sample_keys())


@cache
def sample() -> Contents:
    """What is in the sample's file."""
    return read(SAMPLE)


@cache
def _sample_keys() -> tuple[str, ...]:
    return tuple(key_of(document.number) for document in sample().documents)


async def _is_loaded(tenant_id: UUID) -> bool:
    used = "SELECT 1 FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 AND client = ''"
    return bool(await _rows(tenant_id, used, LAST_KEY))


async def _configure(ledger: Ledger, tenant_id: UUID) -> None:
    """What an admin would set up. What is there already is left as it is."""
    new_id = ledger.source.new_id
    reasons = [
        Reason(
            id=new_id(), tenant_id=tenant_id, code=code, label=label, adds=adds, removes=removes,
            moves_lifetime=lifetime, note_required=False, active=True,
        )
        for code, label, adds, removes, lifetime in REASONS
    ]  # fmt: skip
    services = [Service(id=new_id(), tenant_id=tenant_id, name=name, active=True) for name in SERVICES]
    products = [
        Product(
            id=new_id(), tenant_id=tenant_id, name=name, kind=kind, currency=CURRENCY, price_minor=price, active=True
        )
        for name, kind, price in PRODUCTS
    ]
    tiers = [Tier(id=new_id(), tenant_id=tenant_id, name=name, threshold_minor=points) for name, points in TIERS]
    rewards = [
        Reward(
            id=new_id(), tenant_id=tenant_id, name=reward.name, kind=reward.kind, value=reward.value,
            currency=CURRENCY if reward.kind == "FIXED" else None, product=reward.product,
            points_cost_minor=reward.points, validity_days=reward.validity_days, stock=reward.stock, active=True,
        )
        for reward in REWARDS
    ]  # fmt: skip
    async with tenant_transaction(tenant_id) as connection:
        await Reason.bulk_create(reasons, ignore_conflicts=True, using_db=connection.orm)
        await Service.bulk_create(services, ignore_conflicts=True, using_db=connection.orm)
        await Product.bulk_create(products, ignore_conflicts=True, using_db=connection.orm)
        await Tier.bulk_create(tiers, ignore_conflicts=True, using_db=connection.orm)
        await Reward.bulk_create(rewards, ignore_conflicts=True, using_db=connection.orm)


async def _give(ledger: Ledger, tenant_id: UUID) -> None:
    """Points, service credits and a coupon. One membership is cancelled; one request waits for a manager."""
    began = await _began(tenant_id)
    customers = await customer_ids(tenant_id, (REGULAR, BEST, OCCASIONAL, FORMER))
    services = await _ids(tenant_id, "SELECT name, id FROM services WHERE tenant_id = $1 AND name = ANY($2)", SERVICES)
    rewards = await _ids(tenant_id, "SELECT name, id FROM rewards WHERE tenant_id = $1 AND name = ANY($2)", (COUPON,))
    for adjustment in ADJUSTMENTS:
        command = _command(adjustment, customers, services, began)
        await adjust_credit(ledger, tenant_id, ACTOR, command, f"demo/{adjustment.key}")
    async with tenant_transaction(tenant_id) as connection:
        former = Customer.filter(tenant_id=tenant_id, id=customers[FORMER]).using_db(connection.orm)
        await former.update(membership_cancelled_at=began - CANCELLED_BEFORE_TENANT)
    request = replace(_command(REQUEST, customers, services, began), request_approval=True)
    await adjust_credit(ledger, tenant_id, _staff(), request, f"demo/{REQUEST.key}")
    coupon = GiveReward(customers[REGULAR], rewards[COUPON], deduct_points=True)
    await give_reward(ledger, tenant_id, ACTOR, coupon, LAST_KEY)


def subject_of(role: str) -> str:
    """Whose token of that role the page gives away: `staff` …"""
    return f"{role}@{TENANT}"


def _staff() -> Actor:
    return Actor(subject_of("staff"), "STAFF", name=STAFF_NAME, keeps_keys=True)


def _command(
    adjustment: _Adjustment, customers: dict[str, UUID], services: dict[str, UUID], began: datetime
) -> AdjustCredit:
    days = adjustment.starts_in_days
    return AdjustCredit(
        customers[adjustment.customer], adjustment.asset, Decimal(adjustment.amount), adjustment.reason,
        note=adjustment.note, expires_in_days=adjustment.expires_in_days,
        # From the tenant's first day, not from today: taken up again tomorrow, the input is still the same.
        effective_on=None if days is None else (began + timedelta(days=days)).date(),
        service_ids=() if adjustment.service is None else (services[adjustment.service],),
    )  # fmt: skip


async def _began(tenant_id: UUID) -> datetime:
    (row,) = await _rows(tenant_id, "SELECT created_at FROM tenants WHERE id = $1")
    began: datetime = row["created_at"]
    return began


async def customer_ids(tenant_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Of the sample's customers that are there, by external id."""
    sql = "SELECT external_id, id FROM customers WHERE tenant_id = $1 AND external_id = ANY($2)"
    return await _ids(tenant_id, sql, external_ids)


async def _ids(tenant_id: UUID, sql: str, names: Iterable[str]) -> dict[str, UUID]:
    return {row[0]: row[1] for row in await _rows(tenant_id, sql, list(names))}


async def _rows(tenant_id: UUID, sql: str, *arguments: object) -> list[Any]:
    session = ReadSession(tenant_id)
    try:
        return await session.fetch(sql, *arguments)
    finally:
        await session.release()
