"""The headline operations as the page offers them: a document each, with variables that work on the sample."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

MAX_EXAMPLE: Final = Decimal("10.00")
"""The most that an example pays or assigns, in pounds."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids, as the API's, of the sample's rows that the examples name. due, remaining: of that invoice and credit.

    request: an approval request, a pending one if there is one; None: there is none yet.
    """

    customer: str
    others: tuple[str, ...]
    reward: str
    service: str
    credit: str
    remaining: Decimal
    invoice: str
    due: Decimal
    request: str | None


@dataclass(frozen=True, slots=True)
class Example:
    """An operation. hint: a suggestion to try. changes: whether it is a mutation."""

    name: str
    hint: str
    query: str
    variables: dict[str, Any]
    changes: bool = False


_ERRORS: Final = "userErrors { code message field }"

_VIEWER: Final = """\
query {
  viewer {
    subject role scopes
    tenant { name timeZone graceDays }
    customer { externalId }
    limits { scope asset remaining }
  }
}"""
_CUSTOMERS: Final = """\
query ($filter: CustomerFilter, $sortBy: CustomerSort, $first: Int) {
  customers(filter: $filter, sortBy: $sortBy, first: $first) {
    nodes {
      externalId name
      balances { asset available }
      invoices(filter: { status: [OPEN, PART_PAID] }, first: 2) { nodes { number due } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
_BALANCES: Final = """\
query ($customerId: ID!) {
  balances(customerId: $customerId) {
    asset available scheduled lifetime
    tier { name next { name threshold } }
    credits(filter: { status: [OPEN, SCHEDULED] }, first: 5) {
      nodes { remaining status effectiveOn expiresAt services { name } }
    }
  }
}"""
_LEDGER: Final = """\
query ($customerId: ID!, $filter: LedgerEntryFilter, $first: Int) {
  ledger(customerId: $customerId, filter: $filter, reverse: true, first: $first) {
    nodes {
      sequence amount balanceAfter createdAt
      transaction { kind reason note actor { subject role } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
_INVOICES: Final = """\
query ($customerId: ID, $filter: InvoiceFilter, $first: Int) {
  invoices(customerId: $customerId, filter: $filter, first: $first) {
    nodes {
      number issuedOn status total paid credited due
      assignments(first: 5) { nodes { amount origin } }
    }
  }
}"""
_CHOICES: Final = """\
query {
  adjustmentReasons { code label directions noteRequired }
  services { id name }
  tiers { name threshold }
  rewards(first: 10) { edges { node { id name pointsCost } } }
}"""
_LIABILITY: Final = """\
query ($at: DateTime) {
  liability(at: $at) { asset accounts outstanding scheduled }
}"""
_PREVIEW: Final = """\
query ($input: PreviewAdjustmentInput!) {
  previewAdjustment(input: $input) {
    account { available }
    availableAfter lifetimeAfter
    tierAfter { name }
    credits { amount remainingAfter expiresAt }
    limit { allowed approvalRequired remaining { scope remaining } }
    userErrors { code message }
  }
}"""
_ADJUST: Final = f"""\
mutation ($input: AdjustCreditInput!) {{
  adjustCredit(input: $input) {{
    replayed
    account {{ asset available scheduled }}
    credit {{ amount remaining status expiresAt }}
    transaction {{ kind reason note createdAt }}
    approvalRequest {{ id status expiresAt }}
    {_ERRORS}
  }}
}}"""
_BULK: Final = """\
mutation ($input: BulkCreditInput!) {
  bulkCredit(input: $input) {
    replayed
    operation {
      status total succeeded failed
      rows(first: 10) { edges { node { row amount customer { externalId } error { code message } } } }
    }
    userErrors { row code message }
  }
}"""
_ASSIGN: Final = f"""\
mutation ($input: AssignCreditInput!) {{
  assignCredit(input: $input) {{
    replayed
    credit {{ amount remaining }}
    assignments {{ amount origin invoice {{ number status due }} }}
    {_ERRORS}
  }}
}}"""
_REWARD: Final = f"""\
mutation ($input: GiveRewardInput!) {{
  giveReward(input: $input) {{
    replayed
    coupon {{ code status pointsSpent expiresAt reward {{ name }} }}
    account {{ available lifetime tier {{ name }} }}
    {_ERRORS}
  }}
}}"""
_INVOICE: Final = f"""\
mutation ($input: CreateInvoiceInput!) {{
  createInvoice(input: $input) {{
    replayed
    invoice {{
      number status total credited due
      assignments(first: 5) {{ edges {{ node {{ amount origin }} }} }}
    }}
    {_ERRORS}
  }}
}}"""
_PAYMENT: Final = f"""\
mutation ($input: RecordPaymentInput!) {{
  recordPayment(input: $input) {{
    replayed
    payment {{ amount method receivedOn }}
    invoice {{ number status total paid credited due }}
    {_ERRORS}
  }}
}}"""
_UPSERT: Final = """\
mutation ($input: UpsertCustomerInput!) {
  upsertCustomer(input: $input) {
    created
    customer { id externalId name email }
    userErrors { code message field }
  }
}"""
_LIMIT_RULES: Final = """\
query ($role: LimitRole) {
  limitRules(role: $role) {
    role asset holder perAdjustment perActorDay perCustomerDay
  }
}"""
_SET_LIMIT: Final = f"""\
mutation ($input: SetLimitInput!) {{
  setLimit(input: $input) {{
    rule {{ role asset perAdjustment perActorDay perCustomerDay }}
    {_ERRORS}
  }}
}}"""
_REQUESTS: Final = """\
query ($filter: ApprovalRequestFilter, $first: Int) {
  approvalRequests(filter: $filter, reverse: true, first: $first) {
    nodes {
      id status operation amount asset reason note expiresAt
      customer { externalId }
      requestedBy { subject role }
      decidedBy { subject role }
    }
  }
}"""
_APPROVE: Final = f"""\
mutation ($input: ApproveRequestInput!) {{
  approveRequest(input: $input) {{
    replayed
    account {{ asset available }}
    transaction {{ kind note actor {{ subject role }} approvedBy {{ subject role }} }}
    approvalRequest {{ status decisionNote }}
    {_ERRORS}
  }}
}}"""
_ISSUE_TOKEN: Final = f"""\
mutation ($input: IssueTokenInput!) {{
  issueToken(input: $input) {{
    secret
    token {{ id client name scopes expiresAt }}
    {_ERRORS}
  }}
}}"""
_TOKENS: Final = """\
query ($active: Boolean, $last: Int) {
  partnerTokens(active: $active, last: $last) {
    edges { node { client name scopes active lastUsedAt createdBy { subject } } }
  }
}"""
_AUDIT: Final = """\
query ($filter: AuditFilter, $first: Int) {
  auditTrail(filter: $filter, reverse: true, first: $first) {
    nodes { at action actor { subject role } details address requestId }
  }
}"""


def examples(ids: Ids, key: str) -> dict[str, list[Example]]:
    """All of them, by the heading they stand under, questions first.

    `key` is new each time: idempotency keys, an invoice's number and a token's name are made of it.
    """
    return {
        "Questions": _questions(ids),
        "Changes": _changes(ids, key),
        "Limits, approvals, partners, audit": _control(ids, key),
    }


def _questions(ids: Ids) -> list[Example]:
    preview = {"customerId": ids.customer, "asset": "GBP", "amount": "250.00", "reason": "GOODWILL"}
    return [
        Example("viewer", "Who is asking. Try it in each role.", _VIEWER, {}),
        Example(
            "customers",
            "Found by the beginning of their id, a word of their name or their e-mail; a customer is refused.",
            _CUSTOMERS,
            {"filter": {"search": "160"}, "sortBy": "NAME", "first": 5},
        ),
        Example("balances", "What one customer is owed, and in what lots.", _BALANCES, {"customerId": ids.customer}),
        Example(
            "ledger",
            "Every movement, newest first. A customer sees neither notes nor staff.",
            _LEDGER,
            {"customerId": ids.customer, "filter": {"asset": "GBP"}, "first": 5},
        ),
        Example(
            "invoices",
            "A credit note has paid part of them by itself: AUTO.",
            _INVOICES,
            {"customerId": ids.customer, "filter": {"status": ["OPEN", "PART_PAID", "PAID"]}, "first": 5},
        ),
        Example("adjustmentReasons, services, tiers, rewards", "What there is to choose from.", _CHOICES, {}),
        Example("liability", "What the shop owes in all; or owed then, given an instant.", _LIABILITY, {"at": None}),
        Example(
            "previewAdjustment",
            "What an adjustment would do, without doing it. As staff this one is over the limit.",
            _PREVIEW,
            {"input": preview},
        ),
    ]


def _changes(ids: Ids, key: str) -> list[Example]:
    adjust = {"customerId": ids.customer, "asset": "GBP", "amount": "5.00", "reason": "GOODWILL"}
    services = {**adjust, "asset": "SERVICE_CREDITS", "amount": "2", "serviceIds": [ids.service], "expiresInDays": 30}
    bulk = {
        "items": [{"customerId": customer, "amount": "100"} for customer in (ids.customer, *ids.others)],
        "asset": "POINTS",
        "reason": "PROMOTION",
        "errorPolicy": "REJECT_ALL",
        "dryRun": False,
    }
    assigned = min(MAX_EXAMPLE, ids.due, ids.remaining)
    assign = {"creditId": ids.credit, "assignments": [{"invoiceId": ids.invoice, "amount": str(assigned)}]}
    reward = {"customerId": ids.customer, "rewardId": ids.reward, "deductPoints": True}
    lines = [{"description": "White metal lantern", "units": "2", "unitPrice": "3.39"}]
    invoice = {"customerId": ids.customer, "number": f"PAGE-{key[-8:]}", "currency": "GBP", "lines": lines}
    payment = {"invoiceId": ids.invoice, "amount": str(min(MAX_EXAMPLE, ids.due)), "method": "CARD"}
    customer = {"externalId": "page-1", "name": "Jane Newcomer", "email": "jane@example.com"}
    return [
        _change(
            "adjustCredit",
            "Negative removes, which takes a manager. As staff, more than 100.00 is refused.",
            _ADJUST,
            adjust,
            key,
        ),
        _change("adjustCredit, restricted", "Good for one service, and for 30 days.", _ADJUST, services, key),
        _change("bulkCredit", "Three customers, all or none. For managers and admins.", _BULK, bulk, key),
        _change("assignCredit", "Credit set against an open invoice by hand.", _ASSIGN, assign, key),
        _change("giveReward", "A coupon for points; the tier stays as it is.", _REWARD, reward, key),
        _change("createInvoice", "Open credit applies itself, in burn order.", _INVOICE, invoice, key),
        _change("recordPayment", "More than is due is refused.", _PAYMENT, payment, key),
        Example("upsertCustomer", "Add a customer, or edit one.", _UPSERT, {"input": customer}, changes=True),
    ]


def _control(ids: Ids, key: str) -> list[Example]:
    over = {"customerId": ids.customer, "asset": "GBP", "amount": "150.00", "reason": "GOODWILL"}
    asked = {**over, "note": "The whole order was late", "requestApproval": True}
    limit = {
        "role": "STAFF",
        "asset": "POINTS",
        "perAdjustment": "500",
        "perActorDay": "2500",
        "perCustomerDay": "1000",
    }
    approved = {"requestId": ids.request or "of approvalRequests", "note": "The carrier admits it"}
    token = {"client": "Parcel partner", "name": f"page-{key[-8:]}", "scopes": ["customers:read", "credits:add"]}
    return [
        Example("limitRules", "What each role may add. As manager or admin.", _LIMIT_RULES, {"role": "STAFF"}),
        Example(
            "setLimit",
            "As admin. It holds at once: viewer tells staff what they have left.",
            _SET_LIMIT,
            {"input": limit},
            changes=True,
        ),
        _change(
            "adjustCredit, over the limit",
            "As staff. Nothing moves: a manager is asked. Managers just do it.",
            _ADJUST,
            asked,
            key,
        ),
        Example(
            "approvalRequests",
            "What waits for a second person. Staff see their own.",
            _REQUESTS,
            {"filter": {"status": ["PENDING"]}, "first": 5},
        ),
        _change(
            "approveRequest",
            "As manager or admin, but never one's own. Any id of approvalRequests will do.",
            _APPROVE,
            approved,
            key,
        ),
        Example(
            "issueToken",
            "As admin. The secret is told here, once; the same name a second time is refused.",
            _ISSUE_TOKEN,
            {"input": token},
            changes=True,
        ),
        Example("partnerTokens", "As manager or admin. Never a secret.", _TOKENS, {"active": True, "last": 5}),
        Example(
            "auditTrail",
            "As manager or admin: who was refused what. Try something as a customer first.",
            _AUDIT,
            {"filter": {"action": "access.denied"}, "first": 5},
        ),
    ]


def _change(name: str, hint: str, query: str, values: dict[str, Any], key: str) -> Example:
    own_key = f"page-{key}-{name.replace(', ', '-').replace(' ', '-')}"
    return Example(name, hint, query, {"input": {**values, "idempotencyKey": own_key}}, changes=True)
