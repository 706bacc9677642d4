"""The totals, compared with all entries and changes of expiry: what each row adds to the one before it.

Computed in another way than the rows themselves (models/totals.py): from each credit's terms over time.
"""

from typing import Final

from models.amounts import RUN
from models.reads.verify_checks import Check
from models.totals import BEGINNING_SQL

_NTH: Final = "width_bucket({0} - interval '1 microsecond', (SELECT ats FROM instants))"
_KEY: Final = """CASE WHEN {0} = date_bin(interval '15 minutes', {0}, timestamptz 'epoch') THEN {0}
    ELSE date_bin(interval '15 minutes', {0}, timestamptz 'epoch') + interval '1 microsecond' END"""

_INSTANTS: Final = """
    kept AS MATERIALIZED (
        SELECT id, at, transactions, credits, counters, accounts, row_number() OVER (ORDER BY at) - 1 AS nth
        FROM totals WHERE tenant_id = $1),
    instants AS MATERIALIZED (SELECT array_agg(at ORDER BY at) AS ats, max(at) AS last FROM kept),
    posted AS MATERIALIZED (
        SELECT id, kind, reason, created_at FROM transactions
        WHERE tenant_id = $1 AND created_at <= (SELECT last FROM instants))"""

_DIFFERENCES: Final = """
    SELECT k.id, format('%s at %s: more by %s than by the entries', d.what, k.at, d.minor) AS detail
    FROM (SELECT nth, what, sum(minor) AS minor FROM told GROUP BY nth, what HAVING sum(minor) <> 0) d
    JOIN kept k ON k.nth = d.nth"""

_CREDITS: Final = f"""
    WITH {_INSTANTS},
    changes AS (
        SELECT credit_id, old_expires_at, new_expires_at, created_at,
            lag(created_at) OVER (PARTITION BY credit_id ORDER BY created_at, id) AS after
        FROM credit_changes WHERE tenant_id = $1),
    terms AS (
        SELECT c.id, h.old_expires_at AS expires_at, h.after, h.created_at AS until
        FROM credits c JOIN changes h ON h.credit_id = c.id WHERE c.tenant_id = $1
        UNION ALL
        SELECT c.id, c.expires_at, h.last, NULL
        FROM credits c LEFT JOIN (SELECT credit_id, max(created_at) AS last FROM changes GROUP BY credit_id) h
            ON h.credit_id = c.id WHERE c.tenant_id = $1),
    facts AS MATERIALIZED (
        SELECT c.id, format('%s, %s %s', a.asset, t.kind, t.reason) AS source,
            CASE WHEN c.starts_at > c.created_at THEN c.starts_at END AS starts_at
        FROM credits c
        JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        LEFT JOIN credits o ON o.tenant_id = $1 AND o.id = c.origin_id
        JOIN transactions t ON t.tenant_id = $1
            AND t.id = CASE WHEN c.origin_id IS NULL THEN c.transaction_id ELSE o.transaction_id END
        WHERE c.tenant_id = $1),
    moved AS MATERIALIZED (
        SELECT e.credit_id, e.amount_minor, x.created_at
        FROM entries e JOIN posted x ON x.id = e.transaction_id WHERE e.tenant_id = $1 AND e.credit_id IS NOT NULL),
    deltas AS (
        SELECT m.credit_id, m.created_at, t.expires_at, m.amount_minor AS minor
        FROM moved m JOIN terms t ON t.id = m.credit_id
            AND (t.after IS NULL OR m.created_at > t.after) AND (t.until IS NULL OR m.created_at <= t.until)
        UNION ALL
        SELECT h.credit_id, h.created_at, e.expires_at, e.sign * m.amount_minor
        FROM changes h JOIN moved m ON m.credit_id = h.credit_id AND m.created_at <= h.created_at
        CROSS JOIN LATERAL (VALUES (h.old_expires_at, -1), (h.new_expires_at, 1)) e(expires_at, sign)
        WHERE h.old_expires_at IS DISTINCT FROM h.new_expires_at AND h.created_at <= (SELECT last FROM instants)),
    said AS MATERIALIZED (
        SELECT k.nth, format('%s, expiring %s, starting %s', format('%s, %s %s', p ->> 0, p ->> 1, p ->> 2),
            coalesce((p ->> 3)::timestamptz::text, 'never'),
            coalesce((p ->> 4)::timestamptz::text, 'at once')) AS what, (p ->> 5)::numeric AS minor
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.credits) p),
    told AS (
        SELECT nth, what, minor FROM said
        UNION ALL SELECT nth + 1, what, -minor FROM said
        UNION ALL
        SELECT d.nth, format('%s, expiring %s, starting %s', f.source, coalesce(d.expires_at::text, 'never'),
            coalesce(f.starts_at::text, 'at once')), -d.minor
        FROM (
            SELECT {_NTH.format("created_at")} AS nth, credit_id, {_KEY.format("expires_at")} AS expires_at,
                sum(minor) AS minor
            FROM deltas GROUP BY 1, 2, 3
        ) d JOIN facts f ON f.id = d.credit_id)
    {_DIFFERENCES}"""

_COUNTERS: Final = f"""
    WITH {_INSTANTS},
    moved AS MATERIALIZED (
        SELECT a.asset, e.counter, e.amount_minor, {_NTH.format("x.created_at")} AS nth,
            e.balance_after_minor - coalesce(p.balance_after_minor, 0) AS balance_minor,
            (e.balance_after_minor > 0)::int - (coalesce(p.balance_after_minor, 0) > 0)::int AS owed
        FROM entries e JOIN posted x ON x.id = e.transaction_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        LEFT JOIN entries p ON p.tenant_id = $1 AND p.account_id = e.account_id AND p.sequence = e.sequence - 1
        WHERE e.tenant_id = $1),
    said AS MATERIALIZED (
        SELECT k.nth, format('%s, entries against %s', p ->> 0, p ->> 1) AS what, (p ->> 2)::numeric AS minor
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.counters) p
        UNION ALL
        SELECT k.nth, format('%s, balances', p ->> 0), (p ->> 1)::numeric
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.accounts) p
        UNION ALL
        SELECT k.nth, format('%s, accounts with a balance', p ->> 0), (p ->> 2)::numeric
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.accounts) p
        UNION ALL
        SELECT nth, 'transactions', transactions FROM kept),
    told AS (
        SELECT nth, what, minor FROM said
        UNION ALL SELECT nth + 1, what, -minor FROM said
        UNION ALL
        SELECT nth, format('%s, entries against %s', asset, counter), -sum(amount_minor)
        FROM moved GROUP BY nth, asset, counter
        UNION ALL
        SELECT nth, format('%s, balances', asset), -sum(balance_minor) FROM moved GROUP BY nth, asset
        UNION ALL
        SELECT nth, format('%s, accounts with a balance', asset), -sum(owed) FROM moved GROUP BY nth, asset
        UNION ALL
        SELECT {_NTH.format("created_at")}, 'transactions', -count(*) FROM posted GROUP BY 1)
    {_DIFFERENCES}"""

_SEEN: Final = f"""
    WITH {_INSTANTS},
    parts AS (SELECT nth, id, at, lag(at, 1, {BEGINNING_SQL}) OVER (ORDER BY at) AS after FROM kept),
    trail AS MATERIALIZED (
        SELECT x.actor_id, x.kind, x.reason, {_NTH.format("x.created_at")} AS nth FROM transactions x
        WHERE x.tenant_id = $1 AND x.created_at <= (SELECT last FROM instants)
        UNION ALL
        SELECT y.actor_id, NULL, NULL, {_NTH.format("y.created_at")} FROM audit_events y
        WHERE y.tenant_id = $1 AND y.created_at <= (SELECT last FROM instants)),
    counted AS (
        SELECT nth, 'ACTOR' AS what, actor_id::text AS value, count(*) AS records FROM trail GROUP BY nth, actor_id
        UNION ALL
        SELECT nth, 'KIND', kind, count(*) FROM trail WHERE kind IS NOT NULL GROUP BY nth, kind
        UNION ALL
        SELECT nth, 'REASON', reason, count(*) FROM trail WHERE reason IS NOT NULL GROUP BY nth, reason)
    SELECT coalesce(s.id, c.id) AS id, format('%s %s up to %s: %s records; %s in the trail', coalesce(s.what, c.what),
        coalesce(s.value, c.value), coalesce(s.at, c.at), s.records, c.records) AS detail
    FROM (SELECT id, what, value, after, at, records FROM totals_seen
        WHERE tenant_id = $1 AND what <> '{RUN}') s
    FULL JOIN (SELECT p.id, c.what, c.value, p.after, p.at, c.records FROM counted c JOIN parts p ON p.nth = c.nth) c
        ON c.at = s.at AND c.what = s.what AND c.value = s.value AND c.after = s.after
    WHERE s.records IS DISTINCT FROM c.records"""

# Two sets of items are compared by their number and the sum of their hashes: nobody has a reason to make them agree.
_ITEM: Final = "hashint8extended({}, (extract(epoch FROM {}) * 1000000)::bigint)"
_AMOUNTS: Final = f"""
    WITH {_INSTANTS},
    runs AS MATERIALIZED (
        SELECT id, value, after, at, records, row_number() OVER (ORDER BY at) - 1 AS nth,
            lag(at, 1, {BEGINNING_SQL}) OVER (ORDER BY at) AS before, lead(at) OVER (ORDER BY at) IS NULL AS newest
        FROM totals_seen WHERE tenant_id = $1 AND what = '{RUN}'),
    ends AS MATERIALIZED (SELECT array_agg(at ORDER BY at) AS ats FROM runs),
    sums AS (
        SELECT DISTINCT x.created_at AS at, a.asset, sum(e.amount_minor)::bigint AS minor
        FROM entries e JOIN posted x ON x.id = e.transaction_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        WHERE e.tenant_id = $1 GROUP BY x.created_at, a.asset, x.id),
    told AS (
        SELECT width_bucket(at - interval '1 microsecond', (SELECT ats FROM ends)) AS nth, asset, count(*) AS number,
            sum({_ITEM.format("minor", "at")}) AS sum
        FROM sums GROUP BY 1, 2),
    said AS (
        SELECT r.nth, t.asset, min(t.id::text)::uuid AS id, count(*) AS number, sum({_ITEM.format("u.minor", "u.at")}) AS sum
        FROM totals_amounts t LEFT JOIN runs r ON r.at = t.at AND r.value = t.level::text
        CROSS JOIN LATERAL unnest(t.minors, t.ats) u(minor, at)
        WHERE t.tenant_id = $1 GROUP BY r.nth, t.asset)
    SELECT coalesce(r.id, s.id, $1) AS id,
        format('amounts of %s up to %s: %s items; %s in the trail, or others', coalesce(s.asset, d.asset), r.at,
            coalesce(s.number, 0), coalesce(d.number, 0)) AS detail
    FROM said s FULL JOIN told d ON d.nth = s.nth AND d.asset = s.asset
    LEFT JOIN runs r ON r.nth = coalesce(s.nth, d.nth)
    WHERE (s.number, s.sum) IS DISTINCT FROM (d.number, d.sum)
    UNION ALL
    SELECT r.id, format('run of amounts from %s to %s: the one before it ends at %s, the newest totals at %s', r.after, r.at,
        r.before, i.last)
    FROM runs r CROSS JOIN instants i WHERE r.after <> r.before OR (r.newest AND r.at <> i.last)
    UNION ALL
    SELECT r.id, format('run of amounts up to %s: %s transactions; %s by the totals', r.at, r.records,
        k.transactions - coalesce(b.transactions, 0))
    FROM runs r JOIN kept k ON k.at = r.at LEFT JOIN kept b ON b.at = r.after
    WHERE r.records <> k.transactions - coalesce(b.transactions, 0)
    UNION ALL
    SELECT k.id, 'the amounts of no part were noted' FROM kept k
    WHERE k.at = (SELECT last FROM instants) AND NOT EXISTS (SELECT FROM runs)"""

TOTALS_CHECKS: Final = (
    Check("totals of credits", _CREDITS),
    Check("totals of entries", _COUNTERS),
    Check("totals seen", _SEEN),
    Check("totals of amounts", _AMOUNTS),
)
