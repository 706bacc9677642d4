"""The table "Who may" as the domain's description has it, and which of its rows each request to a root field is in.

Independent of auth/roles.py: what the code grants is held against this.
"""

from collections.abc import Iterable
from typing import Final

# Word for word.
WHO_MAY: Final = """
| | staff | manager | admin | partner | customer |
| --- | --- | --- | --- | --- | --- |
| read customers, balances, ledgers, invoices | yes | yes | yes | by scope | their own |
| add credit or points | within limits | yes | yes | by scope, within limits | no |
| remove, void, release, bulk, see every audit row | no | yes | yes | by scope | no |
| assign credit, give a reward for points | yes | yes | yes | by scope | no |
| add and edit customers, issue invoices and orders, record payments | yes | yes | yes | by scope | no |
| void an invoice or a payment, disable a coupon, merge or erase a customer | no | yes | yes | by scope | no |
| give a reward free of points | within limits | yes | yes | by scope, within limits | no |
| approve a request | no | yes, not their own | yes, not their own | no | no |
| limits, reasons, tiers, rewards, services, tokens, webhooks | no | read | yes | no | no |
"""

# What the description leaves open, in the same form.
LEFT_OPEN: Final = """
| read rewards, tiers and coupons | yes | yes | yes | by scope | their own |
| read the reasons and services to choose from | yes | yes | yes | by scope | no |
| list the products to choose from | yes | yes | yes | by scope | no |
| read reports | yes | yes | yes | by scope | no |
"""

# Of requests alone: no right of these names exists.
_OF_REQUESTS: Final = """
| know who they are | yes | yes | yes | yes | yes |
| list everybody | yes | yes | yes | yes | no |
| list tokens as one who issues them | no | no | yes | no | no |
| list what of their own expires | no | no | no | no | their own |
"""

_CATALOGUE: Final = "read the reasons by ledger:read or credits:add or credits:remove or credits:bulk"
_PRODUCTS: Final = "list the products by invoices:read or invoices:write"
_CUSTOMERS: Final = "read customers by customers:read"
_LEDGER: Final = "read customers by ledger:read"
_INVOICES: Final = "read customers by invoices:read"
_REWARDS: Final = "read rewards by rewards:read"
_REPORTS: Final = "read reports by reports:read"
_CONFIG: Final = "limits, by config:write"
_TOKENS: Final = "limits, by tokens:write"
_TOKEN_LIST: Final = f"{_CONFIG} | list tokens by tokens:write"
_ADD: Final = "add credit by credits:add"
_REMOVE: Final = "remove, by credits:remove"
_BULK: Final = "remove, by credits:bulk"
_ASSIGN: Final = "assign credit, by credits:assign"
_EDIT: Final = "add and edit by customers:write"
_GIVE: Final = "assign credit, by rewards:give"
_FREE: Final = "give a reward free by rewards:give"
_DECIDE: Final = "approve by credits:add or rewards:give"
_ASK: Final = f"{_ADD} | {_REMOVE} | {_GIVE} | {_FREE} | add and edit by invoices:write"

RIGHTS: Final[dict[str, str]] = {
    "viewer": "know who they are",
    "customer": _CUSTOMERS, "customers": f"{_CUSTOMERS} & list everybody", "balances": _LEDGER, "ledger": _LEDGER,
    "credits": _LEDGER, "statement": _LEDGER, "upcoming of one": _LEDGER,
    "invoices": _INVOICES, "invoice": _INVOICES, "orders": _INVOICES,
    "liability": _REPORTS, "trial balance": _REPORTS,
    "upcoming": f"{_REPORTS} | list what of their own by ledger:read",
    "audit trail": "remove, by reports:read",
    "preview an addition": _ADD, "preview a removal": _REMOVE,
    "reasons": _CATALOGUE, "services": _CATALOGUE, "products": _PRODUCTS,
    "old reasons": f"{_CATALOGUE} & {_CONFIG}", "old services": f"{_CATALOGUE} & {_CONFIG}",
    "old products": f"{_PRODUCTS} & {_CONFIG}", "old rewards": f"{_REWARDS} & {_CONFIG}",
    "rewards": _REWARDS, "tiers": _REWARDS, "coupon": _REWARDS,
    "bulk operation": _BULK, "bulk": _BULK, "cancel a bulk": _BULK,
    "node: customer": _CUSTOMERS, "node: account": _LEDGER, "node: invoice": _INVOICES, "node: reward": _REWARDS,
    "node: service": _CATALOGUE, "node: product": _PRODUCTS, "node: payment": _INVOICES,
    "node: bulk operation": _BULK, "node: coupon": _REWARDS, "node: tier": _REWARDS,
    "approval requests": f"{_DECIDE} | {_ASK}", "node: approval request": f"{_ADD} | {_FREE}",
    "approve": f"{_DECIDE} & {_ADD}", "reject": f"{_DECIDE} & {_ADD}", "withdraw": _ASK,
    "add": _ADD, "remove": _REMOVE, "assign": _ASSIGN, "use credit": _ASSIGN,
    "release": _REMOVE, "reassign": f"{_REMOVE} & {_ASSIGN}", "void a credit": _REMOVE, "update a credit": _REMOVE,
    "void an invoice": "void an invoice by invoices:write", "void payment": "void an invoice by payments:write",
    "give for points": _GIVE, "give free": _FREE, "use a coupon": _GIVE,
    "disable a coupon": "void an invoice by rewards:give",
    "upsert customer": _EDIT, "update customer": _EDIT, "start membership": _EDIT, "cancel membership": _EDIT,
    "reinstate membership": _EDIT,
    "merge customers": f"void an invoice by customers:write & {_REMOVE}",
    "erase customer": "void an invoice by customers:write",
    "create invoice": "add and edit by invoices:write", "create order": "add and edit by invoices:write",
    "record payment": "add and edit by payments:write", "pay with credit": "add and edit by payments:write",
    **dict.fromkeys(
        (
            "create product", "update product", "create reward", "update reward", "create tier", "update tier",
            "delete tier", "create reason", "update reason", "create service", "update service", "update tenant",
            "limit rules", "set a limit", "remove a limit",
        ),
        _CONFIG,
    ),
    "partner tokens": _TOKEN_LIST, "node: partner token": _TOKEN_LIST,
    "issue a token": _TOKENS, "rotate a token": _TOKENS, "revoke a token": _TOKENS,
}  # fmt: skip
"""By the name of a case in tests/api/test_permissions.py: the beginning of its row and the scopes of which one is
needed; joined by ` & ` where it takes several rights, by ` | ` where one of several will do."""


def cell(row: str, role: str) -> str:
    """What stands in the one row that begins so, for this role."""
    lines = (WHO_MAY + LEFT_OPEN + _OF_REQUESTS).strip().splitlines()
    column = [name.strip() for name in lines[0].split("|")].index(role)
    (found,) = (line for line in lines if line.startswith(f"| {row}"))
    return found.split("|")[column].strip()


def may(case: str, role: str, scopes: Iterable[str], *, reads: bool) -> bool:
    """Whether a request of this name is let in. scopes: what the token carries. reads: whether it changes nothing."""
    held = set(scopes)
    return any(
        all(_holds(part, role, held, reads=reads) for part in choice.split(" & "))
        for choice in RIGHTS[case].split(" | ")
    )


def _holds(part: str, role: str, scopes: set[str], *, reads: bool) -> bool:
    row, _, needed = part.partition(" by ")
    found = cell(row, role)
    return found != "no" and (found != "read" or reads) and (not needed or not scopes.isdisjoint(needed.split(" or ")))
