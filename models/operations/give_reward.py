"""Give a reward: a coupon, for points or free (source 003)."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from models.commands import Actor, GiveReward, LimitVerdict, Outcome
from models.ledger import Ledger
from models.lookups import each
from models.money import POINTS
from models.operations.effects import Effects, effects
from models.operations.replays import found_request, replay_of_transaction
from models.operations.together import Together
from models.planning.allowances import allowance_of
from models.planning.rewards import needs
from models.planning.state import Books
from models.session import TenantConnection, tenant_transaction


async def give_reward(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: GiveReward, idempotency_key: str
) -> Outcome:
    """Post the coupon, once for the key. Raises the LedgerErrors of models/planning/rewards.py.

    For a free one over a limit with `request_approval`, nothing moves and the outcome names an approval request.
    """
    asked = needs(command, await price_of(tenant_id, command.reward_id))
    done = await ledger.submit(tenant_id, actor, "giveReward", command, asked, idempotency_key)
    if isinstance(done, Outcome):
        return done
    replay = await found_request(tenant_id, done) or await replay_of_transaction(tenant_id, done)
    if replay.account_id is not None or replay.transaction_id is None:
        return replay
    return replace(replay, account_id=await points_account(tenant_id, replay.transaction_id))


async def preview_reward(ledger: Ledger, tenant_id: UUID, actor: Actor, command: GiveReward) -> Effects:
    """Preview the reward as if given now. Raises NotFound for a reward that is not there."""

    def verdict(books: Books) -> LimitVerdict:
        reward = books.rewards.get(command.reward_id)
        free_minor = 0 if command.deduct_points or reward is None else reward.points_cost_minor
        if not free_minor:
            return LimitVerdict(allowed=True, approval_required=command.propose_only, remaining=())
        customer_id = books.persons.get(command.customer_id, command.customer_id)
        allowance = allowance_of(books, actor, customer_id, POINTS)
        allowed = allowance.refusal(free_minor) is None
        return LimitVerdict(allowed, not allowed or command.propose_only, allowance.verdict(free_minor).remaining)

    wanted = needs(command, await price_of(tenant_id, command.reward_id))
    return await effects(ledger, tenant_id, actor, command, wanted, verdict)


async def price_of(tenant_id: UUID, reward_id: UUID) -> int:
    """The price in points, for loading credits; the price paid is read under the lock.

    0 for a reward that is not there: the plan refuses it, but not a request sent again, whose reward has another name.
    """
    return (await _PRICES.ask(tenant_id, reward_id)).get(reward_id, 0)


async def _prices(connection: TenantConnection, ids: list[UUID]) -> dict[UUID, int]:
    rows = await connection.raw.fetch(
        f"""SELECT r.id, r.points_cost_minor FROM {each("id uuid")} k
        JOIN rewards r ON r.tenant_id = $1 AND r.id = k.id""",
        connection.tenant_id,
        ids,
    )
    return {row[0]: row[1] for row in rows}


_PRICES: Final = Together(_prices)


async def points_account(tenant_id: UUID, transaction_id: UUID) -> UUID | None:
    """The points account, if any, of whom the reward was given to: a free one has no entry that names it."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        found: UUID | None = await connection.raw.fetchval(
            """SELECT a.id FROM (SELECT customer_id FROM transactions WHERE tenant_id = $1 AND id = $2 OFFSET 0) t
            CROSS JOIN LATERAL (
                SELECT CASE WHEN merged_into_id IS NULL THEN id ELSE merged_into_id END AS id FROM customers
                WHERE tenant_id = $1 AND id = t.customer_id OFFSET 0) p
            CROSS JOIN LATERAL (
                SELECT id FROM accounts WHERE tenant_id = $1 AND customer_id = p.id AND asset = $3 OFFSET 0) a""",
            tenant_id,
            transaction_id,
            POINTS,
        )
    return found
