"""Terms of approval requests compared with those in force: the changes since each was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from models.commands import CreateOrder, GiveReward
from models.configuration import load
from models.loading.billing import load_products
from models.loading.rewards import load_rewards
from models.planning.binding import Binding, binding_of
from models.planning.catalogue import ProductState
from models.planning.config import TenantConfig
from models.planning.reward_rows import RewardState
from models.reads.session import ReadSession
from models.session import TenantConnection
from models.views import ApprovalRequestView


@dataclass(frozen=True, slots=True)
class _InForce:
    config: TenantConfig
    rewards: dict[UUID, RewardState]
    products: dict[UUID, ProductState]


async def bindings(session: ReadSession, requests: Sequence[ApprovalRequestView]) -> dict[UUID, Binding]:
    """By request, as of the session's snapshot, with the same number of statements for many as for one."""
    rewards = {r.asked.reward_id for r in requests if isinstance(r.asked, GiveReward)}
    products = {i.product_id for r in requests if isinstance(r.asked, CreateOrder) for i in r.asked.items}

    async def terms(connection: TenantConnection) -> _InForce:
        return _InForce(
            config=await load(connection),
            rewards=await load_rewards(connection, rewards, locking="") if rewards else {},
            products=await load_products(connection, products) if products else {},
        )

    in_force = await session.ask(terms)
    return {r.id: binding_of(in_force, r.asked, r.terms) for r in requests}
