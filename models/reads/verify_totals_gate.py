"""Whether the totals may differ from the entries, or entries be of another customer than their transaction: a comparison
that is quick, and names nothing (verify_totals.py and verify_checks.py do).

What a row of totals says that its part has moved is compared with the entries and changes of expiry of that part by their
number and the sum of their hashes; and what it adds to the credits of the row before it, by sums weighted with hashes of the
kinds of credit. The hashes start from a number that each run draws, so that nobody can make two sums agree beforehand. What
is added up by asset and counter, and the amounts, are compared as they are there.
"""

from typing import Final

from models.reads.verify_checks import PARTIES, Check
from models.reads.verify_totals import (
    AMOUNTS,
    ENTRIES_TOLD,
    FIGURES,
    KEPT,
    KEY,
    NTH,
    OWED,
    SEEN,
    TERMS,
    TOTALS,
    UNDER_CHANGES,
)
from models.totals import BEGINNING_SQL

# PostgreSQL lays the halves of an instant over each other before it hashes them, but not a number's digits: so instants are
# numbers. A row of nothing has the hash 0, whatever the seed: so the seed is mixed in once more.
_KIND: Final = (
    "(hash_record_extended(row({0}::text, {1}::text, extract(epoch FROM {2}::timestamptz), extract(epoch FROM"
    " {3}::timestamptz)), (SELECT seed FROM seeds)) # (SELECT seed FROM seeds))"
)
_PART: Final = "hashtextextended(coalesce({0}, ''), {1})"
"""Of the hash of a kind: with its asset."""
_AGAINST: Final = "CASE WHEN {0} IS NULL THEN {1} ELSE hashtextextended({0}, {1}) END"
"""Of that: with the counter, if it has one."""


def _item(part: str, minor: str, balance: str, owed: str, at: str) -> str:
    """The hash of one movement. Each value goes into the seed, of which all bits count; but for `owed`, which is small."""
    mixed = f"hashint8extended(0, hashint8extended(0, {part} # {minor}) # {balance})"
    return f"hashint8extended({owed}, {mixed} # (date_part('epoch', {at}) * 1000000)::bigint)"


# In the order of transactions, so that these are joined as they lie. What came after the last row counts in none.
_MOVED: Final = f"""{KEPT},
    posted AS (
        SELECT {NTH.format("created_at")} AS nth FROM transactions WHERE tenant_id = $1),
    moved AS MATERIALIZED (
        SELECT {NTH.format("m.at")} AS nth, m.at, m.transaction_id, m.credit_id, a.asset::text, m.counter::text,
            m.amount_minor, m.balance_after_minor,
            CASE WHEN a.customer_id <> m.customer_id THEN a.customer_id END AS other_id,
            CASE WHEN a.customer_id <> m.customer_id THEN m.customer_id END AS of_id
        FROM (
            SELECT x.created_at AS at, x.customer_id, e.transaction_id, e.account_id, e.credit_id, e.counter, e.amount_minor,
                e.balance_after_minor
            FROM entries e JOIN transactions x ON x.tenant_id = $1 AND x.id = e.transaction_id
            WHERE e.tenant_id = $1 ORDER BY e.transaction_id OFFSET 0) m
        JOIN accounts a ON a.tenant_id = $1 AND a.id = m.account_id)"""

# Whose records were merged is asked only of those that are of two records.
_PARTIES: Final = """
    strangers AS (
        SELECT 1 FROM moved m
        LEFT JOIN customers o ON o.tenant_id = $1 AND o.id = m.other_id
        LEFT JOIN customers d ON d.tenant_id = $1 AND d.id = m.of_id
        WHERE m.other_id IS NOT NULL
            AND coalesce(o.merged_into_id, o.id) IS DISTINCT FROM coalesce(d.merged_into_id, d.id)),
    lost AS (
        SELECT 1 FROM (SELECT count(*) AS number FROM entries WHERE tenant_id = $1) e
        CROSS JOIN (SELECT count(*) AS number FROM moved) m WHERE e.number <> m.number)"""

_STARTS: Final = "CASE WHEN c.starts_at > c.created_at THEN c.starts_at END"
# given: credits that another transaction gave first than the one that opened them.
_LOTS: Final = f"""
    seeds AS MATERIALIZED (SELECT (random() * 9007199254740991)::bigint AS seed),
    {TERMS},
    given AS MATERIALIZED (
        SELECT g.id, x.kind, x.reason FROM (
            SELECT c.id, CASE WHEN s.id IS NOT NULL THEN s.source_id ELSE o.transaction_id END AS transaction_id
            FROM credits c JOIN credits o ON o.tenant_id = $1 AND o.id = c.origin_id
            LEFT JOIN transferred_credits s ON s.tenant_id = $1 AND s.id = c.origin_id
            WHERE c.tenant_id = $1 AND c.origin_id IS NOT NULL
            UNION ALL
            SELECT c.id, s.source_id FROM transferred_credits s JOIN credits c ON c.tenant_id = $1 AND c.id = s.id
            WHERE s.tenant_id = $1 AND c.origin_id IS NULL
        ) g JOIN transactions x ON x.tenant_id = $1 AND x.id = g.transaction_id),
    lots AS (
        SELECT c.id, {
    _KIND.format(
        "CASE WHEN g.id IS NULL THEN c.kind ELSE g.kind END",
        "CASE WHEN g.id IS NULL THEN c.reason ELSE g.reason END",
        f"({KEY.format('c.expires_at')})",
        _STARTS,
    )
} AS kind_hash
        FROM (
            SELECT c.id, c.expires_at, c.starts_at, c.created_at, x.kind, x.reason
            FROM credits c JOIN transactions x ON x.tenant_id = $1 AND x.id = c.transaction_id
            WHERE c.tenant_id = $1 ORDER BY c.transaction_id OFFSET 0) c
        LEFT JOIN given g ON g.id = c.id),
    lots_changed AS MATERIALIZED (
        SELECT c.id, c.account_id, CASE WHEN g.id IS NULL THEN x.kind ELSE g.kind END AS kind,
            CASE WHEN g.id IS NULL THEN x.reason ELSE g.reason END AS reason, {_STARTS} AS starts_at
        FROM changed h JOIN credits c ON c.tenant_id = $1 AND c.id = h.credit_id
        JOIN transactions x ON x.tenant_id = $1 AND x.id = c.transaction_id
        LEFT JOIN given g ON g.id = c.id)"""

_OF_TERMS: Final = _KIND.format("l.kind", "l.reason", f"({KEY.format('t.expires_at')})", "l.starts_at")
_OF_CHANGE: Final = _KIND.format("l.kind", "l.reason", f"({KEY.format('e.expires_at')})", "l.starts_at")
_NO_KIND: Final = _KIND.format("NULL", "NULL", "NULL", "NULL")
_GROUPED: Final = f"""
    grouped AS MATERIALIZED (
        SELECT nth, asset, counter, count(*) AS number, sum(minor) AS minor, sum(owed) AS owed,
            sum({
    _item(_AGAINST.format("counter", "part"), "minor", "CASE WHEN counter IS NULL THEN 0 ELSE minor END", "owed", "at")
}) AS items, sum(part * minor::numeric) AS weighted
        FROM (
            SELECT m.nth, m.at, m.asset, m.counter, m.amount_minor AS minor, {OWED} AS owed,
                {
    _PART.format("m.asset", "CASE WHEN l.id IS NULL THEN (SELECT none FROM no_kind) ELSE l.kind_hash END")
} AS part
            FROM moved m LEFT JOIN lots l ON l.id = m.credit_id
            LEFT JOIN changed h ON h.credit_id = m.credit_id WHERE h.credit_id IS NULL
            UNION ALL
            SELECT m.nth, m.at, m.asset, m.counter, m.amount_minor, {OWED}, {_PART.format("m.asset", _OF_TERMS)}
            FROM lots_changed l JOIN terms t ON t.credit_id = l.id JOIN moved m ON m.credit_id = l.id
                AND (t.after IS NULL OR m.at > t.after) AND (t.until IS NULL OR m.at <= t.until)
            UNION ALL
            SELECT {NTH.format("h.created_at")}, h.created_at, a.asset::text, NULL, e.sign * h.minor, 0,
                {_PART.format("a.asset::text", _OF_CHANGE)}
            FROM (
                {UNDER_CHANGES}) h
            JOIN lots_changed l ON l.id = h.credit_id
            JOIN accounts a ON a.tenant_id = $1 AND a.id = l.account_id
            CROSS JOIN LATERAL (VALUES (h.old_expires_at, -1), (h.new_expires_at, 1)) e(expires_at, sign)
        ) u GROUP BY nth, asset, counter),
    against AS (SELECT nth, asset, counter, minor, owed FROM grouped WHERE counter IS NOT NULL)"""

# What a row of totals says that its part has moved. The latest totals may lie within a part: what came before them is of the
# row after them.
_SAID: Final = f"""
    said AS MATERIALIZED (
        SELECT k.nth, s.after, s.at, u.number, u.first_at, u.last_at, u.items
        FROM (
            SELECT id, at, lag(at, 1, {BEGINNING_SQL}) OVER (ORDER BY at) AS after, moved, moved_at, moved_part,
                moved_amounts, moved_balance, moved_owed
            FROM totals WHERE tenant_id = $1) s
        JOIN kept k ON k.at = s.at AND NOT k.latest
        CROSS JOIN LATERAL (
            SELECT array_agg({
    _AGAINST.format(
        "(p ->> 5)", _PART.format("p ->> 0", _KIND.format("(p ->> 1)", "(p ->> 2)", "(p ->> 3)", "(p ->> 4)"))
    )
} ORDER BY n) AS parts FROM jsonb_array_elements(s.moved) WITH ORDINALITY j(p, n)) j
        CROSS JOIN LATERAL (
            SELECT count(*) AS number, min(at) AS first_at, max(at) AS last_at,
                sum({_item("j.parts[part + 1]", "minor", "balance", "owed", "at")}) AS items
            FROM unnest(s.moved_at, s.moved_part, s.moved_amounts, s.moved_balance, s.moved_owed)
                i(at, part, minor, balance, owed)) u
        WHERE s.at > (SELECT told FROM instants)),
    moved_otherwise AS (
        SELECT 1 FROM said s FULL JOIN (
            SELECT k.row_nth, sum(g.number) AS number, sum(g.items) AS items
            FROM grouped g JOIN (
                SELECT nth, at, min(nth) FILTER (WHERE NOT latest) OVER (ORDER BY nth DESC) AS row_nth FROM kept
            ) k ON k.nth = g.nth CROSS JOIN instants i WHERE k.at > i.told AND k.at <= i.whole
            GROUP BY k.row_nth) g ON g.row_nth = s.nth
        WHERE s.first_at <= s.after OR s.last_at > s.at OR (coalesce(s.number, 0), s.items)
            IS DISTINCT FROM (coalesce(g.number, 0), g.items))"""

_CREDITS: Final = f"""
    parts AS MATERIALIZED (
        SELECT k.nth, sum({
    _PART.format("p ->> 0", _KIND.format("(p ->> 1)", "(p ->> 2)", "(p ->> 3)", "(p ->> 4)"))
} * (p ->> 5)::numeric) AS weighted
        FROM kept k CROSS JOIN LATERAL jsonb_array_elements(k.credits) p GROUP BY k.nth),
    credits_otherwise AS (
        SELECT 1 FROM (
            SELECT nth, weighted FROM parts
            UNION ALL SELECT nth + 1, -weighted FROM parts
            UNION ALL SELECT nth, -weighted FROM grouped
        ) u WHERE nth <= (SELECT max(nth) FROM kept) GROUP BY nth HAVING coalesce(sum(weighted), 0) <> 0)"""

_GATE: Final = f"""
    WITH {_MOVED}, {_LOTS},
    no_kind AS MATERIALIZED (SELECT {_NO_KIND} AS none),
    {_GROUPED}, {_SAID}, {_CREDITS}, {FIGURES}, {ENTRIES_TOLD}, {AMOUNTS},
    {_PARTIES}
    SELECT EXISTS (SELECT FROM strangers) OR EXISTS (SELECT FROM lost) OR EXISTS (SELECT FROM moved_otherwise)
        OR EXISTS (SELECT FROM credits_otherwise)
        OR EXISTS (SELECT FROM entries_told d JOIN kept k ON k.nth = d.nth) OR EXISTS (SELECT FROM amounts_told)"""

_EACH: Final = f"""
    SELECT d.compared, d.id, d.detail FROM ({TOTALS}) d
    UNION ALL
    SELECT '{PARTIES.name}', d.id, d.detail FROM ({PARTIES.sql}) d"""

TOTALS_CHECKS: Final = (Check(None, _EACH, gate=_GATE), SEEN)
"""The totals, and whose entries are: both take each entry's transaction and account."""
