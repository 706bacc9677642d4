"""Credit notes that people might make and void, by the throw of dice."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models import commands as c
from models.operations.create_credit_note import create_credit_note, void_credit_note
from models.planning.voiding_notes import VoidCreditNote
from tests.simulation.draws import ROLES, Draws
from tests.simulation.records import Command, Invoice
from tests.support.tenants import Tenant

_BEFORE_ALL: Final = UUID(int=0)
_NEW_LINES: Final = "SELECT invoice_id, id FROM invoice_lines WHERE tenant_id = $1 AND id > $2 ORDER BY id"


@dataclass
class Lines:
    """The ids of invoices' lines, by the invoice and by their places."""

    of: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    last: UUID = _BEFORE_ALL

    async def refresh(self, tenant: Tenant) -> None:
        for invoice_id, line_id in await tenant.rows(_NEW_LINES, self.last):
            self.of[invoice_id].append(line_id)
            self.last = line_id


class NoteCommands(Draws):
    """Commands about credit notes."""

    def _note(self, now: datetime) -> Command | None:
        facts = self._noted()
        return None if facts is None else self._perhaps_proposed("note", facts, self.dice.choice(ROLES), 8)

    def _void_note(self, now: datetime) -> Command | None:
        notes = [n for n, note in enumerate(self.reference.notes) if note.live or self._chance(4)]
        return Command("void_note", {"note": self.dice.choice(notes)}) if notes else None

    def _noted(self) -> dict[str, Any] | None:
        """What a credit note may ask for."""
        invoice = self._notable()
        if invoice is None:
            return None
        noted = self.reference.invoices[invoice]
        facts: dict[str, Any] = {"invoice": invoice, "approval": self._chance(30), "in_proportion": self._chance(40)}
        if self._chance(40) and noted.lines:
            facts["lines"] = tuple(self._noted_line(noted) for _ in range(self.dice.choice((1, 1, 2))))
        elif self._chance(70):
            facts["amount"] = self._amount(noted.currency, 40)
        return facts

    def _noted_line(self, invoice: Invoice) -> tuple[int, Decimal | None, Decimal | None]:
        place = self.dice.randrange(len(invoice.lines))
        quantity = self.dice.choice((None, Decimal(1), Decimal(1), Decimal("0.5"), Decimal("0.3"), Decimal(3)))
        return place, quantity, self._amount(invoice.currency, 20) if self._chance(25) else None

    def _notable(self) -> int | None:
        """Mostly one that something can still be noted of."""
        numbers = [n for n, i in enumerate(self.reference.invoices) if (i.goods and not i.void) or self._chance(4)]
        paid = [n for n in numbers if self.reference.invoices[n].paid or self.reference.invoices[n].credited]
        if not numbers:
            return None
        return self.dice.choice(paid if paid and self._chance(70) else numbers)


def note(names: Any, key: str, *, invoice: int, **facts: Any) -> Any:
    invoice_id = names.rows["invoices"][invoice]
    return create_credit_note, c.CreateCreditNote(
        invoice_id,
        facts.get("amount"),
        tuple(c.NotedLine(names.lines.of[invoice_id][place], *more) for place, *more in facts.get("lines", ())),
        "IN_PROPORTION" if facts["in_proportion"] else "LAST_FIRST",
        request_approval=facts["approval"],
        propose_only=facts.get("propose", False),
    )


def void(names: Any, key: str, *, note: int) -> Any:
    return void_credit_note, VoidCreditNote(names.rows["notes"][note])
