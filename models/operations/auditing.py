"""The audit of changes that move no value and so have no transaction: configuration, customers, memberships."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from models.commands import Actor
from models.ledger import Ledger
from models.planning.columns import to_json
from models.session import TenantConnection


@dataclass(frozen=True, slots=True)
class Doer:
    """An actor and the id of their row."""

    id: UUID
    actor: Actor


async def doer_of(ledger: Ledger, tenant_id: UUID, actor: Actor) -> Doer:
    """The doer for `record_event`; may use a transaction of its own. Raises Unavailable if nothing may be written."""
    await ledger.check_clock()
    return Doer(await ledger.actor_id(tenant_id, actor), actor)


async def record_event(
    connection: TenantConnection,
    ledger: Ledger,
    doer: Doer,
    action: str,
    subject_id: UUID,
    *,
    customer_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
    note: str | None = None,
) -> None:
    """Record, in the transaction of the change itself, that the actor did `action` to the row `subject_id`.

    action: `reason.created` and the like. details: the row's new values, or `{"name": [old, new]}` for each changed
    column, under the API's names; nothing secret. The doer comes from `doer_of`, called before the transaction.
    Raises Unavailable.
    """
    await connection.raw.execute(
        """INSERT INTO audit_events
            (tenant_id, id, action, subject_id, customer_id, actor_id, details, note, request_id, address, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
        connection.tenant_id,
        ledger.source.new_id(),
        action,
        subject_id,
        customer_id,
        doer.id,
        None if details is None else to_json({_camel(name): value for name, value in details.items()}),
        note,
        doer.actor.request_id,
        doer.actor.address,
        await ledger.stamp(connection),
    )


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The columns of `new` that differ from `old`: `{"label": ["before", "after"]}`."""
    return {name: [old[name], value] for name, value in new.items() if old[name] != value}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
