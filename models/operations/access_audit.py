"""The audit of refused access: actor, action and missing right.

The refusal is returned whether or not it can be recorded. The rows per actor are limited by the minute, in each
process; refusals beyond that are counted, and the next row written gives the number left out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.ledger import Ledger
from models.lookups import each
from models.patience import patiently
from models.planning.columns import to_json
from models.session import tenant_transaction

ACCESS_DENIED: Final = "access.denied"
MAX_PER_REQUEST: Final = 20
"""Maximum rows. Further refusals of the same request count as left out."""


@dataclass(frozen=True, slots=True)
class Denial:
    """One refused access.

    field: of Query or Mutation, or another endpoint's path. path: to a field below it, as the request names the fields.
    code: FORBIDDEN; NOT_FOUND if even the object's existence was hidden. missing: the missing rights. customer_id: the
    owner, if a customer requested another customer's object.
    """

    field: str
    operation: str | None = None
    code: str = "FORBIDDEN"
    path: str | None = None
    missing: tuple[str, ...] = ()
    customer_id: UUID | None = None


async def record_denials(
    ledger: Ledger, tenant_id: UUID, actor: Actor, denials: Sequence[Denial], holder: Mapping[str, Any]
) -> None:
    """Record a request's refusals, in one statement: a row for each object, with the number of refusals.

    holder: the identity in the actor's token. A row's subject is the actor's own row, and its customer the owner
    of the object. Raises the database's errors; refusals that could not be recorded count as left out.
    """
    different = Counter(denials)
    key, now = (tenant_id, actor), ledger.clock()
    granted, unrecorded = ledger.denials.take(key, min(len(different), MAX_PER_REQUEST), now)
    if len(different) > MAX_PER_REQUEST:
        ledger.denials.left_out(key, len(different) - MAX_PER_REQUEST, now)
    if not granted:
        ledger.metrics.deny(unrecorded=len(different))
        return
    written = list(different.items())[:granted]
    rows = [_details(denial, times, holder) for denial, times in written]
    if unrecorded:
        rows[0]["unrecorded"] = unrecorded
    try:
        await _insert(ledger, tenant_id, actor, [denial.customer_id for denial, _ in written], rows)
    except BaseException:
        ledger.denials.left_out(key, granted + unrecorded, now)
        ledger.metrics.deny(unrecorded=len(different))
        raise
    ledger.metrics.deny(recorded=granted, unrecorded=len(different) - granted)


def _details(denial: Denial, times: int, holder: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "field": denial.field,
        "path": denial.path,
        "operation": denial.operation,
        "code": denial.code,
        "missing": list(denial.missing) or None,
        "times": times if times > 1 else None,
    }
    return {name: value for name, value in told.items() if value is not None} | dict(holder)


@patiently
async def _insert(
    ledger: Ledger, tenant_id: UUID, actor: Actor, customers: Sequence[UUID | None], details: Sequence[dict[str, Any]]
) -> None:
    doer_id = await ledger.actor_id(tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        # The requested object may not exist, so the customer is looked up.
        await connection.raw.execute(
            f"""INSERT INTO audit_events
                (tenant_id, id, action, subject_id, customer_id, actor_id, details, request_id, address, created_at)
            SELECT t.id, n.id, $2, $3, c.id, $3, n.details, $4, $5, $6
            FROM tenants t CROSS JOIN {each("id uuid", "customer_id uuid", "details jsonb", first=7)} n
            LEFT JOIN customers c ON c.tenant_id = $1 AND c.id = n.customer_id WHERE t.id = $1""",
            tenant_id,
            ACCESS_DENIED,
            doer_id,
            actor.request_id,
            actor.address,
            await ledger.stamp(connection, checked=False),
            [ledger.source.new_id() for _ in details],
            list(customers),
            [to_json(row) for row in details],
        )
