"""The catalogue of rewards: the templates that coupons are issued from (source 003).

Coupons keep the terms that they were issued under, so changes do not affect them. A reward's kind and currency are
fixed: otherwise it would be another reward. A retired one is no longer given; its coupons can still be used.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import CreateReward, UpdateReward
from models.errors import CurrencyMismatch, Invalid, LedgerError, NotFound
from models.kinds import RewardKind
from models.ledger import Ledger
from models.money import POINTS, exponent, is_money, nonzero_minor, to_minor
from models.names import checked_if_given, checked_name
from models.operations.configuring import Created, configuring
from models.patience import patiently
from models.planning.calendar import MAX_EXPIRY_DAYS

MAX_NAME_CHARACTERS: Final = 200
FIXED: Final = RewardKind.FIXED
PERCENT: Final = RewardKind.PERCENT
FREE_PRODUCT: Final = RewardKind.FREE_PRODUCT
SAYS: Final[dict[str, frozenset[str]]] = {
    FIXED: frozenset({"value", "currency"}),
    PERCENT: frozenset({"value"}),
    FREE_PRODUCT: frozenset({"product"}),
    RewardKind.FREE_DELIVERY: frozenset[str](),
}
"""The terms of each kind of reward besides name and price: all required, and no others allowed."""


@patiently
async def create_reward(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateReward, *, idempotency_key: str | None = None
) -> Created:
    """Create a reward, once for the key, if there is one. Raises Invalid, Duplicate, IdempotencyKeyReused, Busy, and for a
    value that its currency does not have."""
    command = replace(
        command, name=checked_name(command.name, MAX_NAME_CHARACTERS, "name"), product=_product(command.product)
    )
    _check_terms(command)
    values = {
        "name": command.name,
        "kind": command.kind,
        "value": command.value,
        "currency": command.currency,
        "product": command.product,
        "points_cost_minor": _points_minor(command.points_cost),
        "validity_days": _checked_days(command.validity_days),
        "stock": _checked_stock(command.stock),
        "active": True,
    }
    reward_id = ledger.source.new_id()
    async with configuring(ledger, tenant_id, actor) as change:
        if (made := await change.claim("createReward", command, reward_id, idempotency_key)) is not None:
            return Created(made, replayed=True)
        await change.insert("rewards", "reward.created", reward_id, values)
    return Created(reward_id)


@patiently
async def update_reward(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateReward) -> bool:
    """Rename, reprice, restock, retire or offer again. False if nothing differs.

    Raises NotFound, Invalid, Duplicate.
    """
    command = replace(
        command, name=checked_if_given(command.name, MAX_NAME_CHARACTERS, "name"), product=_product(command.product)
    )
    if command.stock is not None and command.unlimited_stock:
        raise Invalid("Give either stock or unlimitedStock, not both.", field=("stock",))
    wanted = {
        "name": command.name,
        "value": command.value,
        "product": command.product,
        "points_cost_minor": None if command.points_cost is None else _points_minor(command.points_cost),
        "validity_days": _checked_days(command.validity_days),
        "stock": _checked_stock(command.stock),
        "active": command.active,
    }
    async with configuring(ledger, tenant_id, actor) as change:
        # Giving the reward takes one from its stock under this lock.
        row = await change.fetchrow(
            "SELECT * FROM rewards WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE", command.reward_id
        )
        if row is None:
            raise NotFound("There is no such reward.", field=("rewardId",))
        _check_new_terms(command, row)
        cleared = ("stock",) if command.unlimited_stock else ()
        return await change.update("rewards", "reward.updated", row, wanted, cleared=cleared)


def _check_terms(command: CreateReward) -> None:
    """Raises Invalid if the reward has more or fewer terms than its kind, or invalid ones."""
    if command.kind not in SAYS:
        raise Invalid("There is no such kind of reward.", field=("kind",))
    for name in ("value", "currency", "product"):
        _check_says(command.kind, name, given=getattr(command, name) is not None)
    if command.currency is not None:
        _check_currency(command.currency)
    if command.value is not None:
        _check_value(command.kind, command.value, command.currency)


def _check_new_terms(command: UpdateReward, row: Any) -> None:
    """The same for the terms in an update: the other terms exist."""
    for name in ("value", "product"):
        if getattr(command, name) is not None:
            _check_says(row["kind"], name, given=True)
    if command.value is not None:
        _check_value(row["kind"], command.value, row["currency"])


def _check_says(kind: str, name: str, *, given: bool) -> None:
    if given and name not in SAYS[kind]:
        raise Invalid(f"A {kind} reward has no {name}.", field=(name,))
    if not given and name in SAYS[kind]:
        raise Invalid(f"A {kind} reward needs a {name}.", field=(name,))


def _check_currency(currency: str) -> None:
    if not is_money(currency):
        raise CurrencyMismatch(currency).at("currency")
    try:
        exponent(currency)
    except LedgerError as error:
        raise error.at("currency") from None


def _check_value(kind: str, value: Decimal, currency: str | None) -> None:
    """Check an amount in its currency, or a percentage."""
    if value <= 0:
        raise Invalid("The value must be above zero.", field=("value",))
    if kind == PERCENT and value > 100:
        raise Invalid("A reward takes off at most 100 per cent.", field=("value",))
    if currency is not None:
        try:
            nonzero_minor(value, currency)
        except LedgerError as error:
            raise error.at("value") from None


def _points_minor(points: Decimal) -> int:
    try:
        points_minor = to_minor(points, POINTS)
    except LedgerError as error:
        raise error.at("pointsCost") from None
    if points_minor < 0:
        raise Invalid("The price must not be negative.", field=("pointsCost",))
    return points_minor


def _checked_days(days: int | None) -> int | None:
    if days is not None and not 0 <= days <= MAX_EXPIRY_DAYS:
        raise Invalid(f"Days must lie between 0 and {MAX_EXPIRY_DAYS}.", field=("validityDays",))
    return days


def _checked_stock(stock: int | None) -> int | None:
    if stock is not None and stock < 0:
        raise Invalid("The stock must not be negative.", field=("stock",))
    return stock


def _product(text: str | None) -> str | None:
    return checked_if_given(text, MAX_NAME_CHARACTERS, "product")
