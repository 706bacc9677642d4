"""The catalogue of products that orders sell, credit among them (source 004).

Orders keep the name, kind and price that a product had when they were made, so changes do not affect them. A product's
kind and currency are fixed: otherwise it would be another product. A retired product is no longer sold.
"""

from decimal import Decimal
from typing import Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import CreateProduct, UpdateProduct
from models.errors import CurrencyMismatch, Invalid, LedgerError, NotFound
from models.kinds import ProductKind
from models.ledger import Ledger
from models.money import exponent, is_money, to_minor_price
from models.names import checked_if_given, checked_name
from models.operations.configuring import Created, configuring
from models.patience import patiently
from models.texts import checked_metadata, checked_reference, stored_metadata

MAX_NAME_CHARACTERS: Final = 200
CREDIT: Final = ProductKind.CREDIT
KINDS: Final = frozenset(ProductKind)
TEXTS: Final = frozenset({"reference", "metadata"})
"""The columns that can be empty."""


@patiently
async def create_product(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateProduct, *, idempotency_key: str | None = None
) -> Created:
    """Create a product, once for the key, if there is one. Raises Invalid, Duplicate, IdempotencyKeyReused, Busy, and for a
    price that its currency does not have."""
    name = checked_name(command.name, MAX_NAME_CHARACTERS, "name")
    if command.kind not in KINDS:
        raise Invalid("There is no such kind of product.", field=("kind",))
    _check_currency(command.currency)
    values = {
        "name": name,
        "kind": command.kind,
        "currency": command.currency,
        "price_minor": _price_minor(command.price, command.currency, command.kind),
        "active": True,
        "reference": checked_reference(command.reference),
        "metadata": stored_metadata(checked_metadata(command.metadata)),
    }
    product_id = ledger.source.new_id()
    async with configuring(ledger, tenant_id, actor) as change:
        if (made := await change.claim("createProduct", command, product_id, idempotency_key)) is not None:
            return Created(made, replayed=True)
        await change.insert("products", "product.created", product_id, values)
    return Created(product_id)


@patiently
async def update_product(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateProduct) -> bool:
    """Rename, reprice, retire or sell again. False if nothing differs. Raises NotFound, Invalid, Duplicate."""
    name = checked_if_given(command.name, MAX_NAME_CHARACTERS, "name")
    async with configuring(ledger, tenant_id, actor) as change:
        row = await change.fetchrow("SELECT * FROM products WHERE tenant_id = $1 AND id = $2", command.product_id)
        if row is None:
            raise NotFound("There is no such product.", field=("productId",))
        row = {**row, "price_minor": _whole_or_finer(row["price_minor"])}
        price_minor = None if command.price is None else _price_minor(command.price, row["currency"], row["kind"])
        wanted = {
            "name": name,
            "price_minor": price_minor,
            "active": command.active,
            "reference": checked_reference(command.reference),
            "metadata": stored_metadata(checked_metadata(command.metadata)),
        }
        return await change.update("products", "product.updated", row, wanted, cleared=command.removed & TEXTS)


def _check_currency(currency: str) -> None:
    if not is_money(currency):
        raise CurrencyMismatch(currency).at("currency")
    try:
        exponent(currency)
    except LedgerError as error:
        raise error.at("currency") from None


def _price_minor(price: Decimal, currency: str, kind: str) -> Decimal | int:
    try:
        price_minor = to_minor_price(price, currency)
    except LedgerError as error:
        raise error.at("price") from None
    if price_minor < 0:
        raise Invalid("The price must not be negative.", field=("price",))
    if kind == CREDIT and price_minor == 0:
        raise Invalid("Credit costs its own worth, so its price must be above zero.", field=("price",))
    return _whole_or_finer(price_minor)


def _whole_or_finer(price_minor: Decimal) -> Decimal | int:
    """In the audit, prices in whole minor units are numbers, as they were before there were others."""
    whole = int(price_minor)
    return whole if whole == price_minor else price_minor.normalize()
