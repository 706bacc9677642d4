"""Several tables' rows in one statement, and what it tells of them."""

from uuid import uuid4

import pytest

from models.errors import InvariantViolated
from models.planning.columns import changed, inserted
from models.planning.drafts import EventDraft, TransactionTextDraft
from models.planning.state import AccountState
from models.session import tenant_transaction
from models.statements import counted, insert, statement, update
from models.writing import _Writer
from tests.support.tenants import Tenant


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
    """As where the tenant's row cannot be seen: nothing is inserted then, and nothing else would say so."""
    event = EventDraft(uuid4(), "test", uuid4(), tenant.ledger.clock.given)  # type: ignore[arg-type]
    columns = inserted(EventDraft)
    async with tenant_transaction(tenant.id) as connection:
        writer = _Writer.__new__(_Writer)
        writer.tenant_id, writer.raw = uuid4(), connection.raw
        with pytest.raises(InvariantViolated, match="outbox: 0 of 1 rows"):
            await writer._send([(insert(columns), [columns.values(event, {})])])
