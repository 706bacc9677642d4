"""Add or edit a customer, identified by the tenant's own id for them. Moves no value."""

from collections.abc import Set as AbstractSet
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.commands import Actor
from models.customers import READ, SAID, TEXTS, CustomerView, UpsertCustomer, checked
from models.errors import Busy, Invalid
from models.ledger import Ledger
from models.loading.people import locked_person, take_external_id
from models.operations.auditing import doer_of, record_event
from models.patience import patiently
from models.session import TenantConnection, tenant_transaction

_COLUMNS: Final = ", ".join(READ)
_ADD: Final = f"""INSERT INTO customers (tenant_id, id, created_at, updated_at, external_id_since, {", ".join(SAID)})
    VALUES ($1, $2, $3, $3, $3, {", ".join(f"${place}" for place, _ in enumerate(SAID, start=4))})
    ON CONFLICT (tenant_id, external_id) DO NOTHING RETURNING {_COLUMNS}"""
_EDITED: Final = tuple(name for name in SAID if name != "external_id")
_EDIT: Final = f"""UPDATE customers SET updated_at = $3,
        {", ".join(f"{name} = ${place}" for place, name in enumerate(_EDITED, start=4))}
    WHERE tenant_id = $1 AND id = $2 RETURNING {_COLUMNS}"""


@patiently
async def upsert_customer(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpsertCustomer, *, kept: AbstractSet[str] = TEXTS
) -> tuple[CustomerView, bool]:
    """Create or edit the customer; return the result, and whether they are new. A repetition changes nothing. kept: the
    columns that an edit leaves as they are. Raises Invalid, Busy.

    For the external id of a merged record it returns the survivor, and edits nothing: the other system's texts belong
    to a record that no longer exists. The audit names the columns that changed and not their contents
    (models/operations/people.py).
    """
    said = checked(command)
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        created = await _add(connection, ledger, said)
        if created is not None:
            await record_event(connection, ledger, doer, "customer.created", created.id, customer_id=created.id)
            return created, True
        customer, changed = await _edit(connection, ledger, said, kept)
        if changed:
            await record_event(
                connection,
                ledger,
                doer,
                "customer.updated",
                customer.id,
                customer_id=customer.id,
                details={"changed": changed},
            )
    return customer, False


async def _add(connection: TenantConnection, ledger: Ledger, said: dict[str, Any]) -> CustomerView | None:
    """Insert the new customer; None if this external id exists."""
    now = await ledger.stamp(connection)
    try:
        row = await connection.raw.fetchrow(
            _ADD, connection.tenant_id, ledger.source.new_id(), now, *(said[name] for name in SAID)
        )
    except asyncpg.CheckViolationError as refused:
        raise unknown_form(refused) from None
    if row is None:
        return None
    await take_external_id(connection, row["id"], row["external_id"], now)
    return CustomerView.of(row)


async def _edit(
    connection: TenantConnection, ledger: Ledger, said: dict[str, Any], kept: AbstractSet[str]
) -> tuple[CustomerView, list[str]]:
    """Edit the customer; return the result, and the names of the changed columns."""
    named = await connection.raw.fetchval(
        "SELECT id FROM customers WHERE tenant_id = $1 AND external_id = $2", connection.tenant_id, said["external_id"]
    )
    if named is None:  # it existed a statement ago, and customers are never deleted: it was renamed
        raise Busy
    old = await locked_person(connection, named, _COLUMNS.removeprefix("id, "))
    if old["id"] == named and old["external_id"] != said["external_id"]:  # it was renamed, or erased, during the wait
        raise Busy
    if old["erased_at"] is not None:
        raise Invalid("The customer was erased.", field=("externalId",))
    if old["id"] != named:
        return CustomerView.of(old), []
    said |= {name: old[name] for name in kept}
    changed = [name for name in _EDITED if old[name] != said[name]]
    if not changed:
        return CustomerView.of(old), []
    row = await connection.raw.fetchrow(
        _EDIT, connection.tenant_id, named, await ledger.stamp(connection), *(said[name] for name in _EDITED)
    )
    return CustomerView.of(row), changed


def unknown_form(refused: asyncpg.CheckViolationError) -> Invalid:
    """The error for an external id that a database with a newer Unicode does not see as normalised. Raises any other
    error."""
    if not (refused.constraint_name or "").startswith("customers_external_id_form"):  # a node adds its shard's number
        raise refused
    return Invalid(
        "The external id has characters that the database does not know yet. Leave them out.", field=("externalId",)
    )
