"""Standings, compared with the accounts and the transactions, as far as they are kept (models/standings.py)."""

from typing import Final

from models.reads.verify_checks import Check

_STANDINGS: Final = """
    WITH kept AS MATERIALIZED (
        SELECT id, customer_id, asset, balance_minor, sequence, active_at FROM standings WHERE tenant_id = $1),
    last AS MATERIALIZED (SELECT max(active_at) AS at FROM kept),
    posted AS (
        SELECT customer_id, max(created_at) AS at FROM transactions
        WHERE tenant_id = $1 AND created_at <= (SELECT at FROM last) GROUP BY customer_id)
    SELECT coalesce(s.id, p.customer_id) AS id,
        format('last posted for at %s; by the transactions up to %s, at %s', s.active_at, (SELECT at FROM last), p.at)
            AS detail
    FROM (SELECT id, active_at FROM kept WHERE asset = '') s FULL JOIN posted p ON p.customer_id = s.id
    WHERE s.active_at IS DISTINCT FROM p.at
    UNION ALL
    SELECT coalesce(s.id, a.id), format('stands at %s after entry %s; the account at %s after entry %s', s.balance_minor,
        s.sequence, a.balance_minor, a.sequence)
    FROM (SELECT * FROM kept WHERE asset <> '') s
    FULL JOIN (SELECT id, customer_id, asset, balance_minor, sequence, posted_at FROM accounts WHERE tenant_id = $1) a
        ON a.id = s.id
    WHERE (a.posted_at <= (SELECT at FROM last) AND (s.balance_minor, s.sequence) IS DISTINCT FROM
            (a.balance_minor, a.sequence))
        OR (s.id IS NOT NULL AND ((a.customer_id, a.asset) IS DISTINCT FROM (s.customer_id, s.asset)
            OR s.sequence > a.sequence))"""

STANDING_CHECKS: Final = (Check("standings", _STANDINGS),)
