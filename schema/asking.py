"""The customer that a query asks about: by `customerId` or, beside it in every field that takes one, by `customerBy`.

A field's resolver has the id alone; the field gets the other argument here, and the name is looked up before the resolver.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from gateway.errors import BadUserInput
from models.reads.names import ids_of
from models.reads.session import ReadSession
from schema import texts
from schema.ids import asked_id, global_id
from schema.naming import CustomerBy

ID: Final = "customer_id"
BY: Final = "customer_by"
_BY_NAME: Final = "In place of customerId: the customer by external id or id."
_NOBODY: Final = global_id("Customer", UUID(int=0))


def with_names(resolver: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a field with this resolver: with `customerBy` if it takes the id of a customer."""
    signature = inspect.signature(resolver)
    given = signature.parameters.get(ID)
    if given is None:
        return signature
    needed = needs_customer(resolver)
    described = f"{_BY_NAME} One of the two is needed." if needed else f"{_BY_NAME} Null: as customerId says."
    by = Annotated[CustomerBy | None, strawberry.argument(description=described)]
    info, *others = signature.parameters.values()
    parameters = {each.name: each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in others}
    given = parameters[ID]
    if needed:
        parameters[ID] = given.replace(annotation=strawberry.ID | None, default=None)
    parameters[BY] = inspect.Parameter(BY, inspect.Parameter.KEYWORD_ONLY, annotation=by, default=None)
    return signature.replace(parameters=[info, *parameters.values()])


def needs_customer(resolver: Callable[..., Any]) -> bool:
    """Return whether a field with this resolver is always about one customer."""
    given = inspect.signature(resolver).parameters.get(ID)
    return given is not None and given.default is inspect.Parameter.empty


class Asked:
    """A field's arguments, as its resolver takes them."""

    def __init__(self, arguments: Mapping[str, Any], *, takes_customer: bool) -> None:
        self.arguments = dict(arguments)
        self._by: CustomerBy | None = self.arguments.pop(BY, None)
        self._id = self.arguments.get(ID)
        self._takes_customer = takes_customer
        if self._by is not None:
            self.arguments[ID] = _NOBODY  # so that rights which depend on whether one is named are known before

    async def look_up(self, reads: ReadSession) -> None:
        """Find the customer that is named, once the token is known to have the right. Raises BadUserInput."""
        if self._by is None:
            if self._takes_customer and self._id is None:
                raise BadUserInput("Name the customer by customerId or customerBy.", "customerId")
            return
        if self._id is not None:
            raise BadUserInput("Give customerId or customerBy, not both.", "customerBy")
        found = await _found(reads, self._by)
        if found is not None:
            self.arguments[ID] = global_id("Customer", found)


async def _found(reads: ReadSession, by: CustomerBy) -> UUID | None:
    if by.sent is None:
        return asked_id(str(by.id), "Customer", "customerBy.id")
    names = by.names
    name = texts.looked_up(by.sent, names.longest, f"customerBy.{names.field}")
    return (await ids_of(reads, names.naming, [name])).get(name)
