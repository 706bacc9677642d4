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
    "by action": 'action: "membership.cancelled", first: 50',
    "by request": 'requestId: "nobody-s", first: 50',
    "by address": 'address: "192.0.2.1", first: 50',
    "from an instant": "from: $pick, first: 50",
}

_PAST: Final = "query($pick: DateTime)"

REPORTS: Final = {
    "liability": f"{{ liability {_OWED} }}",
    "liability, in the past": f"{_PAST} {{ liability(at: $pick) {_OWED} }}",
    "trialBalance": f"{{ trialBalance {_BOOKS} }}",
    "trialBalance, in the past": f"{_PAST} {{ trialBalance(at: $pick) {_BOOKS} }}",
    "statement": """query($customer: ID!, $pick: DateTime) {
      statement(customerId: $customer, asset: "GBP", from: $pick) {
        openingBalance closingBalance entries(first: 50) { edges { node { amount balanceAfter } } } } }""",
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
    **{name: '"edges":[' for name in REPORTS if name.startswith("auditTrail")},
}
"""A part of every good answer."""


def variables_of(customer: str) -> dict[str, object]:
    """The variables that stay the same, of a tenant's busy customer."""
    return {"customer": customer}
