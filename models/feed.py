"""The feed: which records are news, and how they get their positions (docs/adr/0061).

SQL here has $1 the tenant. Of records made at the same instant, transactions come first, in the order of their entries;
then the outbox, in its own order; then the audit.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from models.event_kinds import EventKind
from models.kinds import TransactionKind

OF_TRANSACTIONS: Final[Mapping[str, EventKind]] = MappingProxyType(
    {
        TransactionKind.ADJUSTMENT: EventKind.CREDIT_ADJUSTED,
        TransactionKind.ASSIGNMENT: EventKind.CREDIT_ASSIGNED,
        TransactionKind.RELEASE: EventKind.CREDIT_RELEASED,
        TransactionKind.EXPIRY: EventKind.CREDIT_EXPIRED,
        TransactionKind.VOID: EventKind.CREDIT_VOIDED,
        TransactionKind.UPDATE: EventKind.CREDIT_UPDATED,
        TransactionKind.USE: EventKind.CREDIT_USED,
        TransactionKind.SPEND: EventKind.CREDIT_SPENT,
        TransactionKind.REFUND: EventKind.CREDIT_REFUNDED,
        TransactionKind.HOLD: EventKind.CREDIT_HELD,
        TransactionKind.REWARD: EventKind.REWARD_GIVEN,
        TransactionKind.ORDER: EventKind.CREDIT_SOLD,
        TransactionKind.OVERPAYMENT: EventKind.CREDIT_KEPT,
        TransactionKind.CREDIT_NOTE: EventKind.CREDIT_NOTED,
        TransactionKind.TRANSFER: EventKind.CREDIT_TRANSFERRED,
        TransactionKind.REVIVAL: EventKind.CREDIT_REVIVED,
        TransactionKind.REVERSAL: EventKind.CREDIT_REVERSED,
        TransactionKind.MERGE: EventKind.CREDIT_MERGED,
        TransactionKind.RESTATEMENT: EventKind.LIFETIME_RESTATED,
    }
)
"""Each kind of transaction is news."""

INVOICE, PAYMENT, NOTE, COUPON = "INVOICE", "PAYMENT", "NOTE", "COUPON"
TIER, APPROVAL, BULK, CHECKPOINT = "TIER", "APPROVAL", "BULK", "CHECKPOINT"
OF_TOPICS: Final[Mapping[str, tuple[EventKind, str]]] = MappingProxyType(
    {
        "invoice.created": (EventKind.INVOICE_ISSUED, INVOICE),
        "invoice.paid": (EventKind.INVOICE_PAID, INVOICE),
        "invoice.voided": (EventKind.INVOICE_VOIDED, INVOICE),
        "payment.recorded": (EventKind.PAYMENT_RECORDED, PAYMENT),
        "payment.voided": (EventKind.PAYMENT_VOIDED, PAYMENT),
        "credit_note.voided": (EventKind.CREDIT_NOTE_VOIDED, NOTE),
        "coupon.issued": (EventKind.COUPON_ISSUED, COUPON),
        "coupon.used": (EventKind.COUPON_USED, COUPON),
        "coupon.reopened": (EventKind.COUPON_REOPENED, COUPON),
        "coupon.disabled": (EventKind.COUPON_DISABLED, COUPON),
        "tier.changed": (EventKind.TIER_CHANGED, TIER),
        "approval.requested": (EventKind.APPROVAL_REQUESTED, APPROVAL),
        "approval.approved": (EventKind.APPROVAL_APPROVED, APPROVAL),
        "approval.rejected": (EventKind.APPROVAL_REJECTED, APPROVAL),
        "approval.withdrawn": (EventKind.APPROVAL_WITHDRAWN, APPROVAL),
        "approval.expired": (EventKind.APPROVAL_EXPIRED, APPROVAL),
        "bulk.completed": (EventKind.BULK_FINISHED, BULK),
        "bulk.failed": (EventKind.BULK_FINISHED, BULK),
        "bulk.cancelled": (EventKind.BULK_FINISHED, BULK),
        "checkpoint.made": (EventKind.CHECKPOINT_MADE, CHECKPOINT),
    }
)
"""By the outbox's topic, the kind, and what the subject is."""
TOLD_OTHERWISE: Final = frozenset({"credit_note.created", "customer.merged"})
"""Topics of the outbox whose news a transaction or the audit has."""

OF_ACTIONS: Final[Mapping[str, EventKind]] = MappingProxyType(
    {
        "customer.created": EventKind.CUSTOMER_CREATED,
        "customer.updated": EventKind.CUSTOMER_UPDATED,
        "customer.merged": EventKind.CUSTOMER_MERGED,
        "customer.erased": EventKind.CUSTOMER_ERASED,
        "membership.started": EventKind.MEMBERSHIP_CHANGED,
        "membership.cancelled": EventKind.MEMBERSHIP_CHANGED,
        "membership.reinstated": EventKind.MEMBERSHIP_CHANGED,
        "limit.set": EventKind.LIMIT_CHANGED,
        "limit.removed": EventKind.LIMIT_CHANGED,
        "reason.created": EventKind.REASON_CHANGED,
        "reason.updated": EventKind.REASON_CHANGED,
        "token.issued": EventKind.TOKEN_CHANGED,
        "token.rotated": EventKind.TOKEN_CHANGED,
        "token.revoked": EventKind.TOKEN_CHANGED,
        "tier.created": EventKind.SETTINGS_CHANGED,
        "tier.updated": EventKind.SETTINGS_CHANGED,
        "tier.deleted": EventKind.SETTINGS_CHANGED,
        "reward.created": EventKind.SETTINGS_CHANGED,
        "reward.updated": EventKind.SETTINGS_CHANGED,
        "service.created": EventKind.SETTINGS_CHANGED,
        "service.updated": EventKind.SETTINGS_CHANGED,
        "product.created": EventKind.SETTINGS_CHANGED,
        "product.updated": EventKind.SETTINGS_CHANGED,
        "tenant.updated": EventKind.SETTINGS_CHANGED,
        "tenant.suspended": EventKind.SETTINGS_CHANGED,
        "tenant.resumed": EventKind.SETTINGS_CHANGED,
        "webhook.created": EventKind.SETTINGS_CHANGED,
        "webhook.updated": EventKind.SETTINGS_CHANGED,
        "webhook.rotated": EventKind.SETTINGS_CHANGED,
        "webhook.enabled": EventKind.SETTINGS_CHANGED,
        "webhook.disabled": EventKind.SETTINGS_CHANGED,
        "webhook.paused": EventKind.SETTINGS_CHANGED,
        "webhook.deleted": EventKind.SETTINGS_CHANGED,
        "webhook.replayed": EventKind.SETTINGS_CHANGED,
    }
)
"""By the audit's action."""
NO_NEWS: Final = frozenset(
    {
        "access.denied",
        "token.refused",
        "bulk.queued",
        "bulk.retried",
        "bulk.reversed",
        "credit_note.created",
        "bulk.cancelled",
        "webhook.tested",
        *(topic for topic in OF_TOPICS if topic not in OF_ACTIONS),
    }
)
"""Actions that are in no feed: what was refused, what has only begun, and what the outbox tells."""


def _table(rows: Mapping[str, tuple[str, ...]]) -> str:
    """The mapping as a table's rows, for SQL."""
    return ", ".join("({})".format(", ".join(f"'{value}'" for value in (key, *values))) for key, values in rows.items())


KINDS_OF_TRANSACTIONS: Final = _table({key: (kind,) for key, kind in OF_TRANSACTIONS.items()})
KINDS_OF_TOPICS: Final = _table(dict(OF_TOPICS))
KINDS_OF_ACTIONS: Final = _table({key: (kind,) for key, kind in OF_ACTIONS.items()})


def _names(known: Iterable[str]) -> str:
    """The names as a list, for SQL."""
    return ", ".join(f"'{name}'" for name in sorted(known))


BEGIN: Final = """
    insert into feed_heads (tenant_id, id, position, at, noticed_at, noticed_id, lapsed_at, lapsed_id, pruned)
    select n.id, n.id, 0, n.created_at, n.created_at, '00000000-0000-0000-0000-000000000000'::uuid, n.created_at,
           '00000000-0000-0000-0000-000000000000'::uuid, 0
      from tenants n where n.id = $1
    on conflict (tenant_id, id) do nothing"""
"""The head of a new tenant's feed, which begins with the tenant."""

_TIMES: Final = """
    (select created_at from {table} where tenant_id = $1 and created_at >= h.at and created_at < $2
      order by created_at offset $3 limit 1) as {name}_nth,
    (select created_at from {table} where tenant_id = $1 and created_at >= h.at and created_at < $2
      order by created_at desc limit 1) as {name}_last"""
_SOURCES: Final = ("transactions", "outbox", "audit_events")
_ALL_TIMES: Final = ", ".join(_TIMES.format(table=name, name=name) for name in _SOURCES)
_NTH: Final = ", ".join(f"t.{name}_nth" for name in _SOURCES)
_LAST: Final = ", ".join(f"t.{name}_last" for name in _SOURCES)
DUE: Final = f"""
    select greatest({_LAST}) >= least({_NTH}) as more, least({_NTH}, greatest({_LAST})) + interval '1 microsecond' as until,
           n.expiry_notice_days > 0 and (
               select true from credits c
                where c.tenant_id = $1 and c.open and c.expires_at >= t.noticed_at
                  and (c.expires_at, c.id) > (t.noticed_at, t.noticed_id)
                  and c.expires_at > $2 and c.expires_at <= $2 + make_interval(days => n.expiry_notice_days)
                order by c.expires_at, c.id limit 1) is true as noticed,
           (select true from holds o
             where o.tenant_id = $1 and o.expires_at >= t.lapsed_at and (o.expires_at, o.id) > (t.lapsed_at, t.lapsed_id)
               and o.expires_at <= $2 and o.held_minor > 0
             order by o.expires_at, o.id limit 1) is true as lapsed,
           n.suspended_at is not null as suspended
      from tenants n cross join (
           select h.noticed_at, h.noticed_id, h.lapsed_at, h.lapsed_id, {_ALL_TIMES}
             from feed_heads h where h.tenant_id = $1 and h.id = $1) t
     where n.id = $1"""
"""Whether anything waits for a position: until which instant records before $2 are taken next, $3 or a few more of each
table; null if there are none. noticed: whether a credit's expiry is to be announced. lapsed: whether a hold's has passed.
suspended: whether the tenant is, so that its jobs rest.
No row if there is no head."""

LOCK: Final = """
    select position, at, noticed_at, noticed_id, lapsed_at, lapsed_id from feed_heads
     where tenant_id = $1 and id = $1 for update skip locked"""

_UNKNOWN: Final = """
    (select created_at from {table} where tenant_id = $1 and created_at >= h.at and created_at < $2
        and {column} not in ({known}) order by created_at limit 1)"""
_ALL_UNKNOWN: Final = ", ".join(
    _UNKNOWN.format(table=table, column=column, known=_names(known))
    for table, column, known in (
        ("transactions", "kind", OF_TRANSACTIONS),
        ("outbox", "topic", {*OF_TOPICS, *TOLD_OTHERWISE}),
        ("audit_events", "action", {*OF_ACTIONS, *NO_NEWS}),
    )
)
LOCK_UNTIL: Final = f"""
    select h.position, h.at, h.noticed_at, h.noticed_id, h.lapsed_at, h.lapsed_id, least({_ALL_UNKNOWN}) as unknown
      from feed_heads h
     where h.tenant_id = $1 and h.id = $1 for update skip locked"""
"""The same, to give positions to what was recorded before $2. unknown: when the first of it was that this version does not
know: one of a newer version, beside it or from before somebody went back. Whether it is news only that one can tell."""

# When the credits that a sweep wrote off had expired, the last of them: their expiry of then, if they got another since.
_EXPIRED: Final = """(
    select max(coalesce(n.old_expires_at, c.expires_at))
      from (select credit_id from entries where tenant_id = $1 and transaction_id = x.id offset 0) e
      cross join lateral (select expires_at from credits where tenant_id = $1 and id = e.credit_id offset 0) c
      left join lateral (select old_expires_at from credit_changes
                          where tenant_id = $1 and credit_id = e.credit_id and created_at >= x.created_at
                            and old_expires_at <= x.created_at
                          order by created_at limit 1) n on true)"""
_PLACE: Final = "(select id from entries where tenant_id = $1 and transaction_id = x.id order by id limit 1)"
_RANGE: Final = "where tenant_id = $1 and created_at >= $2 and created_at < $3 order by created_at offset 0"
_WHOSE: Final = f"""
    case when k.about = '{INVOICE}' then (select customer_id from invoices where tenant_id = $1 and id = o.subject_id)
         when k.about = '{PAYMENT}' then (
              select i.customer_id from payments p join invoices i on i.tenant_id = $1 and i.id = p.invoice_id
               where p.tenant_id = $1 and p.id = o.subject_id)
         when k.about = '{NOTE}' then (
              select i.customer_id from credit_notes c join invoices i on i.tenant_id = $1 and i.id = c.invoice_id
               where c.tenant_id = $1 and c.id = o.subject_id)
         when k.about = '{COUPON}' then (select customer_id from coupons where tenant_id = $1 and id = o.subject_id)
         when k.about = '{TIER}' then (
              select a.customer_id from tier_changes c join accounts a on a.tenant_id = $1 and a.id = c.account_id
               where c.tenant_id = $1 and c.id = o.subject_id)
         when k.about = '{APPROVAL}' then (
              select customer_id from approval_requests where tenant_id = $1 and id = o.subject_id) end"""
_SINCE: Final = f"""
    case when k.kind = '{EventKind.APPROVAL_EXPIRED}' then (
              select expires_at from approval_requests where tenant_id = $1 and id = o.subject_id) end"""
_PAID: Final = f"""
    case when k.kind = '{EventKind.INVOICE_PAID}'
              and (select kind from invoices where tenant_id = $1 and id = o.subject_id) = 'ORDER'
         then '{EventKind.ORDER_PAID}' else k.kind end"""

TAKE: Final = f"""
    insert into feed (tenant_id, id, position, kind, subject_id, customer_id, occurred_at, recorded_at)
    select n.id, d.id, $4 + d.nth, d.kind, d.subject_id, d.customer_id, d.occurred_at, d.recorded_at
      from tenants n cross join (
           select e.*, row_number() over (order by e.recorded_at, e.rank, e.place, e.number) as nth
             from (select x.id, k.kind::text, null::uuid as subject_id, x.customer_id,
                          case when x.kind = '{TransactionKind.EXPIRY}' then {_EXPIRED} end as occurred_at,
                          x.created_at as recorded_at, 0 as rank, coalesce({_PLACE}, x.id) as place, 0::bigint as number
                     from (select id, kind, customer_id, created_at from transactions {_RANGE}) x
                     join (values {KINDS_OF_TRANSACTIONS}) k(of_kind, kind) on k.of_kind = x.kind
                   union all
                   select o.id, {_PAID}, o.subject_id, {_WHOSE}, {_SINCE}, o.created_at, 1, null, o.position
                     from (select id, topic, subject_id, created_at, position from outbox {_RANGE}) o
                     join (values {KINDS_OF_TOPICS}) k(topic, kind, about) on k.topic = o.topic
                   union all
                   select y.id, k.kind, y.subject_id, y.customer_id, null, y.created_at, 2, y.id, 0
                     from (select id, action, subject_id, customer_id, created_at from audit_events {_RANGE}) y
                     join (values {KINDS_OF_ACTIONS}) k(action, kind) on k.action = y.action) e) d
     where n.id = $1"""
"""Give what was recorded from $2 on and before $3 the positions after $4."""

OLDEST: Final = "select recorded_at from feed where tenant_id = $1 and position > $2 order by position limit 1"
"""When the first of the events after $2 was recorded."""
LATEST: Final = "select recorded_at from feed where tenant_id = $1 and position = $2"
"""When the event at $2 was recorded."""

# Whether a credit's expiry was told, and has not been changed since; of one that a merge has moved, under any of its ids.
_FORMS: Final = """(select id, account_id from credits where tenant_id = $1 and id = c.origin_id
                    union all select id, account_id from credits where tenant_id = $1 and origin_id = c.origin_id) k"""
_ITSELF: Final = "(select c.id, c.account_id offset 0) k"
_TOLD: Final = """
    (select max(f.recorded_at) from {forms}
      cross join lateral (select customer_id from accounts where tenant_id = $1 and id = k.account_id offset 0) b
      cross join lateral (select recorded_at from feed where tenant_id = $1 and customer_id = b.customer_id
                             and kind = 'CREDIT_EXPIRING' and subject_id = k.id offset 0) f)
    > coalesce((
        select max(h.created_at) from {forms}
         cross join lateral (select created_at from credit_changes where tenant_id = $1 and credit_id = k.id
                                and old_expires_at is distinct from new_expires_at offset 0) h), '-infinity')"""

# Of a credit that expires before the place from which announcing was set back: whether it had that expiry before then, or
# was told since.
_TOLD_BEFORE: Final = f"""
    c.created_at < h.told_before and (
        select true from credit_changes where tenant_id = $1 and credit_id = c.id and created_at >= h.told_before
           and old_expires_at is distinct from new_expires_at limit 1) is null
    or coalesce({_TOLD.format(forms=_ITSELF)}, false)"""

NOTICES: Final = f"""
    select c.id, c.expires_at, null::timestamptz as since, c.remaining_minor as minor, a.customer_id,
           case when c.origin_id is not null then coalesce({_TOLD.format(forms=_FORMS)}, false)
                when c.expires_at <= h.told_until then {_TOLD_BEFORE}
                else false end as told
      from (select id, origin_id, account_id, expires_at, remaining_minor, created_at from credits
             where tenant_id = $1 and open and expires_at is not null and (expires_at, id) > ($2, $3)
               and expires_at > $4::timestamptz and expires_at <= $4 + (
                   select make_interval(days => expiry_notice_days) from tenants where id = $1)
             order by expires_at, id limit $5) c
      cross join lateral (select customer_id from accounts where tenant_id = $1 and id = c.account_id offset 0) a
      cross join (select told_until, told_before from feed_heads where tenant_id = $1 and id = $1) h
     order by c.expires_at, c.id"""
"""Credits whose expiry is announced next, after the one of $2 and $3, at $4. What has expired by then is not announced.
told: whether it was announced already: of the credit that a merge has moved since, or with more days of notice."""
SET_BACK: Final = """
    update feed_heads
       set told_until = case when told_until > noticed_at then told_until else noticed_at end,
           told_before = case when told_until > noticed_at then told_before else $2 end,
           noticed_at = $3, noticed_id = '00000000-0000-0000-0000-000000000000'
     where tenant_id = $1 and id = $1 and noticed_at > $3"""
"""Go on announcing from $3, since fewer days of notice are given from $2 on: also what gets an expiry before the last one
that was announced."""
LAPSES: Final = """
    select o.id, o.expires_at, o.expires_at as since, o.held_minor as minor, a.customer_id, false as told
      from (select id, home_id, expires_at, held_minor from holds
             where tenant_id = $1 and expires_at >= $2 and (expires_at, id) > ($2, $3) and expires_at <= $4
               and held_minor > 0
             order by expires_at, id limit $5) o
      cross join lateral (select customer_id from accounts where tenant_id = $1 and id = o.home_id offset 0) a
     order by o.expires_at, o.id"""
"""Holds whose expiry has passed, after the one of $2 and $3, at $4."""
ANNOUNCE: Final = """
    insert into feed (tenant_id, id, position, kind, subject_id, customer_id, occurred_at, recorded_at, amount_minor)
    select n.id, d.id, $2 + d.nth, $4, d.id, d.customer_id, d.since, $3, d.minor
      from tenants n
      cross join unnest($5::uuid[], $6::uuid[], $7::timestamptz[], $8::bigint[]) with ordinality
                 d(id, customer_id, since, minor, nth)
     where n.id = $1"""
"""Give events of the kind $4, recorded at $3, the positions after $2."""
MOVE: Final = """
    update feed_heads
       set position = $2, at = $3, noticed_at = $4, noticed_id = $5, lapsed_at = $6, lapsed_id = $7
     where tenant_id = $1 and id = $1"""

PRUNE: Final = """
    delete from feed where tenant_id = $1 and position <= (
           select max(f.position) from (select position, recorded_at from feed where tenant_id = $1
                                         order by position limit $3) f
            where f.recorded_at < $2
              and f.position <= coalesce((
                  select min(settled) from webhooks
                   where tenant_id = $1 and status = 'ACTIVE' and deleted_at is null), f.position))"""
"""Delete the oldest events, recorded before $2: at most $3, and none that an active webhook has not got."""
PRUNED: Final = "update feed_heads set pruned = pruned + $2 where tenant_id = $1 and id = $1"
EMPTY: Final = """
    delete from outbox where tenant_id = $1 and created_at <= (
           select max(o.created_at) from (select created_at from outbox where tenant_id = $1 and created_at < $2
                                           order by created_at limit $3) o)"""
"""Delete the oldest rows of the outbox, from before $2: $3, or a few more."""
