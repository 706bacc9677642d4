"""Rows of the sample that the page's examples name, looked up as they are now."""

from typing import Final
from uuid import UUID

from app.files.importing.online_retail import CURRENCY
from app.sample.demo import BEST, OCCASIONAL, REGULAR, customer_ids
from app.sample.pages.examples import Ids
from models.money import to_decimal
from models.reads import examples
from models.reads.session import reading
from schema.ids import global_id

REWARD: Final = "Free delivery"
SERVICE: Final = "Gift wrapping"


async def sample_ids(tenant_id: UUID) -> Ids | None:
    """The ids; None if the sample is not there, or is so used up that no credit and invoice are left to try."""
    customers = await customer_ids(tenant_id, (REGULAR, BEST, OCCASIONAL))
    if len(customers) < 3:
        return None
    async with reading(tenant_id) as session:
        pair = await examples.pair(session, customers[REGULAR], CURRENCY)
        choices = await examples.choices(session, REWARD, SERVICE)
    if pair is None or choices.reward_id is None or choices.service_id is None:
        return None
    return Ids(
        customer=global_id("Customer", customers[REGULAR]),
        others=tuple(global_id("Customer", customers[other]) for other in (BEST, OCCASIONAL)),
        reward=global_id("Reward", choices.reward_id),
        service=global_id("Service", choices.service_id),
        credit=global_id("Credit", pair.credit_id),
        remaining=to_decimal(pair.remaining_minor, CURRENCY),
        invoice=global_id("Invoice", pair.invoice_id),
        due=to_decimal(pair.due_minor, CURRENCY),
        request=None if choices.request_id is None else global_id("ApprovalRequest", choices.request_id),
    )
