"""Units: what one request asks of a posting, and what becomes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models import idempotency
from models.commands import Actor, Command, Outcome
from models.errors import LedgerError
from models.idempotency import Place, Use
from models.loading.locked_elsewhere import Name, names
from models.planning.needs import Needs

MANY_COUNTED: Final = 100
"""A bulk of more additions than that is large: it takes long enough for others of the same actor's to come meanwhile."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One request: who asks for what, under which key, and what has to be locked for it.

    operation and input_hash: what the key is claimed for. result_id: the id that its result gets. hash_before: what a key
    of the time before blank texts were taken for missing ones may be kept with.
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
        """Its key, in the name space of whoever asks."""
        return None if self.idempotency_key is None else (self.idempotency_key, idempotency.client_of(self.actor))

    @property
    def use(self) -> Use:
        """What its key is claimed for."""
        key = self.idempotency_key
        kept = key is not None and idempotency.is_kept(key, self.operation, self.actor)
        return Use(self.operation, self.input_hash, self.result_id, kept)

    @property
    def is_dry(self) -> bool:
        """Whether it only reports."""
        return self.command.dry_run

    @property
    def is_noted(self) -> bool:
        """Whether something is written down with it that a person may be erased of."""
        return bool(self.command.note)

    @property
    def counts_much(self) -> bool:
        """Whether it is a bulk that holds up its actor's other additions if it has their counters all along."""
        return self.command.is_bulk and len(self.needs.limited) > MANY_COUNTED


@dataclass(frozen=True, slots=True)
class Posted:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used before, for the same input: the id of what it made then."""

    result_id: UUID


@dataclass(frozen=True, slots=True)
class Refused:
    error: LedgerError


@dataclass(frozen=True, slots=True)
class Failed:
    """A bug of ours, or a database out of reach. Nothing of the unit was written."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Requeued:
    """To be posted again, once nobody else holds what is `locked_elsewhere`. Nothing of the unit was written."""

    locked_elsewhere: frozenset[Name] = frozenset()


Result = Posted | Replayed | Refused | Failed | Requeued


def names_of(unit: Unit) -> Iterator[Name]:
    """What the unit may find held by others. A dry run needs nothing but its key."""
    yield from names(Needs() if unit.is_dry else unit.needs, unit.actor, unit.place)
