"""Edit a customer, and erase one (domain: erasure). Neither moves value."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.commands import Actor
from models.errors import Busy, Duplicate, Invalid, NotFound
from models.ledger import Ledger
from models.operations.auditing import Doer, doer_of, record_event
from models.operations.upsert_customer import check_texts
from models.session import TenantConnection, tenant_transaction

ERASED_NAME: Final = "Erased"
MAX_TRIES: Final = 10
GIVING_WAY: Final = "SET LOCAL lock_timeout = '500ms'"
"""Sooner than PostgreSQL looks for deadlocks: an erasure that is in a circle begins again, and nobody else has to."""


@dataclass(frozen=True, slots=True)
class UpdateCustomer:
    """None leaves as it is. no_email: take the address off."""

    customer_id: UUID
    external_id: str | None = None
    name: str | None = None
    email: str | None = None
    no_email: bool = False


async def update_customer(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateCustomer) -> bool:
    """Change what is said of a customer. True where something changed. Raises NotFound, Invalid, Duplicate.

    The audit names the columns that changed and not what they said: a person's own words are kept in one place alone.
    """
    check_texts(command.external_id, command.name, command.email)
    if command.no_email and command.email is not None:
        raise Invalid("Give an address or take it off, not both.", field=("email",))
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        old = await _locked(connection, command.customer_id)
        if old["erased_at"] is not None:
            raise Invalid("The customer was erased.", field=("customerId",))
        wanted = {"external_id": command.external_id, "name": command.name, "email": command.email}
        new = {name: old[name] if value is None else value for name, value in wanted.items()}
        if command.no_email:
            new["email"] = None
        changed = [name for name, value in new.items() if old[name] != value]
        if not changed:
            return False
        await _check_free(connection, command)
        await connection.raw.execute(
            """UPDATE customers SET external_id = $3, name = $4, email = $5, updated_at = $6
            WHERE tenant_id = $1 AND id = $2""",
            tenant_id, command.customer_id, new["external_id"], new["name"], new["email"],
            await ledger.stamp(connection),
        )  # fmt: skip
        await record_event(
            connection, ledger, doer, "customer.updated", command.customer_id, customer_id=command.customer_id,
            details={"changed": changed},
        )  # fmt: skip
    return True


async def erase_customer(ledger: Ledger, tenant_id: UUID, actor: Actor, customer_id: UUID) -> bool:
    """Take a person out of the books for ever: name, address, external id and every note; of records that were
    merged into this one, too. False where it was done before.

    The books stay, and still prove themselves: the hash chain covers salted digests, and the salts go with the notes.
    What the customer has can still be spent, removed or left to expire; no note is kept of that.

    Whoever writes about a customer holds their row `FOR KEY SHARE`. This holds it `FOR UPDATE`: it waits for them, sees
    what they wrote, and they see that the customer is gone. Raises NotFound, and Busy where they never let go.
    """
    doer = await doer_of(ledger, tenant_id, actor)
    for _ in range(MAX_TRIES):
        try:
            return await _erase(ledger, tenant_id, doer, customer_id)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            continue  # that was a pause by itself
    raise Busy


async def _erase(ledger: Ledger, tenant_id: UUID, doer: Doer, customer_id: UUID) -> bool:
    async with tenant_transaction(tenant_id, settings=GIVING_WAY) as connection:
        old = await _locked(connection, customer_id, "FOR UPDATE")
        rows = await connection.raw.fetch(_SAME_PERSON, tenant_id, customer_id)
        left = [row["id"] for row in rows if row["erased_at"] is None]
        if old["erased_at"] is not None and not left:
            return False
        now = await ledger.stamp(connection)
        for same in left:
            await connection.raw.execute(
                """UPDATE customers SET external_id = $3, name = $4, email = NULL, erased_at = $5, updated_at = $5
                WHERE tenant_id = $1 AND id = $2""",
                tenant_id, same, f"erased-{ledger.source.new_id()}", ERASED_NAME, now,
            )  # fmt: skip
        for sql in _TEXTS:
            await connection.raw.execute(sql, tenant_id, [row["id"] for row in rows])
        await record_event(connection, ledger, doer, "customer.erased", customer_id, customer_id=customer_id)
    return True


_SAME_PERSON: Final = """WITH RECURSIVE same AS (
        SELECT id FROM customers WHERE tenant_id = $1 AND id = $2
        UNION SELECT c.id FROM same s JOIN customers c ON c.tenant_id = $1 AND c.merged_into_id = s.id)
    SELECT id, erased_at FROM customers WHERE tenant_id = $1 AND id IN (SELECT id FROM same) ORDER BY id
    FOR UPDATE"""
"""The customer, and all that were merged into them: nobody else is, once the customer is locked."""

_TEXTS: Final = (
    """UPDATE transaction_texts x SET note = '', salt = '' FROM transactions t
    WHERE x.tenant_id = $1 AND t.tenant_id = $1 AND t.id = x.id AND t.customer_id = ANY($2)""",
    # What was refused says nothing of the person: which field it was, of whoever wanted it.
    """UPDATE audit_events SET note = NULL, details = CASE action WHEN 'access.denied' THEN details END
    WHERE tenant_id = $1 AND customer_id = ANY($2)""",
    """UPDATE approval_requests SET command = command || '{"note": null}', decision_note = NULL
    WHERE tenant_id = $1 AND customer_id = ANY($2) AND (command->>'note' IS NOT NULL OR decision_note IS NOT NULL)""",
    """UPDATE bulk_rows SET details = details - 'note'
    WHERE tenant_id = $1 AND customer_id = ANY($2) AND details->>'note' IS NOT NULL""",
)
"""Where a person's texts are kept. The outbox names rows by id and holds no text."""


async def _locked(connection: TenantConnection, customer_id: UUID, locking: str = "FOR NO KEY UPDATE") -> Any:
    row = await connection.raw.fetchrow(
        f"""SELECT external_id, name, email, erased_at FROM customers
        WHERE tenant_id = $1 AND id = $2 {locking}""",
        connection.tenant_id, customer_id,
    )  # fmt: skip
    if row is None:
        raise NotFound("There is no such customer.", field=("customerId",))
    return row


async def _check_free(connection: TenantConnection, command: UpdateCustomer) -> None:
    """Raises Duplicate where somebody else has the external id."""
    taken = await connection.raw.fetchval(
        "SELECT true FROM customers WHERE tenant_id = $1 AND external_id = $2 AND id <> $3",
        connection.tenant_id, command.external_id, command.customer_id,
    )  # fmt: skip
    if taken:
        raise Duplicate("Another customer has this external id.", field=("externalId",))
