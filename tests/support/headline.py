"""The headline mutations, each asked for with its whole payload; and what every refusal and denial has in common."""

from typing import Any, Final
from uuid import UUID, uuid4

from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

ERRORS: Final = """replayed
  userErrors { code message field available remaining { scope asset remaining } row }"""
ERROR_FIELDS: Final = ("code", "field", "available", "remaining", "row")
TRANSACTION: Final = """transaction { id kind reason note actor { subject name role client } approvedBy { subject }
    createdAt entries { edges { node { sequence amount balanceAfter credit { id } } } } }"""
ACCOUNT: Final = "account { id asset available scheduled lifetime tier { name } customer { externalId } }"
CREDIT: Final = """credit { id amount remaining status effectiveOn expiresAt services { name } autoApply
    transaction { id } }"""
INVOICE: Final = """invoice { id number customer { externalId } currency status total paid credited due issuedOn dueOn
    assignments { edges { node { amount origin releasedAt credit { id } } } } }"""


def document(field: str, selection: str) -> str:
    kind = field[0].upper() + field[1:]
    return f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} }} }}"


ADJUST: Final = "adjustCredit"
BULK: Final = "bulkCredit"
ASSIGN: Final = "assignCredit"
GIVE: Final = "giveReward"
UPSERT: Final = "upsertCustomer"
INVOICING: Final = "createInvoice"
PAYING: Final = "recordPayment"
RELEASE: Final = "releaseAssignments"
REASSIGN: Final = "reassignCredit"
VOID_INVOICE: Final = "voidInvoice"
VOID_CREDIT: Final = "voidCredit"
UPDATE: Final = "updateCredit"
USE_COUPON: Final = "useCoupon"
DISABLE_COUPON: Final = "disableCoupon"

ASSIGNMENTS: Final = """assignments { id amount origin assignedAt releasedAt credit { id remaining status }
    invoice { id status credited due } }"""
COUPON: Final = "coupon { id code pointsSpent status closedAt terms { name } transaction { id } refund { id } }"
SELECTIONS: Final = {
    RELEASE: f"{ERRORS} {TRANSACTION} {ASSIGNMENTS}",
    REASSIGN: f"{ERRORS} {TRANSACTION} {CREDIT} {ASSIGNMENTS}",
    VOID_INVOICE: f"{ERRORS} {TRANSACTION} {ASSIGNMENTS} {INVOICE}",
    VOID_CREDIT: f"{ERRORS} {TRANSACTION} {ASSIGNMENTS} {ACCOUNT} {CREDIT}",
    UPDATE: f"{ERRORS} {TRANSACTION} {CREDIT}",
    ADJUST: f"""{ERRORS} {TRANSACTION} {ACCOUNT} {CREDIT}
      approvalRequest {{ id status requestedBy {{ subject role }} decidedBy {{ subject }} expiresAt }}""",
    BULK: f"{ERRORS} operation {{ id status total processed succeeded failed }}",
    ASSIGN: f"""{ERRORS} {TRANSACTION} {CREDIT}
      assignments {{ id amount origin assignedAt releasedAt credit {{ id }} invoice {{ id status credited due }} }}""",
    GIVE: f"""{ERRORS} {TRANSACTION} {ACCOUNT} coupon {{ id code reward {{ id name pointsCost }}
      customer {{ externalId }} pointsSpent status issuedAt expiresAt }}""",
    USE_COUPON: f"{ERRORS} {COUPON}",
    DISABLE_COUPON: f"{ERRORS} {TRANSACTION} {ACCOUNT} {COUPON}",
    UPSERT: """created customer { id externalId name email createdAt balances { id } }
      userErrors { code message field available remaining { scope asset remaining } row }""",
    INVOICING: f"{ERRORS} {INVOICE}",
    PAYING: f"{ERRORS} {INVOICE} payment {{ id amount method receivedOn voidedAt }}",
}
EMPTY: Final[dict[str, object]] = {"replayed": False, "created": False, "assignments": []}
"""What a payload's fields say where nothing was done; the others are null."""


def adjusting(customer: UUID | None, amount: str, asset: str = "GBP", **more: Any) -> dict[str, Any]:
    """An input of adjustCredit, with a key of its own."""
    return {
        "customerId": gid("Customer", customer),
        "asset": asset,
        "amount": amount,
        "reason": "CORRECTION",
        "idempotencyKey": uuid4().hex,
        **more,
    }


async def ask(api: Api, field: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    """The payload of one mutation, userErrors or not. given: its input."""
    payload: dict[str, Any] = (await api(document(field, SELECTIONS[field]), {"input": given}, **token))[field]
    return payload


async def done(api: Api, field: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    """The payload of one that has to succeed, without the empty userErrors."""
    payload = await ask(api, field, given, **token)
    assert payload.pop("userErrors") == []
    return payload


async def refused(api: Api, tenant: Tenant, field: str, given: dict[str, Any], **token: Any) -> list[dict[str, Any]]:
    """The userErrors of one that has to be refused. Nothing has moved, and the payload claims nothing."""
    async with tenant.nothing_moves():
        payload = await ask(api, field, given, **token)
    errors: list[dict[str, Any]] = payload.pop("userErrors")
    assert errors
    assert payload == {name: EMPTY.get(name) for name in payload}
    assert all(error.pop("message") for error in errors)
    return errors


async def refusal(api: Api, tenant: Tenant, field: str, given: dict[str, Any], **token: Any) -> list[Any]:
    """The one userError as code and path: `["NOT_FOUND", "items", "0"]`, followed by `available` where it is said."""
    (error,) = await refused(api, tenant, field, given, **token)
    available = [] if error["available"] is None else [error["available"]]
    return [error["code"], *(error["field"] or ()), *available]


async def denied(api: Api, tenant: Tenant, field: str, given: dict[str, Any], **token: Any) -> None:
    """Asserts that it is forbidden, and that nothing has moved."""
    async with tenant.nothing_moves():
        answer = await api(document(field, SELECTIONS[field]), {"input": given}, **token)
    assert (answer.codes, answer.data) == (["FORBIDDEN"], {field: None})


async def replayed(api: Api, tenant: Tenant, field: str, given: dict[str, Any], first: dict[str, Any]) -> None:
    """Asserts that the same again moves nothing and answers what `first` did; and that the key is good for no more."""
    async with tenant.nothing_moves():
        again = await done(api, field, given)
    assert again == {**first, "replayed": True}
