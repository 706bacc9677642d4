"""The acts of the sample's shop itself on its past days: requests that a second person decided, a bulk, a file, and each
night the sweep of expired credits."""

import io
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Final

from app.files.importing.credit_rows import credit_rows
from app.files.importing.dialects import Said
from app.files.importing.online_retail import CURRENCY
from app.files.importing.opened import open_file
from app.sample.days import OPEN_DAYS
from app.sample.shop import MARIA, PREFIX, SAM, TESS, Person, Shop, Story, made
from models.commands import AdjustCredit, BulkCredit, BulkItem
from models.kinds import BulkErrorPolicy
from models.money import POINTS
from models.operations.adjust import adjust_credit
from models.operations.approvals import approve_request, expire_requests, reject_request, withdraw_request
from models.operations.bulk_credit import bulk_credit
from models.operations.expire import expire_credits
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits
from models.operations.run_bulks import run_bulk
from models.planning.approving import ApproveRequest

APPROVED, REJECTED, WITHDRAWN, FORGOTTEN = "approved", "rejected", "withdrawn", "forgotten"
_ASKED: Final = (  # on which day, for whom, why, how much, with which words; what became of it
    (19, 4, "SERVICE_RECOVERY", 120, "Course was cancelled after the first evening", APPROVED),
    (37, 17, "GOODWILL", 150, "Wedding present came a week late", APPROVED),
    (54, 28, "GOODWILL", 300, "Says that the hamper was empty", REJECTED),
    (71, 40, "SERVICE_RECOVERY", 115, "Workshop without heating", FORGOTTEN),
    (88, 52, "SERVICE_RECOVERY", 180, "Teacher was ill for three weeks", APPROVED),
    (103, 65, "GOODWILL", 110, "Wrong customer", WITHDRAWN),
    (121, 76, "GOODWILL", 240, "Two hampers for one", REJECTED),
    (139, 89, "SERVICE_RECOVERY", 135, "Course moved to a day she cannot come", APPROVED),
)
"""Requests over the limits of staff."""
MAX_RUNS: Final = 10
"""Of a bulk's job, for a file of some dozen rows."""
FILE: Final = "autumn-vouchers.csv"
_NOBODY: Final = "99120"


def acts(shop: Shop, people: Sequence[Person], numbers: Sequence[str]) -> list[Story]:
    """numbers: external ids of the people, in their order."""
    told = []
    for nth, (day, place, reason, amount, note, end) in enumerate(_ASKED):
        request = AdjustCredit(people[place].id, CURRENCY, Decimal(amount), reason, note=note, request_approval=True)
        told.append(_asks(shop, nth, day, request, end))
    return [*told, _summer(shop, people), _vouchers(shop, numbers), _nights(shop)]


async def _asks(shop: Shop, nth: int, day: int, request: AdjustCredit, end: str) -> None:
    """Staff ask; a manager decides on the next day, unless the asker takes it back, or nobody looks at it for a week."""
    await shop.days.moment(day)
    asker, key = (SAM, TESS)[nth % 2], f"past-request-{nth}"
    asked = made((await shop.post(key, adjust_credit, asker, request)).approval_request_id)
    if end == FORGOTTEN:
        await shop.days.night(day + 8)
        await expire_requests(shop.ledger, shop.tenant_id)
        return
    await shop.days.moment(day + 1)
    if end == APPROVED:
        await shop.post(f"{key}-approved", approve_request, MARIA, ApproveRequest(asked, note="Yes, and an apology"))
    elif end == REJECTED:
        await reject_request(shop.ledger, shop.tenant_id, MARIA, asked, "Ask for a photo first")
    else:
        await withdraw_request(shop.ledger, shop.tenant_id, asker, asked, None)


async def _summer(shop: Shop, people: Sequence[Person]) -> None:
    """Points for forty people at once, of which what they leave expires soon."""
    await shop.days.moment(66)
    items = tuple(BulkItem(person.id, Decimal(100)) for person in people[:40])
    gift = BulkCredit(items, POINTS, "PROMOTION", note="Summer promotion", expires_in_days=shop.days.left + 18)
    await shop.post("summer", bulk_credit, MARIA, gift)


async def _vouchers(shop: Shop, numbers: Sequence[str]) -> None:
    """A file of vouchers with three rows that fail."""
    await shop.days.moment(118)
    lines = [f"{number},{5 + 5 * (nth % 2)}.00" for nth, number in enumerate(numbers[1::2])]
    lines[7], lines[21], lines[30] = f"{_NOBODY},5.00", f"{numbers[43]},ten", f"{numbers[61]},0.00"
    content = "\n".join(["customer,amount", *lines, ""]).encode()
    command = ImportCredits(
        sha256(content).hexdigest(),
        CURRENCY,
        "PROMOTION",
        note="Autumn vouchers",
        expires_in_days=shop.days.left + 24,
        error_policy=BulkErrorPolicy.SKIP_FAILED,
    )
    said = Said()
    opened = open_file(io.BytesIO(content), said, FILE)
    try:
        rows = credit_rows(opened.rows(), said.marks)
        await import_credits(shop.ledger, shop.tenant_id, MARIA, command, rows, f"{PREFIX}/vouchers", opened.told)
    finally:
        opened.close()
    for _ in range(MAX_RUNS):
        if not await run_bulk(shop.ledger, shop.tenant_id):
            break


async def _nights(shop: Shop) -> None:
    """The sweep of the server's job, before the shop opens: write off credits expired by then."""
    for day in OPEN_DAYS:
        await shop.days.night(day)
        await expire_credits(shop.ledger, shop.tenant_id)
