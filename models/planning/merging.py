"""Two records of one person become one: what is left moves, and the history stays where it was written. Pure."""

from uuid import UUID

from models.commands import MergeCustomers, Outcome
from models.errors import Busy, Invalid, NotFound, OpenInvoices
from models.planning import credits
from models.planning.auditing import audit
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.state import AccountState, Books, CreditState, Origin, TransactionDraft


def needs(command: MergeCustomers, assets: tuple[str, ...], credit_ids: tuple[UUID, ...]) -> Needs:
    """Both customers' accounts in these assets, all of which the first has, and what is left on it.

    Found by an unlocked read; the plan sees under the locks whether that is still all.
    """
    both = (command.from_id, command.into_id)
    return Needs(
        customers=both,
        accounts=tuple((customer, asset) for customer in both for asset in assets),
        opens_accounts=True,
        credits=credit_ids,
        owing=(command.from_id,),
    )


def plan(books: Books, origin: Origin, command: MergeCustomers) -> Outcome:
    """Plan the move. Raises NotFound, Invalid, OpenInvoices; Busy where more came in since it was looked."""
    _check(books, command)
    sources = [account for (customer, _), account in sorted(books.accounts.items()) if customer == command.from_id]
    lots = {account.id: _lots(books, account) for account in sources}
    for account in sources:
        if sum(lot.remaining_minor for lot in lots[account.id]) != account.balance_minor:
            raise Busy
        credits.check_room(books.accounts[command.into_id, account.asset], _most(account))
    # Must succeed from here on.
    moving = [account for account in sources if account.balance_minor or account.lifetime_minor]
    if moving:
        taken = credits.begin(books, "MERGE", command.from_id, origin, note=command.note)
        given_origin = Origin(origin.actor, origin.key, books.source.new_id())
        given = credits.begin(books, "MERGE", command.into_id, given_origin, note=command.note)
        for account in moving:
            _move(books, taken, given, account, lots[account.id], books.accounts[command.into_id, account.asset])
    books.change(books.customers[command.from_id], merged_into_id=command.into_id)
    books.writes.merged_customers.append((command.from_id, command.into_id))
    audit(books, origin, "customer.merged", command.into_id, command.from_id)
    books.writes.events.append(("customer.merged", command.from_id))
    return Outcome()


def _check(books: Books, command: MergeCustomers) -> None:
    source, target = books.customers.get(command.from_id), books.customers.get(command.into_id)
    if source is None:
        raise NotFound("There is no such customer.", field=("fromId",))
    if target is None:
        raise NotFound("There is no such customer.", field=("intoId",))
    if source is target:
        raise Invalid("A customer cannot be merged into themselves.", field=("intoId",))
    if source.erased or source.merged_into_id not in (None, target.id):
        raise Invalid("The customer was erased, or merged into another.", field=("fromId",))
    if target.closed:
        raise Invalid("The customer was merged or erased.", field=("intoId",))
    if source.id in books.owing:
        raise OpenInvoices
    check_note(command.note)


def _most(account: AccountState) -> int:
    return max(account.balance_minor, account.lifetime_minor)


def _lots(books: Books, account: AccountState) -> list[CreditState]:
    found = (c for c in books.credits_by_id.values() if c.account_id == account.id and c.remaining_minor)
    return sorted(found, key=credits.burn_key)


def _move(
    books: Books, taken: TransactionDraft, given: TransactionDraft, account: AccountState, lots: list[CreditState],
    target: AccountState,
) -> None:  # fmt: skip
    """Every lot as it is, started or not, expired and unswept ones too; then the lifetime total."""
    before, target_before = account.lifetime_minor, target.lifetime_minor
    for lot in lots:
        amount_minor = lot.remaining_minor
        credits.move(books, taken, account, lot, -amount_minor, "MERGED")
        if lot.expires_at is not None and lot.expires_at <= books.now:
            # As if written off here: a balance in the past looks for what had expired among what was (models/reads).
            credits.amend(books, lot, swept_at=books.now)
        credits.open_credit(
            books, given, target, amount_minor, "MERGED", effective_on=lot.effective_on, starts_at=lot.starts_at,
            expires_at=lot.expires_at, service_ids=lot.service_ids, auto_apply=lot.auto_apply, lifetime_minor=0,
        )  # fmt: skip
    if before:
        credits.move_lifetime(books, taken, account, -before)
        credits.move_lifetime(books, given, target, before)
    credits.follow_tier(books, taken, account, before)
    credits.follow_tier(books, given, target, target_before)
