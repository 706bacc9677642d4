"""Units of a posting, one a request, and their results."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from models import idempotency
from models.commands import Actor, Command, Outcome
from models.errors import LedgerError
from models.frozen import frozen
from models.idempotency import Place, Use
from models.loading.locked_elsewhere import Name, names
from models.planning.needs import Needs

MANY_COUNTED: Final = 100
"""A bulk with more additions is large: it takes long enough for its actor's other additions to arrive meanwhile."""


@frozen
class Unit:
    """One request: its actor, command and key, and the rows to lock for it.

    operation and input_hash: the key's use. result_id: the id of its result. hash_before: the hash that an older key
    may be stored with, from when blank texts did not count as missing.
    """

    command: Command
    actor: Actor
    actor_id: UUID
    needs: Needs
    operation: str
    input_hash: bytes
    result_id: UUID
    idempotency_key: str | None = None
    hash_before: bytes | None = None

    @property
    def place(self) -> Place | None:
        """Its key, in the actor's name space."""
        return None if self.idempotency_key is None else (self.idempotency_key, idempotency.client_of(self.actor))

    @property
    def use(self) -> Use:
        """The use for which its key is claimed."""
        key = self.idempotency_key
        kept = key is not None and idempotency.is_kept(key, self.operation, self.actor)
        sealed = kept or self.operation not in idempotency.TRANSACTED_OPERATIONS
        return Use(self.operation, self.input_hash, self.result_id, kept, sealed)

    @property
    def is_dry(self) -> bool:
        """Whether it only reports, and posts nothing."""
        return self.command.dry_run

    @property
    def is_noted(self) -> bool:
        """Whether it writes texts, which are a person's and can be erased."""
        return bool(self.command.note) or self.command.texts is not None

    @property
    def counts_much(self) -> bool:
        """Whether it is a bulk that would block its actor's other additions if it locked the counters throughout."""
        return self.command.is_bulk and len(self.needs.limited) > MANY_COUNTED


@frozen
class Posted:
    outcome: Outcome


@frozen
class Replayed:
    """The key was used before, for the same input: the id of that result."""

    result_id: UUID


@frozen
class Refused:
    error: LedgerError


@frozen
class Failed:
    """A bug in Scrip, or an unreachable database. Nothing of the unit was written."""

    error: Exception


@frozen
class Requeued:
    """To be posted again once the rows `locked_elsewhere` are free. Nothing of the unit was written."""

    locked_elsewhere: frozenset[Name] = frozenset()


Result = Posted | Replayed | Refused | Failed | Requeued


def names_of(unit: Unit) -> Iterator[Name]:
    """Names of the rows that others may have locked when the unit needs them. A dry run needs only its key."""
    yield from names(Needs() if unit.is_dry else unit.needs, unit.actor, unit.place)
