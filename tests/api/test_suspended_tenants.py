"""A suspended tenant is told so, whatever it asks and by whatever way, and nothing of it moves until it is resumed."""

from datetime import timedelta
from typing import Any

import pytest

from auth.roles import Role
from jobs.webhooks import deliver
from models.operations.keep_feed import keep_feed
from models.operations.suspend_tenant import resume_tenant, suspend_tenant
from models.reads import tenants
from tests.api.conftest import Answer, Api, gid
from tests.support.headline import ADJUST, adjusting, document
from tests.support.receivers import hooked, receiving
from tests.support.schema import SCHEMA
from tests.support.tenants import ADMIN, Tenant

TRAIL = """SELECT action, details->'suspendedAt'->>0 IS NULL, details->'suspendedAt'->>1 IS NULL FROM audit_events
    WHERE tenant_id = $1 AND action LIKE 'tenant.%' ORDER BY created_at, id"""


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers go by a change within REMEMBERED_SECONDS; here at once."""
    monkeypatch.setattr(tenants, "REMEMBERED_SECONDS", -1.0)


async def test_whatever_it_asks_is_refused_until_it_is_resumed(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    assert await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
    assert not await suspend_tenant(tenant.ledger, tenant.id, ADMIN)

    async with tenant.nothing_moves():
        for role in (Role.STAFF, Role.ADMIN):
            reading = await api("{ viewer { subject } trialBalance { asset } }", role=role)
            assert (reading.codes, reading.data) == (["SUSPENDED"] * 2, {"viewer": None, "trialBalance": None})
            posting = await api(document(ADJUST, "replayed"), {"input": adjusting(carol, "5.00")}, role=role)
            assert posting.codes == ["SUSPENDED"]
            assert "suspended" in posting.errors[0]["message"]
        assert (await api.as_customer("carol", "{ viewer { subject } }")).codes == ["SUSPENDED"]
        headers = {"authorization": api.bearer(Role.ADMIN)}
        download = await api.client.get(f"/statements/{gid('Customer', carol)}.csv", headers=headers)
        assert (download.status_code, download.json()["errors"][0]["extensions"]["code"]) == (403, "SUSPENDED")

    assert await resume_tenant(tenant.ledger, tenant.id, ADMIN)
    assert not await resume_tenant(tenant.ledger, tenant.id, ADMIN)
    assert (await api(document(ADJUST, "replayed"), {"input": adjusting(carol, "5.00")}))["adjustCredit"]
    assert await tenant.rows(TRAIL) == [("tenant.suspended", True, False), ("tenant.resumed", False, True)]


async def test_what_has_been_compiled_is_refused_as_well(api: Api, tenant: Tenant) -> None:
    """The same documents come again and again, and are executed past Strawberry's own steps by then."""
    carol = await tenant.customer("carol")
    reading, posting = "{ viewer { subject } trialBalance { asset } }", document(ADJUST, "replayed")

    async def asked() -> list[Answer]:
        return [await api(reading), await api(posting, {"input": adjusting(carol, "5.00")})]

    for _ in range(3):
        assert [answer.errors for answer in await asked()] == [[], []]
    for text in (reading, posting):
        checked = SCHEMA.documents.peek(text)
        assert checked is not None
        assert checked.operation(None).compiled is not None

    await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
    async with tenant.nothing_moves():
        for _ in range(3):
            assert [answer.codes for answer in await asked()] == [["SUSPENDED"] * 2, ["SUSPENDED"]]


async def test_previews_the_feed_and_webhooks_rest_as_well(api: Api, tenant: Tenant) -> None:
    """Nobody is told anything: not what a posting would do, not what has happened; and nothing is sent out."""
    carol = await tenant.customer("carol")
    async with receiving() as receiver:
        webhook = gid("Webhook", await hooked(tenant, receiver.url))
        tenant.clock.advance(timedelta(seconds=1))
        assert await keep_feed(tenant.ledger, tenant.id) > 0
        await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
        tenant.clock.advance(timedelta(seconds=1))
        async with tenant.nothing_moves():
            for text, variables in asked(gid("Customer", carol), webhook, receiver.url):
                answer = await api(text, variables, role=Role.ADMIN)
                assert set(answer.codes) == {"SUSPENDED"}, text
                assert not any((answer.data or {}).values())
            assert await keep_feed(tenant.ledger, tenant.id) == 0
            assert await deliver(tenant.ledger, tenant.id) == 0
        assert await resume_tenant(tenant.ledger, tenant.id, ADMIN)
        tenant.clock.advance(timedelta(seconds=1))
        assert await keep_feed(tenant.ledger, tenant.id) > 0  # that it was suspended, and resumed
        while await deliver(tenant.ledger, tenant.id):
            pass
        told = {request.told["type"] for request in receiver.taken}
    assert told == {"CUSTOMER_CREATED", "SETTINGS_CHANGED"}


def asked(customer: str, webhook: str, url: str) -> list[tuple[str, dict[str, Any]]]:
    given = {"customerId": customer, "asset": "GBP", "amount": "5.00", "reason": "CORRECTION"}
    new = {"url": url + "?2"}
    return [
        (
            "query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) { __typename } }",
            {"input": given | {"idempotencyKey": "k"}},
        ),
        ("{ events(first: 1) { newest } }", {}),
        ("{ webhooks { edges { node { url } } } }", {}),
        ("query($id: ID!) { webhookDeliveries(webhookId: $id) { edges { node { id } } } }", {"id": webhook}),
        ("mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }", {"input": new}),
        *(
            (document(name, "userErrors { code }"), {"input": {"webhookId": webhook}})
            for name in ("testWebhook", "replayWebhook", "disableWebhook", "enableWebhook", "deleteWebhook")
        ),
    ]


async def test_time_goes_on_in_its_books(api: Api, tenant: Tenant) -> None:
    """What expires while it is suspended has expired when it is resumed."""
    carol = await tenant.customer("carol")
    await tenant.credit(carol, 10, expires_in_days=1)
    await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
    tenant.clock.advance(timedelta(days=3))
    await resume_tenant(tenant.ledger, tenant.id, ADMIN)
    asked = '{ customer(by: {externalId: "carol"}) { account(asset: "GBP") { available } } }'
    assert (await api(asked))["customer"]["account"]["available"] == "0.00"


async def test_another_tenant_notices_nothing(api: Api, tenant: Tenant) -> None:
    other = await Tenant.open(tenant.clock)
    await suspend_tenant(other.ledger, other.id, ADMIN)
    await other.ledger.close()
    assert (await api("{ viewer { subject } }"))["viewer"]
