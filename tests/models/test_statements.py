"""Several tables' rows in one statement, and what it tells of them."""

from uuid import uuid4

import asyncpg
import pytest

from models.errors import InvariantViolated
from models.planning.columns import changed, inserted
from models.planning.drafts import EventDraft, TransactionTextDraft
from models.planning.state import AccountState
from models.session import tenant_transaction
from models.statements import counted, insert, statement, update
from models.writing import _Writer
from tests.support.citus import given_cluster
from tests.support.tenants import Tenant

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
