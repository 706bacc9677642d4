"""Add or remove value on one account (sources 000, 001, 003)."""

from uuid import UUID

from models import planning
from models.commands import Actor, AdjustCredit, CreditEffect, LimitVerdict, Outcome, Preview
from models.errors import CurrencyNotAllowed, LedgerError, LimitExceeded
from models.ledger import Ledger
from models.loading.accounts import load_facts, read_accounts, read_customers
from models.loading.counters import counters_needed, read_counters
from models.loading.credits import load_credits
from models.money import POINTS, nonzero_minor
from models.operations.replays import replay_of_request
from models.planning import limits
from models.planning.adjust import needs
from models.planning.allowances import allowance_of
from models.planning.persons import followed
from models.planning.state import AccountState, Books, CustomerState, PostingContext
from models.session import TenantConnection, tenant_transaction
from turns.slices import in_slices


async def adjust_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: AdjustCredit, idempotency_key: str
) -> Outcome:
    """Post the adjustment, once for the key. Raises the LedgerErrors of models/planning/adjust.py.

    With `propose_only`, or over a limit with `request_approval`, nothing moves and the outcome names an approval
    request.
    """
    amount_minor = nonzero_minor(command.amount, command.asset)
    done = await ledger.submit(tenant_id, actor, "adjustCredit", command, needs(command, amount_minor), idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_request(tenant_id, done)


async def preview_adjustment(ledger: Ledger, tenant_id: UUID, actor: Actor, command: AdjustCredit) -> Preview:
    """Preview the adjustment as if posted now, refusals included. Writes nothing, locks nothing."""
    try:
        amount_minor = nonzero_minor(command.amount, command.asset)
    except LedgerError as error:
        return _nothing(command, None, error)
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
        customers = await read_customers(connection, {command.customer_id})
        merged = {c.id: c.merged_into_id for c in customers.values() if c.merged_into_id is not None}
        if merged:
            command = followed(command, merged)
            customers = await read_customers(connection, {command.customer_id})
        books, existing = await _unlocked_books(ledger, connection, actor, command, amount_minor, customers)
    account = books.accounts.get((command.customer_id, command.asset))
    verdict = _verdict(books, actor, command, amount_minor)
    try:
        await in_slices(planning.plan(books, PostingContext(actor, None, ledger.source.new_id()), command))
    except LedgerError as error:
        return _nothing(command, account if existing else None, error, verdict=verdict, books=books)
    planned = books.accounts[command.customer_id, command.asset]
    new = {credit.id for credit in books.writes.credits}
    touched = [(entry, books.credits_by_id[entry.credit_id]) for entry in books.writes.entries if entry.credit_id]
    effects = tuple(
        CreditEffect(
            credit_id=None if credit.id in new else credit.id,
            amount_minor=entry.amount_minor,
            remaining_after_minor=credit.remaining_minor,
            expires_at=credit.expires_at,
        )
        for entry, credit in touched
    )
    return Preview(
        asset=command.asset,
        account_id=planned.id if existing else None,
        available_after_minor=planned.available_minor,
        lifetime_after_minor=planned.lifetime_minor,
        tier_after=_tier(books, planned),
        credits=effects,
        limit=verdict,
    )


async def _unlocked_books(
    ledger: Ledger,
    connection: TenantConnection,
    actor: Actor,
    command: AdjustCredit,
    amount_minor: int,
    customers: dict[UUID, CustomerState],
) -> tuple[Books, bool]:
    """The books for one adjustment, unlocked, in one snapshot; and whether the account exists.

    Nothing is locked. A missing account exists in memory only, to add to.
    """
    now = ledger.clock()
    key = (command.customer_id, command.asset)
    wanted = needs(command, amount_minor)
    accounts = await read_accounts(connection, {key})
    existing = bool(accounts)
    version, _ = await load_facts(connection, accounts, now)
    if not existing and wanted.opens_accounts:
        accounts[key] = AccountState(ledger.source.new_id(), *key, 0, 0, 0, None, None)
    books = Books(
        config=await ledger.configurations.at_version(connection, version),
        now=now,
        source=ledger.source,
        customers=customers,
        accounts=accounts,
        accounts_by_id={a.id: a for a in accounts.values()},
    )
    counters = counters_needed(books.config, now, [(actor, limited) for limited in wanted.limited])
    books.counters = await read_counters(connection, counters)
    await load_credits(connection, books, [wanted])
    return books, existing


def _verdict(books: Books, actor: Actor, command: AdjustCredit, amount_minor: int) -> LimitVerdict:
    """The limits' verdict, regardless of other errors in the adjustment. Removals have no limit."""
    if amount_minor < 0 or limits.rule_for(books.config, actor, command.asset) is None:
        return LimitVerdict(allowed=True, approval_required=command.propose_only, remaining=())
    allowance = allowance_of(books, actor, command.customer_id, command.asset)
    allowed = allowance.refusal(amount_minor) is None
    remaining = allowance.verdict(amount_minor).remaining
    return LimitVerdict(allowed, not allowed or command.propose_only, remaining)


def _nothing(
    command: AdjustCredit,
    account: AccountState | None,
    error: LedgerError,
    *,
    verdict: LimitVerdict | None = None,
    books: Books | None = None,
) -> Preview:
    """The preview of a refusal: nothing changes."""
    refused_by_limit = isinstance(error, LimitExceeded | CurrencyNotAllowed)
    return Preview(
        asset=command.asset,
        account_id=account.id if account else None,
        available_after_minor=account.available_minor if account else 0,
        lifetime_after_minor=account.lifetime_minor if account else 0,
        tier_after=_tier(books, account) if account and books else None,
        credits=(),
        limit=verdict or LimitVerdict(allowed=not refused_by_limit, approval_required=refused_by_limit, remaining=()),
        errors=(error,),
    )


def _tier(books: Books, account: AccountState) -> str | None:
    return books.config.tier_name(account.lifetime_minor) if account.asset == POINTS else None
