"""What a scope opens is what its name says: removals in bulk and in files, who may withdraw, what a refusal names."""

from typing import Any, Final

import httpx
import pytest

from auth.roles import Role, Scope
from models.commands import Actor
from tests.api.conftest import Answer, Api, gid
from tests.api.test_imports import post, report, work
from tests.support.root_fields import TOKENS, usable
from tests.support.tenants import Tenant
from tests.support.who_may import may, missing

BULK_ALONE: Final[dict[str, Any]] = {"role": Role.PARTNER, "scopes": [Scope.CREDITS_BULK], "client_id": "shop"}
BOTH: Final = BULK_ALONE | {"scopes": [Scope.CREDITS_BULK, Scope.CREDITS_REMOVE]}
BULK: Final = """mutation($input: BulkCreditInput!) { bulkCredit(input: $input) {
  replayed operation { status succeeded failed } userErrors { code row } } }"""
REMOVALS: Final = "customer,amount\ncarol,25\ndave,-50\n"


@pytest.fixture
async def people(tenant: Tenant) -> dict[str, str]:
    """Carol and Dave, each with 100 points."""
    found = {}
    for name in ("carol", "dave"):
        customer = await tenant.customer(name)
        await tenant.adjust(customer, "100", "POINTS")
        found[name] = gid("Customer", customer)
    return found


def rows(people: dict[str, str], *amounts: str, **more: Any) -> dict[str, Any]:
    items = [
        {"customerId": customer, "amount": amount} for customer, amount in zip(people.values(), amounts, strict=True)
    ]
    return {"input": {"items": items, "asset": "POINTS", "reason": "CORRECTION", "idempotencyKey": "k", **more}}


def names(answer: Answer) -> list[str]:
    (error,) = answer.errors
    missing: list[str] = error["extensions"]["missing"]
    return missing


@pytest.mark.parametrize("more", [{}, {"dryRun": True}, {"errorPolicy": "SKIP_FAILED"}], ids=str)
async def test_a_bulk_with_a_removal_takes_both_scopes(
    api: Api, tenant: Tenant, people: dict[str, str], more: dict[str, Any]
) -> None:
    """The whole of it is refused before anything is posted, also what it would have added."""
    async with tenant.nothing_moves():
        answer = await api(BULK, rows(people, "25", "-50", **more), **BULK_ALONE)
    assert (answer.codes, answer.data, names(answer)) == (["FORBIDDEN"], {"bulkCredit": None}, ["credits:remove"])
    assert "credits:remove" in answer.errors[0]["message"]
    added = await api(BULK, rows(people, "25", "25", **more), **BULK_ALONE)
    assert added["bulkCredit"]["userErrors"] == []
    more = {**more, "idempotencyKey": "another"}
    assert (await api(BULK, rows(people, "25", "-50", **more), **BOTH))["bulkCredit"]["userErrors"] == []


async def test_a_bulk_s_key_is_no_way_round_it(api: Api, tenant: Tenant, people: dict[str, str]) -> None:
    done = await api(BULK, rows(people, "25", "-50"), **BOTH)
    assert done["bulkCredit"]["replayed"] is False
    async with tenant.nothing_moves():
        answer = await api(BULK, rows(people, "25", "-50"), **BULK_ALONE)
    assert (answer.codes, names(answer)) == (["FORBIDDEN"], ["credits:remove"])


def refused(response: httpx.Response) -> tuple[int, str, list[str]]:
    (error,) = response.json()["errors"]
    return response.status_code, error["extensions"]["code"], error["extensions"]["missing"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("query", ["", "&dryRun=true", "&errorPolicy=SKIP_FAILED"])
async def test_a_file_with_a_removal_takes_both_scopes(api: Api, tenant: Tenant, query: str) -> None:
    said = f"asset=POINTS&reason=CORRECTION{query}"
    async with tenant.nothing_moves():
        response = await post(api, REMOVALS, said, **BULK_ALONE)
    assert refused(response) == (403, "FORBIDDEN", ["credits:remove"])
    taken = await post(api, REMOVALS, said, **BOTH)
    assert taken.status_code == 202
    await work(tenant)
    done, _ = await report(api, taken.json()["operation"])
    assert (done["status"], done["succeeded"]) == ("COMPLETED", 2)


@pytest.mark.usefixtures("people")
async def test_a_file_s_key_is_no_way_round_it(api: Api, tenant: Tenant) -> None:
    assert (await post(api, REMOVALS, **BOTH)).status_code == 202
    async with tenant.nothing_moves():
        assert refused(await post(api, REMOVALS, **BULK_ALONE)) == (403, "FORBIDDEN", ["credits:remove"])


@pytest.mark.usefixtures("people")
async def test_a_file_that_adds_takes_one_and_is_read_from_its_beginning(api: Api, tenant: Tenant) -> None:
    """It is looked through before; also where it begins with a byte order mark."""
    answer = await post(api, "\ufeffcustomer,amount\ncarol,25\ndave,5\n", **BULK_ALONE)
    assert answer.status_code == 202
    await work(tenant)
    done, _ = await report(api, answer.json()["operation"])
    assert (done["status"], done["total"], done["succeeded"]) == ("COMPLETED", 2, 2)


@pytest.mark.parametrize("body", ["a,b\n1,2\n", 'customer,amount\n"a"b,1\n', b"customer,amount\n\xff,1\n", ""])
async def test_a_file_that_is_none_is_refused_as_such(api: Api, tenant: Tenant, body: str | bytes) -> None:
    async with tenant.nothing_moves():
        response = await post(api, body, **BULK_ALONE)
    assert (response.status_code, response.json()["userErrors"][0]["code"]) == (422, "INVALID")


# Paying with account credit

PAY: Final = """mutation($input: RecordPaymentInput!) { recordPayment(input: $input) {
  payment { id } userErrors { code } } }"""


@pytest.mark.parametrize(
    ("method", "scopes", "missing"),
    [
        ("ACCOUNT_CREDIT", ["payments:write"], ["credits:spend"]),
        ("ACCOUNT_CREDIT", ["credits:spend"], ["payments:write"]),
        ("ACCOUNT_CREDIT", ["credits:assign", "payments:write"], ["credits:spend"]),
        ("ACCOUNT_CREDIT", [], ["payments:write", "credits:spend"]),
        ("CASH", ["credits:spend"], ["payments:write"]),
        ("ACCOUNT_CREDIT", ["payments:write", "credits:spend"], []),
        ("CASH", ["payments:write"], []),
    ],
)
async def test_account_credit_pays_for_who_may_spend_it(
    api: Api, tenant: Tenant, method: str, scopes: list[str], missing: list[str]
) -> None:
    customer = await tenant.customer("carol")
    await tenant.adjust(customer, "10.00")
    invoice = await tenant.invoice(customer, "20.00", auto_apply=False)
    given = {"invoiceId": gid("Invoice", invoice), "amount": "5.00", "method": method, "idempotencyKey": "k"}
    token = BULK_ALONE | {"scopes": [Scope(scope) for scope in scopes]}
    if not missing:
        assert (await api(PAY, {"input": given}, **token))["recordPayment"]["userErrors"] == []
        return
    async with tenant.nothing_moves():
        answer = await api(PAY, {"input": given}, **token)
    assert (answer.codes, names(answer)) == (["FORBIDDEN"], missing)


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (["payments:write"], ["credits:refund"]),
        (["payments:write", "credits:add"], ["credits:refund"]),
        (["credits:refund"], ["payments:write"]),
        (["payments:write", "credits:refund"], []),
    ],
)
async def test_what_is_too_much_is_kept_for_who_may_keep_it(
    api: Api, tenant: Tenant, scopes: list[str], missing: list[str]
) -> None:
    invoice = await tenant.invoice(await tenant.customer("carol"), "20.00", auto_apply=False)
    given = {"invoiceId": gid("Invoice", invoice), "amount": "25.00", "method": "CASH", "idempotencyKey": "k"}
    token = BULK_ALONE | {"scopes": [Scope(scope) for scope in scopes]}
    async with tenant.nothing_moves():
        answer = await api(PAY, {"input": given | {"keepExcess": bool(missing)}}, **token)
    if missing:
        assert (answer.codes, names(answer)) == (["FORBIDDEN"], missing)
        return
    assert [error["code"] for error in answer["recordPayment"]["userErrors"]] == ["EXCEEDS_DUE"]
    kept = await api(PAY, {"input": given | {"keepExcess": True}}, **token)
    assert kept["recordPayment"]["userErrors"] == []


# Whose request it is

WITHDRAW: Final = "mutation($id: ID!) { withdrawRequest(input: {requestId: $id}) { userErrors { code } } }"
SEEN: Final = "query($id: ID!) { node(id: $id) { id } approvalRequests { edges { node { id } } } }"
SAM: Final = Actor("sam", "STAFF")
PROGRAM: Final = Actor("sam", "PARTNER", client="sam")


def as_program(client: str = "sam") -> dict[str, Any]:
    return {"role": Role.PARTNER, "subject": "sam", "client_id": client, "scopes": list(Scope)}


async def asked(tenant: Tenant, actor: Actor) -> str:
    outcome = await tenant.adjust(await tenant.customer(), "101.00", actor=actor, request_approval=True)
    return gid("ApprovalRequest", outcome.approval_request_id)


async def test_a_program_withdraws_nothing_of_the_person_with_its_subject(api: Api, tenant: Tenant) -> None:
    request = await asked(tenant, SAM)
    async with tenant.nothing_moves():
        answer = await api(WITHDRAW, {"id": request}, **as_program())
    assert (answer.codes, answer.data, names(answer)) == (["FORBIDDEN"], {"withdrawRequest": None}, [])
    assert (await api(WITHDRAW, {"id": request}, role=Role.STAFF, subject="sam"))["withdrawRequest"] == {
        "userErrors": []
    }


async def test_nor_the_other_way_round_and_nor_another_client(api: Api, tenant: Tenant) -> None:
    request = await asked(tenant, PROGRAM)
    others: list[dict[str, Any]] = [
        {"role": Role.STAFF, "subject": "sam"},
        {"role": Role.MANAGER, "subject": "sam"},
        as_program("else"),
    ]
    async with tenant.nothing_moves():
        for token in others:
            assert (await api(WITHDRAW, {"id": request}, **token)).codes == ["FORBIDDEN"], token
    assert (await api(WITHDRAW, {"id": request}, **as_program()))["withdrawRequest"] == {"userErrors": []}


async def test_a_program_sees_no_request_of_the_person_with_its_subject(api: Api, tenant: Tenant) -> None:
    persons, programs = await asked(tenant, SAM), await asked(tenant, PROGRAM)
    tokens: list[tuple[dict[str, Any], str, str]] = [
        (as_program(), programs, persons),
        ({"role": Role.STAFF, "subject": "sam"}, persons, programs),
    ]
    for token, own, other in tokens:
        found = await api(SEEN, {"id": own}, **token)
        assert (found["node"], found["approvalRequests"]) == ({"id": own}, {"edges": [{"node": {"id": own}}]})
        assert (await api(SEEN, {"id": other}, **token))["node"] is None


async def test_two_clients_of_one_subject_see_nothing_of_each_other(api: Api, tenant: Tenant) -> None:
    """Neither in the list nor by its id, and a client that names none is another one too."""
    named, nameless = await asked(tenant, PROGRAM), await asked(tenant, Actor("sam", "PARTNER"))
    tokens: list[tuple[dict[str, Any], list[str]]] = [
        (as_program(), [named]),
        (as_program("else"), []),
        (as_program() | {"client_id": None}, [nameless]),
    ]
    for token, own in tokens:
        for request in (named, nameless):
            found = await api(SEEN, {"id": request}, **token)
            assert found["node"] == ({"id": request} if request in own else None), token
            assert [edge["node"]["id"] for edge in found["approvalRequests"]["edges"]] == own, token


ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  approvalRequest { id } userErrors { code } } }"""
ORDER: Final = """mutation($input: CreateOrderInput!) { createOrder(input: $input) {
  approvalRequest { id } userErrors { code } } }"""
APPROVE: Final = """mutation($id: ID!) { approveRequest(input: {requestId: $id, idempotencyKey: "yes"}) {
  userErrors { code } } }"""


@pytest.mark.parametrize("scope", [Scope.CREDITS_REMOVE, Scope.INVOICES_WRITE], ids=str)
async def test_whoever_may_do_it_alone_proposes_it_sees_it_and_approves_it(
    api: Api, tenant: Tenant, scope: Scope
) -> None:
    """A removal or an order of goods: asked for, listed, read by its id and approved, each with the one scope for it;
    and approved with no other."""
    customer = await tenant.customer("carol")
    await tenant.adjust(customer, "50")
    given = {"customerId": gid("Customer", customer), "proposeOnly": True, "idempotencyKey": "k"}
    if removes := scope is Scope.CREDITS_REMOVE:
        given |= {"asset": "GBP", "amount": "-5", "reason": "POLICY"}
    else:
        items = [{"productId": gid("Product", await tenant.product("5", name="Tea")), "quantity": 1}]
        given |= {"number": "N", "currency": "GBP", "items": items}
    query, field = (ADJUST, "adjustCredit") if removes else (ORDER, "createOrder")
    program: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": [scope]}
    request = (await api(query, {"input": given}, **program))[field]["approvalRequest"]["id"]
    found = await api(SEEN, {"id": request}, **program)
    assert (found["node"], found["approvalRequests"]) == ({"id": request}, {"edges": [{"node": {"id": request}}]})
    for other in {Scope.CREDITS_REMOVE, Scope.INVOICES_WRITE, Scope.CREDITS_ADD, Scope.REWARDS_GIVE} - {scope}:
        async with tenant.nothing_moves():
            answer = await api(APPROVE, {"id": request}, role=Role.MANAGER, subject="maria", scopes=[other])
        assert (answer.codes, names(answer)) == (["FORBIDDEN"], [scope]), other
    manager: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria", "scopes": [scope]}
    assert (await api(SEEN, {"id": request}, **manager))["node"] == {"id": request}
    assert (await api(APPROVE, {"id": request}, **manager))["approveRequest"] == {"userErrors": []}


async def test_but_four_eyes_are_two_subjects(api: Api, tenant: Tenant) -> None:
    """A manager whose subject the program has: its request is theirs to decide no more than their own."""
    request = await asked(tenant, PROGRAM)
    approve = """mutation($id: ID!) { approveRequest(input: {requestId: $id, idempotencyKey: "k"}) {
      userErrors { code } } }"""
    async with tenant.nothing_moves():
        answer = await api(approve, {"id": request}, role=Role.MANAGER, subject="sam")
    assert (answer.codes, names(answer)) == (["FORBIDDEN"], [])


async def test_a_program_uses_up_nothing_of_the_person_with_its_subject(api: Api, tenant: Tenant) -> None:
    left = "{ viewer { limits { kind scope asset remaining } } }"
    await tenant.adjust(await tenant.customer(), "30.00", actor=PROGRAM)
    for token, remaining in (({"role": Role.STAFF, "subject": "sam"}, "500.00"), (as_program(), "470.00")):
        limits = (await api(left, **token))["viewer"]["limits"]
        adding = [one for one in limits if (one["kind"], one["scope"]) == ("ADDING", "PER_ACTOR_DAY")]
        money = [one["remaining"] for one in adding if one["asset"] == "GBP"]
        assert money == [remaining], token


# What a refusal names

REMOVE: Final = """mutation($id: ID!) { adjustCredit(input: {customerId: $id, asset: "GBP", amount: "-1.00",
  reason: "CORRECTION", idempotencyKey: "k"}) { userErrors { code } } }"""


async def test_a_refusal_names_the_scope_that_is_missing(api: Api, people: dict[str, str]) -> None:
    token = BULK_ALONE | {"scopes": [Scope.CREDITS_ADD]}
    (error,) = (await api(REMOVE, {"id": people["carol"]}, **token)).errors
    assert error["extensions"] == {"code": "FORBIDDEN", "missing": ["credits:remove"]}
    assert error["message"] == "To remove credit or points, the token needs the scope credits:remove."


async def test_a_refusal_of_a_role_names_the_roles_that_may(api: Api, people: dict[str, str]) -> None:
    (error,) = (await api(REMOVE, {"id": people["carol"]}, role=Role.STAFF)).errors
    assert error["extensions"] == {
        "code": "FORBIDDEN",
        "missing": ["credits:remove"],
        "roles": ["MANAGER", "ADMIN", "PARTNER"],
    }
    assert error["message"] == (
        "The role staff may not remove credit or points. Only managers, admins and partners may."
    )


async def test_other_endpoints_name_it_too(api: Api, people: dict[str, str]) -> None:
    headers = {"authorization": api.bearer(**BULK_ALONE)}
    response = await api.client.get(f"/statements/{people['carol']}.csv", headers=headers)
    assert refused(response) == (403, "FORBIDDEN", ["ledger:read"])
    assert refused(await post(api, role=Role.PARTNER, scopes=())) == (403, "FORBIDDEN", ["credits:bulk"])
    staff = await post(api, role=Role.STAFF)
    assert refused(staff) == (403, "FORBIDDEN", ["credits:bulk"])
    assert staff.json()["errors"][0]["extensions"]["roles"] == ["MANAGER", "ADMIN", "PARTNER"]


async def at_endpoint(api: Api, case: str, customer: str, key: str, token: dict[str, Any]) -> httpx.Response:
    if case == "statement":
        return await api.client.get(f"/statements/{customer}.csv", headers={"authorization": api.bearer(**token)})
    amount = "-1" if case == "bulk with a removal" else "1"
    return await post(api, f"customer,amount\ncarol,{amount}\n", key=key, **token)


@pytest.mark.parametrize("case", ["statement", "bulk", "bulk with a removal"])
async def test_every_role_and_every_scope_at_the_other_endpoints(
    api: Api, tenant: Tenant, people: dict[str, str], case: str
) -> None:
    """As the table has it for GraphQL: the same rights, and the same names for those that are missing."""
    reads, good = case == "statement", []
    async with tenant.nothing_moves():
        for n, token in enumerate(TOKENS):
            asked = (case, token["role"].value, list(usable(token["role"], token["scopes"])))
            if may(*asked, reads=reads):
                good.append((n, token))
                continue
            response = await at_endpoint(api, case, people["carol"], "denied", token)
            status, code, named = refused(response)
            roles = response.json()["errors"][0]["extensions"].get("roles", [])
            assert (status, code) == (403, "FORBIDDEN"), token
            scopes, expected_roles = missing(*asked, reads=reads)
            # The body is looked at once the sender may do the rest.
            assert (set(named) <= scopes, bool(named), roles) == (True, True, expected_roles), token
    assert good
    for n, token in good:
        assert (await at_endpoint(api, case, people["carol"], f"key-{n}", token)).is_success, token


async def test_nobody_is_told_of_rights_who_has_no_token(api: Api) -> None:
    (error,) = (await api("{ trialBalance { asset } }", role=None)).errors
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
