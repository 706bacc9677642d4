"""issueToken and partnerTokens: who may issue what, and that it is told once."""

import logging
import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from auth.partner_tokens import PREFIX, parse
from auth.roles import Role, Scope
from models.configuration_commands import SetLimit
from models.operations.limits import set_limit
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.partner_tokens import (
    ADJUST,
    CUSTOMERS,
    EVENTS,
    ISSUE,
    LIST,
    REVOKE,
    ROTATE,
    TILL,
    VIEWER,
    ask,
    events,
    issue,
    issued,
    listed,
)
from tests.support.tenants import ADMIN, Tenant

DOCUMENTATION: Final = Path(__file__).parents[2] / "docs" / "partner-tokens.md"


async def test_a_token_is_issued_and_used(api: Api, tenant: Tenant) -> None:
    customer = gid("Customer", await tenant.customer())
    secret, token = await issued(api, expiresAt="2030-01-01T00:00:00Z")

    assert token == {
        "id": gid("PartnerToken", parse(secret).token_id),
        "client": "shop",
        "name": "Till",
        "scopes": ["credits:add", "customers:read"],
        "active": True,
        "createdAt": token["createdAt"],
        "createdBy": {"subject": "admin@test"},
        "expiresAt": "2030-01-01T00:00:00Z",
        "revokedAt": None,
        "revokedBy": None,
        "lastUsedAt": None,
        "lastUsedAddress": None,
        "replaces": None,
    }
    assert (await ask(api, secret, VIEWER))["viewer"] == {
        "subject": "shop",
        "role": "PARTNER",
        "scopes": ["credits:add", "customers:read"],
        "tenant": {"id": gid("Tenant", tenant.id)},
    }
    assert (await ask(api, secret, CUSTOMERS))["customers"]["edges"] == [{"node": {"id": customer}}]
    assert (await ask(api, secret, "{ invoices { edges { cursor } } }")).codes == ["FORBIDDEN"]
    node = await api("query($id: ID!) { node(id: $id) { ... on PartnerToken { name } } }", {"id": token["id"]})
    assert node["node"] == {"name": "Till"}


async def test_the_documented_requests_work(api: Api, tenant: Tenant, clock: Clock) -> None:
    clock.stand_still(datetime(2026, 11, 22, tzinfo=UTC))
    query, adding = re.findall(r"```graphql\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    payload = (await api(query))["issueToken"]
    assert payload["userErrors"] == []
    assert re.fullmatch(r"scrip_[A-Za-z0-9_-]{91}", payload["secret"])
    given = {
        "customerId": gid("Customer", await tenant.customer()),
        "asset": "GBP",
        "amount": "5.00",
        "reason": "GOODWILL",
        "idempotencyKey": "k",
    }
    added = await api(adding, {"input": given}, role=Role.PARTNER, scopes=[Scope.CREDITS_ADD], client_id="web-shop")
    assert (added["adjustCredit"]["replayed"], added["adjustCredit"]["userErrors"]) == (False, [])


async def test_the_secret_is_told_once_and_kept_nowhere(
    api: Api, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, token = await issued(api)
    rotated = (await api(ROTATE, {"input": {"tokenId": token["id"], "overlapMinutes": 5}}))["rotateToken"]
    for text in (secret, rotated["secret"]):
        await ask(api, text, VIEWER)
    await api(REVOKE, {"input": {"tokenId": token["id"]}})
    answers = [(await api(LIST)).response.text, (await api(EVENTS)).response.text]

    tables = await tenant.fetch(
        "select table_name from information_schema.columns where column_name = 'tenant_id' and $1::uuid is not null"
    )
    dump = [str(await tenant.fetch(f"select t::text from {row[0]} t where tenant_id = $1")) for row in tables]
    assert any("partner_tokens" in row[0] for row in tables)
    said = "\n".join([*answers, *dump, caplog.text, *(repr(record.__dict__) for record in caplog.records)])
    for text in (secret, rotated["secret"]):
        raw = parse(text).secret
        for form in (text, text.removeprefix(PREFIX), raw.hex(), urlsafe_b64encode(raw).decode()[:-2], repr(raw)):
            assert form not in said
        assert parse(text).digest.hex() not in "".join([*answers, caplog.text])


BAD: Final[list[tuple[dict[str, Any], str, list[str]]]] = [
    ({"client": ""}, "INVALID", ["client"]),
    ({"client": " shop"}, "INVALID", ["client"]),
    ({"client": "sh\nop"}, "INVALID", ["client"]),
    ({"client": "sh\x00op"}, "INVALID", ["client"]),
    ({"client": "sh\u200bop"}, "INVALID", ["client"]),
    ({"client": "x" * 256}, "INVALID", ["client"]),
    ({"name": "  "}, "INVALID", ["name"]),
    ({"name": "Ti\nll"}, "INVALID", ["name"]),
    ({"name": "x" * 256}, "INVALID", ["name"]),
    ({"scopes": []}, "INVALID", ["scopes"]),
    ({"scopes": ["credits:add"] * 101}, "INVALID", ["scopes"]),
    ({"scopes": ["credits:add", "credits:ad"]}, "INVALID", ["scopes", "1"]),
    ({"scopes": ["credits:add customers:read"]}, "INVALID", ["scopes", "0"]),
    ({"scopes": ["CREDITS:ADD"]}, "INVALID", ["scopes", "0"]),
    ({"scopes": [""]}, "INVALID", ["scopes", "0"]),
    ({"scopes": ["😀" * 5_000]}, "INVALID", ["scopes", "0"]),
    ({"scopes": ["tokens:write"]}, "INVALID", ["scopes", "0"]),
    ({"scopes": ["config:write"]}, "INVALID", ["scopes", "0"]),
    ({"scopes": ["webhooks:write"]}, "INVALID", ["scopes", "0"]),
    ({"expiresAt": "2020-01-01T00:00:00Z"}, "EXPIRY_IN_PAST", ["expiresAt"]),
    ({"limits": [{"asset": "GBP", "perAdjustment": "-1"}]}, "INVALID", ["limits", "0", "perAdjustment"]),
    (
        {"limits": [{"asset": "GBP"}, {"asset": "JPY", "perActorDay": "1.5"}]},
        "AMOUNT_PRECISION",
        ["limits", "1", "perActorDay"],
    ),
    ({"limits": [{"asset": "XAU"}]}, "INVALID", ["limits", "0", "asset"]),
    ({"limits": [{"perAdjustment": "1"}, {"perActorDay": "2"}]}, "DUPLICATE", ["limits", "1", "asset"]),
]


@pytest.mark.parametrize(("change", "code", "field"), BAD)
async def test_what_is_no_token_is_not_issued(
    api: Api, tenant: Tenant, change: dict[str, Any], code: str, field: list[str]
) -> None:
    await issued(api, name="Another")
    async with tenant.nothing_moves():
        payload = await issue(api, more=change)
    assert (payload["secret"], payload["token"]) == (None, None)
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == (code, field)
    assert len(error["message"]) < 1_000


async def test_a_request_sent_again_leaves_no_second_token(api: Api, tenant: Tenant) -> None:
    _, token = await issued(api)
    async with tenant.nothing_moves():
        again = await issue(api)
    assert [error["code"] for error in again["userErrors"]] == ["DUPLICATE"]
    assert again["secret"] is None
    # Another client's may have the name; so may this one's, once the first is good no more.
    await issued(api, client="other")
    await api(REVOKE, {"input": {"tokenId": token["id"]}})
    await issued(api)


async def test_a_narrowed_token_hands_on_no_more_than_it_has(api: Api, tenant: Tenant) -> None:
    narrowed: dict[str, Any] = {"scopes": [Scope.TOKENS_WRITE, Scope.CREDITS_ADD]}
    _, token = await issued(api)
    _, small = await issued(api, name="Small", scopes=["credits:add"])
    async with tenant.nothing_moves():
        payload = await issue(api, more={"name": "More"}, **narrowed)
        assert (payload["userErrors"][0]["code"], payload["userErrors"][0]["field"]) == ("INVALID", ["scopes", "0"])
        rotation = (await api(ROTATE, {"input": {"tokenId": token["id"]}}, **narrowed))["rotateToken"]
        assert (rotation["userErrors"][0]["code"], rotation["secret"]) == ("INVALID", None)
        assert "customers:read" in rotation["userErrors"][0]["message"]
    limits = {"name": "Less", "scopes": ["credits:add"], "limits": [{"perAdjustment": "1000000"}]}
    answer = await api(ISSUE, {"input": TILL | limits}, **narrowed)
    assert answer.codes == ["FORBIDDEN"]
    assert [row["name"] for row in await listed(api)] == ["Till", "Small"]
    assert (await issue(api, more=limits | {"limits": None}, **narrowed))["userErrors"] == []
    assert (await api(ROTATE, {"input": {"tokenId": small["id"]}}, **narrowed))["rotateToken"]["userErrors"] == []


async def test_limits_come_with_the_token_and_are_the_clients(api: Api, tenant: Tenant) -> None:
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("PARTNER", "GBP", "shop", per_adjustment=None))
    customer = gid("Customer", await tenant.customer())
    limits = [{"asset": "GBP", "perAdjustment": "7.00", "perActorDay": "10.00"}]
    first, _ = await issued(api, limits=limits)
    second, _ = await issued(api, name="Second till")

    async def add(token: str, amount: str, key: str) -> list[str]:
        given = {"customerId": customer, "asset": "GBP", "amount": amount, "reason": "GOODWILL", "idempotencyKey": key}
        errors = (await ask(api, token, ADJUST, {"input": given}))["adjustCredit"]["userErrors"]
        return [error["code"] for error in errors]

    assert await add(first, "7.01", "a") == ["LIMIT_EXCEEDED"]
    assert await add(first, "7.00", "b") == []
    assert await add(second, "3.01", "c") == ["LIMIT_EXCEEDED"]
    assert await add(second, "3.00", "d") == []
    # A partner's signed token for the same client counts on the same limit.
    given = {"customerId": customer, "asset": "GBP", "amount": "0.01", "reason": "GOODWILL", "idempotencyKey": "e"}
    signed = await api(ADJUST, {"input": given}, role=Role.PARTNER, scopes=[Scope.CREDITS_ADD], client_id="shop")
    assert signed["adjustCredit"]["userErrors"] == [{"code": "LIMIT_EXCEEDED"}]
    assert [event["details"]["holder"] for event in await events(api, "limit.set")] == ["shop", "shop"]


async def test_the_list_can_be_narrowed(api: Api, clock: Clock) -> None:
    _, first = await issued(api)
    await issued(api, client="other", expiresAt=(clock() + timedelta(hours=1)).isoformat())
    await issued(api, name="Second till")
    await api(REVOKE, {"input": {"tokenId": first["id"]}})
    clock.advance(timedelta(hours=1))

    async def names(**variables: Any) -> list[tuple[str, str]]:
        return [(row["client"], row["name"]) for row in await listed(api, **variables)]

    assert await names() == [("shop", "Till"), ("other", "Till"), ("shop", "Second till")]
    assert await names(client="shop") == [("shop", "Till"), ("shop", "Second till")]
    assert await names(active=True) == [("shop", "Second till")]
    assert await names(active=False) == [("shop", "Till"), ("other", "Till")]
    assert await names(client="nobody") == []


async def test_what_happens_to_tokens_is_written_down(api: Api, tenant: Tenant) -> None:
    _, token = await issued(api)
    rotated = (await api(ROTATE, {"input": {"tokenId": token["id"]}}))["rotateToken"]["token"]
    await api(REVOKE, {"input": {"tokenId": rotated["id"]}})
    found = [(await events(api, f"token.{what}"))[0] for what in ("issued", "rotated", "revoked")]
    assert [event["subjectId"] for event in found] == [token["id"], rotated["id"], rotated["id"]]
    for event in found:
        assert (event["actor"]["subject"], event["address"]) == ("admin@test", "127.0.0.1")
        assert event["requestId"]
        assert (event["details"]["client"], event["details"]["name"]) == ("shop", "Till")
    assert found[0]["details"]["scope"] == "credits:add customers:read"
