"""holdCredit, captureHold, releaseHold and extendHold over the API, and what shows what is held."""

from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from models.commands import Actor
from models.texts import Texts
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.holds import capture, extend, hold, release
from tests.support.tenants import Tenant

HOLD = """mutation($input: HoldCreditInput!) { holdCredit(input: $input) {
  replayed userErrors { code message field available remaining { scope kind remaining } }
  hold { id status amount held captured expiresAt createdAt account { id } invoice { number } transaction { note } }
  account { asset available held lifetime }
  transaction { id kind reason note reference hold { id } actor { subject role }
    entries { edges { node { amount } } } } } }"""
CAPTURE = """mutation($input: CaptureHoldInput!) { captureHold(input: $input) {
  replayed userErrors { code message field }
  hold { id status held captured } account { available held } payment { id amount method } invoice { status due }
  transaction { id kind refunded hold { id } entries { edges { node { amount counter } } } } } }"""
RELEASE = """mutation($input: ReleaseHoldInput!) { releaseHold(input: $input) {
  replayed userErrors { code field } hold { id status held captured } account { available held }
  transaction { kind hold { id } } } }"""
EXTEND = """mutation($input: ExtendHoldInput!) { extendHold(input: $input) {
  replayed userErrors { code field } hold { id status expiresAt } transaction { kind } } }"""
VOID = """mutation($input: VoidCreditInput!) { voidCredit(input: $input) {
  userErrors { code message field } credit { status held } account { available held } } }"""
HOLDS = """query($customer: ID, $status: [HoldStatus!], $first: Int, $after: String) {
  holds(customerId: $customer, status: $status, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor } edges { node { id status held transaction { note actor { subject } } } } } }"""
ACCOUNT = """query($id: ID!, $at: DateTime!) { customer(by: {id: $id}) { balances {
  asset available held balanceAt(at: $at) balanceExplanation(at: $at) { ledgerBalance expired held available }
  credits { edges { node { remaining held status } } } } }
  statement(customerId: $id, asset: "GBP") { closingBalance held } }"""
TRAIL = """{ auditTrail(kind: [HOLD]) { edges { node {
  kind note asset amount held actor { subject } transaction { id } } } } }"""


def an_input(customer: UUID, amount: str, asset: str = "GBP", **more: Any) -> dict[str, Any]:
    return {"customerId": gid("Customer", customer), "asset": asset, "amount": amount, "note": "Table 7", **more}


async def ask(api: Api, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api(HOLD, {"input": {"idempotencyKey": "k", **given}}, **token))["holdCredit"]
    return payload


async def test_staff_hold_and_capture_in_parts(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "3.00", expires_in_days=5)
    await tenant.credit(carol, "5.00")
    payload = await ask(api, an_input(carol, "4.50"), role=Role.STAFF, subject="sam")
    assert (payload["replayed"], payload["userErrors"]) == (False, [])
    assert payload["account"] == {"asset": "GBP", "available": "3.50", "held": "4.50", "lifetime": "8.00"}
    made = payload["hold"]
    assert (made["status"], made["amount"], made["held"], made["captured"]) == ("HELD", "4.50", "4.50", "0.00")
    assert (made["invoice"], made["transaction"]) == (None, {"note": "Table 7"})
    event = payload["transaction"]
    assert (event["kind"], event["reason"], event["note"]) == ("HOLD", None, "Table 7")
    assert (event["reference"], event["hold"]) == (None, {"id": made["id"]})
    assert event["actor"] == {"subject": "sam", "role": "STAFF"}
    assert event["entries"]["edges"] == []
    (row,) = (await api(TRAIL))["auditTrail"]["edges"]
    assert row["node"]["transaction"] == {"id": event["id"]}
    async with tenant.nothing_moves():
        again = await ask(api, an_input(carol, "4.50"), role=Role.STAFF, subject="sam")
        other = await ask(api, an_input(carol, "4.51"))
        short = await ask(api, an_input(carol, "3.51", idempotencyKey="k2"))
    assert again == {**payload, "replayed": True}
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert [(error["code"], error["available"]) for error in short["userErrors"]] == [("INSUFFICIENT_BALANCE", "3.50")]

    taking = {"holdId": made["id"], "amount": "3.50", "idempotencyKey": "c"}
    taken = (await api(CAPTURE, {"input": taking}, role=Role.STAFF))["captureHold"]
    assert taken["userErrors"] == []
    assert taken["hold"] == {"id": made["id"], "status": "HELD", "held": "1.00", "captured": "3.50"}
    assert taken["account"] == {"available": "3.50", "held": "1.00"}
    assert taken["transaction"]["hold"] == {"id": made["id"]}
    assert (taken["payment"], taken["invoice"], taken["transaction"]["refunded"]) == (None, None, "0.00")
    assert [edge["node"] for edge in taken["transaction"]["entries"]["edges"]] == [
        {"amount": "-3.00", "counter": "SPENT"},
        {"amount": "-0.50", "counter": "SPENT"},
    ]
    assert (await api(CAPTURE, {"input": taking}, role=Role.STAFF))["captureHold"] == {**taken, "replayed": True}
    gone = (await api(RELEASE, {"input": {"holdId": made["id"], "idempotencyKey": "r"}}))["releaseHold"]
    assert gone["hold"] == {"id": made["id"], "status": "RELEASED", "held": "0.00", "captured": "3.50"}
    assert (gone["account"], gone["transaction"]) == (
        {"available": "4.50", "held": "0.00"},
        {"kind": "HOLD", "hold": {"id": made["id"]}},
    )
    async with tenant.nothing_moves():
        late = (await api(CAPTURE, {"input": {**taking, "idempotencyKey": "c2"}}))["captureHold"]
    assert [(error["code"], error["field"]) for error in late["userErrors"]] == [("HOLD_ENDED", ["holdId"])]


async def test_a_reference_is_purpose_enough(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "5.00")
    metadata = [{"key": "table", "value": "7"}]
    payload = await ask(api, an_input(carol, "2.00", note=None, reference="R-7", metadata=metadata))
    assert (payload["userErrors"], payload["transaction"]["reference"]) == ([], "R-7")
    async with tenant.nothing_moves():
        none = await ask(api, an_input(carol, "2.00", note=None, reference=" ", idempotencyKey="k2"))
    assert [error["code"] for error in none["userErrors"]] == ["NOTE_REQUIRED"]


@pytest.mark.parametrize("argument", ["reference: $by", "filter: { reference: $by }"])
async def test_holds_are_found_by_reference(
    api: Api, tenant: Tenant, other_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    """Exactly, and by how references begin; of all customers and of one, who finds their own."""
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    made: list[str] = []
    for n, reference in enumerate(["R-1", "R-2", "R-1", "r-1", "R"]):
        customer = dave if n == 2 else carol
        await tenant.credit(customer, "5.00")
        payload = await ask(api, an_input(customer, "2.00", reference=reference, idempotencyKey=f"k{n}"))
        made.append(payload["hold"]["id"])
        tenant.clock.advance(seconds=1)
    await tenant.spend(carol, 1, texts=Texts("R-1"))  # is no hold
    await other_tenant.credit(eve := await other_tenant.customer("carol"), "5.00")
    await hold(other_tenant, eve, 1, texts=Texts("R-1"))
    query = f"""query($by: ReferenceBy!, $customer: ID, $first: Int, $after: String) {{
      holds({argument}, customerId: $customer, first: $first, after: $after) {{
        edges {{ cursor node {{ id }} }} }} }}"""

    async def found(by: dict[str, str], **more: Any) -> list[int]:
        token = more.pop("token", {})
        edges = (await api(query, {"by": by, **more}, **token))["holds"]["edges"]
        return [made.index(edge["node"]["id"]) for edge in edges]

    exactly, begins = {"exactly": " R-1 "}, {"startsWith": "R-"}
    assert await found(begins) == [0, 1, 2]
    for few in (1000, 1):
        monkeypatch.setattr("models.reads.references.FEW", few)
        assert await found(exactly) == [0, 2]
        assert await found(exactly, customer=gid("Customer", carol)) == [0]
        assert await found(exactly, token={"role": Role.CUSTOMER, "customer": "dave"}) == [2]
        assert await found(begins, token={"role": Role.CUSTOMER, "customer": "dave"}) == [2]
        assert await found(begins, customer=gid("Customer", carol)) == [0, 1]
    cursor = (await api(query, {"by": exactly, "first": 1}))["holds"]["edges"][0]["cursor"]
    assert await found(exactly, after=cursor) == [2]
    assert (await api(query, {"by": begins})).codes == ["BAD_USER_INPUT"]


PREVIEW = """query($input: PreviewCaptureInput!) { previewCapture(input: $input) {
  availableAfter heldAfter dueAfter limit { allowed approvalRequired } credits { amount remainingAfter }
  account { held } userErrors { code field } } }"""


async def test_a_capture_is_previewed(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    """As it would be: nothing is written, also of credits that have expired since, and for an invoice."""
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "3.00", expires_in_days=1)
    await tenant.credit(carol, "10.00")
    held = gid("Hold", (await hold(tenant, carol, "5.00", minutes=43_200)).hold_id)
    tenant.clock.advance(days=3)

    async def preview(**asked: Any) -> Any:
        token = asked.pop("token", {})
        async with tenant.nothing_moves():
            return (await api(PREVIEW, {"input": {"holdId": held, **asked}}, **token))["previewCapture"]

    verdict = {"limit": {"allowed": True, "approvalRequired": False}, "account": {"held": "5.00"}, "userErrors": []}
    assert await preview(amount="4.00") == verdict | {
        "availableAfter": "8.00",
        "heldAfter": "1.00",
        "dueAfter": None,
        "credits": [{"amount": "-3.00", "remainingAfter": "0.00"}, {"amount": "-1.00", "remainingAfter": "8.00"}],
    }
    invoice = gid("Invoice", await tenant.invoice(carol, "4.50", auto_apply=False))
    paying = await preview(invoiceId=invoice)
    assert (paying["heldAfter"], paying["dueAfter"]) == ("0.50", "0.00")
    assert [credit["amount"] for credit in paying["credits"]] == ["-3.00", "-1.50"]
    refused = await preview(amount="6.00")
    assert refused["userErrors"] == [{"code": "EXCEEDS_REMAINING", "field": ["amount"]}]
    assert (refused["credits"], refused["heldAfter"]) == ([], "5.00")
    done = (await api(CAPTURE, {"input": {"holdId": held, "amount": "4.00", "idempotencyKey": "c"}}))["captureHold"]
    assert done["account"] == {"available": "8.00", "held": "1.00"}

    theirs = await other_tenant.customer("carol")
    await other_tenant.credit(theirs, 5)
    foreign = gid("Hold", (await hold(other_tenant, theirs, 1)).hold_id)
    shop: dict[str, Any] = {
        "role": Role.PARTNER,
        "client_id": "shop",
        "scopes": [Scope.CREDITS_SPEND, Scope.LEDGER_READ, Scope.INVOICES_READ],
    }
    for asked in ({"holdId": foreign}, {"token": shop}):
        nothing = await preview(**asked)
        assert nothing["userErrors"] == [{"code": "NOT_FOUND", "field": ["holdId"]}]
        assert (nothing["availableAfter"], nothing["account"]) == ("0", None)
    till: dict[str, Any] = {"role": Role.PARTNER, "client_id": "till", "scopes": [Scope.CREDITS_SPEND]}
    own = gid("Hold", (await hold(tenant, carol, 1, actor=Actor("till", "PARTNER", client="till"))).hold_id)
    verdict_alone = "query($input: PreviewCaptureInput!) { previewCapture(input: $input) { userErrors { code } } }"
    told = await api(verdict_alone, {"input": {"holdId": own}}, **till)
    assert told["previewCapture"] == {"userErrors": []}
    paying = await api(PREVIEW, {"input": {"holdId": own, "invoiceId": invoice}}, **till)
    assert paying.codes == ["FORBIDDEN"]


async def test_the_audit_says_how_much_was_held(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "5.00", "GBP", expires_in_days=3)
    await tenant.credit(carol, "5.00", "GBP")
    held = await hold(tenant, carol, "7.50")
    tenant.clock.advance(seconds=1)
    await extend(tenant, held, 60)
    tenant.clock.advance(seconds=1)
    await capture(tenant, held, "2.50")
    tenant.clock.advance(seconds=1)
    await release(tenant, held)
    rows = [edge["node"] for edge in (await api(TRAIL))["auditTrail"]["edges"]]
    assert [(row["asset"], row["amount"], row["held"]) for row in rows] == [
        ("GBP", None, "7.50"),
        ("GBP", None, "0.00"),
        ("GBP", None, "-5.00"),
    ]
    others = (await api("{ auditTrail(kind: [SPEND]) { edges { node { amount held } } } }"))["auditTrail"]["edges"]
    assert [edge["node"] for edge in others] == [{"amount": "-2.50", "held": None}]


async def test_an_invoice_is_paid_and_takes_the_right_to_record_payments(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "10.00")
    invoice = await tenant.invoice(carol, "6.00", auto_apply=False)
    held = (await ask(api, an_input(carol, "6.00", note=None, invoiceId=gid("Invoice", invoice))))["hold"]
    spends: dict[str, Any] = {"role": Role.STAFF, "scopes": [Scope.CREDITS_SPEND, Scope.LEDGER_READ]}
    given = {"holdId": held["id"], "idempotencyKey": "c"}
    async with tenant.nothing_moves():
        for asked in (given, {**given, "invoiceId": gid("Invoice", invoice)}):
            answer = await api(CAPTURE, {"input": asked}, **spends)
            assert answer.codes == ["FORBIDDEN"]
    paid = (await api(CAPTURE, {"input": given}, role=Role.STAFF))["captureHold"]
    assert (paid["userErrors"], paid["payment"]["amount"]) == ([], "6.00")
    assert paid["payment"]["method"] == "ACCOUNT_CREDIT"
    assert (paid["invoice"], paid["hold"]["status"]) == ({"status": "PAID", "due": "0.00"}, "CAPTURED")
    assert (await api(CAPTURE, {"input": given}, role=Role.STAFF))["captureHold"] == {**paid, "replayed": True}


async def test_what_is_held_is_shown(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "3.00", expires_in_days=1)
    await tenant.credit(carol, "5.00")
    await hold(tenant, carol, "4.50", minutes=43_200)
    clock.advance(days=3)
    at = clock().isoformat()
    answer = await api(ACCOUNT, {"id": gid("Customer", carol), "at": at})
    (account,) = answer["customer"]["balances"]
    assert (account["available"], account["held"], account["balanceAt"]) == ("3.50", "4.50", "3.50")
    explained = {"ledgerBalance": "8.00", "expired": "0.00", "held": "4.50", "available": "3.50"}
    assert account["balanceExplanation"] == explained
    assert [edge["node"] for edge in account["credits"]["edges"]] == [
        {"remaining": "3.00", "held": "3.00", "status": "EXPIRED"},
        {"remaining": "5.00", "held": "1.50", "status": "OPEN"},
    ]
    assert answer["statement"] == {"closingBalance": "8.00", "held": "4.50"}
    (owed,) = (await api("{ liability { asset outstanding expired held } }"))["liability"]
    assert owed == {"asset": "GBP", "outstanding": "8.00", "expired": "0.00", "held": "4.50"}


async def test_holds_are_listed_by_customer_and_status(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    for customer in (carol, dave):
        await tenant.credit(customer, "50.00")
    taken, gone, over, live = [await hold(tenant, carol, 1, minutes=minutes) for minutes in (5, 5, 5, 60)]
    other = await hold(tenant, dave, 1, minutes=60)
    await capture(tenant, taken)
    await release(tenant, gone)
    clock.advance(minutes=5)
    names = {gid("Hold", held.hold_id): held for held in (taken, gone, over, live, other)}

    async def listed(**variables: Any) -> list[str]:
        edges = (await api(HOLDS, {**variables}))["holds"]["edges"]
        return [edge["node"]["status"] for edge in edges if edge["node"]["id"] in names]

    assert await listed() == ["CAPTURED", "RELEASED", "EXPIRED", "HELD", "HELD"]
    assert await listed(customer=gid("Customer", carol)) == ["CAPTURED", "RELEASED", "EXPIRED", "HELD"]
    assert await listed(customer=gid("Customer", carol), status=["HELD"]) == ["HELD"]
    assert await listed(status=["EXPIRED", "CAPTURED"]) == ["CAPTURED", "EXPIRED"]
    first = (await api(HOLDS, {"first": 2}))["holds"]
    rest = (await api(HOLDS, {"after": first["pageInfo"]["endCursor"]}))["holds"]
    assert (len(first["edges"]), len(rest["edges"])) == (2, 3)
    own = (await api(HOLDS, {}, role=Role.CUSTOMER, customer="carol"))["holds"]["edges"]
    assert len(own) == 4
    assert {edge["node"]["transaction"]["note"] for edge in own} == {None}
    assert {edge["node"]["transaction"]["actor"] for edge in own} == {None}
    theirs = await api(HOLDS, {"customer": gid("Customer", dave)}, role=Role.CUSTOMER, customer="carol")
    assert theirs["holds"] is None


async def test_a_held_credit_is_voided_only_if_told(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    credit = await tenant.credit(carol, "5.00")
    await hold(tenant, carol, 2)
    given = {"creditId": gid("Credit", credit), "idempotencyKey": "v"}
    async with tenant.nothing_moves():
        refused = (await api(VOID, {"input": given}))["voidCredit"]
        unread = (await api(VOID, {"input": given}, scopes=[Scope.CREDITS_REMOVE], role=Role.MANAGER))["voidCredit"]
    (error,) = refused["userErrors"]
    assert (error["code"], error["field"], "2.00 GBP" in error["message"]) == ("CREDIT_HELD", ["creditId"], True)
    assert "2.00" not in unread["userErrors"][0]["message"]
    voided = (await api(VOID, {"input": {**given, "releaseHolds": True}}))["voidCredit"]
    assert voided["userErrors"] == []
    assert voided["credit"] == {"status": "VOIDED", "held": "0.00"}
    assert voided["account"] == {"available": "0.00", "held": "0.00"}


@pytest.mark.parametrize(
    ("field", "query"), [("releaseHold", RELEASE), ("extendHold", EXTEND), ("captureHold", CAPTURE)]
)
async def test_a_partner_s_are_its_own_client_s(api: Api, tenant: Tenant, field: str, query: str) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "5.00")
    shop: dict[str, Any] = {
        "role": Role.PARTNER,
        "scopes": [Scope.CREDITS_SPEND, Scope.LEDGER_READ],
        "client_id": "shop",
    }
    made = await ask(api, an_input(carol, "1.00"), **shop)
    assert (made["userErrors"], made["hold"]["id"] is not None) == ([], True)
    given = {"holdId": made["hold"]["id"], "idempotencyKey": "x"} | (
        {"expiresInMinutes": 60} if field == "extendHold" else {}
    )
    async with tenant.nothing_moves():
        other = await api(query, {"input": given}, **{**shop, "client_id": "rival"})
        nobody = await api(query, {"input": {**given, "holdId": gid("Hold", UUID(int=7))}}, **shop)
    assert [error["code"] for error in other[field]["userErrors"]] == ["NOT_FOUND"]
    assert [error["code"] for error in nobody[field]["userErrors"]] == ["NOT_FOUND"]
    done = await api(query, {"input": given}, **shop)
    assert done[field]["userErrors"] == []


async def test_a_refused_extension_names_what_was_given(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, "5.00")
    made = await ask(api, {**an_input(carol, "1.00"), "expiresInMinutes": 60})
    until = {"expiresAt": made["hold"]["expiresAt"]}
    for given in ({"expiresInMinutes": 30}, until):
        asked = {"holdId": made["hold"]["id"], "idempotencyKey": "x", **given}
        refused = (await api(EXTEND, {"input": asked}))["extendHold"]["userErrors"]
        assert refused == [{"code": "INVALID", "field": [*given]}]
