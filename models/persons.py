"""Merged records known to a running process: followed before anything is locked."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

MAX_REMEMBERED: Final = 100_000


class Persons:
    """Merged records by tenant, each with its survivor.

    Learnt from a posting that finds one under its lock, and permanent: a merge is never undone. A merge not known here
    is only found a little later.
    """

    def __init__(self) -> None:
        self._known: dict[UUID, dict[UUID, UUID]] = {}
        self._number = 0

    def of(self, tenant_id: UUID) -> dict[UUID, UUID]:
        """Merged record → survivor. No survivor in it is itself merged."""
        return self._known.get(tenant_id, {})

    def forget(self) -> None:
        """Forget all: they may have been merged in a database that is gone."""
        self._known.clear()
        self._number = 0

    def learn(self, tenant_id: UUID, merged: Mapping[UUID, UUID]) -> None:
        """Remember merged records and their survivors."""
        if self._number >= MAX_REMEMBERED:
            self._known.clear()
            self._number = 0
        known = {record: merged.get(person, person) for record, person in self.of(tenant_id).items()}
        self._known[tenant_id] = known | dict(merged)
        self._number += len(merged)
