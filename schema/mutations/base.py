"""Parts that inputs and payloads share."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.commands import Outcome
from models.errors import Invalid
from models.planning.bulk_rows import KEYS
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.nodes import NODES
from schema.types.base import in_turns
from schema.types.errors import UserError
from schema.withheld import withheld

NOTHING = Outcome()
"""Outcome of a mutation that was rejected."""

WRITTEN: Final = ("kind", "reason", "note", "reference", "metadata", "actor", "created_at")
"""Fields of a transaction that are known to the token that has just posted it."""

OutcomeOf = strawberry.Private[Outcome]


@strawberry.input
class KeyedInput:
    """Input of a mutation that must be safe to send again."""

    idempotency_key: str
    """Your own unique key of this request, up to 255 characters, such as a UUID. A request sent again with the same key
    and input moves nothing, and answers with what was made then, as it is now; make a new key for each new request. Keys
    are those of one client: a partner's are its own, and people share one name space, in all apps. They live for
    Tenant.idempotencyKeyDays (90 unless set, 30 at least): after that, the same request is a new one."""


@strawberry.input
class CreatingInput:
    """Input of a mutation that creates configuration: safe to send again with a key."""

    idempotency_key: str | None = None
    """Your own unique key of this request, up to 255 characters, such as a UUID. A request sent again with the same key
    and input creates nothing, and answers with what was created then, as it is now; make a new key for each new request.
    Null: a request sent again is a new one. Keys are those of one client: a partner's are its own, and people share one
    name space, in all apps. They live for Tenant.idempotencyKeyDays (90 unless set, 30 at least): after that, the same
    request is a new one."""

    def key(self) -> str | None:
        """Return the key, if there is one. Raises Invalid."""
        return None if self.idempotency_key is None else idempotency_key(self.idempotency_key)


@strawberry.type
class Payload:
    """Result of a mutation."""

    user_errors: list[UserError] = strawberry.field(default_factory=list)
    """Reasons for which nothing was changed; empty on success."""


@strawberry.type
class CreatingPayload(Payload):
    """Result of a mutation that creates configuration."""

    replayed: bool = False
    """Whether this idempotency key had been used for the same request before: what was created then, as it is now, and
    nothing was created this time."""


@strawberry.type
class PostingPayload(Payload):
    """Result of a mutation that takes an idempotency key."""

    replayed: bool = False
    """Whether this idempotency key had been used for the same request before: what was made then, as it is now, and nothing
    moved."""
    outcome: OutcomeOf = NOTHING


def idempotency_key(value: str) -> str:
    """Return the key. Raises Invalid if it is blank, too long, or one of those that bulks make for their rows."""
    if value.startswith(KEYS):
        raise Invalid(f"Keys that begin with {KEYS!r} are made by Scrip itself.", field=("idempotencyKey",))
    return texts.required(value, texts.MAX_IDEMPOTENCY_KEY, "idempotencyKey")


def ids(values: Sequence[strawberry.ID] | None, type_name: str, field: str) -> tuple[UUID, ...]:
    """Return the rows' ids. Raises NotFound, with the place in the list."""
    return tuple(input_id(value, type_name, field, str(n)) for n, value in enumerate(values or ()))


def loaded(info: Info, type_name: str, row_id: UUID | None) -> Pending[Any]:
    """Return the row that an outcome names, if it names one. A token that may not read it gets its id only and, of a
    transaction, what it has written itself.

    Rows that the posting returned are not read again.
    """
    if row_id is None:
        return None
    kind = NODES[type_name]
    if kind.owner is not None and not info.context.may(kind.right):
        return _own_transaction(info, row_id) if type_name == "Transaction" else withheld(info.context, kind, row_id)
    return info.context.loaders.nodes(type_name).get(row_id)


async def _own_transaction(info: Info, row_id: UUID) -> Any:
    """The transaction with the fields that its writer knows."""
    transaction = await info.context.loaders.transactions.load(row_id)
    told = {} if transaction is None else {name: getattr(transaction, name) for name in WRITTEN}
    return withheld(info.context, NODES["Transaction"], row_id, **told)


async def loaded_assignments(info: Info, row_ids: Iterable[UUID]) -> list[Any]:
    """Return the named assignments in this order; only their ids to a token that may not read them."""
    kind = NODES["Assignment"]
    if not info.context.may(kind.right):
        return in_turns(tuple(row_ids), lambda row_id: withheld(info.context, kind, row_id))
    found: list[Any] = await info.context.loaders.assignments.load_all(row_ids)
    return in_turns(found, lambda assignment: assignment)
