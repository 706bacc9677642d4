"""References and metadata: on everything that the rule book names, and how things are found by them."""

import json
from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from models.operations.people import erase_customer
from models.texts import Texts
from tests.api.conftest import Api, gid
from tests.support.holds import hold
from tests.support.tenants import MANAGER, STAFF, Tenant

PAIRS = [{"key": "till", "value": "2"}, {"key": "shop", "value": "Lisboa"}]
SHOWN = [{"key": "shop", "value": "Lisboa"}, {"key": "till", "value": "2"}]
TEXTS = {"reference": " PO-7 ", "metadata": PAIRS}
OWN = Texts("PO-7", (("shop", "Lisboa"), ("till", "2")))
ASKED = "reference metadata { key value }"


async def write(api: Api, name: str, given: dict[str, Any], fields: str, **token: Any) -> dict[str, Any]:
    """What a mutation answers."""
    kind = name[0].upper() + name[1:] + "Input"
    query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ userErrors {{ code field }} {fields} }} }}"
    payload: dict[str, Any] = (await api(query, {"input": given}, **token))[name]
    return payload


async def posted(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """By mutation, an input that posts one transaction."""
    carol, yoga, reward = await tenant.customer("carol"), await tenant.service(), await tenant.reward(100)
    await tenant.adjust(carol, 1_000, "POINTS")
    await tenant.credit(carol, 9, "SERVICE_CREDITS")
    spend = await tenant.spend(carol, 1, "POINTS")
    pounds, other, third = [await tenant.credit(carol, 9) for _ in range(3)]
    bills = [await tenant.invoice(carol, 5, auto_apply=False) for _ in range(4)]
    assigned = [(await tenant.assign(pounds, (bill, 1))).assignment_ids[0] for bill in bills[:3]]
    noted = await tenant.invoice(carol, 5, auto_apply=False)
    note = await tenant.note(noted, 1)
    customer = {"customerId": gid("Customer", carol)}
    held = [(await hold(tenant, carol, 2)).hold_id]
    paid = await tenant.invoice(carol, 5, auto_apply=False)
    by_credit = (await tenant.pay(paid, 1, "ACCOUNT_CREDIT")).payment_id
    coupon = (await tenant.give(carol, reward)).coupon_id
    return {
        "adjustCredit": {**customer, "asset": "GBP", "amount": "1.00", "reason": "GOODWILL"},
        "spendCredit": {**customer, "asset": "GBP", "amount": "1.00"},
        "refundSpend": {"transactionId": gid("Transaction", spend.transaction_id)},
        "useCredit": {**customer, "serviceId": gid("Service", yoga), "amount": "1"},
        "giveReward": {**customer, "rewardId": gid("Reward", reward), "deductPoints": True},
        "assignCredit": {
            "creditId": gid("Credit", other),
            "assignments": [{"invoiceId": gid("Invoice", bills[3]), "amount": "1.00"}],
        },
        "releaseAssignments": {"assignmentIds": [gid("Assignment", assigned[0])]},
        "reassignCredit": {
            "assignmentId": gid("Assignment", assigned[1]),
            "assignments": [{"invoiceId": gid("Invoice", bills[3]), "amount": "1.00"}],
        },
        "voidInvoice": {"invoiceId": gid("Invoice", bills[2])},
        "createCreditNote": {"invoiceId": gid("Invoice", noted), "amount": "2.00"},
        "voidCreditNote": {"creditNoteId": gid("CreditNote", note.credit_note_id)},
        "updateCredit": {"creditId": gid("Credit", third)},
        "holdCredit": {**customer, "asset": "GBP", "amount": "1.00"},
        "captureHold": {"holdId": gid("Hold", held[0]), "amount": "1.00"},
        "extendHold": {"holdId": gid("Hold", held[0]), "expiresInMinutes": 90},
        "releaseHold": {"holdId": gid("Hold", held[0])},
        "transferCredit": {
            "fromCustomerId": customer["customerId"],
            "toCustomerId": gid("Customer", await tenant.customer("dave")),
            "asset": "GBP",
            "amount": "1.00",
        },
        "voidCredit": {"creditId": gid("Credit", third)},
        "recordPayment": {"invoiceId": gid("Invoice", paid), "amount": "2.00", "method": "ACCOUNT_CREDIT"},
        "voidPayment": {"paymentId": gid("Payment", by_credit)},
        "disableCoupon": {"couponId": gid("Coupon", coupon), "refundPoints": True},
    }


async def test_every_transaction_has_them(api: Api, tenant: Tenant) -> None:
    """And a request sent again, its pairs in another order, is the same one; with another reference it is not."""
    for name, given in (await posted(tenant)).items():
        sent = {**given, **TEXTS, "idempotencyKey": name}
        payload = await write(api, name, sent, f"replayed transaction {{ id {ASKED} }}")
        assert payload["userErrors"] == [], name
        assert {key: payload["transaction"][key] for key in ("reference", "metadata")} == {
            "reference": "PO-7",
            "metadata": SHOWN,
        }, name
        async with tenant.nothing_moves():
            again = await write(api, name, {**sent, "metadata": PAIRS[::-1]}, f"replayed transaction {{ id {ASKED} }}")
            other = await write(api, name, {**sent, "reference": "PO-8"}, "replayed")
        assert again == {**payload, "replayed": True}
        assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_customers_see_the_reference_alone(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, 5, texts=OWN)
    await tenant.invoice(carol, 5, auto_apply=False, invoice_texts=OWN)
    await write(api, "updateCustomer", {"customerId": gid("Customer", carol), **TEXTS}, "changed")
    query = f"""query($id: ID!) {{
      customer(by: {{externalId: "carol"}}) {{ {ASKED} }}
      ledger(customerId: $id) {{ edges {{ node {{ transaction {{ {ASKED} }} }} }} }}
      invoices {{ edges {{ node {{ {ASKED} }} }} }} }}"""
    for role, metadata in ((Role.STAFF, SHOWN), (Role.CUSTOMER, None)):
        who = {"role": role, "customer": "carol"} if role is Role.CUSTOMER else {"role": role}
        data = await api(query, {"id": gid("Customer", carol)}, **who)
        told = {"reference": "PO-7", "metadata": metadata}
        assert data["customer"] == told
        assert [edge["node"] for edge in data["ledger"]["edges"]] == [{"transaction": told}]
        assert [edge["node"] for edge in data["invoices"]["edges"]] == [told]


async def test_what_is_refused_moves_nothing(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer("carol"))
    given = {"customerId": carol, "asset": "GBP", "amount": "1.00", "reason": "GOODWILL", "idempotencyKey": "k"}
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"reference": "x" * 256}, ["reference"]),
        ({"reference": "\x00"}, ["reference"]),
        ({"metadata": [{"key": "", "value": ""}]}, ["metadata", "0", "key"]),
        ({"metadata": [{"key": "a", "value": ""}, {"key": " a", "value": ""}]}, ["metadata", "1", "key"]),
        ({"metadata": [{"key": "a", "value": "x" * 501}]}, ["metadata", "0", "value"]),
        ({"metadata": [{"key": "a", "value": "\x00"}]}, ["metadata", "0", "value"]),
        ({"metadata": [{"key": str(n), "value": ""} for n in range(21)]}, ["metadata"]),
    ]
    async with tenant.nothing_moves():
        for texts, field in bad:
            payload = await write(api, "adjustCredit", {**given, **texts}, "replayed")
            assert payload["userErrors"] == [{"code": "INVALID", "field": field}]
    blank = {"reference": " ", "metadata": []}
    payload = await write(api, "adjustCredit", {**given, **blank}, f"transaction {{ {ASKED} }}")
    assert payload["transaction"] == {"reference": None, "metadata": []}
    assert (await write(api, "adjustCredit", given, "replayed"))["replayed"]  # blank and missing are the same


async def test_a_reference_says_what_is_spent_for(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, 5)
    given = {"customerId": gid("Customer", carol), "asset": "GBP", "amount": "1.00", "idempotencyKey": "k"}
    async with tenant.nothing_moves():
        for texts in ({}, {"reference": " "}, {"metadata": PAIRS}):
            for name in ("spendCredit", "holdCredit"):
                payload = await write(api, name, {**given, **texts}, "replayed")
                assert payload["userErrors"] == [{"code": "NOTE_REQUIRED", "field": ["note"]}]
    for name in ("spendCredit", "holdCredit"):
        said = {**given, "reference": "Bon 7", "idempotencyKey": name}
        assert (await write(api, name, said, "replayed"))["userErrors"] == []


async def test_an_approval_posts_what_was_asked(api: Api, tenant: Tenant) -> None:
    carol, product = gid("Customer", await tenant.customer("carol")), await tenant.product("3.00")
    asked = {"customerId": carol, "proposeOnly": True, **TEXTS}
    adjust = {**asked, "asset": "GBP", "amount": "1.00", "reason": "GOODWILL", "idempotencyKey": "a"}
    items = [{"productId": gid("Product", product), "quantity": 1}]
    order = {**asked, "number": "1", "currency": "GBP", "items": items, "idempotencyKey": "b"}
    for name, given, made in (("adjustCredit", adjust, "transaction"), ("createOrder", order, "order")):
        request = (await write(api, name, given, f"approvalRequest {{ id {ASKED} }}", role=Role.STAFF))[
            "approvalRequest"
        ]
        assert request == {"id": request["id"], "reference": "PO-7", "metadata": SHOWN}
        approved = await write(
            api,
            "approveRequest",
            {"requestId": request["id"], "idempotencyKey": name},
            f"approvalRequest {{ {made} {{ {ASKED} }} }}",
            role=Role.MANAGER,
        )
        assert approved["approvalRequest"][made] == {"reference": "PO-7", "metadata": SHOWN}


async def test_what_is_kept_of_a_payment_has_them_also_if_it_waits(api: Api, tenant: Tenant) -> None:
    """And what takes it back. A payment that only pays has no transaction, and so none."""
    invoice = await tenant.invoice(await tenant.customer("carol"), 5, auto_apply=False)
    paying = {"invoiceId": gid("Invoice", invoice), "method": "CARD", **TEXTS}
    made = f"payment {{ id }} transaction {{ {ASKED} }} approvalRequest {{ id {ASKED} }}"
    plain = await write(api, "recordPayment", {**paying, "amount": "1.00", "idempotencyKey": "p"}, made)
    assert (plain["userErrors"], plain["transaction"]) == ([], None)
    asked = {**paying, "amount": "6.00", "keepExcess": True, "proposeOnly": True, "idempotencyKey": "k"}
    request = (await write(api, "recordPayment", asked, made, role=Role.STAFF))["approvalRequest"]
    assert request == {"id": request["id"], "reference": "PO-7", "metadata": SHOWN}
    shown = f"approvalRequest {{ transaction {{ {ASKED} }} }}"
    deciding = {"requestId": request["id"], "idempotencyKey": "a"}
    done = await write(api, "approveRequest", deciding, shown, role=Role.MANAGER)
    assert done["approvalRequest"]["transaction"] == {"reference": "PO-7", "metadata": SHOWN}
    ((payment,),) = await tenant.rows("SELECT id FROM overpayments WHERE tenant_id = $1")
    voiding = {"paymentId": gid("Payment", payment), "reference": "PO-8", "idempotencyKey": "v"}
    back = await write(api, "voidPayment", voiding, "transaction { reference }")
    assert back["transaction"] == {"reference": "PO-8"}


async def test_both_transactions_of_a_merge_have_them(api: Api, tenant: Tenant) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.credit(carol, 5)
    given = {"fromId": gid("Customer", carol), "intoId": gid("Customer", dave), **TEXTS, "idempotencyKey": "k"}
    assert (await write(api, "mergeCustomers", given, "replayed"))["userErrors"] == []
    found = """SELECT x.reference, x.metadata::text FROM transactions t
        JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id WHERE t.tenant_id = $1 AND t.kind = 'MERGE'"""
    ((reference, metadata), other) = await tenant.rows(found)
    assert (reference, json.loads(metadata)) == ("PO-7", {pair["key"]: pair["value"] for pair in SHOWN})
    assert other == (reference, metadata)


async def test_rows_of_a_bulk_have_their_own_or_the_bulks(api: Api, tenant: Tenant) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    items = [
        {"customerId": gid("Customer", carol), "amount": "1", "reference": "row 1"},
        {"customerId": gid("Customer", dave), "amount": "1"},
    ]
    given = {"items": items, "asset": "POINTS", "reason": "PROMOTION", **TEXTS, "idempotencyKey": "k"}
    fields = f"operation {{ rows {{ edges {{ node {{ transaction {{ {ASKED} }} }} }} }} }}"
    rows = (await write(api, "bulkCredit", given, fields))["operation"]["rows"]["edges"]
    assert [row["node"]["transaction"] for row in rows] == [
        {"reference": "row 1", "metadata": SHOWN},
        {"reference": "PO-7", "metadata": SHOWN},
    ]
    items[1]["reference"] = "x" * 256
    payload = await write(api, "bulkCredit", {**given, "idempotencyKey": "k2"}, "replayed")
    assert payload["userErrors"] == [{"code": "INVALID", "field": ["items", "1", "reference"]}]


@pytest.mark.parametrize("sent", [(" ", None), (None, " ")], ids=["blank", "missing"])
async def test_a_rows_blank_reference_is_the_same_as_none(
    api: Api, tenant: Tenant, sent: tuple[str | None, str | None]
) -> None:
    row = {"customerId": gid("Customer", await tenant.customer("carol")), "amount": "1"}
    given = {"asset": "POINTS", "reason": "PROMOTION", "idempotencyKey": "k"}
    answers = [
        await write(api, "bulkCredit", {**given, "items": [row | {"reference": reference}]}, "replayed")
        for reference in sent
    ]
    assert answers == [{"replayed": replayed, "userErrors": []} for replayed in (False, True)]


async def test_customers_and_products_keep_what_is_left_out(api: Api, tenant: Tenant) -> None:
    told = {"reference": "PO-7", "metadata": SHOWN}
    named, shown = {"externalId": "carol", "name": "Carol"}, f"customer {{ id {ASKED} }}"
    made = (await write(api, "upsertCustomer", {**named, **TEXTS}, shown))["customer"]
    assert {**made, **told} == made
    kept = (await write(api, "upsertCustomer", {**named, "name": "Caro"}, shown))["customer"]
    assert kept == made
    pairs = {"customerId": made["id"], "metadata": PAIRS[:1]}
    edited = (await write(api, "updateCustomer", pairs, f"changed {shown}"))["customer"]
    assert edited == {**made, "metadata": SHOWN[1:]}
    changes: list[dict[str, Any]] = [{"reference": None}, {"metadata": []}]
    for change in changes:
        assert (await write(api, "updateCustomer", {"customerId": made["id"], **change}, "changed"))["changed"]
        assert not (await write(api, "updateCustomer", {"customerId": made["id"], **change}, "changed"))["changed"]
    edited = (await write(api, "upsertCustomer", named, shown))["customer"]
    assert edited == {"id": made["id"], "reference": None, "metadata": []}

    thing, shown = {"name": "Tea", "kind": "GOODS", "currency": "GBP", "price": "3.00"}, f"product {{ id {ASKED} }}"
    made = (await write(api, "createProduct", {**thing, **TEXTS}, shown))["product"]
    assert {**made, **told} == made
    dearer = {"productId": made["id"], "price": "4.00"}
    assert (await write(api, "updateProduct", dearer, shown))["product"] == made
    emptied = {"productId": made["id"], "reference": None, "metadata": None}
    edited = (await write(api, "updateProduct", emptied, shown))["product"]
    assert edited == {"id": made["id"], "reference": None, "metadata": []}


LISTS = {
    "customers": ("externalId", ""),
    "invoices": ("number", ""),
    "orders": ("number", ""),
    "products": ("name", ""),
    "auditTrail": ("transaction { reference }", ""),
}


async def found(api: Api, name: str, by: dict[str, str], first: int = 2, **token: Any) -> list[Any]:
    """Everything that a list has of a reference, page by page; the same from its end."""
    field, _ = LISTS[name]
    query = f"""query($by: ReferenceBy!, $first: Int, $after: String, $last: Int, $before: String) {{
      {name}(reference: $by, first: $first, after: $after, last: $last, before: $before) {{
        edges {{ node {{ {field} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
    ahead: list[Any] = []
    page, after = {"hasNextPage": True}, None
    while page["hasNextPage"]:
        data = (await api(query, {"by": by, "first": first, "after": after}, **token))[name]
        page, after = data["pageInfo"], data["pageInfo"]["endCursor"]
        ahead += [edge["node"] for edge in data["edges"]]
    back: list[Any] = []
    page, before = {"hasPreviousPage": True}, None
    while page["hasPreviousPage"]:
        data = (await api(query, {"by": by, "last": first, "before": before}, **token))[name]
        page, before = data["pageInfo"], data["pageInfo"]["startCursor"]
        back = [edge["node"] for edge in data["edges"]] + back
    assert back == ahead
    return [next(iter(node.values())) for node in ahead]


async def test_things_are_found_by_their_references(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    """Exactly, in the order of the list; and by how references begin, in their order."""
    product = gid("Product", await tenant.product("3.00"))
    for n, reference in enumerate(["PO-7", "PO-71", "PO-7", "po-7", "PO-6", "PO-7", "PO", "PO-70"]):
        own = {"reference": reference}
        made = await write(api, "upsertCustomer", {"externalId": f"c{n}", "name": "C", **own}, "customer { id }")
        bill = {"customerId": made["customer"]["id"], "number": f"i{n}", "currency": "GBP", **own}
        lines = [{"description": "Tea", "quantity": 1, "unitPrice": "1.00"}]
        await write(api, "createInvoice", {**bill, "lines": lines, "idempotencyKey": f"i{n}"}, "replayed")
        items = [{"productId": product, "quantity": 1}]
        order = {**bill, "number": f"o{n}", "items": items, "idempotencyKey": f"o{n}"}
        await write(api, "createOrder", order, "replayed")
        thing = {"name": f"p{9 - n}", "kind": "GOODS", "currency": "GBP", "price": "3.00", **own}
        await write(api, "createProduct", thing, "product { id }")
        tenant.clock.advance(seconds=1)
    await other_tenant.invoice(await other_tenant.customer(), 5, invoice_texts=Texts("PO-7"))

    exactly, begins = {"exactly": " PO-7"}, {"startsWith": "PO-7"}
    assert await found(api, "customers", exactly) == ["c0", "c2", "c5"]
    assert await found(api, "customers", begins) == ["c0", "c2", "c5", "c7", "c1"]
    assert await found(api, "invoices", exactly) == ["i0", "o0", "i2", "o2", "i5", "o5"]
    assert await found(api, "invoices", begins) == ["i0", "o0", "i2", "o2", "i5", "o5", "i7", "o7", "i1", "o1"]
    assert await found(api, "orders", exactly) == ["o0", "o2", "o5"]
    assert await found(api, "orders", begins) == ["o0", "o2", "o5", "o7", "o1"]
    assert await found(api, "orders", {"startsWith": "PO-72"}) == []
    assert await found(api, "products", exactly) == ["p4", "p7", "p9"]
    assert await found(api, "products", begins) == ["p4", "p7", "p9", "p2", "p8"]
    assert await found(api, "invoices", exactly, role=Role.CUSTOMER, customer="c2") == ["i2", "o2"]
    assert await found(api, "invoices", begins, role=Role.CUSTOMER, customer="c1") == ["i1", "o1"]


async def test_a_merged_records_reference_finds_the_person(api: Api, tenant: Tenant) -> None:
    """The whole reference does, as the record's other names do; each person once, in the order of the list."""
    people = {}
    for name, reference in (("old", "CRM-1"), ("new", "CRM-2"), ("other", "CRM-1"), ("older", "CRM-1")):
        given = {"externalId": name, "name": "C", "reference": reference}
        people[name] = (await write(api, "upsertCustomer", given, "customer { id }"))["customer"]["id"]
        tenant.clock.advance(seconds=1)
    for n, name in enumerate(("old", "older")):
        merging = {"fromId": people[name], "intoId": people["new"], "idempotencyKey": f"m{n}"}
        await write(api, "mergeCustomers", merging, "replayed")
    assert await found(api, "customers", {"exactly": "CRM-1"}, 1) == ["new", "other"]
    assert await found(api, "customers", {"exactly": "CRM-2"}) == ["new"]
    assert await found(api, "customers", {"startsWith": "CRM-"}) == ["other", "new"]


async def test_transactions_are_found_by_their_references(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    for n, reference in enumerate(["A-1", "A-2", "A-1", "a-1", "A-1", "B", "A-1"]):
        await tenant.adjust(dave if n == 2 else carol, n + 1, "POINTS", texts=Texts(reference))
        await tenant.adjust(carol, 1)
        tenant.clock.advance(seconds=1)
    ledger = """query($id: ID!, $by: ReferenceBy!) {
      ledger(customerId: $id, reference: $by) { edges { node { amount } } } }"""
    exactly, begins = {"exactly": "A-1"}, {"startsWith": "A-"}

    async def amounts(by: dict[str, str], **token: Any) -> list[str]:
        edges = (await api(ledger, {"id": gid("Customer", carol), "by": by}, **token))["ledger"]["edges"]
        return [edge["node"]["amount"] for edge in edges]

    for _ in range(2):  # with few transactions of a reference, and with more than are looked up by their ids
        assert [each["reference"] for each in await found(api, "auditTrail", exactly)] == ["A-1"] * 4
        assert await amounts(exactly) == ["1", "5", "7"]
        if _ == 0:
            trail = [each["reference"] for each in await found(api, "auditTrail", begins)]
            assert trail == ["A-1", "A-2", "A-1", "A-1", "A-1"]
        # A customer's are found however many others have: what the answer is tells nothing of theirs.
        assert await amounts(begins) == ["1", "2", "5", "7"]
        assert await amounts(begins, role=Role.CUSTOMER, customer="carol") == ["1", "2", "5", "7"]
        monkeypatch.setattr("models.reads.references.FEW", 1)
    asked = "query($by: ReferenceBy!) { auditTrail(reference: $by) { edges { cursor } } }"
    (error,) = (await api(asked, {"by": begins})).errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "More than 1 transactions" in error["message"]


async def test_a_token_without_rights_sees_what_it_wrote(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, 5)
    given = {"customerId": gid("Customer", carol), "asset": "GBP", "amount": "1.00", **TEXTS, "idempotencyKey": "k"}
    till: dict[str, Any] = {"role": Role.PARTNER, "client_id": "till", "scopes": [Scope.CREDITS_SPEND]}
    payload = await write(api, "spendCredit", given, f"transaction {{ {ASKED} }}", **till)
    assert payload["transaction"] == {"reference": "PO-7", "metadata": SHOWN}


async def test_of_an_erased_customer_none_is_kept(api: Api, tenant: Tenant) -> None:
    """Neither by a posting, nor by a request for one; and no note."""
    carol = await tenant.customer("carol")
    await tenant.credit(carol, 5)
    spend = await tenant.spend(carol, 1)
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, carol)
    said: dict[str, Any] = {"texts": OWN, "note": "Of Carol"}
    outcome = await tenant.adjust(carol, -1, **said)
    await tenant.adjust(carol, -1, propose_only=True, actor=STAFF, **said)
    await tenant.transfer(carol, await tenant.customer("dora"), 1, propose_only=True, **said)
    await tenant.refund(spend, 1, propose_only=True, **said)
    assert await texts_of_transaction(tenant, outcome.transaction_id) == []
    asked = (
        "SELECT operation, command->>'texts', command->>'note' FROM approval_requests WHERE tenant_id = $1 ORDER BY 1"
    )
    assert await tenant.rows(asked) == [
        (name, None, None) for name in ("adjustCredit", "refundSpend", "transferCredit")
    ]


async def texts_of_transaction(tenant: Tenant, transaction_id: UUID | None) -> list[Any]:
    rows = "SELECT reference, metadata FROM transaction_texts WHERE tenant_id = $1 AND id = $2"
    return list(await tenant.rows(rows, transaction_id))


async def test_a_posting_without_them_writes_no_row(tenant: Tenant) -> None:
    outcome = await tenant.adjust(await tenant.customer(), 1)
    assert await texts_of_transaction(tenant, outcome.transaction_id) == []
