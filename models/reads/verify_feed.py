"""The feed, compared with what it tells of: no position is missing, each event has what told of it, and each record that
is news is in it once."""

from typing import Final

from models.event_kinds import EventKind
from models.feed import KINDS_OF_ACTIONS, KINDS_OF_TOPICS, KINDS_OF_TRANSACTIONS, OF_ACTIONS, OF_TRANSACTIONS
from models.reads.verify_checks import Check


def _listed(kinds: set[EventKind]) -> str:
    return ", ".join(f"'{kind}'" for kind in sorted(kinds))


_MOVING: Final = _listed(set(OF_TRANSACTIONS.values()))
_AUDITED: Final = _listed(set(OF_ACTIONS.values()))
# What was recorded after the oldest event that is kept, and before the head: all of it has a position.
_KEPT: Final = """
    head AS (
        SELECT h.at, (SELECT f.recorded_at FROM feed f WHERE f.tenant_id = $1 ORDER BY f.position LIMIT 1) AS since
        FROM feed_heads h WHERE h.tenant_id = $1),
    told AS MATERIALIZED (SELECT id, kind FROM feed WHERE tenant_id = $1)"""
_IN: Final = "r.created_at > (SELECT since FROM head) AND r.created_at < (SELECT at FROM head)"

FEED_CHECKS: Final = (
    Check(
        "feed positions",
        """
        SELECT h.id, format('after %s, up to %s: %s events, the first %s, the last %s', h.pruned, h.position, f.number,
            f.first, f.last) AS detail
        FROM feed_heads h CROSS JOIN (
            SELECT count(*) AS number,
                count(DISTINCT id) FILTER (WHERE kind NOT IN ('CREDIT_EXPIRING', 'HOLD_LAPSED')) AS own,
                count(*) FILTER (WHERE kind IN ('CREDIT_EXPIRING', 'HOLD_LAPSED')) AS announced, min(position) AS first,
                max(position) AS last
            FROM feed WHERE tenant_id = $1) f
        WHERE h.tenant_id = $1 AND (f.number <> h.position - h.pruned OR f.own + f.announced <> f.number
            OR coalesce(f.first, h.pruned + 1) <> h.pruned + 1 OR coalesce(f.last, h.position) <> h.position)
        """,
    ),
    Check(
        "feed order",
        """
        SELECT f.id, format('%s was recorded before %s', f.position, f.position - 1) AS detail
        FROM (SELECT id, position, recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before
            FROM feed WHERE tenant_id = $1) f
        WHERE f.recorded_at < f.before
        """,
    ),
    Check(
        "event of the feed",
        f"""
        SELECT f.id, format('%s, %s: nothing tells of it', f.position, f.kind) AS detail
        FROM feed f
        LEFT JOIN (
            SELECT t.id, t.customer_id, t.created_at, k.kind
            FROM transactions t JOIN (VALUES {KINDS_OF_TRANSACTIONS}) k(of_kind, kind) ON k.of_kind = t.kind
            WHERE t.tenant_id = $1) x
            ON x.id = f.id AND x.kind = f.kind AND x.customer_id = f.customer_id AND x.created_at = f.recorded_at
        LEFT JOIN (
            SELECT a.id, a.customer_id, a.subject_id, a.created_at, k.kind
            FROM audit_events a JOIN (VALUES {KINDS_OF_ACTIONS}) k(action, kind) ON k.action = a.action
            WHERE a.tenant_id = $1) y
            ON y.id = f.id AND y.kind = f.kind AND y.customer_id IS NOT DISTINCT FROM f.customer_id
            AND y.subject_id IS NOT DISTINCT FROM f.subject_id AND y.created_at = f.recorded_at
        WHERE f.tenant_id = $1 AND f.kind IN ({_MOVING}, {_AUDITED}) AND x.id IS NULL AND y.id IS NULL
        """,
    ),
    Check(
        "news in the feed",
        f"""
        WITH {_KEPT}
        SELECT n.id, format('%s of %s is not in it', n.what, n.at) AS detail
        FROM (
            SELECT r.id, r.kind::text AS what, r.created_at AS at FROM transactions r
            WHERE r.tenant_id = $1 AND {_IN}
            UNION ALL
            SELECT r.id, r.topic::text, r.created_at
            FROM outbox r JOIN (VALUES {KINDS_OF_TOPICS}) k(topic, kind, about) ON k.topic = r.topic
            WHERE r.tenant_id = $1 AND {_IN}
            UNION ALL
            SELECT r.id, r.action::text, r.created_at
            FROM audit_events r JOIN (VALUES {KINDS_OF_ACTIONS}) k(action, kind) ON k.action = r.action
            WHERE r.tenant_id = $1 AND {_IN}) n
        LEFT JOIN told f ON f.id = n.id
        WHERE f.id IS NULL
        """,
    ),
)
"""Comparisons of the feed. What told of the others is in the outbox only as long as they are."""
