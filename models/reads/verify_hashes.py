"""The books' hashes, worked out again by the database: each of a row's is compared where the row is, and none is fetched.

The bytes are those of models/hash_chain.py, put together anew in SQL, by nothing that wrote them. Every statement has the
tenant as $1 and returns (compared, id, detail).
"""

from collections.abc import Sequence
from typing import Final

from models.kinds import Counter, TransactionKind
from models.milestones import last_entry
from models.reads.verify_checks import Check


def _bytes(value: bytes) -> str:
    return f"'\\x{value.hex()}'::bytea"


_NO_UUID: Final = _bytes(bytes(16))
_NO_HASH: Final = _bytes(bytes(32))
_NOTHING: Final = _bytes(b"")
_EPOCH_DAY: Final = "DATE '1970-01-01'"


def _flags(*conditions: str, after: bytes = b"") -> str:
    """A byte, after some that are always the same, with a bit for each condition that holds, the first the lowest. A
    condition is true or false, never null."""
    bits = " + ".join(f"CASE WHEN {condition} THEN {1 << n} ELSE 0 END" for n, condition in enumerate(conditions))
    return f"set_byte({_bytes(after + bytes(1))}, {len(after)}, {bits})"


def _text(value: str) -> str:
    # As the connection's encoding has it, which is the driver's: UTF-8.
    return f"int2send(octet_length(textsend({value}))::int2) || textsend({value})"


def _word(value: str, words: Sequence[str]) -> str:
    """The same of a text that is nearly always one of these words, the most frequent first."""
    known = [f"WHEN {value} = '{word}' THEN {_bytes(len(word).to_bytes(2) + word.encode())}" for word in words]
    return f"CASE {' '.join(known)} ELSE {_text(value)} END"


def _text_if_any(value: str) -> str:
    return f"CASE WHEN {value} IS NULL THEN {_bytes(bytes(2))} ELSE {_text(value)} END"


def _id(value: str) -> str:
    return f"coalesce(uuid_send({value}), {_NO_UUID})"


def _instant(value: str) -> str:
    """Of most instants in floating point, in half the time: to 2^51 microseconds from 1970 each of its two steps is wrong by
    less than a quarter of one."""
    return (
        f"int8send(CASE WHEN {value} BETWEEN '1930-01-01 00:00Z' AND '2040-01-01 00:00Z'"
        f" THEN (date_part('epoch', {value}) * 1000000)::bigint"
        f" ELSE (extract(epoch FROM {value}) * 1000000)::bigint END)"
    )


def _instant_if_any(value: str) -> str:
    return f"CASE WHEN {value} IS NULL THEN {_bytes(bytes(8))} ELSE {_instant(value)} END"


def _day(value: str) -> str:
    return f"int4send(coalesce({value} - {_EPOCH_DAY}, 0))"


def _joined(*parts: str) -> str:
    """Concatenated by halves: each byte is copied a few times, not once for each part after it."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(*parts[:half])} || {_joined(*parts[half:])})"


def _sha256(*parts: str) -> str:
    return f"sha256({_joined(*parts)})"


_NUMBERS: Final = tuple(
    f"int8send(e.{column})" for column in ("sequence", "amount_minor", "lifetime_minor", "balance_after_minor")
)


def _entry(transaction_id: str = "uuid_send(e.transaction_id)", at: str = _instant("e.created_at")) -> tuple[str, ...]:
    """The parts of what the hash of an entry is of. transaction_id, at: bytes of these."""
    return (
        _flags("e.previous_hash IS NOT NULL", "e.credit_id IS NOT NULL", after=b"scrip-entry-2\0"),
        f"coalesce(e.previous_hash, {_NO_HASH})",
        *("uuid_send($1)", "uuid_send(e.id)", "uuid_send(e.account_id)", transaction_id),
        _id("e.credit_id"),
        *_NUMBERS,
        at,
        "t.digest",
        _word("e.counter", tuple(Counter)),
    )


ENTRY_BYTES: Final = _joined(*_entry())
"""The bytes that the hash of the entry `e` of the transaction `t` is of; null if the transaction has no digest."""
ENTRY: Final = _sha256(*_entry())
"""The hash of the entry `e` of the transaction `t`, which has a digest."""
ENTRY_OF: Final = _sha256(
    *_entry("t.sent_id", f"CASE WHEN e.created_at = t.created_at THEN t.sent_at ELSE {_instant('e.created_at')} END")
)
"""The same where `t` has its id and its time as bytes: sent_id and sent_at."""

ENTRY_1: Final = _sha256(
    _flags(
        "e.previous_hash IS NOT NULL",
        "t.approved_by_id IS NOT NULL",
        "t.note_digest IS NOT NULL",
        "t.reason IS NOT NULL",
        "e.credit_id IS NULL",
        after=b"scrip-entry-1\0",
    ),
    f"coalesce(e.previous_hash, {_NO_HASH})",
    *("uuid_send($1)", "uuid_send(e.account_id)", "uuid_send(e.transaction_id)", _id("e.credit_id")),
    *("uuid_send(t.customer_id)", "uuid_send(t.actor_id)", _id("t.approved_by_id")),
    *_NUMBERS,
    _instant("e.created_at"),
    f"coalesce(t.note_digest, {_NO_HASH})",
    *(_text(value) for value in ("e.counter", "t.kind", "coalesce(t.reason, '')")),
)
"""The same where it has none."""

_SENT: Final = f"uuid_send(t.id) AS sent_id, {_instant('t.created_at')} AS sent_at"
TRANSACTION: Final = _sha256(
    _flags(
        "t.approved_by_id IS NOT NULL",
        "t.note_digest IS NOT NULL",
        "t.reason IS NOT NULL",
        "t.idempotency_key IS NOT NULL",
        "t.limited_on IS NOT NULL",
        "t.key_use IS NOT NULL",
        "p.said IS NOT NULL",
        after=b"scrip-transaction-1\0",
    ),
    *("uuid_send($1)", "t.sent_id", "uuid_send(t.customer_id)", "uuid_send(t.actor_id)", _id("t.approved_by_id")),
    "t.sent_at",
    f"coalesce(t.note_digest, {_NO_HASH})",
    f"CASE WHEN t.key_use IS NULL AND t.key_at IS NULL THEN {_bytes(bytes(24))}"
    f" ELSE coalesce(t.key_use, {_NO_UUID}) || {_instant_if_any('t.key_at')} END",
    f"CASE WHEN p.said IS NULL THEN {_NO_HASH} ELSE"
    f" sha256(({_bytes(b'scrip-credits-1' + bytes(1))} || uuid_send($1)) || (t.sent_id || p.said)) END",
    f"CASE WHEN t.limited_minor IS NULL AND t.limited_on IS NULL THEN {_bytes(bytes(12))}"
    f" ELSE int8send(coalesce(t.limited_minor, 0)) || {_day('t.limited_on')} END",
    _word("t.kind", tuple(TransactionKind)),
    *(_text_if_any(f"t.{column}") for column in ("reason", "idempotency_key", "limited_asset")),
)
"""The digest of the transaction `t`, with its id and time as bytes, and what it said of the credits that it opened, `p`."""

_PROMISE: Final = _joined(
    _flags("o.expires_at IS NOT NULL", "o.auto_apply", "o.counts", "o.origin_id IS NOT NULL"),
    *("uuid_send(o.id)", "uuid_send(o.account_id)", _id("o.origin_id")),
    *("int8send(o.amount_minor)", "int8send(o.opened_sequence)"),
    _day("o.effective_on"),
    _instant("o.starts_at"),
    _instant_if_any("o.expires_at"),
    _instant("o.created_at"),
    f"CASE WHEN o.services = 0 THEN {_bytes(bytes(2))} ELSE int2send(o.services::int2) || o.service_ids END",
)
"""The promise of the credit `o`, as of when it was opened."""

_SALT: Final = ("int2send(octet_length(x.salt)::int2)", "x.salt")


def _long(value: str) -> str:
    return f"int4send(octet_length(textsend({value}))) || textsend({value})"


_NOTE: Final = f"""CASE WHEN num_nonnulls(x.reference, x.metadata) = 0
    THEN {_sha256(_bytes(b"scrip-note-1" + bytes(1)), *_SALT, "textsend(x.note)")}
    ELSE {
    _sha256(
        _bytes(b"scrip-texts-1" + bytes(1)),
        *_SALT,
        *(_long(value) for value in ("x.note", "coalesce(x.reference, '')", "coalesce(x.metadata, '')")),
    )
} END"""
"""The digest of a transaction's texts `x`."""


def _promises(opened: str = "") -> str:
    """Statement of what transactions said of the credits that they opened, with the terms of then, before their changes.
    opened: a condition, for a part of them. In the order of the transactions' ids, if it is sorted."""
    return f"""
        SELECT q.transaction_id, array_agg(q.id) AS ids, string_agg(q.promise, {_NOTHING} ORDER BY q.id) AS said
        FROM (
            SELECT o.transaction_id, o.id, {_PROMISE} AS promise
            FROM (
                SELECT c.id, c.transaction_id, c.account_id, c.origin_id, c.amount_minor, c.opened_sequence, c.effective_on,
                    c.starts_at, c.created_at, c.counts,
                    CASE WHEN f.credit_id IS NULL THEN c.expires_at ELSE f.old_expires_at END AS expires_at,
                    CASE WHEN f.credit_id IS NULL THEN c.auto_apply ELSE f.old_auto_apply END AS auto_apply,
                    coalesce(CASE WHEN f.credit_id IS NULL THEN s.number ELSE f.number END, 0) AS services,
                    coalesce(CASE WHEN f.credit_id IS NULL THEN s.ids ELSE f.ids END, {_NOTHING}) AS service_ids
                FROM credits c
                LEFT JOIN (
                    SELECT DISTINCT ON (credit_id) credit_id, old_expires_at, old_auto_apply,
                        jsonb_array_length(old_services) AS number, (
                            SELECT string_agg(uuid_send(v::uuid), {_NOTHING} ORDER BY v::uuid)
                            FROM jsonb_array_elements_text(old_services) v) AS ids
                    FROM credit_changes WHERE tenant_id = $1 ORDER BY credit_id, created_at, id
                ) f ON f.credit_id = c.id
                LEFT JOIN (
                    SELECT credit_id, count(*) AS number,
                        string_agg(uuid_send(service_id), {_NOTHING} ORDER BY service_id) AS ids
                    FROM credit_services WHERE tenant_id = $1 GROUP BY credit_id
                ) s ON s.credit_id = c.id
                WHERE c.tenant_id = $1 {opened}
            ) o OFFSET 0
        ) q GROUP BY q.transaction_id"""


def _transactions(of: str = "", opened: str = "") -> str:
    """Transactions, whether each has the digest that it bears. of, opened: conditions, for a part of them and of credits."""
    return f"""
        SELECT t.*, p.ids, CASE WHEN t.digest IS NULL THEN true ELSE t.digest = {TRANSACTION} END AS says
        FROM (SELECT t.*, {_SENT} FROM transactions t WHERE t.tenant_id = $1 {of} ORDER BY t.id OFFSET 0) t
        LEFT JOIN ({_promises(opened)}) p ON p.transaction_id = t.id ORDER BY t.id OFFSET 0"""


_UNSAID: Final = """
    SELECT d.compared, d.id, d.detail
    FROM (SELECT DISTINCT ON (transaction_id) transaction_id AS id, ids FROM odd
        WHERE transaction_id IS NOT NULL AND says IS NOT TRUE) n
    CROSS JOIN LATERAL (
        SELECT 'row of transactions' AS compared, n.id,
            'does not say what it said when it was written, or a credit that it opened does not' AS detail
        UNION ALL
        SELECT 'credit promise', o.id,
            format('transaction %s: what it promised is not what was hashed, or another one''s of %s, or the transaction is'
                ' another', n.id, cardinality(n.ids))
        FROM unnest(n.ids) o (id)
    ) d"""

POSTINGS: Final = f"""
    WITH odd AS MATERIALIZED (
        SELECT t.id AS transaction_id, t.ids, t.says, t.kind, e.id, e.account_id, e.sequence, e.named_id, e.counter,
            e.amount_minor,
            e.hash IS DISTINCT FROM CASE WHEN t.digest IS NULL THEN {ENTRY_1} ELSE {ENTRY_OF} END AS other_hash
        FROM ({_transactions()}) t
        FULL JOIN (SELECT e.*, e.transaction_id AS named_id FROM entries e WHERE e.tenant_id = $1) e
            ON e.transaction_id = t.id
        WHERE t.says IS NOT TRUE OR (e.id IS NOT NULL AND (t.kind = 'HOLD' OR (e.counter = 'SPENT'
                AND t.kind <> CASE WHEN e.amount_minor < 0 THEN 'SPEND' ELSE 'REFUND' END)
            OR e.hash IS DISTINCT FROM CASE WHEN t.digest IS NULL THEN {ENTRY_1} ELSE {ENTRY_OF} END))
    )
    {_UNSAID}
    UNION ALL
    SELECT 'entry hash', id, format('account %s, entry %s: its facts have another hash than it bears', account_id, sequence)
    FROM odd WHERE other_hash AND id IS NOT NULL AND transaction_id IS NOT NULL
    UNION ALL
    SELECT 'row of transactions', named_id, format('is gone, and %s rows of entries name it in transaction_id', count(*))
    FROM odd WHERE transaction_id IS NULL GROUP BY named_id
    UNION ALL
    SELECT 'spent', id, format('%s against %s in a %s', amount_minor, counter, kind)
    FROM odd WHERE counter = 'SPENT' AND kind <> CASE WHEN amount_minor < 0 THEN 'SPEND' ELSE 'REFUND' END
    UNION ALL
    SELECT 'captures', transaction_id, format('%s entries in a HOLD', count(*))
    FROM odd WHERE kind = 'HOLD' AND id IS NOT NULL GROUP BY transaction_id
"""
"""Every transaction with the credits that it opened, and its entries, in the order of their keys."""

CHAINS: Final = """
    WITH told AS (
        SELECT account_id, sum(amount_minor) AS balance, sum(lifetime_minor) AS lifetime, count(*) AS number,
            max(sequence) AS newest, string_agg(hash, '') FILTER (WHERE last) AS hash,
            max(created_at) FILTER (WHERE last) AS created_at, bool_or(broken) AS broken
        FROM (
            SELECT account_id, sequence, amount_minor, lifetime_minor, created_at, hash,
                lead(sequence) OVER w IS NULL AS last,
                created_at < lag(created_at) OVER w OR sequence <> coalesce(lag(sequence) OVER w, 0) + 1
                    OR balance_after_minor <> coalesce(lag(balance_after_minor) OVER w, 0) + amount_minor
                    OR previous_hash IS DISTINCT FROM lag(hash) OVER w AS broken
            FROM entries WHERE tenant_id = $1 WINDOW w AS (PARTITION BY account_id ORDER BY sequence)
        ) n GROUP BY account_id
    ), odd AS MATERIALIZED (
        SELECT a.id, a.asset, a.balance_minor, a.lifetime_minor, a.sequence, e.account_id, e.balance, e.lifetime, e.number,
            e.newest, e.broken, (a.balance_minor, a.lifetime_minor, a.sequence, a.sequence) IS DISTINCT FROM
                (coalesce(e.balance, 0), coalesce(e.lifetime, 0), coalesce(e.number, 0), coalesce(e.newest, 0)) AS sums,
            (a.head_hash, a.posted_at, a.sequence) IS DISTINCT FROM (e.hash, e.created_at, coalesce(e.newest, 0)) AS head
        FROM (SELECT * FROM accounts WHERE tenant_id = $1) a FULL JOIN told e ON e.account_id = a.id
        WHERE e.broken OR (a.balance_minor, a.lifetime_minor, a.sequence, a.sequence) IS DISTINCT FROM
                (coalesce(e.balance, 0), coalesce(e.lifetime, 0), coalesce(e.number, 0), coalesce(e.newest, 0))
            OR (a.head_hash, a.posted_at) IS DISTINCT FROM (e.hash, e.created_at)
    )
    SELECT d.compared, n.id, format('account %s, entry %s: %s', n.account_id, n.sequence, d.detail) AS detail
    FROM (
        SELECT e.id, e.account_id, e.sequence, e.amount_minor, e.balance_after_minor, e.created_at, e.previous_hash,
            coalesce(lag(e.sequence) OVER w, 0) AS after_sequence,
            coalesce(lag(e.balance_after_minor) OVER w, 0) AS balance, lag(e.created_at) OVER w AS after,
            lag(e.hash) OVER w AS hash
        FROM odd JOIN entries e ON e.tenant_id = $1 AND e.account_id = odd.account_id WHERE odd.broken
        WINDOW w AS (PARTITION BY e.account_id ORDER BY e.sequence)
    ) n CROSS JOIN LATERAL (VALUES
        ('entry time', n.created_at < n.after,
            format('of %s, before its predecessor''s %s', n.created_at, n.after)),
        ('entry sequence', n.sequence <> n.after_sequence + 1, format('follows %s', n.after_sequence)),
        ('entry balance', n.balance_after_minor <> n.balance + n.amount_minor,
            format('%s after %s and %s', n.balance_after_minor, n.balance, n.amount_minor)),
        ('entry link', n.previous_hash IS DISTINCT FROM n.hash, 'does not name its predecessor''s hash')
    ) d (compared, differs, detail)
    WHERE d.differs
    UNION ALL
    SELECT 'account sums', id, format('%s: balance %s, lifetime %s, sequence %s; entries: %s, %s, %s of them up to %s',
        asset, balance_minor, lifetime_minor, sequence, balance, lifetime, number, newest)
    FROM odd WHERE id IS NOT NULL AND sums
    UNION ALL
    SELECT 'account head', id, format('newest entry %s is not the one that the account names', sequence)
    FROM odd WHERE id IS NOT NULL AND head
    UNION ALL
    SELECT 'row of accounts', account_id, format('is gone, and %s rows of entries name it in account_id', number)
    FROM odd WHERE id IS NULL
"""
"""Every account with its entries, from the first to the newest: each continues the one before it, and all of them add up to
what the account says."""

NOTES: Final = f"""
    SELECT 'note' AS compared, n.id, n.detail FROM (
        SELECT t.id, CASE
            WHEN x.id IS NULL THEN 'the note is gone'
            WHEN x.referenced_at IS DISTINCT FROM CASE WHEN x.reference IS NOT NULL THEN t.created_at END
                THEN 'the reference is listed at another instant than its transaction''s'
            WHEN x.salt <> {_NOTHING} THEN CASE WHEN t.note_digest IS DISTINCT FROM {_NOTE}
                THEN 'the note, reference or metadata is not the one that was written' END
            WHEN coalesce(c.erased_at, p.erased_at, o.erased_at) IS NULL OR t.note_digest IS NULL
                    OR num_nonnulls(nullif(x.note, ''), x.reference, x.metadata) > 0
                THEN 'the note is blank, and its customer was not erased' END AS detail
        FROM transactions t
        LEFT JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id
        LEFT JOIN customers c ON c.tenant_id = $1 AND c.id = t.customer_id
        LEFT JOIN customers p ON p.tenant_id = $1 AND p.id = c.merged_into_id
        LEFT JOIN (
            SELECT s.id, max(coalesce(d.erased_at, q.erased_at)) AS erased_at FROM (
                SELECT id, received_id AS other_id FROM transfers WHERE tenant_id = $1
                UNION ALL SELECT received_id, id FROM transfers WHERE tenant_id = $1
            ) s
            JOIN transactions b ON b.tenant_id = $1 AND b.id = s.other_id
            JOIN customers d ON d.tenant_id = $1 AND d.id = b.customer_id
            LEFT JOIN customers q ON q.tenant_id = $1 AND q.id = d.merged_into_id
            GROUP BY s.id
        ) o ON o.id = t.id
        WHERE t.tenant_id = $1 AND (t.note_digest IS NOT NULL OR x.id IS NOT NULL)
    ) n WHERE n.detail IS NOT NULL
"""
"""Texts have the digest that their transaction bears. A note that is blank proves nothing, and only erasing leaves it so:
of a transfer, either customer's."""

HASH_CHECKS: Final = (Check(None, POSTINGS, merged=True), Check(None, CHAINS, merged=True), Check(None, NOTES))

HEADS_AT: Final = f"""
    SELECT get_byte(uuid_send(a.id), 15) AS bucket, count(*) AS accounts, sum(e.sequence)::bigint AS entries,
        sha256(string_agg(uuid_send(a.id) || int8send(e.sequence) || e.hash, '' ORDER BY a.id)) AS digest
    FROM accounts a CROSS JOIN LATERAL ({last_entry("e.sequence, e.hash", "a.id", "< $2")}) e
    WHERE a.tenant_id = $1 GROUP BY 1 ORDER BY 1
"""
"""Of each account, the newest entry before $2: a digest over them for each last byte of an account's id."""

_BEFORE = "CASE WHEN f.sequence IS NULL THEN 0 ELSE f.sequence END"
SINCE: Final = f"""accounts a LEFT JOIN LATERAL ({last_entry("e.sequence", "a.id", "< $2")}) f ON true
    CROSS JOIN LATERAL (
        SELECT * FROM entries WHERE tenant_id = $1 AND account_id = a.id AND sequence > {_BEFORE} OFFSET 0
    ) e WHERE a.tenant_id = $1 AND (a.posted_at >= $2 OR a.sequence > {_BEFORE})"""
"""Each account `a` with its entries `e` that follow the newest before $2, also if the account's own instant is wrong."""

SINCE_STATEMENTS: Final = (
    f"""
    SELECT d.compared, d.id, format('account %s, entry %s: %s', e.account_id, e.sequence, d.detail) AS detail
    FROM (SELECT e.* FROM {SINCE} OFFSET 0) e
    LEFT JOIN LATERAL (SELECT * FROM transactions WHERE tenant_id = $1 AND id = e.transaction_id OFFSET 0) t ON true
    LEFT JOIN LATERAL (
        SELECT * FROM entries WHERE tenant_id = $1 AND account_id = e.account_id AND sequence = e.sequence - 1 OFFSET 0
    ) b ON true
    CROSS JOIN LATERAL (VALUES
        ('entry hash', e.id, e.hash IS DISTINCT FROM CASE WHEN t.digest IS NULL THEN {ENTRY_1} ELSE {ENTRY} END,
            'its facts have another hash than it bears'),
        ('entry time', e.id, e.created_at < b.created_at, 'before its predecessor'),
        ('entry sequence', e.id, e.sequence <> coalesce(b.sequence, 0) + 1, 'follows none'),
        ('entry balance', e.id, e.balance_after_minor <> coalesce(b.balance_after_minor, 0) + e.amount_minor,
            format('%s after %s and %s', e.balance_after_minor, coalesce(b.balance_after_minor, 0), e.amount_minor)),
        ('entry link', e.id, e.previous_hash IS DISTINCT FROM b.hash, 'does not name its predecessor''s hash'),
        ('row of transactions', e.transaction_id, t.id IS NULL, 'is gone')
    ) d (compared, id, differs, detail)
    WHERE d.differs
    """,
    """
    SELECT 'account head' AS compared, a.id,
        format('newest entry %s is not the one that the account names, or has another balance', a.sequence) AS detail
    FROM accounts a LEFT JOIN LATERAL (
        SELECT * FROM entries WHERE tenant_id = $1 AND account_id = a.id ORDER BY sequence DESC LIMIT 1
    ) e ON true
    WHERE a.tenant_id = $1 AND $2::timestamptz IS NOT NULL
        AND (a.sequence, a.head_hash, a.posted_at, a.balance_minor)
            IS DISTINCT FROM (coalesce(e.sequence, 0), e.hash, e.created_at, coalesce(e.balance_after_minor, 0))
    """,
    f"""
    WITH odd AS MATERIALIZED (
        SELECT id AS transaction_id, ids, says
        FROM ({_transactions("AND t.created_at >= $2", "AND c.opened_at >= $2")}) t WHERE says IS NOT TRUE
    )
    {_UNSAID}""",
)
"""Statements about what came since $2, each row by its key."""
