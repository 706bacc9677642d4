"""Edit a customer, and erase one (domain: erasure). Neither moves value."""

from typing import Any, Final
from uuid import UUID

import asyncpg

from models.commands import Actor
from models.customers import REMOVABLE, SAID, UpdateCustomer, checked
from models.errors import Duplicate, Invalid
from models.ledger import Ledger
from models.loading.people import leave_external_ids, locked_person, take_external_id
from models.lookups import each
from models.operations.auditing import Doer, doer_of, record_event
from models.operations.upsert_customer import unknown_form
from models.patience import patiently
from models.session import TenantConnection, tenant_transaction

ERASED_NAME: Final = "Erased"
GIVING_WAY: Final = "SET LOCAL lock_timeout = '500ms'"
"""Shorter than PostgreSQL's deadlock timeout: in a deadlock the erasure restarts, and no other transaction has to."""
_UPDATE: Final = f"""UPDATE customers SET updated_at = $3,
        {", ".join(f"{name} = ${place}" for place, name in enumerate(SAID, start=4))}
    WHERE tenant_id = $1 AND id = $2"""
_EMPTIED: Final = ", ".join(f"{name} = NULL" for name in REMOVABLE)
_TAKEN: Final = "Another customer has this external id."
_OWN: Final = (
    "A record that was merged into this customer has this external id, so it already names them. Nothing was changed."
)


@patiently
async def update_customer(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateCustomer) -> bool:
    """Change a customer's texts, by any of their ids. True if something changed.

    Raises NotFound, Invalid, Duplicate, Busy. The audit names the columns that changed and not their contents: a
    person's own words are stored in one place only.
    """
    said = checked(command)
    for name in command.removed:
        if name not in REMOVABLE or said[name] is not None:
            raise Invalid("Give a value or take it off, not both.", field=(name,))
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        old = await locked_person(connection, command.customer_id, f"{', '.join(SAID)}, erased_at")
        if old["erased_at"] is not None:
            raise Invalid("The customer was erased.", field=("customerId",))
        new = {name: old[name] if value is None else value for name, value in said.items()}
        new |= dict.fromkeys(command.removed)
        changed = [name for name, value in new.items() if old[name] != value]
        if not changed:
            return False
        await _change(connection, ledger, old, new)
        await record_event(
            connection, ledger, doer, "customer.updated", old["id"], customer_id=old["id"], details={"changed": changed}
        )
    return True


async def _change(connection: TenantConnection, ledger: Ledger, old: Any, new: dict[str, Any]) -> None:
    """Raises Duplicate if the external id is another record's, and Invalid if the database does not take it."""
    renamed = new["external_id"] != old["external_id"]
    if renamed:
        await _check_free(connection, old["id"], new["external_id"])
    try:
        await connection.raw.execute(
            _UPDATE, connection.tenant_id, old["id"], await ledger.stamp(connection), *(new[name] for name in SAID)
        )
    except asyncpg.UniqueViolationError:  # another request was faster
        raise Duplicate(_TAKEN, field=("externalId",)) from None
    except asyncpg.CheckViolationError as refused:
        raise unknown_form(refused) from None
    if renamed:
        await leave_external_ids(connection, [old["external_id"]], await ledger.stamp(connection))
        await take_external_id(connection, old["id"], new["external_id"], await ledger.stamp(connection))


@patiently
async def erase_customer(ledger: Ledger, tenant_id: UUID, actor: Actor, customer_id: UUID) -> bool:
    """Erase a person from the books, by any of their ids: name, address, external id and every note, of all their
    records. Irreversible. False if it was done before.

    The books stay, and can still be verified: the hash chain covers salted digests, and the salts go with the notes.
    The customer's balances can still be spent, removed or left to expire; no note of that is stored.

    A transaction that writes about a customer locks their row `FOR KEY SHARE`. This locks it `FOR UPDATE`: it waits for
    them, sees their writes, and they see that the customer is gone. Raises NotFound, and Busy if they never release it.
    """
    return await _erase(ledger, tenant_id, await doer_of(ledger, tenant_id, actor), customer_id)


async def _erase(ledger: Ledger, tenant_id: UUID, doer: Doer, customer_id: UUID) -> bool:
    async with tenant_transaction(tenant_id, settings=GIVING_WAY) as connection:
        person = (await locked_person(connection, customer_id, "erased_at", "FOR UPDATE"))["id"]
        rows = await connection.raw.fetch(_SAME_PERSON, tenant_id, person)
        left = [row for row in rows if row["erased_at"] is None]
        if not left:
            return False
        now = await ledger.stamp(connection)
        for same in left:
            await connection.raw.execute(
                f"""UPDATE customers SET external_id = $3, name = $4, {_EMPTIED}, erased_at = $5, updated_at = $5,
                    external_id_since = $5, external_id_reused = false
                WHERE tenant_id = $1 AND id = $2""",
                tenant_id,
                same["id"],
                f"erased-{ledger.source.new_id()}",
                ERASED_NAME,
                now,
            )
        await leave_external_ids(connection, [row["external_id"] for row in left], now)
        for sql in _TEXTS:
            await connection.raw.execute(sql, tenant_id, [row["id"] for row in rows])
        await record_event(connection, ledger, doer, "customer.erased", person, customer_id=person)
    return True


_SAME_PERSON: Final = """WITH RECURSIVE same AS (
        SELECT id FROM customers WHERE tenant_id = $1 AND id = $2
        UNION SELECT c.id FROM same s CROSS JOIN LATERAL (
            SELECT id FROM customers WHERE tenant_id = $1 AND merged_into_id = s.id OFFSET 0) AS c)
    SELECT c.id, c.external_id, c.erased_at FROM (SELECT id FROM same LIMIT (SELECT count(*) FROM same)) s
    JOIN customers c ON c.tenant_id = $1 AND c.id = s.id ORDER BY c.id FOR UPDATE OF c"""
"""The customer, and all records merged into them: no more can be, once the customer is locked."""

_TEXTS: Final = (
    f"""UPDATE transaction_texts x SET note = '', salt = '', reference = NULL, metadata = NULL, referenced_at = NULL
    FROM {each("id uuid")} k
    JOIN transactions t ON t.tenant_id = $1 AND t.customer_id = k.id WHERE x.tenant_id = $1 AND x.id = t.id""",
    # Of a transfer, the other customer's transaction has the same texts.
    f"""UPDATE transaction_texts x SET note = '', salt = '', reference = NULL, metadata = NULL, referenced_at = NULL
    FROM {each("id uuid")} k
    JOIN transactions t ON t.tenant_id = $1 AND t.customer_id = k.id AND t.kind = 'TRANSFER'
    JOIN transfers f ON f.tenant_id = $1 AND f.id = t.id WHERE x.tenant_id = $1 AND x.id = f.received_id""",
    f"""UPDATE transaction_texts x SET note = '', salt = '', reference = NULL, metadata = NULL, referenced_at = NULL
    FROM {each("id uuid")} k
    JOIN transactions t ON t.tenant_id = $1 AND t.customer_id = k.id AND t.kind = 'TRANSFER'
    JOIN transfers f ON f.tenant_id = $1 AND f.received_id = t.id WHERE x.tenant_id = $1 AND x.id = f.id""",
    f"""DELETE FROM invoice_texts x USING {each("id uuid")} k
    JOIN invoices i ON i.tenant_id = $1 AND i.customer_id = k.id WHERE x.tenant_id = $1 AND x.id = i.id""",
    # Details of a refusal say nothing about the person: they name the field and the actor.
    f"""UPDATE audit_events e SET note = NULL, details = CASE WHEN action = 'access.denied' THEN details END
    FROM {each("id uuid")} k WHERE e.tenant_id = $1 AND e.customer_id = k.id""",
    # Of a transfer to them, the decision is about the giver, and was audited at the instant of its making.
    f"""UPDATE audit_events e SET note = NULL FROM {each("id uuid")} k
    JOIN approval_requests r ON r.tenant_id = $1 AND r.operation = 'transferCredit'
        AND r.command->>'to_customer_id' = k.id::text
    WHERE e.tenant_id = $1 AND e.created_at = r.decided_at AND e.subject_id = r.id""",
    f"""UPDATE approval_requests r SET command = command - ARRAY['note', 'texts', 'invoice_texts'], decision_note = NULL
    FROM {each("id uuid")} k
    WHERE r.tenant_id = $1 AND r.customer_id = k.id
        AND num_nonnulls(command->>'note', command->>'texts', command->>'invoice_texts', decision_note) > 0""",
    f"""UPDATE approval_requests r SET command = command - ARRAY['note', 'texts'], decision_note = NULL
    FROM {each("id uuid")} k
    WHERE r.tenant_id = $1 AND r.operation = 'transferCredit' AND r.command->>'to_customer_id' = k.id::text
        AND num_nonnulls(r.command->>'note', r.command->>'texts', r.decision_note) > 0""",
    """UPDATE bulk_rows SET details = details - ARRAY['note', 'texts']
    WHERE tenant_id = $1 AND customer_id = ANY($2) AND num_nonnulls(details->>'note', details->>'texts') > 0""",
)
"""The columns that hold a person's texts. The outbox names rows by id and holds no text."""


async def _check_free(connection: TenantConnection, customer_id: UUID, external_id: str) -> None:
    """Raises Duplicate if any other record has the external id."""
    taken = await connection.raw.fetchrow(
        "SELECT merged_into_id FROM customers WHERE tenant_id = $1 AND external_id = $2 AND id <> $3",
        connection.tenant_id,
        external_id,
        customer_id,
    )
    if taken is not None:
        own = taken["merged_into_id"] == customer_id
        raise Duplicate(_OWN if own else _TAKEN, field=("externalId",))
