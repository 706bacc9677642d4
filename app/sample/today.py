"""Today in the sample's shop, by the time of the database: what staff have just done, and what waits for a manager."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.files.importing.online_retail import CURRENCY
from app.sample.shop import PREFIX, TESS, TILL, Person
from models.commands import Actor, AdjustCredit
from models.ledger import Ledger
from models.money import POINTS
from models.operations.adjust import adjust_credit

_ASKED: Final = (
    ("SERVICE_RECOVERY", 140, "Course cancelled, three weeks of it were paid"),
    ("GOODWILL", 125, "Hamper arrived broken, twice"),
    ("SERVICE_RECOVERY", 220, "Workshop moved to a day she cannot come"),
    ("GOODWILL", 160, "Wrong engraving on a wedding present"),
)
REQUESTS: Final = len(_ASKED)


async def today(ledger: Ledger, tenant_id: UUID, people: Sequence[Person], staff: Actor) -> None:
    """Let it happen. staff: who asks. Raises LedgerError."""
    adjustments = [
        (TILL, f"today-{place}", AdjustCredit(people[place].id, POINTS, Decimal(15 + place), "PURCHASE"))
        for place in range(10, 60, 7)
    ]
    for place, days in ((21, 9), (45, 21)):
        late = AdjustCredit(
            people[place].id, CURRENCY, Decimal(15), "GOODWILL", note="Parcel was late", expires_in_days=days
        )
        adjustments.append((TESS, f"today-credit-{place}", late))
    for number, (reason, amount, note) in enumerate(_ASKED):
        asked = AdjustCredit(
            people[number * 7 + 2].id, CURRENCY, Decimal(amount), reason, note=note, request_approval=True
        )
        adjustments.append((staff, f"request-{number}", asked))
    await asyncio.gather(
        *(adjust_credit(ledger, tenant_id, who, command, f"{PREFIX}/{key}") for who, key, command in adjustments)
    )
