"""The ids of what the reference knows by number."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from models.commands import Outcome
from tests.simulation import note_commands
from tests.simulation.records import Command
from tests.support.tenants import Tenant

KINDS: Final = ("assignments", "coupons", "customers")
"""What is found by its id. An id of the others is drawn before they wait for their turn: the answer says it."""
_NEW: Final = " UNION ALL ".join(
    f"(SELECT '{kind}', id, NULL::uuid FROM {kind} WHERE tenant_id = $1 AND id > ${place} ORDER BY id)"
    for place, kind in enumerate(KINDS, start=3)
)
_NEW_CREDITS: Final = """
    (SELECT 'credits', id, origin_id FROM credits WHERE tenant_id = $1 AND id > $2 ORDER BY id) UNION ALL """
_BEFORE_ALL: Final = UUID(int=0)


@dataclass
class Names:
    """The ids of what the reference knows by number: a row's number is its place among its kind, as they were made.

    A lot that a merge has moved has several; a command names any of them, as the dice fall.
    """

    dice: random.Random
    services: list[UUID] = field(default_factory=list)
    prizes: list[UUID] = field(default_factory=list)
    products: list[UUID] = field(default_factory=list)
    tiers: list[UUID] = field(default_factory=list)
    files: list[UUID] = field(default_factory=list)
    bulks: list[UUID] = field(default_factory=list)  # files among them
    rows: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    lots: list[UUID] = field(default_factory=list)  # by the first id of each
    ids: dict[UUID, list[UUID]] = field(default_factory=dict)  # by the first one, all
    last_credit: UUID = _BEFORE_ALL
    lines: note_commands.Lines = field(default_factory=note_commands.Lines)

    def learn(self, command: Command, became: str, outcome: Outcome) -> None:
        """What a command has made."""
        if command.name in ("invoice", "order") and became != "requested":
            self.rows["invoices"].append(some(outcome.invoice_id))
        if outcome.credit_note_id is not None and (command.name == "note" or became == "approved"):
            self.rows["notes"].append(outcome.credit_note_id)
        elif became == "approved" and outcome.invoice_id is not None:
            self.rows["invoices"].append(outcome.invoice_id)
        if command.name in ("spend", "use"):
            self.rows["spends"].append(some(outcome.transaction_id))
        if command.name == "hold":
            self.rows["holds"].append(some(outcome.hold_id))
        if command.name == "capture":
            made = (
                ("spends", outcome.transaction_id) if outcome.payment_id is None else ("payments", outcome.payment_id)
            )
            self.rows[made[0]].append(some(made[1]))
        paid = command.name == "pay" and became != "requested"
        if paid or (became == "approved" and outcome.payment_id is not None):
            self.rows["payments"].append(some(outcome.payment_id))
        if became == "requested":
            self.rows["approval_requests"].append(some(outcome.approval_request_id))
        self._learn_of_bulk(command, outcome)

    def _learn_of_bulk(self, command: Command, outcome: Outcome) -> None:
        if command.name == "file":
            self.files.append(some(outcome.bulk_operation_id))
        if command.name in ("bulk", "file"):
            self.bulks.append(some(outcome.bulk_operation_id))

    async def refresh(self, tenant: Tenant) -> None:
        """Learn of new rows."""
        last = [self.rows[kind][-1] if self.rows[kind] else _BEFORE_ALL for kind in KINDS]
        for kind, row_id, origin_id in await tenant.rows(_NEW_CREDITS + _NEW, self.last_credit, *last):
            if kind == "credits":
                self._learn_of_credit(row_id, origin_id)
            else:
                self.rows[kind].append(row_id)
        await self.lines.refresh(tenant)

    @property
    def customers(self) -> list[UUID]:
        return self.rows["customers"]

    def customer(self, number: int) -> UUID:
        return self.customers[number] if number < len(self.customers) else uuid4()

    def credit(self, number: int) -> UUID:
        """Any id that the lot has had."""
        return self.dice.choice(self.ids[self.lots[number]])

    def _learn_of_credit(self, credit_id: UUID, origin_id: UUID | None) -> None:
        if origin_id is None:
            self.lots.append(credit_id)
        self.ids.setdefault(origin_id or credit_id, []).append(credit_id)
        self.last_credit = credit_id


def some(row_id: UUID | None) -> UUID:
    """Raises ValueError where there is none."""
    if row_id is None:
        raise ValueError("it was to say what it made")
    return row_id
