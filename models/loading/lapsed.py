"""How much has expired of each lot, for units that put some of it back. Read under the accounts' locks, once the credits are
loaded."""

from collections.abc import Iterable
from uuid import UUID

from models.loading.accounts import in_order
from models.lookups import each
from models.planning.lapsed import LapsedState
from models.planning.needs import Needs
from models.planning.state import Books
from models.session import TenantConnection


async def load_lapsed(connection: TenantConnection, books: Books, needs: Iterable[Needs]) -> None:
    """Read what has expired of the credits loaded, of those that units revive."""
    revived: set[UUID] = set()
    for n in needs:
        if n.revives:
            revived.update(n.credits)
            revived.update(r.credit_id for r in books.spend_records if r.transaction_id in n.given_back)
    if revived:
        lots = {books.credits_by_id[each_one].lot_id for each_one in revived if each_one in books.credits_by_id}
        books.lapsed = await _lapsed(connection, lots)


async def _lapsed(connection: TenantConnection, lots: set[UUID]) -> dict[UUID, LapsedState]:
    """By lot, all that has ever expired on any of its credits, and the part of that which was put back."""
    rows = await connection.raw.fetch(
        f"""SELECT k.id, coalesce(x.minor, 0) AS expired_minor, coalesce(r.minor, 0) AS revived_minor,
            g.revoked IS NOT NULL AS revoked
        FROM {each("id uuid")} k
        LEFT JOIN LATERAL (
            SELECT -sum(e.amount_minor)::bigint AS minor FROM (
                SELECT id FROM credits WHERE tenant_id = $1 AND id = k.id
                UNION ALL SELECT id FROM credits WHERE tenant_id = $1 AND origin_id = k.id OFFSET 0
            ) AS c CROSS JOIN LATERAL (
                SELECT counter, amount_minor FROM entries WHERE tenant_id = $1 AND credit_id = c.id OFFSET 0
            ) AS e WHERE e.counter = 'EXPIRED' AND e.amount_minor < 0
        ) AS x ON true
        LEFT JOIN LATERAL (
            SELECT sum(m.amount_minor)::bigint AS minor FROM (
                SELECT amount_minor FROM revivals WHERE tenant_id = $1 AND lot_id = k.id OFFSET 0
            ) AS m
        ) AS r ON true
        LEFT JOIN LATERAL (
            SELECT true AS revoked FROM grants
            WHERE tenant_id = $1 AND credit_id = k.id AND revoked_transaction_id IS NOT NULL
            UNION ALL SELECT true FROM overpayments
            WHERE tenant_id = $1 AND credit_id = k.id AND revoked_transaction_id IS NOT NULL OFFSET 0
        ) AS g ON true""",
        connection.tenant_id,
        in_order(lots),
    )
    return {row["id"]: LapsedState(row["expired_minor"], row["revived_minor"], row["revoked"]) for row in rows}
