"""The totals, compared with all entries and changes of expiry: what each row adds to the one before it.

Computed in another way than the rows themselves (models/totals.py): from each credit's terms over time.
"""

from typing import Final

from models.amounts import RUN
from models.reads.verify_checks import Check
from models.totals import BEGINNING_SQL

NTH: Final = "width_bucket({0} - interval '1 microsecond', (SELECT ats FROM instants))"
KEY: Final = """CASE WHEN {0} = date_bin(interval '15 minutes', {0}, timestamptz 'epoch') THEN {0}
    ELSE date_bin(interval '15 minutes', {0}, timestamptz 'epoch') + interval '1 microsecond' END"""
# Two sets of items are compared by their number and the sum of their hashes: nobody has a reason to make them agree.
_ITEM: Final = "hashint8extended(0, hashint8extended(0, {}) # (date_part('epoch', {}) * 1000000)::bigint)"

# latest: of those that are written anew again and again, of which no part is noted. whole: the last of the others. told: the
# last of those that do not say what their part has moved.
_COLUMNS: Final = "id, at, transactions, credits, counters, accounts"
_ALL_OF: Final = f"""(
        SELECT {_COLUMNS}, false AS latest, moved IS NOT NULL AS told FROM totals WHERE tenant_id = $1
        UNION ALL
        SELECT {_COLUMNS}, true, true FROM totals_latest WHERE tenant_id = $1)"""
KEPT: Final = f"""
    kept AS MATERIALIZED (SELECT k.*, row_number() OVER (ORDER BY at, latest) - 1 AS nth FROM {_ALL_OF} k),
    instants AS MATERIALIZED (
        SELECT array_agg(at ORDER BY at) AS ats, max(at) AS last, max(at) FILTER (WHERE NOT latest) AS whole,
            coalesce(max(at) FILTER (WHERE NOT told), {BEGINNING_SQL}) AS told
        FROM kept)"""
_KEPT_PARTS: Final = KEPT.replace(f"FROM {_ALL_OF} k", f"FROM {_ALL_OF} k WHERE NOT k.latest")

# nth: of the row of totals that a transaction is in first.
_MOVED: Final = f"""{KEPT},
    posted AS MATERIALIZED (
        SELECT id, kind::text, reason::text, created_at, {NTH.format("created_at")} AS nth FROM transactions
        WHERE tenant_id = $1 AND created_at <= (SELECT last FROM instants)),
    moved AS MATERIALIZED (
        SELECT x.nth, x.created_at AS at, e.transaction_id, e.credit_id, a.asset::text, e.counter::text, e.amount_minor,
            e.balance_after_minor
        FROM entries e JOIN posted x ON x.id = e.transaction_id
        JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
        WHERE e.tenant_id = $1)"""

UNDER_CHANGES: Final = """
                SELECT h.id, h.credit_id, h.old_expires_at, h.new_expires_at, h.created_at,
                    sum(m.amount_minor)::bigint AS minor
                FROM changes h JOIN moved m ON m.credit_id = h.credit_id AND m.at <= h.created_at
                WHERE h.old_expires_at IS DISTINCT FROM h.new_expires_at AND h.created_at <= (SELECT last FROM instants)
                GROUP BY h.id, h.credit_id, h.old_expires_at, h.new_expires_at, h.created_at
                HAVING sum(m.amount_minor) <> 0"""
"""Changes of an expiry, each with what was left of the credit then."""

OWED: Final = "(m.balance_after_minor > 0)::int - (m.balance_after_minor - m.amount_minor > 0)::int"
# Of a credit whose terms have changed, each entry counts under the terms of its time.
TERMS: Final = """
    changes AS (
        SELECT id, credit_id, old_expires_at, new_expires_at, created_at,
            lag(created_at) OVER (PARTITION BY credit_id ORDER BY created_at, id) AS after
        FROM credit_changes WHERE tenant_id = $1),
    changed AS (SELECT credit_id, max(created_at) AS last FROM changes GROUP BY credit_id),
    terms AS (
        SELECT credit_id, old_expires_at AS expires_at, after, created_at AS until FROM changes
        UNION ALL
        SELECT c.id, c.expires_at, h.last, NULL
        FROM credits c JOIN changed h ON h.credit_id = c.id WHERE c.tenant_id = $1)"""
_CREDITS: Final = f"""
{TERMS},
    lots AS MATERIALIZED (
        SELECT c.id, a.asset::text, x.kind, x.reason, c.expires_at, h.credit_id IS NOT NULL AS changed,
            CASE WHEN c.starts_at > c.created_at THEN c.starts_at END AS starts_at
        FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
        LEFT JOIN (
            SELECT m.id, o.transaction_id FROM credits m JOIN credits o ON o.tenant_id = $1 AND o.id = m.origin_id
            WHERE m.tenant_id = $1 AND m.origin_id IS NOT NULL) r ON r.id = c.id
        LEFT JOIN (SELECT id, source_id FROM transferred_credits WHERE tenant_id = $1) s
            ON s.id = CASE WHEN c.origin_id IS NULL THEN c.id ELSE c.origin_id END
        JOIN posted x ON x.id = CASE WHEN s.id IS NOT NULL THEN s.source_id
            WHEN c.origin_id IS NULL THEN c.transaction_id ELSE r.transaction_id END
        LEFT JOIN changed h ON h.credit_id = c.id
        WHERE c.tenant_id = $1),
    parts AS MATERIALIZED (
        SELECT k.nth, p ->> 0 AS asset, p ->> 1 AS kind, p ->> 2 AS reason, (p ->> 3)::timestamptz AS expires_at,
            (p ->> 4)::timestamptz AS starts_at, (p ->> 5)::numeric AS minor
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.credits) p),
    grouped AS MATERIALIZED (
        SELECT nth, asset, kind, reason, expires_at, starts_at, counter, sum(minor) AS minor, sum(owed) AS owed,
            count(*) AS number, sum({_ITEM.format("minor", "at")}) AS items
        FROM (
            SELECT m.nth, m.at, m.asset, l.kind, l.reason, {KEY.format("l.expires_at")} AS expires_at, l.starts_at,
                m.counter, m.amount_minor AS minor, {OWED} AS owed
            FROM moved m JOIN lots l ON l.id = m.credit_id WHERE NOT l.changed
            UNION ALL
            SELECT m.nth, m.at, m.asset, l.kind, l.reason, {KEY.format("t.expires_at")}, l.starts_at, m.counter,
                m.amount_minor, {OWED}
            FROM lots l JOIN terms t ON t.credit_id = l.id JOIN moved m ON m.credit_id = l.id
                AND (t.after IS NULL OR m.at > t.after) AND (t.until IS NULL OR m.at <= t.until)
            WHERE l.changed
            UNION ALL
            SELECT nth, at, asset, NULL, NULL, NULL, NULL, counter, amount_minor, 0 FROM moved WHERE credit_id IS NULL
            UNION ALL
            SELECT {NTH.format("h.created_at")}, h.created_at, l.asset, l.kind, l.reason, {KEY.format("e.expires_at")},
                l.starts_at, NULL, e.sign * h.minor, 0
            FROM (
                {UNDER_CHANGES}) h
            JOIN lots l ON l.id = h.credit_id
            CROSS JOIN LATERAL (VALUES (h.old_expires_at, -1), (h.new_expires_at, 1)) e(expires_at, sign)
        ) u GROUP BY nth, asset, kind, reason, expires_at, starts_at, counter),
    credits_told AS (
        SELECT nth, asset, kind, reason, expires_at, starts_at, sum(minor) AS minor FROM (
            SELECT nth, asset, kind, reason, expires_at, starts_at, minor FROM parts
            UNION ALL SELECT nth + 1, asset, kind, reason, expires_at, starts_at, -minor FROM parts
            UNION ALL SELECT nth, asset, kind, reason, expires_at, starts_at, -minor FROM grouped
        ) u GROUP BY nth, asset, kind, reason, expires_at, starts_at HAVING sum(minor) <> 0)"""

# Each movement that a row of totals says, by the row that its instant is in first.
_MOVES: Final = f"""
    said AS (
        SELECT s.id, s.at, s.after, s.moved, u.nth, u.part, u.number, u.first_at, u.last_at, u.minor, u.balance, u.owed,
            u.items
        FROM (
            SELECT id, at, lag(at, 1, {BEGINNING_SQL}) OVER (ORDER BY at) AS after, moved, moved_at, moved_part,
                moved_amounts, moved_balance, moved_owed
            FROM totals WHERE tenant_id = $1) s
        CROSS JOIN LATERAL (
            SELECT {NTH.format("at")} AS nth, part, count(*) AS number, min(at) AS first_at, max(at) AS last_at,
                sum(minor) AS minor, sum(balance) AS balance, sum(owed) AS owed, sum({_ITEM.format("minor", "at")}) AS items
            FROM unnest(s.moved_at, s.moved_part, s.moved_amounts, s.moved_balance, s.moved_owed)
                i(at, part, minor, balance, owed)
            GROUP BY 1, 2) u
        WHERE s.at > (SELECT told FROM instants)),
    moves_told AS (
        SELECT id, format('movements from %s to %s: of %s and %s', after, at, first_at, last_at) AS detail FROM said
        WHERE first_at <= after OR last_at > at OR first_at IS NULL
        UNION ALL
        SELECT k.id, format('movements of %s, %s %s, against %s, at %s or before: not those of the entries, or not as many',
            d.asset, d.kind, d.reason, coalesce(d.counter, 'nothing'), k.at)
        FROM (
            SELECT nth, asset, kind, reason, expires_at, starts_at, counter
            FROM (
                SELECT nth, moved -> part ->> 0 AS asset, moved -> part ->> 1 AS kind, moved -> part ->> 2 AS reason,
                    (moved -> part ->> 3)::timestamptz AS expires_at, (moved -> part ->> 4)::timestamptz AS starts_at,
                    moved -> part ->> 5 AS counter, number, minor, balance, owed, items
                FROM said
                UNION ALL
                SELECT nth, asset, kind, reason, expires_at, starts_at, counter, -number, -minor,
                    CASE WHEN counter IS NULL THEN 0 ELSE -minor END, -owed, -items
                FROM grouped) u
            GROUP BY nth, asset, kind, reason, expires_at, starts_at, counter
            HAVING (sum(number), sum(minor), sum(balance), sum(owed), sum(items)) <> (0, 0, 0, 0, 0)) d
        JOIN kept k ON k.nth = d.nth CROSS JOIN instants i WHERE k.at > i.told AND k.at <= i.whole)"""

# What the balances come from one entry's to the next: an entry whose own does not is found with its chain.
_AGAINST: Final = f"""
    against AS MATERIALIZED (
        SELECT nth, asset, counter, sum(amount_minor) AS minor,
            sum({OWED.replace("m.", "")}) AS owed
        FROM moved GROUP BY nth, asset, counter)"""
FIGURES: Final = """
    figures AS MATERIALIZED (
        SELECT k.nth, format('%s, entries against %s', p ->> 0, p ->> 1) AS what, (p ->> 2)::numeric AS minor
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.counters) p
        UNION ALL
        SELECT k.nth, format('%s, %s', p ->> 0, w.what), w.minor
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.accounts) p
        CROSS JOIN LATERAL (VALUES ('balances', (p ->> 1)::numeric), ('accounts with a balance', (p ->> 2)::numeric))
            w(what, minor)
        UNION ALL
        SELECT nth, 'transactions', transactions FROM kept)"""
ENTRIES_TOLD: Final = """
    entries_told AS (
        SELECT nth, what, sum(minor) AS minor FROM (
            SELECT nth, what, minor FROM figures
            UNION ALL SELECT nth + 1, what, -minor FROM figures
            UNION ALL SELECT nth, format('%s, entries against %s', asset, counter), -minor FROM against
            UNION ALL SELECT nth, format('%s, balances', asset), -minor FROM against
            UNION ALL SELECT nth, format('%s, accounts with a balance', asset), -owed FROM against
            UNION ALL SELECT nth, 'transactions', -count(*) FROM posted GROUP BY nth
        ) u GROUP BY nth, what HAVING sum(minor) <> 0)"""

AMOUNTS: Final = f"""
    runs AS MATERIALIZED (
        SELECT id, value, after, at, records, row_number() OVER (ORDER BY at) - 1 AS nth,
            lag(at, 1, {BEGINNING_SQL}) OVER (ORDER BY at) AS before, lead(at) OVER (ORDER BY at) IS NULL AS newest
        FROM totals_seen WHERE tenant_id = $1 AND what = '{RUN}'),
    ends AS MATERIALIZED (SELECT array_agg(at ORDER BY at) AS ats FROM runs),
    sums AS (
        SELECT DISTINCT at, asset, sum(amount_minor)::bigint AS minor FROM moved
        WHERE at <= (SELECT whole FROM instants) GROUP BY at, asset, transaction_id),
    items_told AS (
        SELECT width_bucket(at - interval '1 microsecond', (SELECT ats FROM ends)) AS nth, asset, count(*) AS number,
            sum({_ITEM.format("minor", "at")}) AS sum
        FROM sums GROUP BY 1, 2),
    items AS (
        SELECT r.nth, t.asset::text, min(t.id::text)::uuid AS id, count(*) AS number,
            sum({_ITEM.format("u.minor", "u.at")}) AS sum
        FROM totals_amounts t LEFT JOIN runs r ON r.at = t.at AND r.value = t.level::text
        CROSS JOIN LATERAL unnest(t.minors, t.ats) u(minor, at)
        WHERE t.tenant_id = $1 GROUP BY r.nth, t.asset),
    amounts_told AS (
        SELECT coalesce(r.id, s.id, $1) AS id,
            format('amounts of %s up to %s: %s items; %s in the trail, or others', coalesce(s.asset, d.asset), r.at,
                coalesce(s.number, 0), coalesce(d.number, 0)) AS detail
        FROM items s FULL JOIN items_told d ON d.nth = s.nth AND d.asset = s.asset
        LEFT JOIN runs r ON r.nth = coalesce(s.nth, d.nth)
        WHERE (s.number, s.sum) IS DISTINCT FROM (d.number, d.sum)
        UNION ALL
        SELECT r.id, format('run of amounts from %s to %s: the one before it ends at %s, the newest totals at %s', r.after,
            r.at, r.before, i.whole)
        FROM runs r CROSS JOIN instants i WHERE r.after <> r.before OR (r.newest AND r.at <> i.whole)
        UNION ALL
        SELECT r.id, format('run of amounts up to %s: %s transactions; %s by the totals', r.at, r.records,
            k.transactions - coalesce(b.transactions, 0))
        FROM runs r JOIN kept k ON k.at = r.at LEFT JOIN kept b ON b.at = r.after
        WHERE r.records <> k.transactions - coalesce(b.transactions, 0)
        UNION ALL
        SELECT k.id, 'the amounts of no part were noted' FROM kept k
        WHERE k.at = (SELECT whole FROM instants) AND NOT k.latest AND NOT EXISTS (SELECT FROM runs))"""

TOTALS: Final = f"""
    WITH {_MOVED}, {_CREDITS}, {_MOVES}, {_AGAINST}, {FIGURES}, {ENTRIES_TOLD}, {AMOUNTS}
    SELECT 'totals of credits' AS compared, k.id,
        format('%s, %s %s, expiring %s, starting %s at %s: more by %s than by the entries', d.asset, d.kind, d.reason,
            coalesce(d.expires_at::text, 'never'), coalesce(d.starts_at::text, 'at once'), k.at, d.minor) AS detail
    FROM credits_told d JOIN kept k ON k.nth = d.nth
    UNION ALL
    SELECT 'totals of entries', k.id, format('%s at %s: more by %s than by the entries', d.what, k.at, d.minor)
    FROM entries_told d JOIN kept k ON k.nth = d.nth
    UNION ALL
    SELECT 'totals of movements', id, detail FROM moves_told
    UNION ALL
    SELECT 'totals of amounts', id, detail FROM amounts_told"""

_SEEN: Final = f"""
    WITH {_KEPT_PARTS},
    parts AS (SELECT nth, id, at, lag(at, 1, {BEGINNING_SQL}) OVER (ORDER BY at) AS after FROM kept),
    trail AS MATERIALIZED (
        SELECT x.actor_id, x.kind, x.reason, {NTH.format("x.created_at")} AS nth FROM transactions x
        WHERE x.tenant_id = $1 AND x.created_at <= (SELECT last FROM instants)
        UNION ALL
        SELECT y.actor_id, NULL, NULL, {NTH.format("y.created_at")} FROM audit_events y
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

SEEN: Final = Check("totals seen", _SEEN)
