"""One person, several records: commands and needs that name a merged record, translated to the survivor. Pure.

A merged record stays, and each of its ids names the person (domain: merging). `persons` maps such records to the
survivor, which is none of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any, TypeVar
from uuid import UUID

from models.commands import BulkCredit, MergeCustomers, PostRows, ReverseRows, TransferCredit
from models.planning.needs import Needs
from models.planning.state import AccountKey

Persons = Mapping[UUID, UUID]
C = TypeVar("C")


def followed(command: C, persons: Persons) -> C:
    """The command, with each merged customer that it names replaced by the survivor."""
    if not persons:
        return command
    done: C = _followed(command, persons)
    return done


@singledispatch
def _followed(command: Any, persons: Persons) -> Any:
    """Translate a command that names one customer, or none, as most do."""
    person = persons.get(getattr(command, "customer_id", command))
    return command if person is None else replace(command, customer_id=person)


@_followed.register
def _(command: BulkCredit, persons: Persons) -> BulkCredit:
    return replace(command, items=tuple(_followed(item, persons) for item in command.items))


@_followed.register
def _(command: PostRows, persons: Persons) -> PostRows:
    rows = (replace(row, adjustment=_followed(row.adjustment, persons)) for row in command.rows)
    return replace(command, rows=tuple(rows))


@_followed.register
def _(command: ReverseRows, persons: Persons) -> ReverseRows:
    return replace(command, rows=tuple(_followed(row, persons) for row in command.rows))


@_followed.register
def _(command: TransferCredit, persons: Persons) -> TransferCredit:
    giver, receiver = command.customer_id, command.to_customer_id
    return replace(command, customer_id=persons.get(giver, giver), to_customer_id=persons.get(receiver, receiver))


@_followed.register
def _(command: MergeCustomers, persons: Persons) -> MergeCustomers:
    """Unchanged: the plan decides whether two records are one person already."""
    return command


def followed_needs(needs: Needs, persons: Persons) -> Needs:
    """The needs, with merged records replaced by their survivors."""
    named = (*needs.customers, *needs.merges, *(customer for customer, _ in needs.accounts))
    if needs.as_records or persons.keys().isdisjoint(named):
        return needs

    def key(account: AccountKey) -> AccountKey:
        return persons.get(account[0], account[0]), account[1]

    return replace(
        needs,
        customers=tuple(persons.get(customer, customer) for customer in needs.customers),
        accounts=tuple(key(account) for account in needs.accounts),
        spends=tuple(replace(spend, account=key(spend.account)) for spend in needs.spends),
        limited=tuple(key(account) for account in needs.limited),
        spending=tuple(key(account) for account in needs.spending),
        merges=tuple(persons.get(customer, customer) for customer in needs.merges),
    )
