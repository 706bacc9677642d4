"""Holds, and what is held of accounts. Read under the accounts' locks."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.lookups import each
from models.planning.columns import selected
from models.planning.hold_rows import Held, HoldPart, HoldState
from models.planning.state import AccountState
from models.session import TenantConnection
from turns.slices import in_slices
from turns.steps import Steps

LEFT_OF_PARTS: Final = """(SELECT m.position, m.credit_id, sum(m.amount_minor)::bigint AS minor FROM (
            SELECT position, credit_id, amount_minor FROM hold_lots WHERE tenant_id = $1 AND hold_id = {0} OFFSET 0
        ) AS m GROUP BY m.position, m.credit_id HAVING sum(m.amount_minor) > 0)"""
"""SQL for a hold's parts, of which something is left: each is on one credit."""


async def load_held(connection: TenantConnection, accounts: Iterable[AccountState], now: datetime) -> None:
    """Set on each of these accounts what is held of it at `now`. For accounts on which something may be."""
    by_id = {account.id: account for account in accounts}
    rows = await connection.raw.fetch(
        f"""SELECT k.id AS account_id, h.id AS hold_id, h.invoice_id, l.credit_id, l.minor, c.expires_at <= $3 AS expired
        FROM {each("id uuid")} k
        CROSS JOIN LATERAL (
            SELECT id, invoice_id FROM holds WHERE tenant_id = $1 AND home_id = k.id AND held_minor > 0 AND expires_at > $3
            ORDER BY expires_at OFFSET 0
        ) AS h
        CROSS JOIN LATERAL {LEFT_OF_PARTS.format("h.id")} AS l
        CROSS JOIN LATERAL (SELECT expires_at FROM credits WHERE tenant_id = $1 AND id = l.credit_id OFFSET 0) AS c""",
        connection.tenant_id,
        sorted(by_id),
        now,
    )
    await in_slices(_note_held(by_id, rows))


def _note_held(by_id: dict[UUID, AccountState], rows: list[Any]) -> Steps[None]:
    of_credits: dict[UUID, defaultdict[UUID, int]] = {account_id: defaultdict(int) for account_id in by_id}
    holds: dict[UUID, dict[UUID, UUID | None]] = {account_id: {} for account_id in by_id}
    for account_id, hold_id, invoice_id, credit_id, minor, expired in rows:
        account = by_id[account_id]
        account.held_minor += minor
        account.expired_minor -= minor if expired else 0
        of_credits[account_id][credit_id] += minor
        holds[account_id][hold_id] = invoice_id
        yield
    for account_id, account in by_id.items():
        if holds[account_id]:
            account.held = Held(dict(of_credits[account_id]), holds[account_id])
            account.holds = len(holds[account_id])


async def load_holds(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, HoldState]:
    """Read holds, live or not, with those parts of which something is left, and who placed each."""
    rows = await connection.raw.fetch(
        f"""SELECT {selected(HoldState, "h")}, a.subject, a.role, nullif(a.client, '') AS client,
            l.position, l.credit_id, l.minor
        FROM {each("id uuid")} k JOIN holds h ON h.tenant_id = $1 AND h.id = k.id
        CROSS JOIN LATERAL (SELECT actor_id FROM transactions WHERE tenant_id = $1 AND id = h.id OFFSET 0) AS t
        CROSS JOIN LATERAL (
            SELECT subject, role, client FROM actors WHERE tenant_id = $1 AND id = t.actor_id OFFSET 0
        ) AS a
        LEFT JOIN LATERAL {LEFT_OF_PARTS.format("h.id")} AS l ON true
        ORDER BY h.id, l.position""",
        connection.tenant_id,
        sorted(ids),
    )
    found: dict[UUID, HoldState] = {}
    await in_slices(_holds(rows, found))
    return found


def _holds(rows: list[Any], found: dict[UUID, HoldState]) -> Steps[None]:
    for row in rows:
        hold = found.get(row["id"])
        if hold is None:
            hold = found[row["id"]] = HoldState(
                id=row["id"],
                account_id=row["account_id"],
                home_id=row["home_id"],
                amount_minor=row["amount_minor"],
                held_minor=row["held_minor"],
                captured_minor=row["captured_minor"],
                invoice_id=row["invoice_id"],
                expires_at=row["expires_at"],
                created_at=row["created_at"],
                held_by=Actor(row["subject"], row["role"], row["client"]),
            )
        if row["position"] is not None:
            hold.parts.append(HoldPart(row["position"], row["credit_id"], row["minor"]))
        yield
