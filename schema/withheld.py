"""Objects that a payload names and the token may not read: the id, and nothing else.

A write returns what it made, so that it can be told from others and found again; a right to write is no right to read.
If the right to read is missing, the payload's field leads to an object of which only the id is known; each other field
of it is denied like any that is not allowed. Nothing is read for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from strawberry.types.base import get_object_definition

from auth.roles import Permission
from schema.context import Context
from schema.ids import global_id
from schema.types.account import Account, Credit
from schema.types.customer import Customer
from schema.types.invoice import Assignment, Invoice, Payment
from schema.types.ledger import Transaction
from schema.types.reward import Coupon


@dataclass(frozen=True, slots=True)
class Kind:
    """A type whose rows belong to customers, and the right to read it."""

    type: type
    permission: Permission


KINDS: Final[Mapping[str, Kind]] = {
    "accounts": Kind(Account, Permission.READ_LEDGER),
    "assignments": Kind(Assignment, Permission.READ_INVOICES),
    "coupons": Kind(Coupon, Permission.READ_REWARDS),
    "credits": Kind(Credit, Permission.READ_LEDGER),
    "customers": Kind(Customer, Permission.READ_CUSTOMERS),
    "invoices": Kind(Invoice, Permission.READ_INVOICES),
    "payments": Kind(Payment, Permission.READ_INVOICES),
    "transactions": Kind(Transaction, Permission.READ_LEDGER),
}
"""By the loader of the rows (schema/loaders.py). Types that belong to no customer are not listed."""


def withheld(context: Context, kind: Kind, row_id: UUID, /, **told: Any) -> Any:
    """Return an object that stands for the row and reveals its id.

    told: further fields to reveal, by their names in Python.
    """
    thing: Any = object.__new__(_shape(kind.type))
    vars(thing).update(
        id=global_id(kind.type.__name__, row_id), _refuse=lambda: context.require(kind.permission), **told
    )
    return thing


@lru_cache
def _shape(type_: type) -> type:
    """Return a subtype that denies each attribute that was not set."""
    fields = get_object_definition(type_, strict=True).fields
    refused = {"view", *(field.python_name for field in fields)}

    def refuse(self: Any, name: str) -> Any:
        if name in refused:
            vars(self)["_refuse"]()
        raise AttributeError(name)

    return type(f"Withheld{type_.__name__}", (type_,), {"__getattr__": refuse})
