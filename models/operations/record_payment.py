"""Record and void payments of an invoice or order, in money or by account credit (sources 002, 004)."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview, RecordPayment
from models.errors import LedgerError, NotFound
from models.ledger import Ledger
from models.loading.billing import load_payments
from models.lookups import each
from models.money import to_minor
from models.operations.effects import Effects, effects
from models.operations.previewing import previewed
from models.operations.replays import found_request
from models.operations.together import Together
from models.planning import payments
from models.planning.allowances import Allowance, allowance_of, spending_allowance_of
from models.planning.needs import Needs
from models.planning.payments import ACCOUNT_CREDIT, VoidPayment
from models.planning.state import AccountKey, Books, PaymentState
from models.session import TenantConnection, tenant_transaction


async def record_payment(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: RecordPayment, idempotency_key: str
) -> Outcome:
    """Post the payment, once for the key. Raises the LedgerErrors of models/planning/payments.py.

    Of one that keeps what is too much, with `propose_only`, or over a limit with `request_approval`, nothing is recorded
    and the outcome names an approval request.
    """
    needs = await needs_of_payment(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "recordPayment", command, needs, idempotency_key)
    if isinstance(done, Outcome):
        return done
    return await _replay(tenant_id, command, done)


async def needs_of_payment(tenant_id: UUID, command: RecordPayment) -> Needs:
    """Raises NotFound for an invoice that is not there."""
    account, grants = await _invoice_account(tenant_id, command.invoice_id)
    return payments.needs(command, account, grants=grants, amount_minor=_amount_minor(command, account[1]))


def _amount_minor(command: RecordPayment, currency: str) -> int:
    try:
        return to_minor(command.amount, currency)
    except LedgerError:
        return 0  # the plan will raise the error


async def _replay(tenant_id: UUID, command: RecordPayment, result_id: UUID) -> Outcome:
    """The payment that was recorded, with its transaction and what was kept of it; or the request that it became."""
    recorded = Outcome(payment_id=result_id, invoice_id=command.invoice_id, replayed=True)
    if command.method != ACCOUNT_CREDIT and not command.keep_excess:
        return recorded
    if (request := await found_request(tenant_id, result_id)) is not None:
        return request
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(
            """SELECT p.transaction_id AS moved, o.transaction_id AS kept, o.credit_id FROM payments p
            LEFT JOIN overpayments o ON o.tenant_id = $1 AND o.id = p.id WHERE p.tenant_id = $1 AND p.id = $2""",
            tenant_id,
            result_id,
        )
    return recorded if row is None else replace(recorded, transaction_id=row[0] or row[1], credit_id=row[2])


async def payment_of(tenant_id: UUID, credit_id: UUID | None) -> UUID | None:
    """The payment that the credit was kept of."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        found: UUID | None = await connection.raw.fetchval(
            "SELECT id FROM overpayments WHERE tenant_id = $1 AND credit_id = $2", tenant_id, credit_id
        )
    return found


async def preview_payment(ledger: Ledger, tenant_id: UUID, actor: Actor, command: RecordPayment) -> Preview:
    """Preview the payment as if recorded now, refusals included. Writes nothing, locks nothing. Raises NotFound for an
    invoice that is not there."""
    key, grants = await _invoice_account(tenant_id, command.invoice_id)
    amount_minor = _amount_minor(command, key[1])
    needs = payments.needs(command, key, grants=grants, amount_minor=amount_minor)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        invoice = books.invoices.get(command.invoice_id)
        kept_minor = 0 if invoice is None else max(amount_minor - invoice.due_minor, 0)
        if command.method == ACCOUNT_CREDIT:
            return _verdict(spending_allowance_of(books, actor, *key), amount_minor)
        if command.keep_excess and kept_minor:
            return _verdict(allowance_of(books, actor, *key), kept_minor, propose_only=command.propose_only)
        return LimitVerdict(allowed=True, approval_required=False, remaining=())

    return await previewed(ledger, tenant_id, actor, command, key, needs, verdict)


def _verdict(allowance: Allowance, amount_minor: int, *, propose_only: bool = False) -> LimitVerdict:
    allowed = allowance.refusal(amount_minor) is None
    return LimitVerdict(allowed, not allowed or propose_only, allowance.verdict(amount_minor).remaining)


async def void_payment(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidPayment, idempotency_key: str
) -> Outcome:
    """Post the voiding, once for the key: the invoice is open again, and what an order granted or was kept of the payment
    is taken back."""
    payment, needs = await _to_void(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "voidPayment", command, needs, idempotency_key)
    if isinstance(done, Outcome):
        return done
    moved = payment.transaction_id or payment.kept_credit_id  # then the event that took it back has the result's id
    return Outcome(
        payment_id=payment.id, invoice_id=payment.invoice_id, transaction_id=done if moved else None, replayed=True
    )


async def preview_void_payment(ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidPayment) -> Effects:
    """Preview the voiding as if posted now. Raises NotFound."""
    _, needs = await _to_void(tenant_id, command)
    return await effects(ledger, tenant_id, actor, command, needs)


async def _to_void(tenant_id: UUID, command: VoidPayment) -> tuple[PaymentState, Needs]:
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        payment = (await load_payments(connection, {command.payment_id})).get(command.payment_id)
    if payment is None:
        raise NotFound("There is no such payment.", field=("paymentId",))
    account, _ = await _invoice_account(tenant_id, payment.invoice_id)
    return payment, payments.void_needs(command, payment, account)


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
