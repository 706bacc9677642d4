"""Approval requests, locked after all other rows."""

from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from models.commands import Actor, Asker
from models.loading.locked_elsewhere import LockedElsewhere
from models.lookups import each
from models.planning import approving, requesting
from models.planning.state import ApprovalState
from models.session import TenantConnection

_ASKING_LOCK: Final = 7_436_903
"""Class of the advisory locks on actors who request approvals (models/loading/config_locks.py has others)."""


async def load_approvals(
    connection: TenantConnection, ids: set[UUID], now: datetime, *, skip: str
) -> tuple[list[ApprovalState], dict[Actor, UUID]]:
    """Lock and read approval requests, with the rows of their requesters.

    A partner whose client has tokens issued here needs one that is still valid for the request. The rights of other
    actors are not known here: the issuer of their tokens is responsible for them.
    """
    rows = await connection.raw.fetch(
        f"""SELECT r.id, r.operation, r.command, coalesce(c.merged_into_id, c.id) AS customer_id,
            r.status, r.requested_by_id, r.created_at, r.expires_at,
            r.transaction_id, r.invoice_id, r.terms, a.subject, a.role, nullif(a.client, '') AS client, a.name,
            a.role <> 'PARTNER' OR NOT EXISTS (
                SELECT FROM partner_tokens p WHERE p.tenant_id = $1 AND p.client = a.client
            ) AS trusted,
            ARRAY(
                SELECT p.scope FROM partner_tokens p WHERE p.tenant_id = $1 AND p.client = a.client
                    AND a.role = 'PARTNER' AND p.revoked_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > $3)
            ) AS scopes
        FROM {each("id uuid")} k JOIN approval_requests r ON r.tenant_id = $1 AND r.id = k.id
        JOIN actors a ON a.tenant_id = $1 AND a.id = r.requested_by_id
        JOIN customers c ON c.tenant_id = $1 AND c.id = r.customer_id
        ORDER BY r.id FOR NO KEY UPDATE OF r {skip}""",
        connection.tenant_id,
        sorted(ids),
        now,
    )
    states = [_state(row) for row in rows]
    return states, {state.requested_by: row["requested_by_id"] for state, row in zip(states, rows, strict=True)}


def _state(row: Any) -> ApprovalState:
    command = requesting.restored(row["operation"], orjson.loads(row["command"]))
    terms = None if row["terms"] is None else orjson.loads(row["terms"])
    wanted = approving.requester_scopes(command, terms)
    return ApprovalState(
        id=row["id"],
        operation=row["operation"],
        command=command,
        customer_id=row["customer_id"],
        status=row["status"],
        requested_by=Actor(row["subject"], row["role"], row["client"], row["name"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        requester_allowed=row["trusted"] or any(wanted <= set(scope.split()) for scope in row["scopes"]),
        transaction_id=row["transaction_id"],
        invoice_id=row["invoice_id"],
        terms=terms,
    )


async def count_pending_requests(connection: TenantConnection, askers: set[Asker], now: datetime) -> dict[Asker, int]:
    """Count each asker's requests pending at `now`; until the transaction ends, no other transaction adds any.

    The lock is taken in a statement of its own, so that the next one sees the requests written by earlier holders.
    A holder waits for no other lock, and several locks are taken in the order of their keys. Raises LockedElsewhere.
    """
    keys = sorted({_asking_key(connection.tenant_id, asker) for asker in askers})
    try:
        await connection.raw.execute(
            "SELECT pg_advisory_xact_lock($1, k.key) FROM unnest($2::int[]) AS k(key)", _ASKING_LOCK, keys
        )
    except asyncpg.LockNotAvailableError:
        raise LockedElsewhere(("asking", *asker) for asker in askers) from None
    rows = await connection.raw.fetch(
        f"""SELECT k.subject, k.client, r.waiting FROM {each("subject text", "client text")} k
        CROSS JOIN LATERAL (  -- all rows of one asker, in whatever role and under whatever name
            SELECT ARRAY(  -- in the order of the one index that leads to them
                SELECT o.id FROM (
                    SELECT id, subject, role, client FROM actors WHERE tenant_id = $1 AND subject = k.subject
                    ORDER BY subject, role, client OFFSET 0
                ) AS o
                WHERE k.client = CASE WHEN o.role = 'PARTNER' THEN coalesce(nullif(o.client, ''), o.subject) ELSE '' END
            ) AS ids OFFSET 0
        ) AS a CROSS JOIN LATERAL (
            SELECT count(*) AS waiting FROM (
                SELECT requested_by_id FROM approval_requests WHERE tenant_id = $1 AND requested_subject = k.subject
                    AND status = 'PENDING' AND expires_at > $4 ORDER BY expires_at OFFSET 0
            ) AS w WHERE w.requested_by_id = ANY (a.ids)
        ) AS r WHERE r.waiting > 0""",
        connection.tenant_id,
        *zip(*sorted(askers), strict=True),
        now,
    )
    return {(row["subject"], row["client"]): row["waiting"] for row in rows}


def _asking_key(tenant_id: UUID, asker: Asker) -> int:
    """32 bits of the actor's identity. Two actors that share them only wait for each other."""
    who = tenant_id.bytes + "\0".join(asker).encode()  # no text in the database has that character
    return int.from_bytes(blake2b(who, digest_size=4).digest(), signed=True)
