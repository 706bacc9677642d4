"""Add or edit a customer. Moves no value; found again by the tenant's own id for them."""

from typing import Final
from uuid import UUID

from models.commands import Actor, UpsertCustomer
from models.errors import Invalid
from models.ledger import Ledger
from models.session import tenant_transaction
from models.views import CustomerView

MAX_TEXT_CHARACTERS: Final = 255
MAX_EMAIL_CHARACTERS: Final = 320


async def upsert_customer(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpsertCustomer
) -> tuple[CustomerView, bool]:
    """The customer as they are now, and whether they are new. Sent twice, it changes nothing more. Raises Invalid."""
    check_texts(command.external_id, command.name, command.email)
    now = ledger.clock()
    async with tenant_transaction(tenant_id) as connection:
        row = await connection.raw.fetchrow(
            """INSERT INTO customers AS c (tenant_id, id, external_id, name, email, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)
            ON CONFLICT (tenant_id, external_id) DO UPDATE SET name = $4, email = $5, updated_at = $6
            RETURNING c.id, c.external_id, c.name, c.email, c.created_at, c.membership_started_at,
                c.membership_cancelled_at, (xmax = 0) AS created""",
            tenant_id, ledger.source.new_id(), command.external_id, command.name, command.email, now,
        )  # fmt: skip
    return CustomerView(*tuple(row)[:7]), row["created"]


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
