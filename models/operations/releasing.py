"""Release assignments and set them against other invoices; void invoices and credits; change credits (source 002)."""

from dataclasses import replace
from uuid import UUID

from models.commands import Actor, Outcome
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.account_lookups import (
    accounts_of_assignments,
    accounts_of_credits,
    accounts_of_invoices,
    credit_as_it_is_now,
)
from models.operations.effects import Effects, effects
from models.operations.replays import replay_of_transaction
from models.planning import releasing
from models.planning.needs import Needs
from models.planning.releasing import ReassignCredit, ReleaseAssignments, UpdateCredit, VoidCredit, VoidInvoice
from models.planning.state import AccountKey


async def release_assignments(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReleaseAssignments, idempotency_key: str
) -> Outcome:
    """Post the releases, all or nothing, once for the key. Raises the LedgerErrors of models/planning/releasing.py."""
    needs = await _release_needs(tenant_id, command)
    return await _post(ledger, tenant_id, actor, "releaseAssignments", command, needs, idempotency_key)


async def reassign_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReassignCredit, idempotency_key: str
) -> Outcome:
    """Post a release and new assignments of its credit as one, once for the key."""
    needs = await _reassign_needs(tenant_id, command)
    return await _post(ledger, tenant_id, actor, "reassignCredit", command, needs, idempotency_key)


async def void_invoice(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidInvoice, idempotency_key: str
) -> Outcome:
    """Post the voiding and the releases that follow, once for the key."""
    needs = await _void_invoice_needs(tenant_id, command)
    done = await _post(ledger, tenant_id, actor, "voidInvoice", command, needs, idempotency_key)
    return replace(done, invoice_id=command.invoice_id)


async def void_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidCredit, idempotency_key: str
) -> Outcome:
    """Post the reversal of the credit's remainder, once for the key."""
    needs = await _void_credit_needs(tenant_id, command)
    return await _post(ledger, tenant_id, actor, "voidCredit", command, needs, idempotency_key)


async def update_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateCredit, idempotency_key: str
) -> Outcome:
    """Post the change, once for the key."""
    needs = await _update_credit_needs(tenant_id, command)
    done = await _post(ledger, tenant_id, actor, "updateCredit", command, needs, idempotency_key)
    # A replay finds no entry that names the credit.
    return replace(done, credit_id=done.credit_id or await credit_as_it_is_now(tenant_id, command.credit_id))


async def preview_release(ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReleaseAssignments) -> Effects:
    """Preview the releases as if posted now."""
    return await effects(ledger, tenant_id, actor, command, await _release_needs(tenant_id, command))


async def preview_reassignment(ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReassignCredit) -> Effects:
    """Preview the release and the new assignments as if posted now. Raises NotFound."""
    return await effects(ledger, tenant_id, actor, command, await _reassign_needs(tenant_id, command))


async def preview_void_invoice(ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidInvoice) -> Effects:
    """Preview the voiding as if posted now. Raises NotFound."""
    return await effects(ledger, tenant_id, actor, command, await _void_invoice_needs(tenant_id, command))


async def preview_void_credit(ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidCredit) -> Effects:
    """Preview the reversal as if posted now. Raises NotFound."""
    return await effects(ledger, tenant_id, actor, command, await _void_credit_needs(tenant_id, command))


async def preview_update_credit(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateCredit) -> Effects:
    """Preview the change as if posted now. Raises NotFound."""
    return await effects(ledger, tenant_id, actor, command, await _update_credit_needs(tenant_id, command))


async def _release_needs(tenant_id: UUID, command: ReleaseAssignments) -> Needs:
    accounts = await accounts_of_assignments(tenant_id, command.assignment_ids)
    return releasing.release_needs(command, tuple(set(accounts.values())))


async def _reassign_needs(tenant_id: UUID, command: ReassignCredit) -> Needs:
    accounts = await accounts_of_assignments(tenant_id, (command.assignment_id,))
    if command.assignment_id not in accounts:
        raise NotFound("There is no such assignment.", field=("assignmentId",))
    return releasing.reassign_needs(command, accounts[command.assignment_id])


async def _void_invoice_needs(tenant_id: UUID, command: VoidInvoice) -> Needs:
    accounts = await accounts_of_invoices(tenant_id, (command.invoice_id,))
    if command.invoice_id not in accounts:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    return releasing.void_invoice_needs(command, accounts[command.invoice_id])


async def _void_credit_needs(tenant_id: UUID, command: VoidCredit) -> Needs:
    return releasing.void_credit_needs(command, await _account_of_credit(tenant_id, command.credit_id))


async def _update_credit_needs(tenant_id: UUID, command: UpdateCredit) -> Needs:
    return releasing.update_credit_needs(command, await _account_of_credit(tenant_id, command.credit_id))


async def _account_of_credit(tenant_id: UUID, credit_id: UUID) -> AccountKey:
    accounts = await accounts_of_credits(tenant_id, (credit_id,))
    if credit_id not in accounts:
        raise NotFound("There is no such credit.", field=("creditId",))
    return accounts[credit_id]


async def _post(
    ledger: Ledger, tenant_id: UUID, actor: Actor, operation: str, command: "_Command", needs: Needs, key: str
) -> Outcome:
    done = await ledger.submit(tenant_id, actor, operation, command, needs, key)
    return done if isinstance(done, Outcome) else await replay_of_transaction(tenant_id, done)


_Command = ReassignCredit | ReleaseAssignments | UpdateCredit | VoidCredit | VoidInvoice
