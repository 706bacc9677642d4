"""Capture what is held, as a spend or as the payment of an invoice (domain: spending and holding)."""

from dataclasses import replace
from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.account_lookups import accounts_of_holds
from models.operations.previewing import previewed
from models.operations.replays import found_transaction
from models.planning.capturing import CaptureHold, capture_needs
from models.planning.state import AccountKey, Books
from models.session import tenant_transaction


async def invoice_to_pay(tenant_id: UUID, command: CaptureHold) -> UUID | None:
    """The invoice that the capture would pay; None for a spend. Raises NotFound for a hold that is not there."""
    found = await accounts_of_holds(tenant_id, (command.hold_id,))
    if command.hold_id not in found:
        raise NotFound("There is no such hold.", field=("holdId",))
    return command.invoice_id or found[command.hold_id][1]


async def capture_hold(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CaptureHold, idempotency_key: str
) -> Outcome:
    """Post the capture, once for the key. Raises the LedgerErrors of models/planning/capturing.py."""
    found = await accounts_of_holds(tenant_id, (command.hold_id,))
    if command.hold_id not in found:
        raise NotFound("There is no such hold.", field=("holdId",))
    account, invoice_id = found[command.hold_id]
    needs = capture_needs(command, account, command.invoice_id or invoice_id)
    done = await ledger.submit(tenant_id, actor, "captureHold", command, needs, idempotency_key)
    return done if isinstance(done, Outcome) else await _replay(tenant_id, command, done)


async def preview_capture(ledger: Ledger, tenant_id: UUID, actor: Actor, command: CaptureHold) -> Preview:
    """Preview the capture as if posted now, refusals included. Writes nothing, locks nothing. Raises NotFound for a hold
    that is not there, or is another client's."""
    found = await accounts_of_holds(tenant_id, (command.hold_id,))
    if command.hold_id not in found:
        raise NotFound("There is no such hold.", field=("holdId",))
    key, invoice_id = found[command.hold_id]
    needs = capture_needs(command, key, command.invoice_id or invoice_id)
    preview = await previewed(ledger, tenant_id, actor, command, key, needs, _no_limit)
    for error in preview.errors:
        if isinstance(error, NotFound) and error.field == ("holdId",):  # not even its asset is told
            raise error
    return preview


def _no_limit(_books: Books, _key: AccountKey) -> LimitVerdict:
    """Limits have counted it when it was held."""
    return LimitVerdict(allowed=True, approval_required=False, remaining=())


async def _replay(tenant_id: UUID, command: CaptureHold, result_id: UUID) -> Outcome:
    """The outcome by its id: of a spend its transaction's, of a payment the payment's."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        payment = await connection.raw.fetchrow(
            "SELECT invoice_id, transaction_id FROM payments WHERE tenant_id = $1 AND id = $2", tenant_id, result_id
        )
    found = await found_transaction(tenant_id, result_id if payment is None else payment["transaction_id"])
    outcome = replace(found or Outcome(replayed=True), credit_id=None, hold_id=command.hold_id)
    if payment is None:
        return outcome
    return replace(outcome, payment_id=result_id, invoice_id=payment["invoice_id"])
