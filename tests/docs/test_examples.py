"""The GraphQL and the JSON of the pages, each run against the API in the order of its page."""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest
from graphql import OperationDefinitionNode, build_schema, parse, specified_rules, validate
from graphql.execution.values import get_variable_values

from app.rate_limits.quotas import RateLimits, parse_limit
from app.tokens.partners import PartnerTokenVerifier
from auth.roles import Role, Scope
from auth.tokens import TokenVerifier
from models.checkpoints import Notary
from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from models.operations.keep_standings import keep_standings
from models.operations.make_checkpoint import make_checkpoint
from models.reads.live import LiveFeed
from models.signed_notes import Keys, new_key
from models.texts import Texts
from tests.api.conftest import Api, gid, serving
from tests.app.test_live import joined
from tests.app.test_websocket_ledger import sockets_of
from tests.docs.blocks import PAGES, ROOT, Examples, all_blocks, blocks, fits, is_shaped_like
from tests.support.clock import Clock
from tests.support.receivers import SETUP
from tests.support.sockets import opened, token
from tests.support.tenants import Tenant

SCHEMA: Final = build_schema((ROOT / "schema.graphql").read_text())
WALKED: Final = {
    page: f"tests/sources/test_{page.split('/')[-1].replace('-', '_')[:-3]}.py"
    for page in PAGES
    if page.startswith("docs/sources/")
}
HERE: Final = {
    "docs/bulk.md",
    "docs/checkpoints.md",
    "docs/conventions.md",
    "docs/compatibility.md",
    "docs/credit-notes.md",
    "docs/errors.md",
    "docs/events.md",
    "docs/invoices.md",
    "docs/limits-and-approvals.md",
    "docs/lists.md",
    "docs/moving.md",
    "docs/names.md",
    "docs/partner-tokens.md",
    "docs/query-cost.md",
    "docs/references.md",
    "docs/time.md",
    "docs/webhooks.md",
}
ELSEWHERE: Final = {"README.md"}
"""Sent to a server by test_served.py."""


OTHERS: Final = {
    "docs/names.md": "sql",
    "docs/running.md": "sql",
    "docs/scaling.md": "sql",
    "docs/proof.md": "python",
    "docs/webhooks.md": "python",
    "README.md": "curl",
    "docs/bulk.md": "curl",
    "docs/time.md": "curl",
}
"""What is run by a test below or beside this one, in test_served.py, or by tests/operations/test_citus.py. The
other commands: test_commands.py."""
UPSERT: Final = 'mutation { upsertCustomer(input: { externalId: "c1", name: "Ann" }) { userErrors { code } } }'


def test_every_page_with_examples_is_run() -> None:
    with_examples = {block.page for block in all_blocks("graphql", "json")}

    assert with_examples == HERE | ELSEWHERE | WALKED.keys()
    others = {(block.page, block.language) for block in all_blocks("sql", "python")}
    others |= {(block.page, "curl") for block in all_blocks("sh") if "curl" in block.text}
    assert others == set(OTHERS.items())


@pytest.mark.parametrize("block", all_blocks("graphql"), ids=str)
def test_every_document_is_valid(block: Any) -> None:
    assert validate(SCHEMA, parse(block.text), specified_rules) == []


@pytest.mark.parametrize("page", WALKED)
def test_a_walk_runs_every_operation_of_its_page(page: str) -> None:
    walk = (ROOT / WALKED[page]).read_text()
    names = [
        node.name.value
        for block in blocks(page)
        if block.language == "graphql"
        for node in parse(block.text).definitions
        if isinstance(node, OperationDefinitionNode) and node.name is not None
    ]

    assert names
    assert [name for name in names if f'"{name}"' not in walk] == []


@pytest.mark.parametrize("page", WALKED)
def test_variables_that_a_walk_s_page_shows_fit_the_operation_above_them(page: str) -> None:
    above: OperationDefinitionNode | None = None
    for block in blocks(page):
        if block.language == "graphql":
            (above,) = [d for d in parse(block.text).definitions if isinstance(d, OperationDefinitionNode)]
        elif block.language == "json":
            assert above is not None
            values = get_variable_values(SCHEMA, above.variable_definitions or (), block.json())
            assert not isinstance(values, list), values


async def test_errors(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/errors.md", "graphql", "json")
    customer = gid("Customer", await tenant.customer())

    answer = await api(page.take("graphql").text, {"customer": customer}, role=Role.STAFF)
    assert fits(page.take("json").json(), {"data": answer.data})
    page.end()


async def test_names_in_a_request(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/names.md", "graphql", "json")
    await tenant.customer("C-1001")
    await tenant.service("Haircut")
    document = page.take("graphql").text
    for replayed in (False, True):
        payload = (await api(document, {"key": "k"}))["adjustCredit"]
        assert (payload["replayed"], payload["userErrors"]) == (replayed, [])
    page.end()


async def test_conventions(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/conventions.md", "graphql", "json")
    customer = await tenant.customer()
    credit = await tenant.adjust(customer, "25.00")
    seen = await api(page.take("graphql").text, {"customer": gid("Customer", customer)})
    assert page.take("json").json() == {"data": seen.data}

    given = {"customerId": "x", "asset": "GBP", "amount": "5,00", "reason": "GOODWILL", "idempotencyKey": "k"}
    (error,) = (await api(page.take("graphql").text, {"input": given})).errors
    assert page.take("json").json() == error["extensions"]

    invoice = await tenant.invoice(customer, "20.00", auto_apply=False)
    named = {"credit": gid("Credit", credit.credit_id), "invoice": gid("Invoice", invoice)}
    before = await api(page.take("graphql").text, named)
    assert page.take("json").json() == {"data": before.data}
    page.end()


async def test_events(api: Api, tenant: Tenant, clock: Clock) -> None:
    page = Examples("docs/events.md", "graphql", "json")
    ann = await tenant.customer()
    await tenant.adjust(ann, 5)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)

    document = page.take("graphql").text
    feed = (await api(document))["events"]
    assert [edge["node"]["kind"] for edge in feed["edges"]] == ["CUSTOMER_CREATED", "CREDIT_ADJUSTED"]
    after = feed["pageInfo"]["endCursor"]
    assert (await api(document, {"after": after}))["events"]["edges"] == []

    live = LiveFeed()
    async with sockets_of(tenant.ledger, live=live) as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug))
        for number, variables in ((1, {"after": after}), (2, {"customer": gid("Customer", ann)})):
            await client.subscribe(f"{number}", page.take("graphql").text, variables=variables)
            await joined(live, number)
        await tenant.adjust(ann, 5)
        clock.advance(timedelta(seconds=1))
        await keep_feed(tenant.ledger, tenant.id)
        told = sorted([await client.receive() for _ in range(2)], key=lambda message: message["id"])
    assert told[0]["payload"]["data"]["events"]["node"]["kind"] == "CREDIT_ADJUSTED"
    assert told[1]["payload"]["data"]["accountUpdated"]["accounts"][0]["available"] == "10.00"
    page.end()


async def test_lists(api: Api, tenant: Tenant, clock: Clock) -> None:
    page = Examples("docs/lists.md", "graphql")
    due = tenant.today() + timedelta(days=9)
    for name, amount in (("Ann", 5), ("Carl", 7)):
        customer = await tenant.customer(name.lower(), name)
        await tenant.adjust(customer, amount, expires_in_days=9, auto_apply=False)
        await tenant.invoice(customer, 9, number=name, due_on=due)
    clock.advance(timedelta(seconds=1))
    assert await keep_standings(tenant.ledger, tenant.id)

    found = (await api(page.take("graphql").text))["customers"]
    assert [node["externalId"] for node in found["nodes"]] == ["carl", "ann"]
    assert found["totalCount"] == 2
    answer = await api(page.take("graphql").text.replace("2026-11-28", due.isoformat()))
    assert [node["number"] for node in answer["overdue"]["nodes"]] == ["Ann", "Carl"]
    assert len(answer["expiring"]["nodes"]) == 2
    assert answer["members"]["nodes"] == []
    page.end()


async def test_webhooks(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/webhooks.md", "graphql")
    tenant.ledger.webhooks = SETUP

    made = (await api(page.take("graphql").text, {"url": "http://127.0.0.1:1/hook"}))["createWebhook"]
    assert (made["userErrors"], made["secret"][:6], made["webhook"]["status"]) == ([], "whsec_", "ACTIVE")
    named = {"id": made["webhook"]["id"]}
    tested = (await api(page.take("graphql").text, named))["testWebhook"]
    assert (tested["userErrors"], tested["delivery"]["status"]) == ([], "WAITING")
    replayed = (await api(page.take("graphql").text, {**named, "after": made["webhook"]["cursor"]}))["replayWebhook"]
    assert (replayed["userErrors"], replayed["webhook"]["cursor"]) == ([], made["webhook"]["cursor"])
    assert (await api(page.take("graphql").text, named))["webhookDeliveries"] == {"edges": []}
    rotated = (await api(page.take("graphql").text, named))["rotateWebhookSecret"]
    assert rotated["userErrors"] == []
    assert rotated["secret"] != made["secret"]
    assert rotated["webhook"]["oldSecretUntil"] is not None
    page.end()


async def test_checkpoints(api: Api, tenant: Tenant, clock: Clock) -> None:
    page = Examples("docs/checkpoints.md", "graphql", "json")
    await tenant.adjust(await tenant.customer(), 5)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    key = new_key("books.example", bytes(32))
    notary = Notary(Keys((key,), (key.public,)), timedelta(0), None)
    assert await make_checkpoint(tenant.ledger, tenant.id, notary, now=True)

    ((entry,),) = await tenant.rows("SELECT id FROM entries WHERE tenant_id = $1")
    shown = (await api(page.take("graphql").text, {"entry": gid("LedgerEntry", entry)}, role=Role.STAFF))["receipt"]
    assert (shown["state"], shown["checkpoint"]["keys"]) == ("READY", [key.public.written()])
    page.end()


async def test_invoices(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/invoices.md", "graphql", "json")
    customer = await tenant.customer()

    billed = await api(page.take("graphql").text, {"customer": gid("Customer", customer)})
    assert fits(page.take("json").json(), {"data": billed.data})
    ((invoice,),) = await tenant.rows("SELECT id FROM invoices WHERE tenant_id = $1")
    paid = await api(page.take("graphql").text, {"invoice": gid("Invoice", invoice)})
    assert fits(page.take("json").json(), {"data": paid.data})
    page.end()


async def test_bulk(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/bulk.md", "graphql")
    customer = await tenant.customer()
    bulk = await tenant.bulk((customer, 40))
    await tenant.spend(customer, 15, "POINTS")
    given = {"operationId": gid("BulkOperation", bulk.bulk_operation_id), "idempotencyKey": "back"}

    again = {"input": {"id": given["operationId"], "idempotencyKey": "retry"}}
    refused = (await api(page.take("graphql").text, again, role=Role.MANAGER))["retryBulkOperation"]
    assert [error["code"] for error in refused["userErrors"]] == ["BULK_NOT_RETRYABLE"]  # it is no file

    other = gid("Customer", await tenant.customer())
    document = page.take("graphql").text
    setting = (await api(document, {"customer": other}, role=Role.MANAGER))["bulkCredit"]["operation"]
    assert setting == {"mode": "SET", "rows": {"nodes": [{"amount": "250", "moved": "250"}]}}

    back = (await api(page.take("graphql").text, {"input": given}, role=Role.MANAGER))["reverseBulkOperation"]
    (edge,) = back["operation"]["rows"]["edges"]
    assert (back["operation"]["status"], edge["node"]["taken"], edge["node"]["used"]) == ("COMPLETED", "25", "15")
    listed = (await api(page.take("graphql").text, role=Role.MANAGER))["bulkOperations"]["edges"]
    sums = [{"asset": "POINTS", "amount": "40"}]
    assert [(edge["node"]["kind"], edge["node"]["sums"]) for edge in listed] == [
        ("ADJUSTMENT", sums),
        ("ADJUSTMENT", [{"asset": "POINTS", "amount": "250"}]),
        ("REVERSAL", None),
    ]
    page.end()


async def test_credit_notes(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/credit-notes.md", "graphql")
    invoice = await tenant.invoice(await tenant.customer(), "20.00", auto_apply=False)
    await tenant.pay(invoice, "15.00")

    variables = {"invoice": gid("Invoice", invoice), "key": uuid4().hex}
    made = (await api(page.take("graphql").text, variables, role=Role.STAFF))["createCreditNote"]
    assert (made["creditNote"]["lowered"], made["creditNote"]["givenBack"]) == ("5.00", "7.50")
    variables = {"note": made["creditNote"]["id"], "key": uuid4().hex}
    voided = (await api(page.take("graphql").text, variables, role=Role.MANAGER))["voidCreditNote"]
    assert (voided["userErrors"], voided["invoice"]["due"]) == ([], "5.00")
    page.end()


async def test_limits_and_approvals(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/limits-and-approvals.md", "graphql", "json")
    customer = gid("Customer", await tenant.customer())

    assert (await api(page.take("graphql").text))["setLimit"]["userErrors"] == []

    asking = """mutation ($input: AdjustCreditInput!) {
        adjustCredit(input: $input) { approvalRequest { id } userErrors { code } } }"""
    given = {
        "customerId": customer,
        "asset": "GBP",
        "amount": "41.00",
        "reason": "GOODWILL",
        "requestApproval": True,
        "idempotencyKey": uuid4().hex,
    }
    asked = (await api(asking, {"input": given}, role=Role.STAFF, subject="sam"))["adjustCredit"]
    approving = page.take("graphql").text
    by_manager: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria"}
    variables = {"request": asked["approvalRequest"]["id"], "key": uuid4().hex}
    assert (await api(approving, variables, **by_manager))["approveRequest"]["userErrors"] == []

    reward = gid("Reward", await tenant.reward(1_500, name="Mug"))
    giving = """mutation ($input: GiveRewardInput!) {
        giveReward(input: $input) { approvalRequest { id } userErrors { code } } }"""
    given = {
        "customerId": customer,
        "rewardId": reward,
        "deductPoints": False,
        "requestApproval": True,
        "idempotencyKey": uuid4().hex,
    }
    asked = (await api(giving, {"input": given}, role=Role.STAFF, subject="sam"))["giveReward"]
    await api(
        """mutation ($input: UpdateRewardInput!) { updateReward(input: $input) { userErrors { code } } }""",
        {"input": {"rewardId": reward, "pointsCost": "1600"}},
    )
    with_terms = approving.replace("code message field", "code field version changes { field before after }")
    variables = {"request": asked["approvalRequest"]["id"], "key": uuid4().hex}
    (error,) = (await api(with_terms, variables, **by_manager))["approveRequest"]["userErrors"]
    assert fits(page.take("json").json(), error)
    page.end()


async def test_moving(api: Api, tenant: Tenant, clock: Clock) -> None:
    page = Examples("docs/moving.md", "graphql", "json")
    giver, receiver = await tenant.customer(), await tenant.customer()
    await tenant.credit(giver, 9)
    by_manager: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria"}
    people = {"from": gid("Customer", giver), "to": gid("Customer", receiver)}

    answer = await api(page.take("graphql").text, people, **by_manager)
    assert fits(page.take("json").json(), {"data": answer.data})
    credit = await tenant.credit(giver, 50, expires_at=clock() + timedelta(days=1))
    clock.advance(days=2)
    await tenant.expire()
    answer = await api(page.take("graphql").text, {"credit": gid("Credit", credit)}, **by_manager)
    assert fits(page.take("json").json(), {"data": answer.data})
    page.end()


async def test_partner_tokens(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/partner-tokens.md", "graphql", "json")
    customer = gid("Customer", await tenant.customer())

    issued = (await api(page.take("graphql").text))["issueToken"]
    assert (issued["userErrors"], issued["secret"][:6]) == ([], "scrip_")

    bulk = """mutation ($input: BulkCreditInput!) { bulkCredit(input: $input) { userErrors { code } } }"""
    row = {"customerId": customer, "amount": "-1.00"}
    given = {"asset": "GBP", "items": [row], "reason": "CORRECTION", "idempotencyKey": uuid4().hex}
    only_bulk: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.CREDITS_BULK], "client_id": "web-shop"}
    denied = await api(bulk, {"input": given}, **only_bulk)
    shown = page.take("json").json()
    assert [fits(shown, {name: error.get(name) for name in shown}) for error in denied.errors] == [True]

    given = {
        "customerId": customer,
        "asset": "GBP",
        "amount": "2.00",
        "reason": "GOODWILL",
        "idempotencyKey": uuid4().hex,
    }
    headers = {"authorization": f"Bearer {issued['secret']}"}
    body = {"query": page.take("graphql").text, "variables": {"input": given}}
    payload = (await api.client.post("/graphql", json=body, headers=headers)).json()["data"]["adjustCredit"]
    assert (payload["userErrors"], payload["transaction"] is not None) == ([], True)
    page.end()


async def test_query_cost(
    ledger: Ledger, verifier: TokenVerifier, partner_tokens: PartnerTokenVerifier, tenant: Tenant, clock: Clock
) -> None:
    page = Examples("docs/query-cost.md", "graphql", "json")
    document = page.take("graphql").text
    limits = RateLimits(parse_limit("700/minute"), writes=parse_limit("2100/minute"))
    async with serving(ledger, verifier, partner_tokens, limits) as client:
        api = Api(client, tenant, clock)
        small = await api(document, {"n": 5}, role=Role.STAFF, subject="somebody else")
        assert small.response.json()["extensions"]["cost"]["requested"] == 66
        answer = (await api(document, role=Role.STAFF)).response.json()
        assert is_shaped_like(page.take("json").json(), answer)
        assert (answer["extensions"]["cost"]["requested"], answer["extensions"]["cost"]["remaining"]) == (651, 49)
        written = await api(UPSERT, role=Role.STAFF)
        assert is_shaped_like(page.take("json").json(), written.response.json())
        refused = await api(document, role=Role.STAFF)
        assert is_shaped_like(page.take("json").json(), refused.response.json())
        assert (refused.response.status_code, "retry-after" in refused.response.headers) == (429, True)
    page.end()


async def test_compatibility(api: Api) -> None:
    page = Examples("docs/compatibility.md", "graphql")
    (one, *_) = [field for field in (await api(page.take("graphql").text))["__type"]["fields"] if field["isDeprecated"]]
    assert one["deprecationReason"].startswith("Use ")
    page.end()


async def test_time(api: Api, tenant: Tenant, clock: Clock) -> None:
    page = Examples("docs/time.md", "graphql", "json")
    done = await tenant.adjust(await tenant.customer(), "5.00")
    at = clock() + timedelta(seconds=1)

    variables = {"id": gid("Account", done.account_id), "at": at.isoformat()}
    explained = (await api(page.take("graphql").text, variables))["node"]["balanceExplanation"]
    assert explained["available"] == "5.00", json.dumps(explained)
    page.end()


async def test_references(api: Api, tenant: Tenant) -> None:
    page = Examples("docs/references.md", "graphql")
    customer = await tenant.customer()
    await tenant.credit(customer, 5)
    await tenant.invoice(customer, 7, number="I-7", auto_apply=False, invoice_texts=Texts("R-2026-0815"))

    spent = (await api(page.take("graphql").text, {"customer": gid("Customer", customer)}))["spendCredit"]
    assert spent["userErrors"] == []
    assert spent["transaction"] == {
        "reference": "R-2026-0815",
        "metadata": [{"key": "shop", "value": "Lisboa"}, {"key": "till", "value": "2"}],
    }
    found = (await api(page.take("graphql").text))["invoices"]["nodes"]
    assert found == [{"number": "I-7", "due": "7.00"}]
    page.end()


async def test_proof(tenant: Tenant) -> None:
    page = Examples("docs/proof.md", "python")
    service = await tenant.service("Yoga")
    (seal,) = await tenant.fetch(
        "SELECT digest, salt FROM seals WHERE tenant_id = $1 AND of_table = 'services' AND id = $2", service
    )

    known = {"sha256": sha256, "json": json, "table": "services", "tenant_id": str(tenant.id), "salt": seal["salt"]}
    row = {"values": [str(service), "Yoga", True]}
    assert eval(page.take("python").text, known | row) == seal["digest"]  # noqa: S307 (the page is our own)
    page.end()


async def test_names(owner_connection: "asyncpg.Connection[Any]", tenant: Tenant) -> None:
    page = Examples("docs/names.md", "sql")
    invoice = await tenant.invoice(await tenant.customer(), "10.00", number="I-1", auto_apply=False)

    await owner_connection.execute(
        page.take("sql").text.replace("<the tenant''s id>", str(tenant.id)).replace("<the invoice''s id>", str(invoice))
    )
    (row,) = await tenant.fetch("SELECT number FROM invoices WHERE tenant_id = $1 AND id = $2", invoice)
    assert row["number"] == "I-1b"
    page.end()
