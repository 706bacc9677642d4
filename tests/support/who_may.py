"""The table "Who may" of the rule book, docs/domain.md, and which of its rows each request to a root field is in.

Independent of auth/roles.py: what the code grants is held against this.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PAGE: Final = (Path(__file__).parents[2] / "docs/domain.md").read_text()
WHO_MAY: Final = _PAGE[_PAGE.index("| | staff |") : _PAGE.index("\n\n", _PAGE.index("| | staff |"))] + "\n"

# What the description leaves open, in the same form.
LEFT_OPEN: Final = """
| read rewards, tiers and coupons | yes | yes | yes | by scope | their own |
| read the reasons and services to choose from | yes | yes | yes | by scope | no |
| list the products to choose from | yes | yes | yes | by scope | no |
| read reports | yes | yes | yes | by scope | no |
| read the feed | yes | yes | yes | by scope | their own |
"""

# Of requests alone: no right of these names exists.
_OF_REQUESTS: Final = """
| know who they are | yes | yes | yes | yes | yes |
| list everybody | yes | yes | yes | yes | no |
| list tokens as one who issues them | no | no | yes | no | no |
| list webhooks as one who sets them up | no | no | yes | no | no |
| follow everybody's events | yes | yes | yes | by scope | no |
| see the configuration | no | yes | yes | no | no |
| list what of their own expires | no | no | no | no | their own |
| be the person who asked | yes | yes | yes | no | no |
"""

_CATALOGUE: Final = "read the reasons by ledger:read or credits:add or credits:remove or credits:bulk"
_PRODUCTS: Final = "list the products by invoices:read or invoices:write"
_CUSTOMERS: Final = "read customers by customers:read"
_LEDGER: Final = "read customers by ledger:read"
_INVOICES: Final = "read customers by invoices:read"
_REWARDS: Final = "read rewards by rewards:read"
_REPORTS: Final = "read reports by reports:read"
_EVENTS: Final = "read the feed by events:read"
_CONFIG: Final = "limits, by config:write"
_TOKENS: Final = "limits, by tokens:write"
_WEBHOOKS: Final = "limits, by webhooks:write"
_HOOKED: Final = f"{_WEBHOOKS} & follow everybody's by events:read"
_WEBHOOK_LIST: Final = f"{_CONFIG} | list webhooks by webhooks:write"
_TOKEN_LIST: Final = f"{_CONFIG} | list tokens by tokens:write"
_ADD: Final = "add credit by credits:add"
_REMOVE: Final = "remove, by credits:remove"
_BULK: Final = "remove, by credits:bulk"
_ASSIGN: Final = "assign credit, by credits:assign"
_EDIT: Final = "add and edit by customers:write"
_GIVE: Final = "assign credit, by rewards:give"
_FREE: Final = "give a reward free by rewards:give"
_PAY: Final = "add and edit by payments:write"
_SPEND: Final = "spend, by credits:spend"
_REFUND: Final = "give back by credits:refund"
_TRANSFER: Final = f"transfer between by credits:remove & {_ADD}"
_REVIVE: Final = "revive by credits:add"
_DECIDE: Final = "approve by credits:add or credits:remove or rewards:give or invoices:write or credits:refund"
_ASK: Final = f"{_ADD} | {_REMOVE} | {_GIVE} | {_FREE} | add and edit by invoices:write | {_REFUND}"

RIGHTS: Final[dict[str, str]] = {
    "viewer": "know who they are",
    "customer": _CUSTOMERS,
    "customers": f"{_CUSTOMERS} & list everybody by customers:read",
    "balances": _LEDGER,
    "ledger": _LEDGER,
    "credits": _LEDGER,
    "statement": _LEDGER,
    "upcoming of one": _LEDGER,
    "invoices": _INVOICES,
    "invoice": _INVOICES,
    "invoice by number": _INVOICES,
    "nodes": "know who they are",
    "account": _LEDGER,
    "credit": _LEDGER,
    "transaction": _LEDGER,
    "coupons": _REWARDS,
    "node: tenant": "know who they are",
    "node: audit record": "remove, by reports:read",
    "node: bulk row": _BULK,
    "node: membership": _CUSTOMERS,
    "node: reason": _CATALOGUE,
    "node: limit rule": _CONFIG,
    "orders": _INVOICES,
    "liability": _REPORTS,
    "trial balance": _REPORTS,
    "upcoming": f"{_REPORTS} | list what of their own by ledger:read",
    "audit trail": "remove, by reports:read",
    "checkpoints": f"{_LEDGER} & list everybody by ledger:read",
    "receipt": _LEDGER,
    "events": _EVENTS,
    "events of configuration": f"{_EVENTS} & {_CONFIG}",
    "preview an addition": _ADD,
    "preview a removal": _REMOVE,
    "preview adding": _ADD,
    "preview removing": _REMOVE,
    "preview an invoice": "add and edit by invoices:write",
    "preview an order": "add and edit by invoices:write",
    "preview an order of credit": f"add and edit by invoices:write & {_ADD}",
    "preview changing a credit": _REMOVE,
    "preview a use": "spend, by credits:spend or credits:assign",
    "preview giving for points": _GIVE,
    "preview giving free": _FREE,
    "preview disabling a coupon": "void an invoice by rewards:give",
    "preview an assignment": _ASSIGN,
    "preview a release": _REMOVE,
    "preview a reassignment": f"{_REMOVE} & {_ASSIGN}",
    "preview voiding a credit": _REMOVE,
    "preview voiding an invoice": "void an invoice by invoices:write",
    "preview voiding a payment": "void an invoice by payments:write",
    "preview voiding a credit note": "void an invoice by credits:refund",
    "preview a merge": f"merge customers by customers:write & {_REMOVE}",
    "reasons": _CATALOGUE,
    "services": _CATALOGUE,
    "products": _PRODUCTS,
    "old reasons": f"{_CATALOGUE} & {_CONFIG}",
    "old services": f"{_CATALOGUE} & {_CONFIG}",
    "old products": f"{_PRODUCTS} & {_CONFIG}",
    "old rewards": f"{_REWARDS} & {_CONFIG}",
    "rewards": _REWARDS,
    "tiers": _REWARDS,
    "coupon": _REWARDS,
    "bulk operation": _BULK,
    "bulk operations": _BULK,
    "bulk": _BULK,
    "cancel a bulk": _BULK,
    "retry a bulk": _BULK,
    "reverse a bulk": f"reverse a bulk by credits:bulk & {_REMOVE}",
    "bulk with a removal": f"{_BULK} & {_REMOVE}",
    "bulk that sets": f"{_BULK} & {_REMOVE}",
    "node: customer": _CUSTOMERS,
    "node: account": _LEDGER,
    "node: invoice": _INVOICES,
    "node: reward": _REWARDS,
    "node: service": _CATALOGUE,
    "node: product": _PRODUCTS,
    "node: payment": _INVOICES,
    "node: credit note": _INVOICES,
    "node: bulk operation": _BULK,
    "node: coupon": _REWARDS,
    "node: tier": _REWARDS,
    "approval requests": f"{_DECIDE} | {_ASK}",
    "node: approval request": f"{_DECIDE} | {_ASK}",
    "approve": f"{_DECIDE} & {_ADD}",
    "reject": f"{_DECIDE} & {_ADD}",
    "withdraw": " | ".join(f"{asked} & be the person" for asked in _ASK.split(" | ")),
    "add": _ADD,
    "remove": _REMOVE,
    "assign": _ASSIGN,
    "use credit": "spend, by credits:spend or credits:assign",
    "spend": _SPEND,
    "holds": _LEDGER,
    "node: hold": _LEDGER,
    "hold": _SPEND,
    "preview a hold": _SPEND,
    "preview a capture": _SPEND,
    "capture": _SPEND,
    "capture for an invoice": f"{_SPEND} & {_PAY}",
    "release a hold": _SPEND,
    "extend a hold": _SPEND,
    "preview a spend": _SPEND,
    "refund": _REFUND,
    "preview a refund": _REFUND,
    "make a credit note": _REFUND,
    "preview a credit note": _REFUND,
    "void a credit note": "void an invoice by credits:refund",
    "refund under a new expiry": f"{_REFUND} & {_REVIVE}",
    "transfer": _TRANSFER,
    "preview a transfer": _TRANSFER,
    "revive": _REVIVE,
    "preview a revival": _REVIVE,
    "release": _REMOVE,
    "reassign": f"{_REMOVE} & {_ASSIGN}",
    "void a credit": _REMOVE,
    "void a credit and what is held of it": f"{_REMOVE} & {_SPEND}",
    "update a credit": _REMOVE,
    "void an invoice": "void an invoice by invoices:write",
    "void payment": "void an invoice by payments:write",
    "give for points": _GIVE,
    "give free": _FREE,
    "use a coupon": _GIVE,
    "disable a coupon": "void an invoice by rewards:give",
    "reopen a coupon": "void an invoice by rewards:give",
    "upsert customer": _EDIT,
    "update customer": _EDIT,
    "start membership": _EDIT,
    "cancel membership": _EDIT,
    "reinstate membership": _EDIT,
    "merge customers": f"merge customers by customers:write & {_REMOVE}",
    "erase customer": "void an invoice by customers:write",
    "create invoice": "add and edit by invoices:write",
    "create order": "add and edit by invoices:write",
    "order credit": f"add and edit by invoices:write & {_ADD}",
    "record payment": _PAY,
    "pay with credit": f"{_PAY} & spend, by credits:spend",
    "keep what is too much": f"{_PAY} & {_REFUND}",
    "preview a payment": _PAY,
    "preview what is kept": f"{_PAY} & {_REFUND}",
    **dict.fromkeys(
        (
            "create product",
            "update product",
            "create reward",
            "update reward",
            "create tier",
            "update tier",
            "delete tier",
            "create reason",
            "update reason",
            "create service",
            "update service",
            "update tenant",
            "limit rules",
            "set a limit",
            "remove a limit",
        ),
        _CONFIG,
    ),
    **dict.fromkeys(("webhooks", "webhook deliveries", "node: webhook", "node: webhook delivery"), _WEBHOOK_LIST),
    **dict.fromkeys(("create a webhook", "update a webhook"), _HOOKED),
    "create a webhook for the configuration": f"{_HOOKED} & see the configuration by config:write",
    **dict.fromkeys(
        (
            "rotate a webhook's secret",
            "enable a webhook",
            "disable a webhook",
            "test a webhook",
            "replay to a webhook",
            "delete a webhook",
        ),
        _WEBHOOKS,
    ),
    "partner tokens": _TOKEN_LIST,
    "node: partner token": _TOKEN_LIST,
    "issue a token": _TOKENS,
    "rotate a token": _TOKENS,
    "revoke a token": _TOKENS,
}
"""By the name of a case in tests/support/root_cases.py: the beginning of its row and the scopes of which one is
needed; joined by ` & ` where it takes several rights, by ` | ` where one of several will do."""


FIRST: Final = "add and edit by invoices"
"""A right that is asked for by itself: what else it takes is known once the books have been read."""
ROLES: Final = ("staff", "manager", "admin", "partner", "customer")


def cell(row: str, role: str) -> str:
    """What stands in the one row that begins so, for this role."""
    lines = (WHO_MAY + LEFT_OPEN.strip() + _OF_REQUESTS).strip().splitlines()
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


def missing(case: str, role: str, scopes: Iterable[str], *, reads: bool) -> tuple[set[str], list[str]]:
    """What the refusal has to name: a scope for each right that is not there; and where the role is in the way of any,
    the roles that it is not.

    Where several choices would do, the first that this role could have.
    """
    held = set(scopes)
    choices = [[part for part in choice.split(" & ") if " by " in part] for choice in RIGHTS[case].split(" | ")]
    if any(all(_holds(part, role, held, reads=reads) for part in parts) for parts in choices):
        return set(), []  # it is no right that is missing
    parts = next((some for some in choices if all(_open(part, role, reads=reads) for part in some)), choices[0])
    lacking = [part for part in parts if not _holds(part, role, held, reads=reads)]
    if lacking[0].startswith(FIRST):
        lacking = lacking[:1]
    beyond = [part for part in lacking if not _open(part, role, reads=reads)]
    roles = [name for name in ROLES if all(_open(part, name, reads=reads) for part in beyond)] if beyond else []
    return {part.partition(" by ")[2].split(" or ")[0] for part in lacking}, [name.upper() for name in roles]


def _open(part: str, role: str, *, reads: bool) -> bool:
    """Whether it is the role's with every scope there is."""
    found = cell(part.partition(" by ")[0], role)
    return found != "no" and (found != "read" or reads)


def _holds(part: str, role: str, scopes: set[str], *, reads: bool) -> bool:
    needed = part.partition(" by ")[2]
    return _open(part, role, reads=reads) and (not needed or not scopes.isdisjoint(needed.split(" or ")))
