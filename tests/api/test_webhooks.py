"""Webhooks over the API: the same JSON as the feed's, a secret that is shown once, and no more than may be read."""

from datetime import timedelta
from typing import Any, Final

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_leaf_type

from auth.roles import Role, Scope
from models.operations.keep_feed import keep_feed
from schema.event_json import event_json
from tests.api.conftest import Api, gid
from tests.models.test_keep_feed import feed
from tests.support.clock import Clock
from tests.support.receivers import SETUP, hooked
from tests.support.schema import SCHEMA
from tests.support.tenants import Tenant

CREATE: Final = """mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
    secret webhook { id url types status } userErrors { code field message } } }"""
UPDATE: Final = """mutation ($input: UpdateWebhookInput!) { updateWebhook(input: $input) {
    webhook { url types description } userErrors { code field } } }"""
HOOKS: Final = [Scope.WEBHOOKS_WRITE, Scope.EVENTS_READ]


@pytest.fixture
def operated(tenant: Tenant) -> Tenant:
    tenant.ledger.webhooks = SETUP
    return tenant


async def created(api: Api, url: str = "https://example.com/hook", **more: Any) -> dict[str, Any]:
    scopes = more.pop("scopes", None)
    told: dict[str, Any] = (await api(CREATE, {"input": {"url": url, **more}}, scopes=scopes))["createWebhook"]
    return told


def all_fields(type_: GraphQLObjectType | GraphQLInterfaceType) -> str:
    """Each field of the type, and of what it leads to."""
    parts = []
    for name, field in type_.fields.items():
        kind = get_named_type(field.type)
        parts.append(name if is_leaf_type(kind) else f"{name} {{ {all_fields(kind)} }}")
    return " ".join(parts)


async def test_what_is_sent_is_what_graphql_answers(api: Api, tenant: Tenant, clock: Clock) -> None:
    await tenant.tier("Gold", 100)
    anna = await tenant.customer("anna")
    await tenant.adjust(anna, 50, auto_apply=False)
    await tenant.adjust(anna, 500, "POINTS")
    invoice = await tenant.invoice(anna, 20)
    payment = await tenant.pay(invoice, 20)
    await tenant.void_payment(payment.payment_id)
    await tenant.give(anna, await tenant.reward(100, name="Mug"))
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    sent = [event_json(view) for view in await feed(tenant)]
    assert len({told["__typename"] for told in sent}) > 8
    for name in {told["__typename"] for told in sent}:
        kind = SCHEMA.graphql.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        answer = await api(
            f"{{ events(first: 100) {{ edges {{ node {{ __typename ... on {name} {{ {all_fields(kind)} }} }} }} }} }}"
        )
        nodes = [edge["node"] for edge in answer["events"]["edges"]]
        assert [told for told in sent if told["__typename"] == name] == [
            node for node in nodes if node["__typename"] == name
        ]


async def test_a_secret_is_told_once_and_kept_nowhere(api: Api, operated: Tenant) -> None:
    made = await created(api)
    assert made["userErrors"] == []
    secret = made["secret"]
    assert secret.startswith("whsec_")
    for table in ("webhooks", "audit_events", "webhook_deliveries", "actors"):
        for row in await operated.fetch(f"SELECT t::text AS all FROM {table} t WHERE tenant_id = $1"):
            assert secret not in row["all"]
            assert secret.removeprefix("whsec_") not in row["all"]
    again = await created(api)
    assert [(error["code"], error["field"]) for error in again["userErrors"]] == [("DUPLICATE", ["url"])]
    assert again["secret"] is None


async def test_no_webhooks_without_a_key_of_the_operators(api: Api) -> None:
    (error,) = (await created(api))["userErrors"]
    assert (error["code"], "SCRIP_WEBHOOK_KEY" in error["message"]) == ("INVALID", True)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "https://10.0.0.1/", "https://user:pw@example.com/", "javascript:1"]
)
async def test_urls_are_looked_at(api: Api, operated: Tenant, url: str) -> None:
    (error,) = (await created(api, url))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["url"])


async def test_a_narrow_token_makes_and_changes_webhooks_for_what_it_can_read(api: Api, operated: Tenant) -> None:
    wide = await hooked(operated, "https://example.com/wide")
    denied = await api(CREATE, {"input": {"url": "https://a.example/", "types": ["LIMIT_CHANGED"]}}, scopes=HOOKS)
    assert denied.codes == ["FORBIDDEN"]
    assert (await created(api, scopes=HOOKS))["userErrors"] == []
    rows = await operated.fetch("SELECT url, rights FROM webhooks WHERE tenant_id = $1 ORDER BY url")
    assert [(row["url"], bool(row["rights"])) for row in rows] == [
        ("https://example.com/hook", False),
        ("https://example.com/wide", True),
    ]
    moved = {"webhookId": gid("Webhook", wide), "url": "https://elsewhere.example/"}
    assert (await api(UPDATE, {"input": moved}, scopes=HOOKS))["updateWebhook"]["userErrors"] == []
    (row,) = await operated.fetch("SELECT rights FROM webhooks WHERE tenant_id = $1 AND id = $2", wide)
    assert row["rights"] == ""


async def test_managers_see_webhooks_and_change_none(api: Api, operated: Tenant) -> None:
    made = await created(api)
    seen = await api("{ webhooks { edges { node { id url waiting cursor } } } }", role=Role.MANAGER)
    assert [edge["node"]["id"] for edge in seen["webhooks"]["edges"]] == [made["webhook"]["id"]]
    named = {"input": {"webhookId": made["webhook"]["id"]}}
    for field in (
        "disableWebhook",
        "enableWebhook",
        "replayWebhook",
        "testWebhook",
        "deleteWebhook",
        "rotateWebhookSecret",
    ):
        kind = field[0].upper() + field[1:]
        document = f"mutation ($input: {kind}Input!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}"
        assert (await api(document, named, role=Role.MANAGER)).codes == ["FORBIDDEN"], field
    delete = "mutation ($input: DeleteWebhookInput!) { deleteWebhook(input: $input) { deletedId userErrors { code } } }"
    assert (await api(delete, named))["deleteWebhook"] == {"deletedId": made["webhook"]["id"], "userErrors": []}
    assert (await api("{ webhooks { edges { node { id } } } }"))["webhooks"]["edges"] == []
    assert [error["code"] for error in (await api(delete, named))["deleteWebhook"]["userErrors"]] == ["NOT_FOUND"]
