"""Make credit notes of invoices and orders, preview them, and void them (domain: credits on invoices)."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from models.commands import Actor, CreateCreditNote, LimitVerdict, Outcome, Preview
from models.errors import LedgerError, NotFound
from models.ledger import Ledger
from models.lookups import each
from models.operations.account_lookups import accounts_of_invoices
from models.operations.effects import Effects, effects
from models.operations.previewing import previewed
from models.operations.replays import replay_of_request, replay_of_transaction
from models.operations.together import Together
from models.planning import credit_notes
from models.planning.allowances import allowance_of
from models.planning.needs import Needs
from models.planning.state import AccountKey, Books
from models.planning.voiding_notes import VoidCreditNote, void_needs
from models.session import TenantConnection


async def create_credit_note(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateCreditNote, idempotency_key: str
) -> Outcome:
    """Post the note, once for the key. Raises the LedgerErrors of models/planning/credit_notes.py.

    With `propose_only`, or over a limit with `request_approval`, nothing moves and the outcome names an approval
    request.
    """
    needs = await needs_of_note(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "createCreditNote", command, needs, idempotency_key)
    if isinstance(done, Outcome):
        return done
    return as_note(await replay_of_request(tenant_id, done), command)


def as_note(posted: Outcome, command: CreateCreditNote) -> Outcome:
    """The outcome of a note that was made before, from that of its transaction."""
    if posted.transaction_id is None:
        return posted
    return replace(posted, credit_note_id=posted.transaction_id, invoice_id=command.invoice_id)


async def needs_of_note(tenant_id: UUID, command: CreateCreditNote) -> Needs:
    """Raises NotFound for an invoice that is not there."""
    return credit_notes.needs(command, await _account(tenant_id, command.invoice_id))


async def preview_credit_note(ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateCreditNote) -> Preview:
    """Preview the note as if made now, refusals included. Writes nothing, locks nothing. Raises NotFound for an invoice
    that is not there."""
    key = await _account(tenant_id, command.invoice_id)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        allowance = allowance_of(books, actor, *key)
        try:
            _, _, amount_minor, _ = credit_notes.what_to_note(books, command)
        except LedgerError:
            amount_minor = 0
        allowed = allowance.refusal(amount_minor) is None
        remaining = allowance.verdict(amount_minor).remaining
        return LimitVerdict(allowed, not allowed or command.propose_only, remaining)

    return await previewed(ledger, tenant_id, actor, command, key, credit_notes.needs(command, key), verdict)


async def void_credit_note(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidCreditNote, idempotency_key: str
) -> Outcome:
    """Post the voiding, once for the key. Raises the LedgerErrors of models/planning/voiding_notes.py."""
    invoice_id, needs = await _to_void(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "voidCreditNote", command, needs, idempotency_key)
    if isinstance(done, Outcome):
        return done
    posted = await replay_of_transaction(tenant_id, done)
    return replace(posted, credit_note_id=command.credit_note_id, invoice_id=invoice_id)


async def preview_void_note(ledger: Ledger, tenant_id: UUID, actor: Actor, command: VoidCreditNote) -> Effects:
    """Preview the voiding as if posted now. Raises NotFound."""
    _, needs = await _to_void(tenant_id, command)
    return await effects(ledger, tenant_id, actor, command, needs)


async def _to_void(tenant_id: UUID, command: VoidCreditNote) -> tuple[UUID, Needs]:
    """The note's invoice, and the needs."""
    found = await _NOTES.ask(tenant_id, command.credit_note_id)
    if command.credit_note_id not in found:
        raise NotFound("There is no such credit note.", field=("creditNoteId",))
    invoice_id, account = found[command.credit_note_id]
    return invoice_id, void_needs(command, invoice_id, account)


async def _account(tenant_id: UUID, invoice_id: UUID) -> AccountKey:
    found = await accounts_of_invoices(tenant_id, (invoice_id,))
    if invoice_id not in found:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    return found[invoice_id]


async def _notes(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, tuple[UUID, AccountKey]]:
    """Each note's invoice, and the account that it gives back to, which only a merge changes."""
    rows = await connection.raw.fetch(
        f"""SELECT n.id, n.invoice_id, coalesce(p.merged_into_id, p.id) AS customer_id, i.currency
        FROM {each("id uuid")} k JOIN credit_notes n ON n.tenant_id = $1 AND n.id = k.id
        JOIN invoices i ON i.tenant_id = $1 AND i.id = n.invoice_id
        JOIN customers p ON p.tenant_id = $1 AND p.id = i.customer_id""",
        connection.tenant_id,
        ids,
    )
    return {row["id"]: (row["invoice_id"], (row["customer_id"], row["currency"])) for row in rows}


_NOTES: Final = Together(_notes)
