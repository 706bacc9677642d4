"""Idempotency keys belong to a client, and are pruned by age.

A key so far belongs to the client of what it made. Where that cannot be told it answers to everybody (`shared`): it lies
among people's keys, and partners' are looked for there as well.
"""

from typing import Final

from migrations.nobody_waits.seals import resealed

_READ: Final = (
    "actors",
    "approval_requests",
    "bulk_operations",
    "idempotency_keys",
    "invoices",
    "payments",
    "transactions",
)


def _unforced(sql: str) -> str:
    """With what the tables hold of all tenants in sight of their owner."""
    off = "".join(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;\n" for table in _READ)
    return f"{off}{sql}{off.replace(' NO FORCE', ' FORCE')}"


_COLUMNS = r"""
-- client: whose it is; '' for people's. shared: whether it answers to every client. kept: whether it is never pruned.
ALTER TABLE idempotency_keys ADD COLUMN client varchar(255) NOT NULL DEFAULT '';
ALTER TABLE idempotency_keys ADD COLUMN shared boolean NOT NULL DEFAULT false;
ALTER TABLE idempotency_keys ADD COLUMN kept boolean NOT NULL DEFAULT false;

-- For how long a key is kept.
ALTER TABLE tenants ADD COLUMN key_days int NOT NULL DEFAULT 90;
ALTER TABLE tenants ADD CONSTRAINT tenants_key_days CHECK (key_days BETWEEN 30 AND 36500);
"""

# An approval's transaction is the requester's, its key whoever's who approved. Of a bulk's chunk, only its bulk is told.
_WHOSE = r"""
UPDATE idempotency_keys k SET client = coalesce(w.client, ''), shared = w.client IS NULL
FROM (
    SELECT k.tenant_id, k.key, CASE WHEN a.role <> 'PARTNER' THEN '' WHEN a.client <> '' THEN a.client ELSE a.subject END
        AS client
    FROM idempotency_keys k
    LEFT JOIN transactions t ON t.tenant_id = k.tenant_id AND t.id = k.result_id
    LEFT JOIN approval_requests r ON r.tenant_id = k.tenant_id AND r.id = k.result_id
    LEFT JOIN bulk_operations b ON b.tenant_id = k.tenant_id
        AND b.id::text = CASE WHEN k.key LIKE 'bulk:%' THEN split_part(k.key, ':', 2) ELSE k.result_id::text END
    LEFT JOIN invoices i ON i.tenant_id = k.tenant_id AND i.id = k.result_id
    LEFT JOIN payments p ON p.tenant_id = k.tenant_id AND p.id = k.result_id
    LEFT JOIN (
        SELECT DISTINCT ON (tenant_id, idempotency_key) tenant_id, idempotency_key, actor_id, approved_by_id
        FROM transactions WHERE idempotency_key IS NOT NULL ORDER BY tenant_id, idempotency_key, id
    ) m ON m.tenant_id = k.tenant_id AND m.idempotency_key = k.key
    LEFT JOIN actors a ON a.tenant_id = k.tenant_id AND a.id = CASE k.operation
        WHEN 'approveRequest' THEN coalesce(t.approved_by_id, m.approved_by_id)
        ELSE coalesce(t.actor_id, r.requested_by_id, b.actor_id, i.actor_id, p.actor_id, m.actor_id) END
) w
WHERE w.tenant_id = k.tenant_id AND w.key = k.key AND w.client IS DISTINCT FROM '';
UPDATE idempotency_keys SET kept = true WHERE operation IN ('bulkCredit', 'importCredits')
    OR key LIKE 'bulk:%' OR key LIKE 'online-retail/%' OR key LIKE 'demo/%';
"""

# Without defaults: a server of before, which knows no clients, would claim in people's name space what others have.
_KEY = r"""
ALTER TABLE idempotency_keys ALTER COLUMN client DROP DEFAULT;
ALTER TABLE idempotency_keys ALTER COLUMN shared DROP DEFAULT;
ALTER TABLE idempotency_keys ALTER COLUMN kept DROP DEFAULT;
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey;
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key, client);
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_shared CHECK (NOT shared OR client = '');
CREATE INDEX idempotency_keys_pruned ON idempotency_keys (tenant_id, created_at) WHERE NOT kept;
"""

# In the transaction that claimed it, by a bulk that failed as a whole, or by age, which the tenant's row tells of.
_RIGHTLY_GONE: Final = """s.sealed_at = now()
            OR EXISTS (SELECT FROM bulk_operations b
                WHERE b.tenant_id = OLD.tenant_id AND b.id = OLD.result_id AND b.status = 'FAILED')
            OR NOT OLD.kept AND EXISTS (SELECT FROM tenants t WHERE t.id = OLD.tenant_id AND OLD.created_at < t.keys_pruned_at)
                AND NOT EXISTS (SELECT FROM approval_requests r
                    WHERE r.tenant_id = OLD.tenant_id AND r.id = OLD.result_id AND r.status = 'PENDING')"""

KEYS: Final = (
    _COLUMNS
    + _unforced(_WHOSE)
    + _KEY
    + resealed(
        "idempotency_keys",
        "key operation input_hash result_id created_at",
        "key client shared kept operation input_hash result_id created_at",
        id_before="substr(encode(sha256(convert_to({row}.key, 'UTF8')), 'hex'), 1, 32)::uuid",
        id_since="substr(encode(sha256(convert_to(json_build_array({row}.key, {row}.client)::text, 'UTF8')), 'hex'), 1, 32)"
        "::uuid",
        name="n.key",
        rightly_gone=_RIGHTLY_GONE,
    )
)
