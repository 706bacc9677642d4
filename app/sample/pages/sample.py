"""What of the sample the page's examples speak of, looked up as it stands."""

from typing import Any, Final
from uuid import UUID

from app.files.importing.online_retail import CURRENCY
from app.sample.demo import BEST, OCCASIONAL, REGULAR, customer_ids
from app.sample.pages.examples import Ids
from models.money import to_decimal
from models.reads.session import ReadSession
from schema.ids import global_id

REWARD: Final = "Free delivery"
SERVICE: Final = "Gift wrapping"

# A credit of which something is left and an open invoice of the same customer: of the regular one, if they have both.
_PAIR: Final = """
    select c.id as credit_id, c.remaining_minor,
           i.id as invoice_id, i.total_minor - i.paid_minor - i.credited_minor as due_minor
      from credits c
      join accounts a on a.tenant_id = $1 and a.id = c.account_id and a.asset = $3
      join invoices i on i.tenant_id = $1 and i.customer_id = a.customer_id and i.currency = a.asset
     where c.tenant_id = $1 and c.remaining_minor > 0 and c.expires_at is null and c.starts_at <= now()
       and i.status in ('OPEN', 'PART_PAID')
     order by (a.customer_id = $2) desc, c.created_at, c.id, i.created_at, i.id limit 1"""
_CHOICES: Final = """
    select (select id from rewards where tenant_id = $1 and name = $2) as reward_id,
           (select id from services where tenant_id = $1 and name = $3) as service_id,
           (select id from approval_requests where tenant_id = $1
             order by (status = 'PENDING' and expires_at > now()) desc, created_at, id limit 1) as request_id"""


async def sample_ids(tenant_id: UUID) -> Ids | None:
    """The ids; None where the sample is not there, or is so used up that no credit and invoice are left to try."""
    customers = await customer_ids(tenant_id, (REGULAR, BEST, OCCASIONAL))
    if len(customers) < 3:
        return None
    session = ReadSession(tenant_id)
    try:
        pairs = await session.fetch(_PAIR, customers[REGULAR], CURRENCY)
        (choices,) = await session.fetch(_CHOICES, REWARD, SERVICE)
    finally:
        await session.release()
    if not pairs or choices["reward_id"] is None or choices["service_id"] is None:
        return None
    return _ids(customers, choices, pairs[0])


def _ids(customers: dict[str, UUID], choices: Any, pair: Any) -> Ids:
    return Ids(
        customer=global_id("Customer", customers[REGULAR]),
        others=tuple(global_id("Customer", customers[other]) for other in (BEST, OCCASIONAL)),
        reward=global_id("Reward", choices["reward_id"]),
        service=global_id("Service", choices["service_id"]),
        credit=global_id("Credit", pair["credit_id"]),
        remaining=to_decimal(pair["remaining_minor"], CURRENCY),
        invoice=global_id("Invoice", pair["invoice_id"]),
        due=to_decimal(pair["due_minor"], CURRENCY),
        request=None if choices["request_id"] is None else global_id("ApprovalRequest", choices["request_id"]),
    )
