"""createInvoice: issue an invoice."""

from models.errors import LedgerError
from models.operations.create_invoice import create_invoice
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.create_invoice import CreateInvoiceInput, CreateInvoicePayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: CreateInvoiceInput) -> CreateInvoicePayload:  # noqa: A002 - the argument's name in the API
    """Issue an invoice."""
    try:
        outcome = await info.context.post(create_invoice, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return CreateInvoicePayload(user_errors=user_errors(error))
    return CreateInvoicePayload(outcome=outcome, replayed=outcome.replayed)
