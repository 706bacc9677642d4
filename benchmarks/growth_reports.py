"""Reports on a tenant and ways to look through its audit trail, for benchmarks.growth: documents and what they answer."""

from typing import Final

_OWED: Final = """{ asset accounts outstanding scheduled expired byExpiryMonth { month outstanding }
  bySource { kind reason outstanding } }"""
_BOOKS: Final = "{ asset accounts counters { counter amount } }"
_TRAIL: Final = "edges { node { at amount asset kind } }"
_FILTERS: Final = {
    "all, newest": "last: 50",
    "by an idle actor": 'actor: "reader", first: 50',
    "by a busy actor": 'actor: "filler", last: 50',
    "by a rare reason": 'reason: "PROMOTION", first: 50',
    "by a busy reason": 'reason: "POLICY", first: 50',
    "by a rare kind": "kind: [VOID], first: 50",
    "by a busy kind": "kind: [EXPIRY], last: 50",
    "by a rare amount": 'asset: "GBP", minAmount: "10000", first: 50',
    "by a busy amount": 'asset: "GBP", maxAmount: "-5", last: 50',
    "by a rare amount among many like it": 'asset: "GBP", minAmount: "9.90", maxAmount: "9.99", first: 50',
    "by a rare amount and kind": 'asset: "GBP", maxAmount: "-9.90", kind: [EXPIRY], last: 50',
    "by action": 'action: "membership.cancelled", first: 50',
    "by a busy action": 'action: "access.denied", last: 50',
    "by request": 'requestId: "request-777", first: 50',
    "by nobody's request": 'requestId: "nobody-s", first: 50',
    "by a busy address": 'address: "198.51.100.7", first: 50',
    "by nobody's address": 'address: "192.0.2.1", first: 50',
    "from an instant": "from: $pick, first: 50",
}

HOLDINGS: Final = ("a holder's page", "a holder's credits")
"""Of the customer who has nothing but open credits."""

_PAST: Final = "query($pick: DateTime)"

REPORTS: Final = {
    "liability": f"{{ liability {_OWED} }}",
    "liability, in the past": f"{_PAST} {{ liability(at: $pick) {_OWED} }}",
    "trialBalance": f"{{ trialBalance {_BOOKS} }}",
    "trialBalance, in the past": f"{_PAST} {{ trialBalance(at: $pick) {_BOOKS} }}",
    "statement": """query($customer: ID!, $pick: DateTime) {
      statement(customerId: $customer, asset: "GBP", from: $pick) {
        openingBalance closingBalance entries(first: 50) { edges { node { amount balanceAfter } } } } }""",
    HOLDINGS[0]: """query($customer: ID!) { node(id: $customer) { ... on Customer { id name
      balances { asset available }
      account(asset: "GBP") { credits(first: 5) { edges { node { id remaining expiresAt } } } }
      ledger(last: 10) { edges { node { sequence amount balanceAfter createdAt transaction { kind reason } } } } } } }""",
    HOLDINGS[1]: """query($customer: ID!) { node(id: $customer) { ... on Customer {
      account(asset: "GBP") { credits(last: 50) { edges { node { id amount remaining } } } } } } }""",
    **{
        f"auditTrail {name}": f"{_PAST if '$pick' in asked else ''} {{ auditTrail({asked}) {{ {_TRAIL} }} }}"
        for name, asked in _FILTERS.items()
    },
}
EXPECTED: Final = {
    "search": '"name":"Customer',
    "balanceAt": '"balanceAt":"',
    **{name: '"outstanding":"' for name in REPORTS if name.startswith("liability")},
    **{name: '"counter":"' for name in REPORTS if name.startswith("trialBalance")},
    "statement": '"closingBalance":"',
    **dict.fromkeys(HOLDINGS, '"remaining":"'),
    **{name: '"edges":[' for name in REPORTS if name.startswith("auditTrail")},
}
"""A part of every good answer."""


def variables_of(customer: str) -> dict[str, object]:
    """The variables that stay the same, of a customer."""
    return {"customer": customer}
