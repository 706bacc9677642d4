"""Terms of a request for approval: the settings it was made under that an admin may change before it is approved. Pure.

An approval is bound to the settings that decide what is posted, or its name: whether the reason moves the lifetime
total, a reward with its price and terms, the services by name, products by name and price, and the zone in which days
are counted. It is not bound to settings that the plan checks again and refuses by itself (a reason that no longer
serves, stock, limits), nor to values named in the request. The customer is not a term: a merge is no change.
"""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

import orjson

from models.commands import (
    AdjustCredit,
    Approvable,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    NewExpiry,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.errors import RequestChanged, TermChange
from models.kinds import ProductKind
from models.money import POINTS, to_decimal, to_price
from models.planning.catalogue import ProductState
from models.planning.config import TenantConfig
from models.planning.reward_rows import RewardState
from models.planning.state import ApprovalState, Books

Terms = dict[str, str | None]
"""Terms as text, by path in the input or by a name of their own."""
VERSION_CHARACTERS: Final = 32


class InForce(Protocol):
    """The settings in force: locked books, or just this part of them, read unlocked."""

    @property
    def config(self) -> TenantConfig:
        """An admin's settings."""

    @property
    def rewards(self) -> dict[UUID, RewardState]:
        """The rewards that the request names."""

    @property
    def products(self) -> dict[UUID, ProductState]:
        """The products that the request names."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A request's terms compared with those in force. changes: None if the terms it was made under are not known.

    version: of the terms in force, for the approver.
    """

    version: str
    changes: tuple[TermChange, ...] | None


def terms_of(books: InForce, asked: Approvable) -> Terms:
    """The terms in force for a request. Something that no longer exists has no terms: the plan refuses it."""
    match asked:
        case AdjustCredit():
            return _of_adjustment(books, asked)
        case GiveReward():
            return _of_reward(books, asked)
        case CreateOrder():
            return _of_order(books, asked)
        case RefundSpend() | ReviveCredit():
            # The spend never changes, and what has been given back or revived meanwhile is checked again.
            return _of_expiry(books, asked.new_expiry)
        case TransferCredit() | CreateCreditNote():
            return {}
        case RecordPayment():
            return {}  # what would be kept is in the command, and no more is


def binding_of(books: InForce, asked: Approvable, terms: Terms | None) -> Binding:
    """The changes since a request was made under `terms`."""
    now = terms_of(books, asked)
    return Binding(_version(now), None if terms is None else _differences(terms, now))


def check_bound(books: Books, request: ApprovalState, version: str | None) -> tuple[TermChange, ...]:
    """Return the changes agreed to by version. Raises RequestChanged if other terms are now in force.

    A request made before terms were stored is bound only to a version that its approver names.
    """
    binding = binding_of(books, request.command, request.terms)
    asked = None if request.terms is None else _version(request.terms)
    expected = asked if version is None else version
    if expected is not None and binding.version != expected:
        raise RequestChanged(binding.changes or (), binding.version)
    return binding.changes or ()


def _of_adjustment(books: InForce, asked: AdjustCredit) -> Terms:
    reason = books.config.reasons.get(asked.reason)
    terms: Terms = {"reason.movesLifetime": None if reason is None else _yes_no(reason.moves_lifetime)}
    for place, service_id in enumerate(asked.service_ids):
        terms[f"serviceIds.{place}.name"] = books.config.service_names.get(service_id)
    if asked.expires_in_days or asked.effective_on is not None:
        terms["timeZone"] = books.config.zone.key
    return terms


def _of_reward(books: InForce, asked: GiveReward) -> Terms:
    reward = books.rewards.get(asked.reward_id)
    if reward is None:
        return {}
    terms: Terms = {f"reward.{name}": reward.terms[name] for name in ("name", "kind", "currency", "product")}
    terms["reward.value"] = None if reward.terms["value"] is None else _plain(Decimal(reward.terms["value"]))
    terms["reward.pointsCost"] = _plain(to_decimal(reward.points_cost_minor, POINTS))
    terms["reward.validityDays"] = str(reward.validity_days) if reward.validity_days else None
    if reward.validity_days:
        terms["timeZone"] = books.config.zone.key
    return terms


def _of_order(books: InForce, asked: CreateOrder) -> Terms:
    terms: Terms = {}
    for place, item in enumerate(asked.items):
        product = books.products.get(item.product_id)
        if product is None:
            continue
        terms[f"items.{place}.name"] = product.name
        terms[f"items.{place}.kind"] = product.kind
        if item.unit_price is None:
            terms[f"items.{place}.unitPrice"] = format(to_price(product.price_minor, product.currency), "f")
    return terms


def credit_sold(asked: CreateOrder, terms: Terms | None) -> Decimal:
    """The sum of the order's credit lines, as requested: the credit that it adds to the account once it is paid."""
    sold, terms = Decimal(0), terms or {}
    for place, item in enumerate(asked.items):
        if terms.get(f"items.{place}.kind") == ProductKind.CREDIT:
            price = terms.get(f"items.{place}.unitPrice") if item.unit_price is None else item.unit_price
            sold += (item.quantity_decimal or item.quantity) * Decimal(price or 0)
    return sold


def _of_expiry(books: InForce, expiry: NewExpiry) -> Terms:
    return {"timeZone": books.config.zone.key} if expiry.in_days else {}


def _differences(before: Terms, after: Terms) -> tuple[TermChange, ...]:
    names = dict.fromkeys((*before, *after))
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return tuple(TermChange(name, old, new) for name, old, new in pairs if old != new)


def _version(terms: Terms) -> str:
    digest = sha256(orjson.dumps(terms, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return digest[:VERSION_CHARACTERS]


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


def _yes_no(value: bool) -> str:
    return "true" if value else "false"
