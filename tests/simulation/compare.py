"""Whether the database says what the reference says. A merged record's rows are read as the survivor's."""

from collections.abc import Iterable
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final
from uuid import UUID

from models.reads import accounts, liability
from models.reads.session import ReadSession
from tests.simulation.names import Names
from tests.simulation.records import minor
from tests.simulation.reference import Reference
from tests.support.tenants import Tenant

Balances = tuple[int, int, int]
"""The ledger's, scheduled and available, in minor units."""

_PERSON: Final = "JOIN customers p ON p.tenant_id = $1 AND p.id = {}.customer_id"
_ONE: Final = "coalesce(p.merged_into_id, p.id)"
_CUSTOMERS: Final = """
    SELECT id, merged_into_id, CASE WHEN erased_at IS NULL THEN external_id END, erased_at IS NOT NULL
    FROM customers WHERE tenant_id = $1 ORDER BY id"""
_PEOPLE: Final = """
    SELECT id, CASE WHEN erased_at IS NULL THEN name END, membership_started_at, membership_cancelled_at
    FROM customers WHERE tenant_id = $1 AND merged_into_id IS NULL ORDER BY id"""
_CREDITS: Final = f"""
    SELECT f.id, {_ONE}, a.asset, f.amount_minor, c.remaining_minor, c.amount_minor - c.remaining_minor - c.gone_minor,
        c.counts, c.created_at, c.starts_at, c.expires_at, c.auto_apply, c.swept_at IS NOT NULL, c.voided_at IS NOT NULL,
        ARRAY(SELECT s.service_id FROM credit_services s WHERE s.tenant_id = $1 AND s.credit_id = c.id ORDER BY 1)
    FROM credits c JOIN credits f ON f.tenant_id = $1 AND f.id = coalesce(c.origin_id, c.id)
    JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id {_PERSON.format("a")}
    WHERE c.tenant_id = $1 AND c.successor_id IS NULL ORDER BY f.id"""
_INVOICES: Final = f"""
    SELECT i.id, {_ONE}, i.currency, i.total_minor, i.paid_minor, i.credited_minor, i.noted_minor, i.status
    FROM invoices i {_PERSON.format("i")} WHERE i.tenant_id = $1"""
_ASSIGNMENTS: Final = """
    SELECT coalesce(c.origin_id, c.id), a.invoice_id, a.amount_minor, a.noted_minor, p.id, a.released_at IS NULL
    FROM assignments a JOIN credits c ON c.tenant_id = $1 AND c.id = a.credit_id
    LEFT JOIN payments p ON p.tenant_id = $1 AND p.transaction_id = a.transaction_id
    WHERE a.tenant_id = $1 ORDER BY a.id"""
_PAYMENTS: Final = """
    SELECT p.id, p.invoice_id, p.amount_minor, p.noted_minor, p.method, p.voided_at IS NULL, coalesce(o.amount_minor, 0),
        o.credit_id
    FROM payments p LEFT JOIN overpayments o ON o.tenant_id = $1 AND o.id = p.id WHERE p.tenant_id = $1"""
_NOTES: Final = """
    SELECT n.id, n.invoice_id, n.amount_minor, n.lowered_minor, coalesce(c.origin_id, c.id), n.voided_at IS NULL
    FROM credit_notes n LEFT JOIN credits c ON c.tenant_id = $1 AND c.id = n.credit_id WHERE n.tenant_id = $1"""
_GRANTS: Final = """
    SELECT g.invoice_id, coalesce(c.origin_id, c.id) AS lot FROM grants g
    JOIN credits c ON c.tenant_id = $1 AND c.id = g.credit_id
    WHERE g.tenant_id = $1 AND g.revoked_transaction_id IS NULL ORDER BY g.invoice_id, lot"""
_COUPONS: Final = f"""
    SELECT {_ONE}, c.points_spent_minor, c.expires_at, c.status, c.closed_at IS NULL, c.invoice_id, c.reopened_at IS NOT NULL
    FROM coupons c {_PERSON.format("c")} WHERE c.tenant_id = $1 ORDER BY c.id"""
_REFUNDS: Final = "SELECT spend_id, sum(amount_minor) FROM refunds WHERE tenant_id = $1 GROUP BY spend_id"
_REVERSED: Final = """
    SELECT r.operation_id, count(*) FROM reversed_rows m JOIN bulk_rows r ON r.tenant_id = $1 AND r.id = m.id
    WHERE m.tenant_id = $1 GROUP BY 1"""
_HOLDS: Final = f"""
    SELECT h.id, {_ONE}, a.asset, h.amount_minor, h.held_minor, h.captured_minor, h.expires_at, h.invoice_id
    FROM holds h JOIN accounts a ON a.tenant_id = $1 AND a.id = h.account_id {_PERSON.format("a")}
    WHERE h.tenant_id = $1"""
_REFERENCES: Final = """
    SELECT id, reference FROM transaction_texts WHERE tenant_id = $1 AND reference IS NOT NULL
    UNION ALL SELECT id, reference FROM invoice_texts WHERE tenant_id = $1"""
_STOCK: Final = "SELECT id, stock FROM rewards WHERE tenant_id = $1 ORDER BY id"
_TIERS: Final = """
    SELECT DISTINCT ON (a.customer_id) a.customer_id, t.new_tier FROM tier_changes t
    JOIN accounts a ON a.tenant_id = $1 AND a.id = t.account_id
    WHERE t.tenant_id = $1 ORDER BY a.customer_id, t.id DESC"""
_LADDER: Final = "SELECT threshold_minor, name FROM tiers WHERE tenant_id = $1"
UNORDERED: Final = (
    "invoice",
    "payment",
    "request",
    "grant",
    "stock",
    "account",
    "refund",
    "note",
    "hold",
    "reference",
    "reversal",
)
_USED: Final = """
    SELECT l.role, l.holder, l.asset, l.day, l.scope, l.used_minor FROM limit_counters l
    LEFT JOIN customers c ON c.tenant_id = $1 AND c.id::text = l.holder
    WHERE l.tenant_id = $1 AND l.used_minor > 0 AND c.merged_into_id IS NULL"""
_REQUESTS: Final = f"""
    SELECT r.id, {_ONE}, r.status FROM approval_requests r {_PERSON.format("r")} WHERE r.tenant_id = $1"""
_FILES: Final = """
    SELECT id, status, total, succeeded, failed FROM bulk_operations
    WHERE tenant_id = $1 AND command IS NOT NULL AND reverses_id IS NULL ORDER BY created_at, id"""
_ROWS: Final = """
    SELECT o.id, r."row", r.error->>'code', r.transaction_id IS NOT NULL FROM bulk_rows r
    JOIN bulk_operations o ON o.tenant_id = $1 AND o.id = r.operation_id AND o.command IS NOT NULL AND o.reverses_id IS NULL
    WHERE r.tenant_id = $1 ORDER BY o.created_at, o.id, r."row" """


async def differences(
    tenant: Tenant, names: Names, reference: Reference, past: dict[tuple[UUID, datetime], Balances]
) -> list[str]:
    """In words; none where they agree. What each account holds now is put down in `past`."""
    session = ReadSession(tenant.id)
    try:
        found: list[str] = []
        for kind, sql, expected in _expected(names, reference):
            found += _unlike(kind, [tuple(row) for row in await session.fetch(sql)], expected)
        settled = {(role, _holder(names, whose), *more, _scope(whose)) for role, whose, *more in reference.settled}
        used = (tuple(row) for row in await session.fetch(_USED))
        found += _unlike_sets(
            "limit", *({row for row in rows if row[:-1] not in settled} for rows in (used, _used(names, reference)))
        )
        found += _unlike_rows([tuple(row) for row in await session.fetch(_ROWS)], names, reference)
        views = await accounts.of_customers(session, names.customers, tenant.clock())
        past.update(
            {
                (view.id, tenant.clock()): (view.balance_minor, view.scheduled_minor, view.available_minor)
                for view in views
            }
        )
        found += _unlike(
            "account",
            [
                (
                    v.customer_id,
                    v.asset,
                    v.balance_minor,
                    v.available_minor,
                    v.scheduled_minor,
                    v.lifetime_minor,
                    v.held_minor,
                )
                for v in views
                if v.balance_minor or v.lifetime_minor
            ],
            list(_accounts(tenant, names, reference)),
        )
        now, zone = tenant.clock(), str(reference.zone)
        found += _unlike_sets(
            "owed",
            {
                (part.asset, part.month or "", part.kind, part.reason or "", part.outstanding_minor)
                for part in await liability.parts(session, now, now, zone)
            },
            {
                (asset, month or "", source, reason or "", amount)
                for (asset, month, source, reason), amount in reference.owed(now).items()
            },
        )
        tiers, ladder = dict(await session.fetch(_TIERS)), dict(await session.fetch(_LADDER))
        people = reference.people()
        return found + _unlike(
            "tier",
            [(n, tiers.get(names.customers[n])) for n in people],
            [(n, ladder.get(reference.tier(n))) for n in people],
        )
    finally:
        await session.release()


async def changed(tenant: Tenant, past: dict[tuple[UUID, datetime], Balances]) -> list[str]:
    """What was otherwise then, by what is read of it now."""
    session = ReadSession(tenant.id)
    try:
        now = await accounts.balances_at(session, list(past))
        pairs = zip(past.items(), now, strict=True)
        return [
            f"account {account} at {at} held {then}, and now it did {balance}"
            for ((account, at), then), balance in pairs
            if then != (balance.ledger_minor, balance.scheduled_minor, balance.available_minor)
        ]
    finally:
        await session.release()


def _expected(names: Names, reference: Reference) -> Iterable[tuple[str, str, list[tuple[Any, ...]]]]:
    yield from _expected_people(names, reference)
    yield from _expected_bills(names, reference)
    yield from _expected_notes(names, reference)
    yield from _expected_rest(names, reference)
    yield from _expected_requests(names, reference)


def _expected_people(names: Names, reference: Reference) -> Iterable[tuple[str, str, list[tuple[Any, ...]]]]:
    def who(customer: int) -> Any:
        return names.customers[reference.person(customer)]

    yield (
        "customer",
        _CUSTOMERS,
        [
            (
                names.customers[number],
                None if customer.into is None else who(number),
                customer.external or None,
                customer.erased,
            )
            for number, customer in enumerate(reference.customers)
        ],
    )
    yield (
        "person",
        _PEOPLE,
        [
            (names.customers[number], None if person.erased else person.name, person.started, person.cancelled)
            for number, person in ((number, reference.customers[number]) for number in reference.people())
        ],
    )
    yield (
        "credit",
        _CREDITS,
        [
            (
                names.lots[lot.serial],
                who(lot.customer),
                lot.asset,
                minor(lot.amount, lot.asset),
                minor(lot.left, lot.asset),
                minor(lot.used, lot.asset),
                lot.counts,
                lot.created,
                lot.starts,
                lot.expires,
                lot.auto_apply,
                lot.swept,
                lot.voided,
                sorted(names.services[s] for s in lot.services),
            )
            for lot in reference.lots
        ],
    )


def _expected_bills(names: Names, reference: Reference) -> Iterable[tuple[str, str, list[tuple[Any, ...]]]]:
    def who(customer: int) -> Any:
        return names.customers[reference.person(customer)]

    rows = names.rows
    yield (
        "invoice",
        _INVOICES,
        [
            (
                rows["invoices"][invoice.serial],
                who(invoice.customer),
                invoice.currency,
                *(
                    minor(amount, invoice.currency)
                    for amount in (invoice.total, invoice.paid, invoice.credited, invoice.noted)
                ),
                invoice.status,
            )
            for invoice in reference.invoices
        ],
    )
    yield (
        "assignment",
        _ASSIGNMENTS,
        [
            (
                names.lots[part.lot],
                rows["invoices"][part.invoice],
                minor(part.amount, reference.invoices[part.invoice].currency),
                minor(part.noted, reference.invoices[part.invoice].currency),
                None if part.payment is None else rows["payments"][part.payment],
                part.live,
            )
            for part in reference.assignments
        ],
    )
    yield (
        "payment",
        _PAYMENTS,
        [
            (
                rows["payments"][number],
                rows["invoices"][p.invoice],
                minor(p.amount, reference.invoices[p.invoice].currency),
                minor(p.noted, reference.invoices[p.invoice].currency),
                p.method,
                p.live,
                minor(p.kept, reference.invoices[p.invoice].currency),
                None if p.lot is None else names.lots[p.lot],
            )
            for number, p in enumerate(reference.payments)
        ],
    )


def _expected_notes(names: Names, reference: Reference) -> Iterable[tuple[str, str, list[tuple[Any, ...]]]]:
    rows = names.rows
    yield (
        "note",
        _NOTES,
        [
            (
                rows["notes"][number],
                rows["invoices"][note.invoice],
                *(minor(amount, reference.invoices[note.invoice].currency) for amount in (note.amount, note.lowered)),
                None if note.lot is None else names.lots[note.lot],
                note.live,
            )
            for number, note in enumerate(reference.notes)
        ],
    )
    yield (
        "grant",
        _GRANTS,
        [
            (rows["invoices"][invoice.serial], names.lots[lot])
            for invoice in reference.invoices
            for lot in invoice.granted
        ],
    )


def _expected_rest(names: Names, reference: Reference) -> Iterable[tuple[str, str, list[tuple[Any, ...]]]]:
    def who(customer: int) -> Any:
        return names.customers[reference.person(customer)]

    rows = names.rows
    yield (
        "coupon",
        _COUPONS,
        [
            (
                who(coupon.customer),
                coupon.points,
                coupon.expires,
                coupon.status,
                coupon.status == "ISSUED",
                None if coupon.invoice is None else rows["invoices"][coupon.invoice],
                coupon.reopened,
            )
            for coupon in reference.coupons
        ],
    )
    yield (
        "refund",
        _REFUNDS,
        [
            (rows["spends"][number], minor(spend.returned, spend.asset))
            for number, spend in enumerate(reference.spends)
            if spend.returned
        ],
    )
    back = [sum(row.taken_back for row in bulk.rows) for bulk in reference.bulks]
    yield (
        "reversal",
        _REVERSED,
        [(names.bulks[number], rows_back) for number, rows_back in enumerate(back) if rows_back],
    )
    yield (
        "hold",
        _HOLDS,
        [
            (
                rows["holds"][number],
                who(hold.customer),
                hold.asset,
                *(minor(amount, hold.asset) for amount in (hold.amount, hold.left, hold.captured)),
                hold.expires,
                None if hold.invoice is None else rows["invoices"][hold.invoice],
            )
            for number, hold in enumerate(reference.holds)
        ],
    )


def _expected_requests(names: Names, reference: Reference) -> Iterable[tuple[str, str, list[tuple[Any, ...]]]]:
    rows = names.rows
    spends = [(rows["spends"][n], spend.reference) for n, spend in enumerate(reference.spends) if spend.reference]
    bills = [(rows["invoices"][bill.serial], bill.reference) for bill in reference.invoices if bill.reference]
    yield "reference", _REFERENCES, [*spends, *bills]
    yield "stock", _STOCK, [(names.prizes[number], prize.stock) for number, prize in enumerate(reference.prizes)]
    yield (
        "request",
        _REQUESTS,
        [
            (
                rows["approval_requests"][number],
                names.customers[reference.person(asked.facts["customer"])],
                asked.status,
            )
            for number, asked in enumerate(reference.requests)
        ],
    )
    yield (
        "file",
        _FILES,
        [
            (names.files[number], file.status, len(file.rows), file.succeeded, file.failed)
            for number, file in enumerate(reference.files)
        ],
    )


def _accounts(tenant: Tenant, names: Names, reference: Reference) -> Iterable[tuple[Any, ...]]:
    """What holds something; a merged record's account never does."""
    now = tenant.clock()
    for person, asset in {(reference.person(lot.customer), lot.asset) for lot in reference.lots}:
        amounts = (
            reference.balance(person, asset),
            reference.available(person, asset, now),
            reference.scheduled(person, asset, now),
            reference.lifetime(person, asset),
            reference.held_on(person, asset, now),
        )
        if amounts[0] or amounts[3]:
            yield (names.customers[person], asset, *(minor(amount, asset) for amount in amounts))


def _used(names: Names, reference: Reference) -> Iterable[tuple[Any, ...]]:
    for (role, whose, asset, day), used in reference.used.items():
        kind, *number = whose.split()
        if used and (kind == "actor" or reference.customers[int(number[0])].into is None):
            yield (role, _holder(names, whose), asset, day, _scope(whose), used)


def _holder(names: Names, whose: str) -> str:
    kind, *number = whose.split()
    return "staff" if kind == "actor" else str(names.customers[int(number[0])])


def _scope(whose: str) -> str:
    spending = whose.endswith("spending")
    if whose.startswith("actor"):
        return "SPENT_ACTOR_DAY" if spending else "PER_ACTOR_DAY"
    return "SPENT_PERSON_DAY" if spending else "PER_CUSTOMER_DAY"


def _unlike_rows(real: list[tuple[Any, ...]], names: Names, reference: Reference) -> list[str]:
    """Rows of files: the code that each was refused with is one of those that the rules allow."""
    expected = [
        (names.files[number], place, row.errors, row.posted)
        for number, file in enumerate(reference.files)
        for place, row in enumerate(file.rows)
    ]
    shown = [
        (operation, place, frozenset() if code is None else errors if code in errors else {code}, posted)
        for (operation, place, code, posted), (_, _, errors, _) in zip(real, expected, strict=False)
    ]
    return _unlike("row", shown, expected)


def _unlike(kind: str, real: list[Any], expected: list[Any]) -> list[str]:
    """What differs by its place; or, where these cannot be told apart by it, by itself."""
    if kind in UNORDERED:
        return _unlike_sets(kind, set(real), set(expected))
    pairs = enumerate(zip_longest(real, expected))
    return [f"{kind} {number}: {a} is not {b}" for number, (a, b) in pairs if a != b]


def _unlike_sets(kind: str, real: set[Any], expected: set[Any]) -> list[str]:
    more, less = sorted(real - expected), sorted(expected - real)
    return [f"{kind}: {row} is there" for row in more] + [f"{kind}: {row} is not there" for row in less]
