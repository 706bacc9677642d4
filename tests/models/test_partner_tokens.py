"""Tokens of partners' clients in the ledger: two changes at once, how many there may be, and when one was used."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

import models.operations.partner_tokens
from app.postgres.embedded import Urls
from models.configuration_commands import IssueToken, RevokeToken, RotateToken, SetLimit
from models.errors import LedgerError
from models.operations.partner_tokens import MAX_OVERLAP_MINUTES, issue_token, note_use, revoke_token, rotate_token
from models.reads.partner_tokens import stored_token
from models.session import tenant_transaction
from tests.support.tenants import ADMIN, Tenant

SCOPES: Final = frozenset({"credits:add", "ledger:read"})
AT_ONCE: Final = 8


async def issue(tenant: Tenant, name: str = "Till", **more: Any) -> UUID:
    token_id = uuid4()
    command = IssueToken(token_id, bytes(32), more.pop("client", "shop"), name, more.pop("scopes", SCOPES), **more)
    await issue_token(tenant.ledger, tenant.id, ADMIN, command)
    return token_id


async def rotate(tenant: Tenant, token_id: UUID, *, grantable: frozenset[str] = SCOPES, minutes: int = 0) -> UUID:
    new_id = uuid4()
    command = RotateToken(new_id, bytes(32), token_id, grantable, minutes)
    await rotate_token(tenant.ledger, tenant.id, ADMIN, command)
    return new_id


async def tokens(tenant: Tenant) -> dict[UUID, Any]:
    async with tenant_transaction(tenant.id, read_only=True) as connection:
        rows = await connection.raw.fetch("SELECT * FROM partner_tokens WHERE tenant_id = $1", tenant.id)
    return {row["id"]: row for row in rows}


async def outcomes(*asked: Any) -> list[str]:
    """The codes of what was refused; OK for the others."""
    done = await asyncio.gather(*asked, return_exceptions=True)
    for one in done:
        assert isinstance(one, UUID | LedgerError), one
    return sorted(one.code if isinstance(one, LedgerError) else "OK" for one in done)


async def test_the_same_request_at_once_makes_one_token(tenant: Tenant) -> None:
    codes = await outcomes(*(issue(tenant) for _ in range(AT_ONCE)))
    assert codes == ["DUPLICATE"] * (AT_ONCE - 1) + ["OK"]
    assert len(await tokens(tenant)) == 1


async def test_a_token_rotated_at_once_has_one_successor(tenant: Tenant) -> None:
    old = await issue(tenant)
    codes = await outcomes(*(rotate(tenant, old, minutes=n % 2) for n in range(AT_ONCE)))
    assert codes == ["INVALID"] * (AT_ONCE - 1) + ["OK"]
    assert [row["replaces_id"] for row in (await tokens(tenant)).values() if row["id"] != old] == [old]


async def test_a_token_is_not_both_rotated_and_revoked(tenant: Tenant) -> None:
    """Whichever came first: a successor is there, or the token is revoked; a revoked one has no later successor."""
    old = await issue(tenant)

    async def revoke() -> UUID:
        await revoke_token(tenant.ledger, tenant.id, ADMIN, RevokeToken(old))
        return old

    codes = await outcomes(revoke(), rotate(tenant, old))
    rows = await tokens(tenant)
    assert rows[old]["revoked_at"] is not None
    assert (len(rows) == 2) == (codes == ["OK", "OK"])


async def test_there_is_an_end_to_their_number(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.operations.partner_tokens, "MAX_GOOD_TOKENS", 2)
    first = await issue(tenant, "First")
    await issue(tenant, "Second", expires_at=tenant.ledger.clock() + timedelta(hours=1))
    for asked in (issue(tenant, "Third"), rotate(tenant, first, minutes=1)):
        async with tenant.refused("INVALID"):
            await asked
    await revoke_token(tenant.ledger, tenant.id, ADMIN, RevokeToken(first))
    await issue(tenant, "Third")


async def test_what_is_refused_changes_no_limit(tenant: Tenant) -> None:
    await issue(tenant)
    async with tenant.refused("DUPLICATE"):
        await issue(tenant, limits=(SetLimit("PARTNER", "GBP", "shop"),))
    async with tenant.refused("INVALID"):
        await issue(tenant, "Other", limits=(SetLimit("PARTNER", "GBP", "shop"), SetLimit("PARTNER", "JPY", "x" * 256)))
    for asked in (issue(tenant, "Other", scopes=frozenset()), issue(tenant, ""), issue(tenant, client="x" * 256)):
        async with tenant.refused("INVALID"):
            await asked
    for nobody in (rotate(tenant, uuid4()), revoke_token(tenant.ledger, tenant.id, ADMIN, RevokeToken(uuid4()))):
        async with tenant.refused("NOT_FOUND"):
            await nobody


async def test_rotation_hands_on_only_what_may_be_handed_on(tenant: Tenant) -> None:
    old = await issue(tenant)
    async with tenant.refused("INVALID") as caught:
        await rotate(tenant, old, grantable=frozenset({"credits:add"}))
    assert "ledger:read" in caught.value.message
    await rotate(tenant, old, minutes=MAX_OVERLAP_MINUTES)


async def last_use(tenant: Tenant, token_id: UUID) -> tuple[datetime | None, str | None]:
    row = (await tokens(tenant))[token_id]
    return row["last_used_at"], row["last_used_address"]


async def test_last_use_never_moves_backwards(tenant: Tenant) -> None:
    token_id = await issue(tenant)
    now = tenant.ledger.clock()
    await note_use(tenant.id, token_id, now, "192.0.2.1")
    await note_use(tenant.id, token_id, now - timedelta(seconds=1), "192.0.2.2")
    assert await last_use(tenant, token_id) == (now, "192.0.2.1")
    uses = [(now + timedelta(seconds=n), f"192.0.2.{n}") for n in range(1, AT_ONCE)]
    await asyncio.gather(*(note_use(tenant.id, token_id, at, address) for at, address in uses))
    at, address = await last_use(tenant, token_id)
    assert (at, address) in uses  # whoever had the row; the others did not wait


async def test_no_use_waits_for_a_row_that_somebody_has(tenant: Tenant, database_urls: Urls) -> None:
    token_id = await issue(tenant)
    holder = await asyncpg.connect(database_urls.owner)
    try:
        async with holder.transaction():
            await holder.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
            locked = await holder.fetch(
                "SELECT id FROM partner_tokens WHERE tenant_id = $1 AND id = $2 FOR UPDATE", tenant.id, token_id
            )
            assert len(locked) == 1
            async with asyncio.timeout(5):
                await note_use(tenant.id, token_id, tenant.ledger.clock(), "192.0.2.1")
                # Nor does a request that has to look at it.
                assert await stored_token(tenant.id, token_id) is not None
    finally:
        await holder.close()
    assert await last_use(tenant, token_id) == (None, None)


async def test_a_token_is_found_under_its_own_tenant_alone(tenant: Tenant) -> None:
    token_id = await issue(tenant)
    other = await Tenant.open(tenant.clock)
    try:
        assert await stored_token(other.id, token_id) is None
        found = await stored_token(tenant.id, token_id)
        assert found is not None
        assert found.scopes == SCOPES
        assert "secret_hash" not in repr(found)
    finally:
        await other.ledger.close()
