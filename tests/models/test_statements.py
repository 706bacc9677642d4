"""Several tables' rows in one statement, and what it tells of them."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import asyncpg
import pytest

from models.errors import InvariantViolated
from models.planning.columns import changed, inserted
from models.planning.drafts import BulkRowDraft, EventDraft, TransactionTextDraft
from models.planning.state import AccountState
from models.session import tenant_transaction
from models.statements import MANY, counted, insert, sent, statement, update
from models.writing import _Writer
from tests.support.citus import given_cluster
from tests.support.tenants import Tenant

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
REFUSED, WHY = (
    (InvariantViolated, "outbox: 0 of 1 rows")
    if given_cluster() is None
    else (asyncpg.InsufficientPrivilegeError, "row-level security")
)


def test_updates_tell_what_they_found_and_the_first_insert_for_all() -> None:
    parts = (
        insert(inserted(EventDraft)),
        update(changed(AccountState, "sequence")),
        insert(inserted(TransactionTextDraft)),
    )
    assert counted(parts) == (0, 1)
    assert statement(parts).count("RETURNING 1") == 2
    assert counted(parts[:1]) == (0,)


def test_of_many_rows_a_column_with_one_value_is_sent_as_that_value() -> None:
    part = insert(inserted(EventDraft))  # id, topic, subject and instant
    rows = [(uuid4(), "test", uuid4(), NOW) for _ in range(MANY)]
    filled, arguments = sent(part, rows)
    assert (arguments[1], arguments[3]) == ("test", NOW)
    assert [len(arguments[place]) for place in (0, 2)] == [MANY, MANY]
    text = statement((filled,))
    assert "u.id, $3::text, u.subject_id, $5::timestamptz" in text
    assert "unnest($2::uuid[], $4::uuid[]) AS u(id, subject_id)" in text


def test_few_rows_and_different_values_are_sent_as_arrays() -> None:
    part = insert(inserted(EventDraft))
    rows = [(uuid4(), "test", uuid4(), NOW) for _ in range(MANY)]
    assert sent(part, rows[1:]) == (part, list(zip(*rows[1:], strict=True)))
    filled, _ = sent(part, [*rows[1:-1], (uuid4(), "other", uuid4(), NOW), rows[0]])
    assert filled.same == (3,)


def test_equal_numbers_with_other_decimal_places_are_not_one_value() -> None:
    part = insert(inserted(BulkRowDraft))
    places = [column.name for column in inserted(BulkRowDraft).columns]
    amounts = [Decimal("1.0"), Decimal("1.00")] * MANY
    rows = [[n if name in ("id", "row") else None for name in places] for n in range(len(amounts))]
    for row, amount in zip(rows, amounts, strict=True):
        row[places.index("amount")] = amount  # type: ignore[call-overload]
    filled, arguments = sent(part, rows)
    assert list(arguments[places.index("amount")]) == amounts
    assert places.index("transaction_id") in filled.same


async def test_many_rows_with_one_value_are_written_as_they_are(tenant: Tenant) -> None:
    columns = inserted(EventDraft)
    subject = uuid4()
    events = [EventDraft(uuid4(), "test", subject if n else uuid4(), NOW) for n in range(MANY)]
    async with tenant_transaction(tenant.id) as connection:
        writer = _Writer.__new__(_Writer)
        writer.tenant_id, writer.raw = tenant.id, connection.raw
        await writer._send([(insert(columns), [columns.values(event, {}) for event in events])])
        rows = await connection.raw.fetch(
            "SELECT id, topic, subject_id, created_at FROM outbox WHERE tenant_id = $1 AND topic = 'test'", tenant.id
        )
    assert {tuple(row) for row in rows} == {(e.id, e.topic, e.subject_id, e.created_at) for e in events}


async def test_rows_that_were_not_written_are_noticed(tenant: Tenant) -> None:
    """As where the tenant's row cannot be seen: nothing is inserted then, and nothing else would say so. A cluster is sent
    the values themselves, and row security refuses them."""
    with pytest.raises(REFUSED, match=WHY):
        await written_for_nobody(tenant)


async def written_for_nobody(tenant: Tenant) -> None:
    """A row of the outbox, by a connection that is another tenant's."""
    event = EventDraft(uuid4(), "test", uuid4(), tenant.ledger.clock.given)  # type: ignore[arg-type]
    columns = inserted(EventDraft)
    async with tenant_transaction(tenant.id) as connection:
        writer = _Writer.__new__(_Writer)
        writer.tenant_id, writer.raw = uuid4(), connection.raw
        await writer._send([(insert(columns), [columns.values(event, {})])])
