"""Add or edit a customer. Moves no value; found again by the tenant's own id for them."""

from typing import Final
from uuid import UUID

from models.commands import Actor, UpsertCustomer
from models.errors import Busy, Invalid
from models.ledger import Ledger
from models.operations.auditing import doer_of, record_event
from models.session import TenantConnection, tenant_transaction
from models.views import CustomerView

MAX_TEXT_CHARACTERS: Final = 255
MAX_EMAIL_CHARACTERS: Final = 320
_COLUMNS: Final = "id, external_id, name, email, created_at, membership_started_at, membership_cancelled_at"


async def upsert_customer(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpsertCustomer
) -> tuple[CustomerView, bool]:
    """The customer as they are now, and whether they are new. Sent twice, it changes nothing more. Raises Invalid.

    The audit names the columns that changed and not what they said (models/operations/people.py).
    """
    check_texts(command.external_id, command.name, command.email)
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        created = await _add(connection, ledger, command)
        if created is not None:
            await record_event(connection, ledger, doer, "customer.created", created.id, customer_id=created.id)
            return created, True
        customer, changed = await _edit(connection, ledger, command)
        if changed:
            await record_event(
                connection, ledger, doer, "customer.updated", customer.id, customer_id=customer.id,
                details={"changed": changed},
            )  # fmt: skip
    return customer, False


async def _add(connection: TenantConnection, ledger: Ledger, command: UpsertCustomer) -> CustomerView | None:
    """The new customer; None where there is one of this external id."""
    row = await connection.raw.fetchrow(
        f"""INSERT INTO customers (tenant_id, id, external_id, name, email, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (tenant_id, external_id) DO NOTHING RETURNING {_COLUMNS}""",
        connection.tenant_id, ledger.source.new_id(), command.external_id, command.name, command.email,
        await ledger.stamp(connection),
    )  # fmt: skip
    return None if row is None else CustomerView(*row)


async def _edit(
    connection: TenantConnection, ledger: Ledger, command: UpsertCustomer
) -> tuple[CustomerView, list[str]]:
    """The customer as they are now, and the names of the columns that this has changed."""
    old = await connection.raw.fetchrow(
        "SELECT name, email FROM customers WHERE tenant_id = $1 AND external_id = $2 FOR NO KEY UPDATE",
        connection.tenant_id, command.external_id,
    )  # fmt: skip
    changed = [name for name in ("name", "email") if old is not None and old[name] != getattr(command, name)]
    row = await connection.raw.fetchrow(
        f"""UPDATE customers SET name = $3, email = $4, updated_at = CASE WHEN $5 THEN $6 ELSE updated_at END
        WHERE tenant_id = $1 AND external_id = $2 RETURNING {_COLUMNS}""",
        connection.tenant_id, command.external_id, command.name, command.email, bool(changed),
        await ledger.stamp(connection),
    )  # fmt: skip
    if row is None:  # it was there a statement ago, and nobody deletes customers: they can be renamed
        raise Busy
    return CustomerView(*row), changed


def check_texts(external_id: str | None, name: str | None, email: str | None) -> None:
    """Raises Invalid for what no customer can be called; None is not looked at."""
    for field, text, most in (
        ("externalId", external_id, MAX_TEXT_CHARACTERS),
        ("name", name, MAX_TEXT_CHARACTERS),
        ("email", email, MAX_EMAIL_CHARACTERS),
    ):
        if text is None:
            continue
        if not text.strip() or len(text) > most:
            raise Invalid(f"Between 1 and {most} characters are needed.", field=(field,))
    if email is not None and "@" not in email:
        raise Invalid("That is not an email address.", field=("email",))
