"""Requests with partners' tokens: who they are, what is refused, and what is noted of it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

import app.tokens.partners
from app.tokens.partners import PartnerTokenVerifier
from auth.partner_tokens import PartnerSecret, parse
from models.ledger import Ledger
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.partner_tokens import (
    CUSTOMERS,
    REVOKE,
    ROTATE,
    VIEWER,
    Seconds,
    ask,
    events,
    issued,
    listed,
    refused,
)
from tests.support.tenants import Tenant


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def partner_tokens(ledger: Ledger, seconds: Seconds) -> Any:
    verifier = PartnerTokenVerifier(ledger, seconds)
    yield verifier
    await verifier.settle()


async def test_what_is_done_with_it_is_told_apart(api: Api, tenant: Tenant) -> None:
    customer = await tenant.customer()
    secret, _ = await issued(api)
    adjust = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
        transaction { actor { subject role client name } } userErrors { code } } }"""
    given = {"customerId": gid("Customer", customer), "asset": "GBP", "amount": "5.00", "reason": "GOODWILL"}
    answer = await ask(api, secret, adjust, {"input": given | {"idempotencyKey": "k"}})
    # Its scopes let it add, and not look into the ledger.
    assert answer["adjustCredit"]["userErrors"] == []
    (row,) = await tenant.fetch(
        """select a.subject, a.role, a.client, a.name from transactions t
        join actors a on a.tenant_id = $1 and a.id = t.actor_id where t.tenant_id = $1"""
    )
    assert tuple(row) == ("shop", "PARTNER", "shop", "Till")


async def test_expiry_is_exact(api: Api, clock: Clock) -> None:
    clock.stand_still(clock())
    ends = clock() + timedelta(hours=1)
    secret, _ = await issued(api, expiresAt=ends.isoformat())
    clock.stand_still(ends - timedelta(microseconds=1))
    assert (await ask(api, secret, VIEWER)).errors == []
    clock.stand_still(ends)
    await refused(api, secret, "expired")


@pytest.mark.parametrize("how", ["nobody's", "another secret", "another tenant", "a tenant that is not here", "bent"])
async def test_what_was_not_issued_is_refused(api: Api, tenant: Tenant, other_tenant: Tenant, how: str) -> None:
    good = await tenant.partner_token("customers:read")
    text = {
        "nobody's": PartnerSecret(tenant.id, uuid4(), good.secret).text,
        "another secret": PartnerSecret(tenant.id, good.token_id, bytes(32)).text,
        "another tenant": PartnerSecret(other_tenant.id, good.token_id, good.secret).text,
        "a tenant that is not here": PartnerSecret(uuid4(), good.token_id, good.secret).text,
        "bent": f"{good.text[:-1]}{'A' if good.text[-1] != 'A' else 'Q'}",
    }[how]
    async with tenant.nothing_moves(), other_tenant.nothing_moves():
        await refused(api, text, "not a partner token" if how == "bent" else "not known here")


async def test_a_token_works_for_one_tenant(
    api: Api, tenant: Tenant, other_tenant: Tenant, partner_tokens: PartnerTokenVerifier
) -> None:
    theirs = gid("Customer", await other_tenant.customer("carol"))
    ours = gid("Customer", await tenant.customer("carol"))
    secret = (await tenant.partner_token("customers:read")).text
    foreign = await other_tenant.partner_token("customers:read")
    assert (await ask(api, secret, CUSTOMERS))["customers"]["edges"] == [{"node": {"id": ours}}]
    one = "query($id: ID!) { customer(by: {id: $id}) { id } }"
    assert (await ask(api, secret, one, {"id": theirs}))["customer"] is None
    assert (await ask(api, foreign.text, one, {"id": theirs}))["customer"] == {"id": theirs}
    await partner_tokens.settle()  # its use is noted beside the answer
    async with other_tenant.nothing_moves():
        for mutation, field in ((ROTATE, "rotateToken"), (REVOKE, "revokeToken")):
            answer = await api(mutation, {"input": {"tokenId": gid("PartnerToken", foreign.token_id)}})
            assert [error["code"] for error in answer[field]["userErrors"]] == ["NOT_FOUND"]
    assert [row["client"] for row in await listed(api)] == ["shop"]
    node = await api("query($id: ID!) { node(id: $id) { id } }", {"id": gid("PartnerToken", foreign.token_id)})
    assert node["node"] is None


async def test_its_use_is_noted_once_a_minute(
    api: Api, clock: Clock, partner_tokens: PartnerTokenVerifier, tenant: Tenant
) -> None:
    secret, _ = await issued(api)

    async def last_use() -> datetime:
        await partner_tokens.settle()
        (row,) = await listed(api)
        assert row["lastUsedAddress"] == "127.0.0.1"
        return datetime.fromisoformat(row["lastUsedAt"])

    clock.stand_still(clock())
    began = clock()
    await ask(api, secret, VIEWER)
    assert await last_use() == began
    clock.stand_still(began + timedelta(seconds=59))
    await ask(api, secret, VIEWER)
    assert await last_use() == began
    clock.stand_still(began + timedelta(seconds=60))
    await ask(api, secret, VIEWER)
    assert await last_use() == began + timedelta(seconds=60)


async def test_a_refused_token_that_was_good_is_written_down(
    api: Api, clock: Clock, partner_tokens: PartnerTokenVerifier
) -> None:
    clock.stand_still(clock())
    secret, token = await issued(api)
    await api(REVOKE, {"input": {"tokenId": token["id"]}})
    await ask(api, secret, VIEWER, request_id="first")
    for _ in range(3):
        await refused(api, secret, "revoked")
    await partner_tokens.settle()  # written beside the answer: before the minute is over
    clock.stand_still(clock() + timedelta(minutes=1))
    await ask(api, secret, VIEWER, request_id="second")
    # Who only knows the id shows nothing by it, and fills no books.
    await refused(api, PartnerSecret(parse(secret).tenant_id, parse(secret).token_id, bytes(32)).text, "not known")
    await partner_tokens.settle()
    first, second = await events(api, "token.refused")
    assert first == {
        "action": "token.refused",
        "actor": {"subject": "shop", "role": "PARTNER", "client": "shop"},
        "subjectId": token["id"],
        "details": {"client": "shop", "name": "Till", "why": "revoked"},
        "requestId": "first",
        "address": "127.0.0.1",
    }
    assert (second["requestId"], second["details"]["unrecorded"]) == ("second", 3)


async def test_a_database_out_of_reach_costs_nobody_their_token(
    api: Api, monkeypatch: pytest.MonkeyPatch, seconds: Seconds
) -> None:
    secret, _ = await issued(api)

    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(app.tokens.partners, "stored_token", away)
        answer = await ask(api, secret, VIEWER)
    assert (answer.response.status_code, answer.codes) == (503, ["UNAVAILABLE"])
    assert "www-authenticate" not in answer.response.headers
    assert answer.response.headers["retry-after"] == "1"
    assert (await ask(api, secret, VIEWER)).errors == []


async def test_exports_and_imports_take_it_too(
    api: Api, tenant: Tenant, partner_tokens: PartnerTokenVerifier, seconds: Seconds
) -> None:
    customer = await tenant.customer()
    await tenant.adjust(customer, "5.00")
    made = await tenant.partner_token("ledger:read")
    headers = {"authorization": f"Bearer {made.text}"}
    path = f"/statements/{gid('Customer', customer)}.csv"
    assert (await api.client.get(path, headers=headers)).status_code == 200
    await partner_tokens.settle()
    async with tenant.nothing_moves():
        denied = await api.client.post("/imports/credits", headers=headers | {"content-type": "text/csv"})
        assert denied.status_code == 403
    await api(REVOKE, {"input": {"tokenId": gid("PartnerToken", made.token_id)}})
    seconds.now += 1
    for answer in (
        await api.client.get(path, headers=headers),
        await api.client.post("/imports/credits", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
