"""Add or edit a customer. Moves no value; found again by the tenant's own id for them."""

from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from models.commands import Actor, UpsertCustomer
from models.errors import Busy, Invalid
from models.ledger import Ledger
from models.loading.people import locked_person, take_external_id
from models.names import checked_if_given
from models.operations.auditing import doer_of, record_event
from models.patience import patiently
from models.session import TenantConnection, tenant_transaction
from models.views import CustomerView

MAX_TEXT_CHARACTERS: Final = 255
MAX_EMAIL_CHARACTERS: Final = 320
_COLUMNS: Final = "id, external_id, name, email, created_at, membership_started_at, membership_cancelled_at"
_LOCKED: Final = _COLUMNS.removeprefix("id, ")


class Texts(NamedTuple):
    """What a customer is called, as it is kept. None: not said."""

    external_id: str | None
    name: str | None
    email: str | None


@patiently
async def upsert_customer(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpsertCustomer
) -> tuple[CustomerView, bool]:
    """The customer as they are now, and whether they are new. Sent twice, it changes nothing more. Raises Invalid, Busy.

    By the external id of a record that was merged it answers the record that this person is now, and edits nothing: what
    the other system says belongs to a record that is no more. The audit names the columns that changed and not what they
    said (models/operations/people.py).
    """
    said = checked_texts(command.external_id, command.name, command.email)
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        created = await _add(connection, ledger, said)
        if created is not None:
            await record_event(connection, ledger, doer, "customer.created", created.id, customer_id=created.id)
            return created, True
        customer, changed = await _edit(connection, ledger, said)
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


async def _add(connection: TenantConnection, ledger: Ledger, said: Texts) -> CustomerView | None:
    """The new customer; None where there is one of this external id."""
    now = await ledger.stamp(connection)
    try:
        row = await connection.raw.fetchrow(
            f"""INSERT INTO customers (tenant_id, id, external_id, name, email, created_at, updated_at,
                external_id_since)
            VALUES ($1, $2, $3, $4, $5, $6, $6, $6) ON CONFLICT (tenant_id, external_id) DO NOTHING
            RETURNING {_COLUMNS}""",
            connection.tenant_id,
            ledger.source.new_id(),
            *said,
            now,
        )
    except asyncpg.CheckViolationError as refused:
        raise unknown_form(refused) from None
    if row is None:
        return None
    await take_external_id(connection, row["id"], row["external_id"], now)
    return CustomerView(*row)


async def _edit(connection: TenantConnection, ledger: Ledger, said: Texts) -> tuple[CustomerView, list[str]]:
    """The customer as they are now, and the names of the columns that this has changed."""
    named = await connection.raw.fetchval(
        "SELECT id FROM customers WHERE tenant_id = $1 AND external_id = $2", connection.tenant_id, said.external_id
    )
    if named is None:  # it was there a statement ago, and nobody deletes customers: they can be renamed
        raise Busy
    old = await locked_person(connection, named, _LOCKED)
    if old["id"] != named:
        return _view(old), []
    if old["external_id"] != said.external_id:
        raise Busy
    changed = [name for name in ("name", "email") if old[name] != getattr(said, name)]
    if not changed:
        return _view(old), []
    row = await connection.raw.fetchrow(
        f"""UPDATE customers SET name = $3, email = $4, updated_at = $5
        WHERE tenant_id = $1 AND id = $2 RETURNING {_COLUMNS}""",
        connection.tenant_id,
        named,
        said.name,
        said.email,
        await ledger.stamp(connection),
    )
    return _view(row), changed


def _view(row: Any) -> CustomerView:
    return CustomerView(*(row[name] for name in _COLUMNS.split(", ")))


def checked_texts(external_id: str | None, name: str | None, email: str | None) -> Texts:
    """The texts as they are kept. Raises Invalid for what no customer can be called; None is not looked at."""
    cleaned = Texts(
        checked_if_given(external_id, MAX_TEXT_CHARACTERS, "externalId"),
        checked_if_given(name, MAX_TEXT_CHARACTERS, "name"),
        email,
    )
    if email is not None:
        if not email.strip() or len(email) > MAX_EMAIL_CHARACTERS:
            raise Invalid(f"Between 1 and {MAX_EMAIL_CHARACTERS} characters are needed.", field=("email",))
        if "@" not in email:
            raise Invalid("That is not an email address.", field=("email",))
    return cleaned


def unknown_form(refused: asyncpg.CheckViolationError) -> Invalid:
    """The refusal of an external id whose form the database, of a newer Unicode, sees otherwise. Raises what it is else."""
    if refused.constraint_name != "customers_external_id_form":
        raise refused
    return Invalid("It has characters that are too new for an external id.", field=("externalId",))
