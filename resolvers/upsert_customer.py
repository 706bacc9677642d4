"""upsertCustomer: add or edit a customer."""

from models.errors import LedgerError
from models.operations.upsert_customer import upsert_customer
from schema.context import Info
from schema.mutations.upsert_customer import UpsertCustomerPayload
from schema.types.customer import UpsertCustomerInput
from schema.types.errors import user_errors


async def resolve(info: Info, input: UpsertCustomerInput) -> UpsertCustomerPayload:  # noqa: A002 - the argument's name in the API
    """Add a customer, or edit the one with this external id."""
    context = info.context
    try:
        command = input.command()
        await context.reads.release()
        customer, created = await upsert_customer(
            context.ledger, context.tenant.id, context.actor, command, kept=input.kept
        )
    except LedgerError as error:
        return UpsertCustomerPayload(user_errors=user_errors(error))
    context.refresh((customer,))
    return UpsertCustomerPayload(customer_id=customer.id, created=created)
