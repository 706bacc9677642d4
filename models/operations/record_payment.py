"""Record and void payments of an invoice or order, in money or by account credit (sources 002, 004)."""

from typing import Final
from uuid import UUID

from models.commands import Actor, Outcome
from models.errors import LedgerError, NotFound
from models.ledger import Ledger
from models.lookups import each
from models.money import to_minor
from models.operations.together import Together
from models.planning import payments
from models.planning.columns import maker, selected
from models.planning.payments import RecordPayment, VoidPayment
from models.planning.state import AccountKey, PaymentState
from models.session import TenantConnection, tenant_transaction


async def record_payment(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: RecordPayment, idempotency_key: str
) -> Outcome:
    """Post the payment, once for the key. Raises the LedgerErrors of models/planning/payments.py."""
    account, grants = await _invoice_account(tenant_id, command.invoice_id)
    try:
        amount_minor = to_minor(command.amount, account[1])
    except LedgerError:
        amount_minor = 0  # the plan will raise the error
    needs = payments.needs(command, account, grants=grants, amount_minor=amount_minor)
    done = await ledger.submit(tenant_id, actor, "recordPayment", command, needs, idempotency_key)
    if isinstance(done, Outcome):
        return done
    return Outcome(payment_id=done, invoice_id=command.invoice_id, replayed=True)


async def void_payment(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidPayment, idempotency_key: str
) -> Outcome:
    """Post the voiding, once for the key: the invoice is open again, and an order's grants are taken back."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(
            f"SELECT {selected(PaymentState)} FROM payments WHERE tenant_id = $1 AND id = $2",
            tenant_id,
            command.payment_id,
        )
    if row is None:
        raise NotFound("There is no such payment.", field=("paymentId",))
    payment = maker(PaymentState, [row])(row)
    account, _ = await _invoice_account(tenant_id, payment.invoice_id)
    needs = payments.void_needs(command, payment, account)
    done = await ledger.submit(tenant_id, actor, "voidPayment", command, needs, idempotency_key)
    if isinstance(done, Outcome):
        return done
    transaction_id = done if payment.transaction_id else None  # the refund of account credit has the result's id
    return Outcome(payment_id=payment.id, invoice_id=payment.invoice_id, transaction_id=transaction_id, replayed=True)


async def _invoice_account(tenant_id: UUID, invoice_id: UUID) -> tuple[AccountKey, bool]:
    """The key of the customer's account in the invoice's currency, and whether the invoice sells credit."""
    found = await _ACCOUNTS.ask(tenant_id, invoice_id)
    if invoice_id not in found:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    return found[invoice_id]


async def _accounts(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, tuple[AccountKey, bool]]:
    rows = await connection.raw.fetch(
        f"""SELECT i.id, coalesce(p.merged_into_id, p.id) AS customer_id, i.currency,
            i.creditable_minor < i.total_minor AS sells_credit
        FROM {each("id uuid")} k JOIN invoices i ON i.tenant_id = $1 AND i.id = k.id
        JOIN customers p ON p.tenant_id = $1 AND p.id = i.customer_id""",
        connection.tenant_id,
        ids,
    )
    return {row["id"]: ((row["customer_id"], row["currency"]), row["sells_credit"]) for row in rows}


_ACCOUNTS: Final = Together(_accounts)
