"""The books that a batch of units is planned on: locked in the fixed order, and loaded.

The order, and why it prevents deadlocks, are in models/loading/__init__.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from models.commands import PostRows, ReverseRows
from models.configuration import Configurations
from models.counting import load_counters
from models.loading.accounts import (
    accounts_locked_elsewhere,
    customers_locked_elsewhere,
    load_facts,
    lock_accounts,
    lock_to_merge,
    open_accounts,
    read_accounts,
    read_customers,
)
from models.loading.counters import lock_to_add_up
from models.loading.credits import load_all_open, load_credits
from models.loading.named import Skipped, load_named, load_requests, lock_whom_notes_are_about
from models.loading.senders import load_senders
from models.persons import Persons
from models.planning import calendar
from models.planning.needs import Needs
from models.planning.state import AccountKey, AccountState, Books, CustomerState, Source
from models.session import TenantConnection
from models.sources import LedgerClock
from models.units import Unit
from models.ways import Way, way_of


class Contended(Exception):
    """An account appeared between lookup and lock, or a customer's record was merged. The batch is retried."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """opened: the accounts opened for it. skipped: rows that others have locked."""

    books: Books
    opened: list[UUID]
    skipped: Skipped


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads books, from the database and from a process's knowledge of its tenants."""

    configurations: Configurations
    source: Source
    clock: LedgerClock
    persons: Persons

    async def load_books(self, connection: TenantConnection, units: Sequence[Unit], way: Way) -> Loaded:
        """Raises Unavailable, LockedElsewhere, Contended."""
        needs = await self._with_what_merges(connection, [unit.needs for unit in units])
        accounts, found = await self._lock(connection, needs, way)
        # Nothing is looked up for a customer that is missing or locked by others.
        wanted = {key for n in needs for key in n.accounts}
        reachable = {key for key in wanted if key[0] in found}
        opened, late = await self._open_missing(connection, needs, reachable, accounts, wait=way.wait)
        skipped = Skipped({("accounts", *key) for key in late})
        customers = {customer for n in needs for customer in n.customers}
        if missing := {*customers, *(customer for customer, _ in wanted)} - found.keys():
            held = await customers_locked_elsewhere(connection, missing)
            skipped.named |= {("customers", customer) for customer in held}
        books = await self._books(connection, accounts, found)
        await load_counters(connection, books, units, skipped, way)
        await self._load_rows(connection, books, needs, skipped, way)
        if any(unit.is_noted for unit in units):
            await lock_whom_notes_are_about(connection, books, skipped, wait=way.wait)
        await load_requests(connection, books, needs, skipped, wait=way.wait)
        senders = [unit.actor for unit in units if isinstance(unit.command, PostRows | ReverseRows)]
        await load_senders(connection, books, senders)
        return Loaded(books, opened, skipped)

    async def as_they_stand(self, connection: TenantConnection, unit: Unit) -> Loaded:
        """The books, unlocked, for commands that only report. Accounts that a posting would open exist in memory only.

        Raises Unavailable, Contended.
        """
        wanted = set(unit.needs.accounts)
        found = await read_customers(connection, {*unit.needs.customers, *(customer for customer, _ in wanted)})
        self._check_not_merged(connection.tenant_id, found)
        accounts = await read_accounts(connection, wanted)
        books = await self._books(connection, accounts, found)
        if unit.needs.opens_accounts:
            for key in wanted - accounts.keys():
                if key[0] in found:
                    account = accounts[key] = AccountState(self.source.new_id(), *key, 0, 0, 0, None, None)
                    books.accounts_by_id[account.id] = account
        skipped = Skipped()
        await load_counters(connection, books, [unit], skipped, way_of(wait=False, first=None, quick=False))
        await load_credits(connection, books, [unit.needs])
        return Loaded(books, [], skipped)

    async def _lock(
        self, connection: TenantConnection, needs: list[Needs], way: Way
    ) -> tuple[dict[AccountKey, AccountState], dict[UUID, CustomerState]]:
        wanted = {key for n in needs for key in n.accounts}
        customers = {customer for n in needs for customer in n.customers}
        accounts: dict[AccountKey, AccountState] = {}
        found: dict[UUID, CustomerState] = {}
        if wanted or customers:
            accounts, found = await lock_accounts(connection, wanted, customers, wait=way.wait)
        if not any(n.as_records for n in needs):
            self._check_not_merged(connection.tenant_id, found)
        return accounts, found

    async def _books(
        self, connection: TenantConnection, accounts: dict[AccountKey, AccountState], found: dict[UUID, CustomerState]
    ) -> Books:
        """The books as of now: the time is read under the locks."""
        asked = self.clock.asking()
        version, now = await load_facts(connection, accounts, self.clock.given)
        self.clock.learn(asked, now)
        self.clock.check()
        return Books(
            config=await self.configurations.at_version(connection, version),
            now=now,
            source=self.source,
            customers=found,
            accounts=accounts,
            accounts_by_id={a.id: a for a in accounts.values()},
            persons=self.persons.of(connection.tenant_id),
        )

    async def _load_rows(
        self, connection: TenantConnection, books: Books, needs: list[Needs], skipped: Skipped, way: Way
    ) -> None:
        for n in needs:
            if n.merges:
                await self._load_what_merges(connection, books, *n.merges)
            if n.as_records:
                await load_all_open(connection, books, set(books.accounts_by_id))
        await load_named(connection, books, needs, skipped, wait=way.wait)

    async def _with_what_merges(self, connection: TenantConnection, needs: list[Needs]) -> list[Needs]:
        """A merge's needs once both customers are locked: both customers' accounts in all assets that the first has."""
        if not any(n.merges for n in needs):
            return needs
        whole = []
        for n in needs:  # one: a merge is alone in its posting
            found, accounts = await lock_to_merge(connection, set(n.merges))
            self._check_not_merged(connection.tenant_id, found)
            assets = {asset for customer, asset in accounts if n.merges and customer == n.merges[0]}
            both = set(found) if len(found) == len(set(n.merges)) else set()
            whole.append(
                replace(n, accounts=tuple((customer, asset) for customer in both for asset in assets), all_holds=True)
            )
        return whole

    async def _load_what_merges(self, connection: TenantConnection, books: Books, from_id: UUID, into_id: UUID) -> None:
        today = calendar.local_date(books.now, books.config.zone)
        books.counters |= await lock_to_add_up(connection, from_id, into_id, today, self.source.new_id)
        await load_all_open(connection, books, {a.id for a in books.accounts.values() if a.customer_id == from_id})

    def _check_not_merged(self, tenant_id: UUID, found: dict[UUID, CustomerState]) -> None:
        """Raises Contended if a record has been merged, and remembers into which."""
        merged = {c.id: c.merged_into_id for c in found.values() if c.merged_into_id is not None}
        if merged:
            self.persons.learn(tenant_id, merged)
            raise Contended

    async def _open_missing(
        self,
        connection: TenantConnection,
        needs: Sequence[Needs],
        wanted: set[AccountKey],
        accounts: dict[AccountKey, AccountState],
        *,
        wait: bool,
    ) -> tuple[list[UUID], set[AccountKey]]:
        """Open the missing accounts that are wanted; return the missing ones that others have locked."""
        missing = wanted - accounts.keys()
        if not missing:
            return [], set()
        to_open = {key for n in needs if n.opens_accounts for key in n.accounts} & missing
        # After a wait none was passed over: those that have appeared since are found as they are opened.
        unknown = missing - to_open if wait else missing
        held = await accounts_locked_elsewhere(connection, unknown) if unknown else set[AccountKey]()
        to_open -= held
        made: dict[AccountKey, AccountState] = {}
        if to_open:
            ids = [self.source.new_id() for _ in to_open]
            made = await open_accounts(connection, to_open, ids, self.clock.given)
            if len(made) < len(to_open):  # no such customer, or another transaction was faster
                held |= await accounts_locked_elsewhere(connection, to_open - made.keys())
        accounts.update(made)
        if held and wait:
            # Another transaction has just made them. A restart would lose the accounts we made, and the next race.
            late, _ = await lock_accounts(connection, held, set(), wait=True)
            accounts.update(late)
            if held - late.keys():
                raise Contended
            held = set()
        return [account.id for account in made.values()], held
