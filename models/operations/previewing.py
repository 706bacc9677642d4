"""Previews: a command planned on the books as they stand, in one snapshot. Writes nothing, locks nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from models import planning
from models.commands import Actor, Command, CreditEffect, LimitVerdict, Preview
from models.errors import CurrencyNotAllowed, LedgerError, LimitExceeded
from models.ledger import Ledger
from models.loading.accounts import load_facts, read_accounts, read_customers
from models.loading.counters import counters_needed, read_counters, selling_counters_needed, spending_counters_needed
from models.loading.named import Skipped, load_named
from models.money import POINTS
from models.named_ids import told_by_name
from models.planning.needs import Needs
from models.planning.persons import followed, followed_needs
from models.planning.state import AccountKey, AccountState, Books, CreditState, CustomerState, PostingContext
from models.session import TenantConnection, tenant_transaction
from turns.slices import in_slices
from turns.steps import Steps

Verdict = Callable[[Books, AccountKey], LimitVerdict]
"""Computes the limits' verdict, regardless of other errors; the account's customer is the surviving record."""


async def previewed(
    ledger: Ledger, tenant_id: Any, actor: Actor, command: Command, key: AccountKey, needs: Needs, verdict: Verdict
) -> Preview:
    """Preview a command on one account, by its customer and asset, as if posted now, refusals included."""
    asked, named = command, {key[0], *needs.customers, *(customer for customer, _ in needs.accounts)}
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
        customers = await read_customers(connection, named)
        merged = {c.id: c.merged_into_id for c in customers.values() if c.merged_into_id is not None}
        if merged:
            command, needs = followed(command, merged), followed_needs(needs, merged)
            key = merged.get(key[0], key[0]), key[1]
            customers = await read_customers(connection, {merged.get(customer, customer) for customer in named})
        books, existing = await unlocked_books(ledger, connection, actor, {key, *needs.accounts}, needs, customers)
    account = books.accounts.get(key)
    before = replace(account) if account is not None and key in existing else None  # a refused plan may have begun
    said = verdict(books, needs.limited[0] if needs.limited else key)
    try:
        outcome = await in_slices(planning.plan(books, PostingContext(actor, None, ledger.source.new_id()), command))
    except LedgerError as error:
        return preview_of_refusal(key[1], told_by_name(error, asked), before, verdict=said, books=books)
    found = await in_slices(effects_by_account(books))
    others = [other for other in needs.accounts if other != key]
    received = _effect(books, found, others[0], existing, said) if others else None
    preview = replace(_effect(books, found, key, existing, said), received=received, views=outcome.views)
    await in_slices(books.let_go())
    return preview


def _effect(
    books: Books,
    found: dict[UUID, tuple[CreditEffect, ...]],
    key: AccountKey,
    existing: set[AccountKey],
    verdict: LimitVerdict,
) -> Preview:
    """The effect of what was planned on one account. found: by account, what was planned for its credits."""
    planned = books.accounts.get(key)  # None if a payment in money leaves the account alone, and there is none
    return Preview(
        asset=key[1],
        account_id=planned.id if planned and key in existing else None,
        available_after_minor=planned.available_minor if planned else 0,
        lifetime_after_minor=planned.lifetime_minor if planned else 0,
        tier_after=tier_of(books, planned) if planned else None,
        credits=found.get(planned.id, ()) if planned else (),
        limit=verdict,
        due_after_minor=next((invoice.due_minor for invoice in books.writes.touched_invoices), None),
        kept_minor=sum(kept.amount_minor for kept in books.writes.overpayments),
        held_after_minor=planned.held_minor if planned else 0,
    )


def effects_by_account(books: Books) -> Steps[dict[UUID, tuple[CreditEffect, ...]]]:
    """Return what was planned for the credits of each account that anything moves or is held on, or of which a credit
    changes, in the order in which these are touched."""
    credit_of, new = yield from _written_credits(books)
    found: dict[UUID, list[CreditEffect]] = {}
    seen = set()

    def note(credit: CreditState, account_id: UUID, amount_minor: int) -> None:
        seen.add(credit.id)
        found.setdefault(account_id, []).append(_effect_on(credit, amount_minor, is_new=credit.id in new))

    for entry in books.writes.entries:
        found.setdefault(entry.account_id, [])
        if entry.credit_id is not None:
            note(credit_of(entry.credit_id), entry.account_id, entry.amount_minor)
        yield
    taken = frozenset(seen)
    for lot in books.writes.hold_lots:
        credit = credit_of(lot.credit_id)
        found.setdefault(credit.account_id, [])
        if credit.id not in taken:  # what is captured was held before, and leaves its credit once
            note(credit, credit.account_id, -lot.amount_minor)
        yield
    for change in books.writes.credit_changes:
        credit = credit_of(change.credit_id)
        if credit.id not in seen:
            note(credit, credit.account_id, 0)
        yield
    return {account_id: tuple(effects) for account_id, effects in found.items()}


def _written_credits(books: Books) -> Steps[tuple[Callable[[UUID], CreditState], set[UUID]]]:
    """Credits by their own ids; and the ids of those that would be opened."""
    own, new = {}, set()
    for credit in books.writes.moved_credits:  # where a merge has let another one take over the id
        own[credit.id] = credit
        yield
    for credit in books.writes.credits:
        new.add(credit.id)
        yield
    return lambda credit_id: own.get(credit_id) or books.credits_by_id[credit_id], new


def _effect_on(credit: CreditState, amount_minor: int, *, is_new: bool) -> CreditEffect:
    return CreditEffect(
        credit_id=None if is_new else credit.id,
        amount_minor=amount_minor,
        remaining_after_minor=credit.free_minor,
        expires_at=credit.expires_at,
        auto_apply=credit.auto_apply,
        service_ids=credit.service_ids,
    )


async def unlocked_books(
    ledger: Ledger,
    connection: TenantConnection,
    actor: Actor,
    keys: set[AccountKey],
    needs: Needs,
    customers: dict[Any, CustomerState],
) -> tuple[Books, set[AccountKey]]:
    """The books for one command, unlocked; and which of the accounts exist. Missing ones that the command would open exist
    in memory only."""
    now = ledger.clock()
    accounts = await read_accounts(connection, keys)
    existing = set(accounts)
    version, _ = await load_facts(connection, accounts, now)
    for key in keys - existing if needs.opens_accounts else ():
        accounts[key] = AccountState(ledger.source.new_id(), *key, 0, 0, 0, None, None)
    books = Books(
        config=await ledger.configurations.at_version(connection, version),
        now=now,
        source=ledger.source,
        customers=customers,
        accounts=accounts,
        accounts_by_id={a.id: a for a in accounts.values()},
    )
    counters = counters_needed(books.config, now, [(actor, limited) for limited in needs.limited])
    counters |= spending_counters_needed(books.config, now, [(actor, spent) for spent in needs.spending])
    counters |= selling_counters_needed(books.config, now, [(actor, currency) for currency in needs.sells])
    books.counters = await read_counters(connection, counters)
    await load_named(connection, books, [needs], Skipped(), wait=True, locking=False)
    return books, existing


def preview_of_refusal(
    asset: str,
    error: LedgerError,
    account: AccountState | None = None,
    *,
    verdict: LimitVerdict | None = None,
    books: Books | None = None,
) -> Preview:
    """The preview of a refusal: nothing changes."""
    refused_by_limit = isinstance(error, LimitExceeded | CurrencyNotAllowed)
    return Preview(
        asset=asset,
        account_id=account.id if account else None,
        available_after_minor=account.available_minor if account else 0,
        lifetime_after_minor=account.lifetime_minor if account else 0,
        tier_after=tier_of(books, account) if account and books else None,
        credits=(),
        limit=verdict or LimitVerdict(allowed=not refused_by_limit, approval_required=refused_by_limit, remaining=()),
        errors=(error,),
        held_after_minor=account.held_minor if account else 0,
    )


def tier_of(books: Books, account: AccountState) -> str | None:
    return books.config.tier_name(account.lifetime_minor) if account.asset == POINTS else None
