"""Things that an input names: each by its id or, in the field beside that, by another name that is unique in the tenant.

`customerId` and `customerBy` are one thing said in two ways, and an input takes one of the two. What is named is looked up
before the field is resolved, all of a kind in one statement; an input that names ids alone costs nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import UUID

import strawberry
from strawberry.types.base import StrawberryList, StrawberryOptional, get_object_definition, has_object_definition
from strawberry.utils.str_converters import to_camel_case

from models.errors import Invalid, LedgerError, NotFound
from models.named_ids import NamedId
from models.planning.adjust import MAX_SERVICES
from models.planning.bulk import MAX_ROWS
from models.reads.names import COUPONS, CUSTOMERS, INVOICES, PRODUCTS, REWARDS, SERVICES, TIERS, Naming, ids_of
from models.reads.session import ReadSession
from schema import texts
from schema.bounds import bounded
from schema.ids import input_id
from turns.slices import in_slices
from turns.steps import Steps

MOST_NAMED: Final = MAX_SERVICES
"""How many things of one kind a field may name beside each other; none but services are."""
MOST_LISTED: Final = MAX_ROWS
"""Items of the longest list that may name things: rows of a bulk."""
INPUT: Final = "input"
"""The argument that has all that a mutation or a preview is asked to do."""


@dataclass(frozen=True, slots=True)
class Name:
    """A kind of name. attribute: that of the input which has it. longest: maximum characters. capitals: whether small
    letters stand for capitals."""

    naming: Naming
    attribute: str
    longest: int
    capitals: bool = False

    @property
    def field(self) -> str:
        """The attribute's name in the API."""
        return to_camel_case(self.attribute)

    def cleaned(self, sent: str, *field: str) -> str:
        """Return the name as it is stored. Raises Invalid, at `field`."""
        name = texts.code(sent, self.longest, *field)
        return name.upper() if self.capitals else name

    def missing(self, field: tuple[str, ...]) -> NotFound:
        words = self.attribute.replace("_", " ")
        return NotFound(f"There is no {self.naming.kind.lower()} with this {words}.", field=field)


class By:
    """Base of the inputs that name one thing, by its id or its name.

    found: the id of what has the name, once that was looked up. keyed: whether the request has an idempotency key: sent
    again, it must be known even if nothing has the name any more.
    """

    names: ClassVar[Name]
    id: strawberry.ID | None
    found: UUID | None = None
    keyed: bool = False

    @property
    def sent(self) -> str | None:
        """The name as it was sent; None if an id was."""
        name = getattr(self, self.names.attribute)
        return name if isinstance(name, str) else None

    def row_id(self, field: tuple[str, ...], instead_of: tuple[str, ...]) -> UUID:
        """Return the id of what is named. Raises NotFound, Invalid.

        field: path of this input. instead_of: that of the id in whose place it is.
        """
        names, sent = self.names, self.sent
        if sent is None:
            return input_id(str(self.id), names.naming.kind, *field, "id")
        field = (*field, names.field)
        name = names.cleaned(sent, *field)
        if self.found is None and not self.keyed:
            raise names.missing(field)
        return NamedId.of(f"{names.field}:{name}", self.found, field, instead_of)


@strawberry.input(one_of=True)
class CustomerBy(By):
    """One of the two: the customer's id or external id."""

    names = Name(CUSTOMERS, "external_id", texts.MAX_EXTERNAL_ID)
    id: strawberry.ID | None = strawberry.UNSET
    """Global id of the customer."""
    external_id: str | None = strawberry.UNSET
    """Id that the tenant's own systems use for the customer."""


@strawberry.input(one_of=True)
class InvoiceBy(By):
    """One of the two: the id or the number of an invoice or order."""

    names = Name(INVOICES, "number", texts.MAX_NUMBER)
    id: strawberry.ID | None = strawberry.UNSET
    """Global id of the invoice or order."""
    number: str | None = strawberry.UNSET
    """Its number, such as "INV-2026-0042"."""


@strawberry.input(one_of=True)
class ServiceBy(By):
    """One of the two: the service's id or its name."""

    names = Name(SERVICES, "name", texts.MAX_NAME)
    id: strawberry.ID | None = strawberry.UNSET
    """Global id of the service."""
    name: str | None = strawberry.UNSET
    """Its name, as the tenant's list has it."""


@strawberry.input(one_of=True)
class RewardBy(By):
    """One of the two: the reward's id or its name."""

    names = Name(REWARDS, "name", texts.MAX_REWARD_NAME)
    id: strawberry.ID | None = strawberry.UNSET
    """Global id of the reward."""
    name: str | None = strawberry.UNSET
    """Its name, such as "Free coffee"."""


@strawberry.input(one_of=True)
class ProductBy(By):
    """One of the two: the product's id or its name."""

    names = Name(PRODUCTS, "name", texts.MAX_PRODUCT_NAME)
    id: strawberry.ID | None = strawberry.UNSET
    """Global id of the product."""
    name: str | None = strawberry.UNSET
    """Its name, as the tenant's list has it."""


@strawberry.input(one_of=True)
class TierBy(By):
    """One of the two: the tier's id or its name."""

    names = Name(TIERS, "name", texts.MAX_TIER_NAME)
    id: strawberry.ID | None = strawberry.UNSET
    """Global id of the tier."""
    name: str | None = strawberry.UNSET
    """Its name, such as "Gold"."""


@strawberry.input(one_of=True)
class CouponBy(By):
    """One of the two: the coupon's id or its code."""

    names = Name(COUPONS, "code", texts.MAX_CODE, capitals=True)
    id: strawberry.ID | None = strawberry.UNSET
    """Global id of the coupon."""
    code: str | None = strawberry.UNSET
    """Code of the coupon as typed in, upper or lower case."""


def one(row_id: str | None, by: By | None, type_name: str, *field: str) -> UUID:
    """Return the id of the one thing that an input names by its id, or by the field beside that.

    type_name: of the thing. field: path of the id. Raises NotFound, Invalid: also if both are given, or neither is.
    """
    found = one_or_none(row_id, by, type_name, *field)
    if found is None:
        raise Invalid(f"Name the {type_name.lower()} by {field[-1]} or {_beside(field)[-1]}.", field=field)
    return found


def one_or_none(row_id: str | None, by: By | None, type_name: str, *field: str) -> UUID | None:
    """The same where nothing need be named."""
    if by is None:
        return None if row_id is None else input_id(row_id, type_name, *field)
    beside = _beside(field)
    if row_id is not None:
        raise _twice(field, beside)
    return by.row_id(beside, field)


def some(row_ids: Sequence[str] | None, by: Sequence[By] | None, type_name: str, field: str) -> tuple[UUID, ...] | None:
    """Return the ids of all that are named, by either of two lists; None if neither is there.

    Raises NotFound, Invalid, with the place in the list.
    """
    too_many = f"At most {MOST_NAMED} {type_name.lower()}s can be named."
    if by is None:
        if row_ids is None:
            return None
        bounded(row_ids, MOST_NAMED, too_many, field)
        return tuple(input_id(value, type_name, field, str(n)) for n, value in enumerate(row_ids))
    (beside,) = _beside((field,))
    if row_ids is not None:
        raise _twice((field,), (beside,))
    bounded(by, MOST_NAMED, too_many, beside)
    return tuple(each.row_id((beside, str(n)), (field, str(n))) for n, each in enumerate(by))


def _beside(field: tuple[str, ...]) -> tuple[str, ...]:
    """The path of the field beside an id, or beside a list of them: of customerId customerBy, of serviceIds servicesBy."""
    *path, last = field
    return (*path, f"{last.removesuffix('Ids')}sBy" if last.endswith("Ids") else f"{last.removesuffix('Id')}By")


def _twice(field: tuple[str, ...], beside: tuple[str, ...]) -> Invalid:
    return Invalid(f"Give {field[-1]} or {beside[-1]}, not both.", field=beside)


async def look_up(reads: ReadSession, asked: Any) -> None:
    """Look up what an input names otherwise than by id. Reads nothing if it names nothing so."""
    places = _places(type(asked))
    if any(isinstance(getattr(asked, name), list) for name, _ in places):
        named = await in_slices(_collected(asked))
    else:
        named = list(_named(asked))
    if named:
        await _find(reads, named, keyed=hasattr(asked, "idempotency_key"))


async def _find(reads: ReadSession, named: list[By], *, keyed: bool) -> None:
    for kind, asked in (await in_slices(_by_kind(named, keyed=keyed))).items():
        found = await ids_of(reads, kind.naming, [name for _, name in asked])
        await in_slices(_told(asked, found))


def _by_kind(named: list[By], *, keyed: bool) -> Steps[dict[Name, list[tuple[By, str]]]]:
    wanted: dict[Name, list[tuple[By, str]]] = {}
    for by in named:
        by.keyed = keyed
        with suppress(LedgerError):  # refused where it is read
            wanted.setdefault(by.names, []).append((by, by.names.cleaned(by.sent or "")))
        yield
    return wanted


def _told(asked: list[tuple[By, str]], found: dict[str, UUID]) -> Steps[None]:
    for by, name in asked:
        by.found = found.get(name)
        yield


def _collected(asked: Any) -> Steps[list[By]]:
    """The same as `_named`, in steps: a list may be long. One that is longer than any may be is refused later."""
    named: list[By] = []
    for name, _ in _places(type(asked)):
        value = getattr(asked, name)
        if isinstance(value, list) and len(value) > MOST_LISTED:
            continue
        for each in value if isinstance(value, list) else (value,):
            if each:
                named += (each,) if isinstance(each, By) else _named(each)
            yield
    return [by for by in named if by.sent is not None]


def _named(asked: Any) -> Iterator[By]:
    """All that an input, or one of those that it consists of, names otherwise than by id."""
    for name, is_by in _places(type(asked)):
        value = getattr(asked, name)
        for each in value if isinstance(value, list) else (value,):
            if not each:
                continue
            if not is_by:
                yield from _named(each)
            elif each.sent is not None:
                yield each


_PLACES: Final[dict[type, tuple[tuple[str, bool], ...]]] = {}
"""By input: the attributes in which something may be named, and whether each is one of the inputs above itself, or one
that has such."""


def _places(kind: type) -> tuple[tuple[str, bool], ...]:
    if (known := _PLACES.get(kind)) is not None:
        return known
    found = []
    if has_object_definition(kind):
        definition = get_object_definition(kind, strict=True)
        for field in definition.fields:
            inner: Any = field.resolve_type(type_definition=definition)
            while isinstance(inner, StrawberryOptional | StrawberryList):
                inner = inner.of_type
            if isinstance(inner, type) and (issubclass(inner, By) or _places(inner)):
                found.append((field.python_name, issubclass(inner, By)))
    _PLACES[kind] = tuple(found)
    return _PLACES[kind]
