"""Entries and transactions: who moved what, when, why and on whose approval."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import strawberry

from auth.principal import Principal
from auth.roles import Permission
from auth.roles import Role as RoleOfToken
from gateway.reading import Pending
from models.errors import InvariantViolated
from models.kinds import Counter, Role, TransactionKind
from models.money import to_decimal
from models.reads import actors, ledger
from models.reads.refunds import RefundsView
from models.views import ActorView, EntryView, TransactionView
from schema.cells import amount, instant, member, node_id, or_null, text, whole
from schema.context import Info
from schema.ids import global_id
from schema.nodes import NodeReader, by_ids, node
from schema.scalars import AssetCode
from schema.types.account import Account, Credit
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.metadata import MetadataPair, shown_metadata
from schema.types.money import Money, by_view, money
from schema.types.pages import paged
from schema.types.refs import CreditNoteRef, HoldRef, LedgerEntryRef, TransactionRef
from schema.written import Beside, plain

HOLDING: Final = (TransactionKind.HOLD, TransactionKind.SPEND, TransactionKind.ASSIGNMENT)
REFUNDABLE: Final = (TransactionKind.SPEND, TransactionKind.USE, TransactionKind.REFUND)


async def _actors(loaders: NodeReader, ids: list[UUID]) -> dict[UUID, "Actor"]:
    return {known.id: Actor.of(known.view) for known in await actors.by_ids(loaders.reads, ids)}


@node(None, _actors, Permission.READ_LEDGER, Permission.READ_AUDIT, owner=None)
@strawberry.type
class Actor(Node):
    """The user, program or job that did something: a token's subject in one role, through one client."""

    subject: str
    """Subject (`sub`) of the token."""
    name: str | None
    """Display name from the token; null if it has none, and for customers, whose names can be erased."""
    role: Role
    """Role in which it was done."""
    client: str | None
    """Client program that the token was issued to; null if the token names none."""

    @classmethod
    def of(cls, view: ActorView) -> "Actor":
        return cls(  # type: ignore[call-arg]
            subject=view.subject, name=view.name, role=Role(view.role), client=view.client
        )

    def may_be_seen(self, principal: Principal) -> bool:
        """Customers see the names of no staff."""
        return principal.role is not RoleOfToken.CUSTOMER

    # The interface's field: looked up, since a posting answers with whom it knows, and not with their rows.
    @resolved(strawberry.ID)  # type: ignore[misc]
    async def id(self, info: Info) -> strawberry.ID:  # type: ignore[override]
        """Global id. Opaque: store it and compare it, but do not parse it."""
        found = await info.context.loaders.actor_ids.load((self.subject, self.role.value, self.client))
        if found is None:
            raise InvariantViolated(f"{self.subject} did something, and is not known")
        return global_id("Actor", found)


@node(EntryView, by_ids(ledger.entries_by_ids), Permission.READ_LEDGER, owner="account_id")
@plain(
    id=node_id("LedgerEntry"),
    sequence=whole("sequence"),
    amount=amount("amount_minor"),
    balance_after=amount("balance_after_minor"),
    counter=member(Counter, "counter"),
    created_at=instant("created_at"),
    transaction=Beside(
        {
            "id": node_id("Transaction", "transaction_id"),
            "kind": member(TransactionKind, "of_kind"),
            "reason": or_null(text, "of_reason"),
        }
    ),
)
@strawberry.type
@money(by_view, "amount", "balance_after")
class LedgerEntry(Node):
    """One signed movement on one account and one credit. Entries are never changed or removed."""

    sequence: int
    """Number of the entry on its account, from 1 without gaps."""
    amount: Decimal
    """Amount that moved: positive if added, negative if removed."""
    balance_after: Decimal
    """Ledger balance of the account after the entry: available, scheduled, and expired but not yet written off."""
    counter: Counter
    """Other side of the entry, as the trial balance groups it."""
    created_at: datetime
    """Instant at which the entry was posted."""
    view: strawberry.Private[EntryView]

    @classmethod
    def of(cls, view: EntryView, _reader: Reader) -> "LedgerEntry":
        return cls(
            id=global_id("LedgerEntry", view.id),
            sequence=view.sequence,
            amount=to_decimal(view.amount_minor, view.asset),
            balance_after=to_decimal(view.balance_after_minor, view.asset),
            counter=Counter(view.counter),
            created_at=view.created_at,
            view=view,
        )

    @resolved(Account)
    def account(self, info: Info) -> Pending[Any]:
        """Account that the entry is on."""
        return info.context.loaders.accounts.get(self.view.account_id)

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that the entry is on; null if a merge moved only the lifetime total."""
        if self.view.credit_id is None:
            return None
        return info.context.loaders.credits.get(self.view.credit_id)

    @resolved(TransactionRef)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that the entry is part of."""
        return info.context.loaders.transactions.get(self.view.transaction_id)


@node(TransactionView, by_ids(ledger.transactions_by_ids), Permission.READ_LEDGER, owner="customer_id")
@strawberry.type
class Transaction(Node):
    """One business event of one customer, such as an adjustment. Transactions are never changed or removed."""

    kind: TransactionKind
    """Kind of event."""
    reason: str | None
    """Code of the adjustment reason; null if the event needs none."""
    note: str | None
    """Free text given with it; null to customers."""
    reference: str | None
    """Reference that the tenant's own system gave it; null if it has none."""
    metadata: list[MetadataPair] | None
    """Pairs that the tenant's own system attached to it, by key; null to customers."""
    actor: Actor | None
    """User, program or job that did it; null to customers."""
    approved_by: Actor | None
    """Second person who approved it; null to customers, and if no approval was needed."""
    created_at: datetime
    """Instant at which it was posted."""
    view: strawberry.Private[TransactionView]

    @classmethod
    def of(cls, view: TransactionView, reader: Reader) -> "Transaction":
        shown = not reader.for_customer
        return cls(
            id=global_id("Transaction", view.id),
            kind=TransactionKind(view.kind),
            reason=view.reason,
            note=view.note if shown else None,
            reference=view.reference,
            metadata=shown_metadata(view.metadata, to_customer=reader.for_customer),
            actor=Actor.of(view.actor) if shown else None,
            approved_by=Actor.of(view.approved_by) if shown and view.approved_by else None,
            created_at=view.created_at,
            view=view,
        )

    @resolved(TransactionRef | None)
    async def refund_of(self, info: Info) -> Any:
        """With REFUND: transaction that is given back, or a part of it."""
        found = await self._refunds(info)
        if found is None or found.spend_id is None:
            return None
        return await info.context.loaders.transactions.load(found.spend_id)

    @resolved(Decimal | None)
    async def refunded(self, info: Info) -> Decimal | None:
        """With SPEND and USE: amount that has been given back by refundSpend."""
        found = await self._refunds(info)
        if found is None or found.refunded_minor is None or found.asset is None:
            return None
        return to_decimal(found.refunded_minor, found.asset)

    @resolved(Money | None)
    async def refunded_money(self, info: Info) -> Money | None:
        """The figure `refunded` with its unit; null where that is."""
        found = await self._refunds(info)
        if found is None or found.refunded_minor is None or found.asset is None:
            return None
        return Money(amount=to_decimal(found.refunded_minor, found.asset), asset=AssetCode(found.asset))

    @resolved(CreditNoteRef | None)
    def credit_note(self, info: Info) -> Pending[Any]:
        """With CREDIT_NOTE: credit note that it made."""
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.credit_notes.get(self.view.id) if self.kind is TransactionKind.CREDIT_NOTE else None

    @resolved(TransactionRef | None)
    async def counterpart(self, info: Info) -> Any:
        """With TRANSFER: transaction of the other customer, who gave or received; null to customers."""
        info.context.require(Permission.READ_LEDGER)
        loaders = info.context.loaders
        if self.kind is not TransactionKind.TRANSFER or loaders.for_customer:
            return None
        other = await loaders.counterparts.load(self.view.id)
        return None if other is None else await loaders.transactions.load(other)

    async def _refunds(self, info: Info) -> RefundsView | None:
        """None for kinds that neither give back nor are given back, which need not be read."""
        info.context.require(Permission.READ_LEDGER)
        if self.kind not in REFUNDABLE:
            return None
        found: RefundsView | None = await info.context.loaders.refunds.load(self.view.id)
        return found

    @resolved(HoldRef | None)
    async def hold(self, info: Info) -> Any:
        """With HOLD: hold that was placed, extended or released. With SPEND and ASSIGNMENT: hold that was captured; null if
        nothing was held before."""
        info.context.require(Permission.READ_LEDGER)
        if self.kind not in HOLDING:
            return None
        found = await info.context.loaders.holds_of_transactions.load(self.view.id)
        return None if found is None else await info.context.loaders.nodes("Hold").load(found)

    @resolved(Connection[LedgerEntryRef] | None)
    def entries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Entries of the transaction, in the order in which they were posted."""
        info.context.require(Permission.READ_LEDGER)
        return paged(info, ledger.TRANSACTION_ENTRIES, self.view.id, (first, after, last, before, reverse))
