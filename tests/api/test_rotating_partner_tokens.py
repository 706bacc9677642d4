"""rotateToken and revokeToken: when an old token ends, and that it stays ended."""

from datetime import timedelta
from typing import Any

import pytest

from app.tokens.partners import PartnerTokenVerifier
from models.ledger import Ledger
from tests.api.conftest import Api
from tests.support.clock import Clock
from tests.support.partner_tokens import REVOKE, ROTATE, VIEWER, Seconds, ask, issued, listed, refused
from tests.support.tenants import Tenant


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def partner_tokens(ledger: Ledger, seconds: Seconds) -> Any:
    verifier = PartnerTokenVerifier(ledger, seconds)
    yield verifier
    await verifier.settle()


async def test_rotation_ends_the_old_token_at_once(api: Api, tenant: Tenant, seconds: Seconds) -> None:
    old, token = await issued(api, expiresAt="2030-01-01T00:00:00Z")
    assert (await ask(api, old, VIEWER)).errors == []
    payload = (await api(ROTATE, {"input": {"tokenId": token["id"]}}, subject="eve"))["rotateToken"]
    seconds.now += 1
    new = payload["token"]
    for same in ("client", "name", "scopes", "expiresAt"):
        assert new[same] == token[same]
    assert (new["replaces"], new["createdBy"]) == ({"id": token["id"]}, {"subject": "eve"})
    await refused(api, old, "revoked")
    assert (await ask(api, payload["secret"], VIEWER))["viewer"]["subject"] == "shop"
    (was, _) = await listed(api)
    assert (was["active"], was["revokedBy"]) == (False, {"subject": "eve"})


async def test_rotation_can_leave_both_good_for_a_while(api: Api, clock: Clock, seconds: Seconds) -> None:
    clock.stand_still(clock())
    old, token = await issued(api)
    payload = (await api(ROTATE, {"input": {"tokenId": token["id"], "overlapMinutes": 10}}))["rotateToken"]
    seconds.now += 1
    ends = clock() + timedelta(minutes=10)
    for text in (old, payload["secret"]):
        assert (await ask(api, text, VIEWER)).errors == []
    clock.stand_still(ends - timedelta(microseconds=1))
    assert (await ask(api, old, VIEWER)).errors == []
    clock.stand_still(ends)
    await refused(api, old, "expired")
    assert (await ask(api, payload["secret"], VIEWER)).errors == []
    assert payload["token"]["expiresAt"] is None
    assert [row["active"] for row in await listed(api)] == [False, True]


async def test_an_overlap_does_not_make_a_token_last_longer(api: Api, clock: Clock, tenant: Tenant) -> None:
    soon = (clock() + timedelta(minutes=5)).isoformat()
    _, token = await issued(api, expiresAt=soon)
    await api(ROTATE, {"input": {"tokenId": token["id"], "overlapMinutes": 10}})
    assert {row["expiresAt"] for row in await listed(api)} == {token["expiresAt"]}


@pytest.mark.parametrize("state", ["revoked", "expired", "rotated", "rotated with an overlap"])
async def test_only_a_good_token_is_rotated_and_that_once(api: Api, tenant: Tenant, clock: Clock, state: str) -> None:
    _, token = await issued(api, expiresAt=(clock() + timedelta(hours=1)).isoformat())
    if state == "revoked":
        await api(REVOKE, {"input": {"tokenId": token["id"]}})
    elif state == "expired":
        clock.advance(timedelta(hours=1))
    else:
        await api(ROTATE, {"input": {"tokenId": token["id"], "overlapMinutes": 5 if "overlap" in state else 0}})
    async with tenant.nothing_moves():
        payload = (await api(ROTATE, {"input": {"tokenId": token["id"]}}))["rotateToken"]
    assert (payload["secret"], payload["token"]) == (None, None)
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("INVALID", ["tokenId"])]


@pytest.mark.parametrize("minutes", [-1, 10_081, 2**31 - 1])
async def test_an_overlap_has_an_end(api: Api, tenant: Tenant, minutes: int) -> None:
    _, token = await issued(api)
    async with tenant.nothing_moves():
        given = {"tokenId": token["id"], "overlapMinutes": minutes}
        payload = (await api(ROTATE, {"input": given}))["rotateToken"]
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("INVALID", ["overlapMinutes"])]


async def test_a_revoked_token_stays_revoked(
    api: Api, tenant: Tenant, partner_tokens: PartnerTokenVerifier, seconds: Seconds
) -> None:
    secret, token = await issued(api)
    assert (await ask(api, secret, VIEWER)).errors == []
    await partner_tokens.settle()  # its use is noted beside the answer
    first = (await api(REVOKE, {"input": {"tokenId": token["id"]}}))["revokeToken"]
    assert (first["token"]["active"], first["token"]["revokedBy"]) == (False, {"subject": "admin@test"})
    async with tenant.nothing_moves():
        again = (await api(REVOKE, {"input": {"tokenId": token["id"]}}, subject="eve"))["revokeToken"]
    assert again["token"]["revokedAt"] == first["token"]["revokedAt"]
    assert again["userErrors"] == []
    seconds.now += 1
    await refused(api, secret, "revoked")
