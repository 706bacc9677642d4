"""Entries and transactions: who moved what, when, why and on whose approval."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.money import to_decimal
from models.reads import ledger
from models.views import ActorView, EntryView, TransactionView
from schema.context import Info
from schema.ids import global_id
from schema.types.account import Account, Credit
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.enums import Counter, Role, TransactionKind
from schema.types.pages import paged
from schema.types.refs import LedgerEntryRef, TransactionRef


@strawberry.type(description="Who did something: a token's subject, in one role, through one client.")
class Actor:
    subject: str
    name: str | None
    role: Role
    client: str | None

    @classmethod
    def of(cls, view: ActorView) -> "Actor":
        return cls(subject=view.subject, name=view.name, role=Role(view.role), client=view.client)


@strawberry.type(description="One signed movement on one account and one credit. Never changed or removed.")
class LedgerEntry(Node):
    sequence: int = strawberry.field(description="Gapless per account, from 1.")
    amount: Decimal = strawberry.field(description="Signed.")
    balance_after: Decimal = strawberry.field(
        description="The account's ledger balance: available, scheduled, and expired but not yet swept."
    )
    counter: Counter
    created_at: datetime
    view: strawberry.Private[EntryView]

    @classmethod
    def of(cls, view: EntryView, _reader: Reader) -> "LedgerEntry":
        return cls(
            id=global_id("LedgerEntry", view.id), sequence=view.sequence,
            amount=to_decimal(view.amount_minor, view.asset),
            balance_after=to_decimal(view.balance_after_minor, view.asset), counter=Counter(view.counter),
            created_at=view.created_at, view=view,
        )  # fmt: skip

    @resolved(Account)
    def account(self, info: Info) -> Pending[Any]:
        return info.context.loaders.accounts.get(self.view.account_id)

    @resolved(Credit | None, "Null where a merge moved the lifetime total alone.")
    def credit(self, info: Info) -> Pending[Any]:
        if self.view.credit_id is None:
            return None
        return info.context.loaders.credits.get(self.view.credit_id)

    @resolved(TransactionRef)
    def transaction(self, info: Info) -> Pending[Any]:
        return info.context.loaders.transactions.get(self.view.transaction_id)


@strawberry.type(description="One business event of one customer. Never changed or removed.")
class Transaction(Node):
    kind: TransactionKind
    reason: str | None
    note: str | None = strawberry.field(description="Null to customers.")
    actor: Actor | None = strawberry.field(description="Null to customers.")
    approved_by: Actor | None = strawberry.field(description="Null to customers.")
    created_at: datetime
    view: strawberry.Private[TransactionView]

    @classmethod
    def of(cls, view: TransactionView, reader: Reader) -> "Transaction":
        shown = not reader.for_customer
        return cls(
            id=global_id("Transaction", view.id), kind=TransactionKind(view.kind), reason=view.reason,
            note=view.note if shown else None, actor=Actor.of(view.actor) if shown else None,
            approved_by=Actor.of(view.approved_by) if shown and view.approved_by else None, created_at=view.created_at,
            view=view,
        )  # fmt: skip

    @resolved(Connection[LedgerEntryRef] | None)
    def entries(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        return paged(info, ledger.TRANSACTION_ENTRIES, self.view.id, (first, after, last, before))
