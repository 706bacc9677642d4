"""Reading takes its own right wherever the schema leads: below what may be read, and in what a write answers.

The table below is by hand from docs/domain.md. What is in it is a customer's; the rest of the schema is the tenant's own.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type, is_non_null_type

from auth.roles import Role, Scope
from tests.api.conftest import Answer, Api, gid
from tests.support.root_fields import PARTNER, Case, Ids, one_of_each, token_of, what_it_names
from tests.support.root_mutations import MUTATIONS
from tests.support.schema import SCHEMA
from tests.support.tenants import Tenant

CUSTOMERS, LEDGER, INVOICES, REWARDS = "customers:read", "ledger:read", "invoices:read", "rewards:read"
READS: Final = {
    "Customer": CUSTOMERS,
    "Membership": CUSTOMERS,
    "Account": LEDGER,
    "AccountUpdate": LEDGER,
    "BalanceExplanation": LEDGER,
    "Credit": LEDGER,
    "CreditChange": LEDGER,
    "LedgerEntry": LEDGER,
    "Statement": LEDGER,
    "TierChange": LEDGER,
    "Transaction": LEDGER,
    "Invoice": INVOICES,
    "InvoiceLine": INVOICES,
    "Assignment": INVOICES,
    "Payment": INVOICES,
    "CreditNote": INVOICES,
    "CreditNoteLine": INVOICES,
    "Coupon": REWARDS,
    "CouponTerms": REWARDS,
}
"""The scope that it takes to read each type whose things are a customer's."""
OWN: Final = {
    "transaction": {"kind", "reason", "note", "reference", "createdAt"},
    "coupon of giveReward": {"code", "issuedAt", "expiresAt"},
}
"""What a payload tells of what was written, beside its id; giveReward, of the coupon that it gave, what is on it."""
OBJECTS: Final = {
    name: type_
    for name, type_ in SCHEMA.graphql.type_map.items()
    if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
}


def led_to(field: GraphQLField) -> str:
    """The type of the things that a field leads to, be it by a list."""
    return get_named_type(field.type).name.removesuffix("Connection").removesuffix("Edge")


def crossings() -> Iterator[tuple[str, str, str]]:
    """Each field, by type and name, that leads to a customer's thing which its own type's right does not open."""
    for name, type_ in OBJECTS.items():
        if name in ("Query", "Mutation") or name.endswith(("Connection", "Edge")):
            continue
        for field, built in type_.fields.items():
            right = READS.get(led_to(built))
            if right is not None and right != READS.get(name):
                yield name, field, right


CROSSINGS: Final = list(crossings())


def test_a_field_that_takes_another_right_can_be_null() -> None:
    """A denial there would otherwise cost what is around it."""
    assert len(CROSSINGS) > 40
    assert [
        f"{name}.{field}" for name, field, _ in CROSSINGS if is_non_null_type(OBJECTS[name].fields[field].type)
    ] == []


# Below what is read

ARGUMENTS: Final = {"Customer.account": "(asset: GBP)"}
NESTED: Final = [
    pytest.param(name, field, right, id=f"{name}.{field}") for name, field, right in CROSSINGS if name in READS
]
BULK_ROWS: Final = """query($bulk: ID!) { bulkOperation(id: $bulk) { rows {
  edges { node { row customer { id } transaction { id } } } } } }"""
SOURCES: Final = {
    "LedgerEntry": "SELECT id FROM entries WHERE tenant_id = $1 LIMIT 1",
    "Transaction": "SELECT id FROM transactions WHERE tenant_id = $1 LIMIT 1",
    "Assignment": "SELECT id FROM assignments WHERE tenant_id = $1 LIMIT 1",
}


def told(answer: Answer) -> list[tuple[str, tuple[Any, ...], list[str]]]:
    """Code, path and missing rights of each error."""
    return [
        (error["extensions"]["code"], tuple(error["path"]), error["extensions"]["missing"]) for error in answer.errors
    ]


def partner(*scopes: str) -> dict[str, Any]:
    return {"role": Role.PARTNER, "scopes": [Scope(scope) for scope in scopes], "client_id": "shop"}


async def some_id(tenant: Tenant, kind: str) -> str:
    found = await one_of_each(tenant)
    if kind in found:
        return found[kind]
    customer = await tenant.customer("dave")
    credit, invoice = await tenant.adjust(customer, "10.00"), await tenant.invoice(customer, "20.00", auto_apply=False)
    await tenant.assign(credit.credit_id, (invoice, "1.00"))
    return gid(kind, (await tenant.fetch(SOURCES[kind]))[0][0])


@pytest.mark.parametrize(("name", "field", "right"), NESTED)
async def test_a_denial_costs_its_own_field_alone(api: Api, tenant: Tenant, name: str, field: str, right: str) -> None:
    """The field is null, its error names the right at its path, and the rest is there."""
    node = await some_id(tenant, name)
    called = f"{field}{ARGUMENTS.get(f'{name}.{field}', '')}"
    query = f"query($id: ID!) {{ node(id: $id) {{ id ... on {name} {{ {called} {{ __typename }} }} }} }}"
    answer = await api(query, {"id": node}, **partner(READS[name]))
    assert answer.data == {"node": {"id": node, field: None}}
    assert told(answer) == [("FORBIDDEN", ("node", field), [right])]
    both = await api(query, {"id": node}, **partner(READS[name], right))
    assert both.errors == []


async def test_customers_are_answered_where_their_balances_may_not_be(api: Api, tenant: Tenant) -> None:
    await tenant.adjust(await tenant.customer("carol"), "10.00")
    query = "{ customers(first: 1) { edges { node { id externalId balances { available } } } } }"
    answer = await api(query, **partner(CUSTOMERS))
    assert answer.data is not None
    (edge,) = answer.data["customers"]["edges"]
    assert (edge["node"]["externalId"], edge["node"]["balances"]) == ("carol", None)
    assert told(answer) == [("FORBIDDEN", ("customers", "edges", 0, "node", "balances"), [LEDGER])]
    events = await tenant.fetch("SELECT details FROM audit_events WHERE tenant_id = $1 AND action = 'access.denied'")
    assert len(events) == 1


@pytest.mark.parametrize(
    ("query", "scope", "denied"),
    [
        (
            "{ auditTrail(first: 50) { edges { node { at customer { id } transaction { id } } } } }",
            "reports:read",
            {"customer": CUSTOMERS, "transaction": LEDGER},
        ),
        (BULK_ROWS, "credits:bulk", {"customer": CUSTOMERS, "transaction": LEDGER}),
        ("{ approvalRequests { edges { node { id customer { id } } } } }", "credits:add", {"customer": CUSTOMERS}),
        (
            "{ upcomingExpirations { edges { node { id account { id } transaction { id } } } } }",
            "reports:read",
            {"account": LEDGER, "transaction": LEDGER},
        ),
    ],
    ids=["auditTrail", "bulkOperation", "approvalRequests", "upcomingExpirations"],
)
async def test_lists_of_what_is_no_customers_are_answered(
    api: Api, tenant: Tenant, query: str, scope: str, denied: dict[str, str]
) -> None:
    """In lists whose rows lead to a customer's things."""
    ids = await one_of_each(tenant)
    await tenant.adjust(await tenant.customer("dave"), "5.00", expires_in_days=9)
    answer = await api(
        query, {"bulk": ids["BulkOperation"]} if "$bulk" in query else {}, role=Role.MANAGER, scopes=[Scope(scope)]
    )
    assert answer.data is not None
    assert None not in answer.data.values()
    errors = told(answer)
    assert {(path[-1], *missing) for _, path, missing in errors} == set(denied.items())
    assert "edges" in {step for _, path, _ in errors for step in path}


async def test_a_preview_tells_a_verdict_and_no_balance(api: Api, tenant: Tenant) -> None:
    """adjustmentPreview writes nothing, and would tell the balance for the price of a penny."""
    customer = await tenant.customer("carol")
    await tenant.adjust(customer, "10.00")
    given = {
        "customerId": gid("Customer", customer),
        "asset": "GBP",
        "amount": "1.00",
        "reason": "CORRECTION",
        "idempotencyKey": "k",
    }
    query = """query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) { availableAfter lifetimeAfter
      tierAfter { name } account { id } credits { amount } limit { allowed } userErrors { code } } }"""
    answer = await api(query, {"input": given}, **partner("credits:add"))
    assert answer.data is not None
    kept = {key: value for key, value in answer.data["adjustmentPreview"].items() if value is not None}
    assert kept == {"limit": {"allowed": True}, "userErrors": []}
    assert {missing[0] for _, _, missing in told(answer)} == {LEDGER}
    assert len(answer.errors) == 5
    full = await api(query, {"input": given}, **partner("credits:add", LEDGER))
    assert full["adjustmentPreview"]["availableAfter"] == "11.00"


async def test_a_customer_s_narrowed_token_is_told_no_more_by_viewer(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")
    token: dict[str, Any] = {"role": Role.CUSTOMER, "customer": "carol", "scopes": [Scope.LEDGER_READ]}
    answer = await api("{ viewer { role customer { name } } }", **token)
    assert answer.data == {"viewer": {"role": "CUSTOMER", "customer": None}}
    assert told(answer) == [("FORBIDDEN", ("viewer", "customer"), [CUSTOMERS])]


# In what a write answers


def answered(case: Case) -> dict[str, str]:
    """The fields of a mutation's payload that name a customer's things, each with their type."""
    payload = OBJECTS[f"{case.field[0].upper()}{case.field[1:]}Payload"]
    return {name: led_to(field) for name, field in payload.fields.items() if led_to(field) in READS}


WRITES: Final = [case for case in MUTATIONS if answered(case)]


def writer(case: Case) -> dict[str, Any]:
    """Whoever may do it, with the scopes that it takes and no others."""
    role = PARTNER if PARTNER in case.allowed else Role.MANAGER
    return token_of(case, role) | {"scopes": case.scopes}


def leaves(kind: str) -> list[str]:
    return [
        name
        for name, field in OBJECTS[kind].fields.items()
        if is_leaf_type(get_named_type(field.type)) and not field.args and name != "id"
    ]


def asking(case: Case, selection: str) -> str:
    kind = f"{case.field[0].upper()}{case.field[1:]}Input"
    return f"mutation($input: {kind}!) {{ {case.field}(input: $input) {{ {selection} userErrors {{ code }} }} }}"


@pytest.fixture
async def ids(tenant: Tenant, request: pytest.FixtureRequest) -> Ids:
    return await what_it_names(tenant, request.node.callspec.params["case"])


@pytest.mark.parametrize("case", WRITES, ids=lambda case: case.name)
async def test_a_write_answers_ids_and_nothing_that_may_not_be_read(api: Api, ids: Ids, case: Case) -> None:
    """The right to write alone: what was made is named, and each other field of it is refused by its right."""
    named, token = answered(case), writer(case)
    query = asking(case, " ".join(f"{field} {{ id }}" for field in named))
    first = await api(query, case.variables(ids), **token)
    assert first[case.field]["userErrors"] == []
    made = {field for field in named if first[case.field][field]}
    assert made, "it names nothing that it made"
    asked = {
        f"a{n}": (field, leaf)
        for n, (field, leaf) in enumerate((field, leaf) for field in sorted(made) for leaf in leaves(named[field]))
    }
    query = asking(case, " ".join(f"{alias}: {field} {{ {leaf} }}" for alias, (field, leaf) in asked.items()))
    answer = await api(query, case.variables(ids), **token)
    assert answer.data is not None
    payload = answer.data[case.field]
    errors = {path[1]: (code, missing) for code, path, missing in told(answer)}
    for alias, (field, leaf) in asked.items():
        if leaf in OWN.get(field, set()) | OWN.get(f"{field} of {case.field}", set()):
            assert (alias in errors, leaf in payload[alias]) == (False, True)
            continue
        assert errors[alias] == ("FORBIDDEN", [READS[named[field]]]), (field, leaf)
        value = payload[alias]
        assert value is None or value == {leaf: None} or {leaf: None} in value, (field, leaf)


@pytest.mark.parametrize("case", WRITES, ids=lambda case: case.name)
async def test_with_the_right_to_read_a_write_answers_all_of_it(api: Api, ids: Ids, case: Case) -> None:
    """Else the one above would prove nothing."""
    named, token = answered(case), writer(case)
    token["scopes"] = {*case.scopes, *(Scope(scope) for scope in READS.values())}
    selection = " ".join(f"{field} {{ id {' '.join(leaves(kind))} }}" for field, kind in named.items())
    answer = await api(asking(case, selection), case.variables(ids), **token)
    assert answer[case.field]["userErrors"] == []


def test_every_payload_that_names_a_customers_things_is_written() -> None:
    payloads = {
        name
        for name, type_ in OBJECTS.items()
        if name.endswith("Payload") and any(led_to(field) in READS for field in type_.fields.values())
    }
    assert {f"{case.field[0].upper()}{case.field[1:]}Payload" for case in WRITES} == payloads


async def test_an_update_that_changes_nothing_tells_nothing(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer("carol", "Carol Surname", "carol@example.com"))
    query = """mutation($id: ID!) { updateCustomer(input: {customerId: $id}) { changed customer { id name externalId email
      membership { status } balances { available } } userErrors { code } } }"""
    answer = await api(query, {"id": carol}, **partner("customers:write"))
    assert answer.data == {"updateCustomer": {"changed": False, "customer": None, "userErrors": []}}
    assert {(code, *missing) for code, _, missing in told(answer)} == {("FORBIDDEN", CUSTOMERS)}
    assert not any(text in answer.response.text for text in ("Surname", "example.com", "carol"))
    bare = await api(
        query.replace("name externalId email", "").replace("membership { status } balances { available }", ""),
        {"id": carol},
        **partner("customers:write"),
    )
    assert bare["updateCustomer"]["customer"] == {"id": carol}


async def test_upserting_somebody_who_is_there_tells_nothing_of_them(api: Api, tenant: Tenant) -> None:
    """By an external id, be it of a record that was merged, which edits nothing and names the survivor."""
    carol = gid("Customer", await tenant.customer("carol", "Carol Surname", "carol@example.com"))
    query = """mutation { upsertCustomer(input: {externalId: "carol", name: "X"}) { created customer { id email }
      userErrors { code } } }"""
    answer = await api(query, **partner("customers:write"))
    assert answer.data == {
        "upsertCustomer": {"created": False, "customer": {"id": carol, "email": None}, "userErrors": []}
    }
    assert told(answer) == [("FORBIDDEN", ("upsertCustomer", "customer", "email"), [CUSTOMERS])]


@pytest.mark.parametrize(
    ("amount", "scopes", "said"),
    [
        ("-999999.00", ["credits:remove"], {"message": "Not enough is available.", "available": None}),
        (
            "-999999.00",
            ["credits:remove", LEDGER],
            {"message": "Not enough: only 10.00 GBP is available.", "available": "10.00"},
        ),
    ],
)
async def test_a_refusal_tells_no_figure_that_may_not_be_read(
    api: Api, tenant: Tenant, amount: str, scopes: list[str], said: dict[str, Any]
) -> None:
    """Else one request too large would tell the balance."""
    customer = await tenant.customer("carol")
    await tenant.adjust(customer, "10.00")
    given = {
        "customerId": gid("Customer", customer),
        "asset": "GBP",
        "amount": amount,
        "reason": "CORRECTION",
        "idempotencyKey": "k",
    }
    query = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { message available } } }"
    answer = await api(query, {"input": given}, **partner(*scopes))
    assert answer["adjustCredit"]["userErrors"] == [said]


async def test_nor_does_an_assignment_or_a_payment_that_is_too_large(api: Api, tenant: Tenant) -> None:
    customer = await tenant.customer("carol")
    credit, invoice = await tenant.adjust(customer, "10.00"), await tenant.invoice(customer, "70.00", auto_apply=False)
    await tenant.invoice(customer, "5.00", auto_apply=False)
    assign = """mutation($credit: ID!, $invoice: ID!) { assignCredit(input: {creditId: $credit, idempotencyKey: "a",
      assignments: [{invoiceId: $invoice, amount: "60.00"}]}) { userErrors { code message } } }"""
    pay = """mutation($invoice: ID!) { recordPayment(input: {invoiceId: $invoice, amount: "99.00", method: CASH,
      idempotencyKey: "b"}) { userErrors { code message } } }"""
    ids = {"credit": gid("Credit", credit.credit_id), "invoice": gid("Invoice", invoice)}
    assigned = await api(assign, ids, **partner("credits:assign"))
    paid = await api(pay, {"invoice": ids["invoice"]}, **partner("payments:write"))
    assert assigned["assignCredit"]["userErrors"] == [
        {"code": "EXCEEDS_REMAINING", "message": "That is more than is left. Lower the amount."}
    ]
    assert paid["recordPayment"]["userErrors"] == [
        {"code": "EXCEEDS_DUE", "message": "That is more than is due. Lower the amount."}
    ]
