"""voidInvoice: void an invoice and release its assignments."""

from models.errors import LedgerError
from models.operations.releasing import void_invoice
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.void_invoice import VoidInvoiceInput, VoidInvoicePayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: VoidInvoiceInput) -> VoidInvoicePayload:  # noqa: A002 - the argument's name in the API
    """Void an invoice or order, and release the credit set against it. Void its payments first."""
    try:
        outcome = await info.context.post(void_invoice, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return VoidInvoicePayload(user_errors=user_errors(error))
    return VoidInvoicePayload(outcome=outcome, replayed=outcome.replayed)
