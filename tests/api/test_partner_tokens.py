"""partnerTokens, issueToken, rotateToken, revokeToken, and what can be done with what they give out."""

import logging
import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

import app.tokens.partners
from app.tokens.partners import PartnerTokenVerifier
from auth.partner_tokens import PREFIX, PartnerSecret, parse
from auth.roles import Role, Scope
from models.configuration_commands import SetLimit
from models.ledger import Ledger
from models.operations.limits import set_limit
from tests.api.conftest import Answer, Api, gid
from tests.support.tenants import ADMIN, Clock, Tenant

DOCUMENTATION: Final = Path(__file__).parents[2] / "docs" / "partner-tokens.md"
TOKEN: Final = """id client name scopes active createdAt createdBy { subject } expiresAt revokedAt revokedBy { subject }
    lastUsedAt lastUsedAddress replaces { id }"""
ISSUE: Final = f"""mutation($input: IssueTokenInput!) {{ issueToken(input: $input) {{
    secret token {{ {TOKEN} }} userErrors {{ code field message }} }} }}"""
ROTATE: Final = f"""mutation($input: RotateTokenInput!) {{ rotateToken(input: $input) {{
    secret token {{ {TOKEN} }} userErrors {{ code field message }} }} }}"""
REVOKE: Final = f"""mutation($input: RevokeTokenInput!) {{ revokeToken(input: $input) {{
    token {{ {TOKEN} }} userErrors {{ code field message }} }} }}"""
LIST: Final = f"""query($client: String, $active: Boolean) {{ partnerTokens(client: $client, active: $active) {{
    edges {{ node {{ {TOKEN} }} }} }} }}"""
VIEWER: Final = "{ viewer { subject role scopes tenant { id } } }"
CUSTOMERS: Final = "{ customers { edges { node { id } } } }"
EVENTS: Final = """query($action: String) { auditTrail(action: $action) { edges { node {
    action actor { subject role client } subjectId details requestId address } } } }"""
TILL: Final = {"client": "shop", "name": "Till", "scopes": ["customers:read", "credits:add"]}


class Seconds:
    """A monotonic clock that goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def partner_tokens(ledger: Ledger, seconds: Seconds) -> Any:
    verifier = PartnerTokenVerifier(ledger, seconds)
    yield verifier
    await verifier.settle()


async def ask(
    api: Api, token: str, query: str, variables: dict[str, Any] | None = None, *, request_id: str = "r"
) -> Answer:
    body = {"query": query, "variables": variables or {}}
    headers = {"authorization": f"Bearer {token}", "x-request-id": request_id}
    return Answer(await api.client.post("/graphql", json=body, headers=headers))


async def issue(api: Api, *, more: dict[str, Any] | None = None, **token: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api(ISSUE, {"input": TILL | (more or {})}, **token))["issueToken"]
    return payload


async def issued(api: Api, **more: Any) -> tuple[str, dict[str, Any]]:
    """The secret, and the token."""
    payload = await issue(api, more=more)
    assert payload["userErrors"] == []
    return payload["secret"], payload["token"]


async def refused(api: Api, token: str, why: str) -> None:
    """The token is answered 401, as RFC 6750 wants it, and nothing is said of it but why."""
    answer = await ask(api, token, VIEWER)
    assert answer.response.status_code == 401
    assert answer.response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.codes == ["UNAUTHENTICATED"]
    assert why in answer.errors[0]["message"]
    assert token not in answer.response.text


async def listed(api: Api, **variables: Any) -> list[dict[str, Any]]:
    answer = await api(LIST, variables, role=Role.MANAGER)
    return [edge["node"] for edge in answer["partnerTokens"]["edges"]]


async def events(api: Api, action: str) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await api(EVENTS, {"action": action}))["auditTrail"]["edges"]]


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


ADJUST: Final = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }"


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
