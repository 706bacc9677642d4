"""Roles, scopes and the table "Who may": the only place where a right is granted.

The table reads from the top left like the one in the domain's description. Anything not in it is denied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol


class Role(StrEnum):
    """Role of a person or program in the tenant; the values are those of the `role` claim."""

    __hash__ = str.__hash__  # Enum's own is a function in Python; each request looks several rights up

    STAFF = "staff"
    MANAGER = "manager"
    ADMIN = "admin"
    PARTNER = "partner"
    CUSTOMER = "customer"


class Scope(StrEnum):
    """Scope that a token opens; the values are those in the `scope` claim."""

    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    LEDGER_READ = "ledger:read"
    CREDITS_ADD = "credits:add"
    CREDITS_REMOVE = "credits:remove"
    CREDITS_ASSIGN = "credits:assign"
    CREDITS_SPEND = "credits:spend"
    CREDITS_REFUND = "credits:refund"
    CREDITS_BULK = "credits:bulk"
    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    PAYMENTS_WRITE = "payments:write"
    REWARDS_READ = "rewards:read"
    REWARDS_GIVE = "rewards:give"
    REPORTS_READ = "reports:read"
    EVENTS_READ = "events:read"
    CONFIG_WRITE = "config:write"
    TOKENS_WRITE = "tokens:write"
    WEBHOOKS_WRITE = "webhooks:write"


class Permission(Enum):
    """Right that a field of the API takes."""

    __hash__ = object.__hash__  # as above

    READ_CUSTOMERS = "read customers"
    READ_LEDGER = "read balances, credits and ledgers"
    READ_INVOICES = "read invoices, payments and assignments"
    READ_REWARDS = "read rewards, tiers and coupons"
    READ_CATALOGUE = "read the reasons and services to choose from"
    READ_PRODUCTS = "read the products to choose from"
    READ_REPORTS = "read reports"
    READ_EVENTS = "read the feed of events"
    ADD_CREDIT = "add credit or points"
    REMOVE_CREDIT = "remove credit or points"
    VOID = "void a credit"
    RELEASE = "release an assignment"
    BULK = "adjust in bulk"
    REVERSE_BULK = "reverse a bulk"
    READ_AUDIT = "read the audit"
    ASSIGN = "assign credit"
    USE_CREDIT = "use service credits"
    SPEND_CREDIT = "spend credit or points"
    REFUND_SPEND = "give back what was spent"
    KEEP_EXCESS = "keep what was paid too much"
    CREATE_CREDIT_NOTE = "make a credit note"
    VOID_CREDIT_NOTE = "void a credit note"
    TRANSFER = "transfer between customers"
    REVIVE = "revive what expired"
    PAY_WITH_CREDIT = "pay with account credit"
    GIVE_REWARD = "give a reward for points"
    GIVE_REWARD_FREE = "give a reward free of points"
    WRITE_CUSTOMERS = "add and edit customers"
    WRITE_INVOICES = "issue invoices and orders"
    WRITE_PAYMENTS = "record payments"
    VOID_INVOICE = "void an invoice"
    VOID_PAYMENT = "void a payment"
    DISABLE_COUPON = "disable or reopen a coupon"
    MERGE_CUSTOMERS = "merge customers"
    ERASE_CUSTOMER = "erase a customer"
    APPROVE = "decide approval requests"
    READ_CONFIG = "read the configuration"
    WRITE_CONFIG = "change the configuration"
    WRITE_TOKENS = "issue and revoke tokens"
    WRITE_WEBHOOKS = "set up webhooks"


class Access(Enum):
    """Extent of a right. Anything but NO is some access; the operation itself enforces the extent."""

    NO = "no"
    YES = "yes"
    LIMITED = "within limits"
    OWN = "their own"
    NOT_OWN = "yes, but not what they asked for themselves"


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: access by role, and the scopes of which a narrowed token needs one.

    named: the scope that an error names if none of them is there.
    """

    access: Mapping[Role, Access]
    scopes: frozenset[Scope]
    named: Scope


def _rule(staff: Access, manager: Access, admin: Access, partner: Access, customer: Access, *scopes: Scope) -> Rule:
    columns = zip(Role, (staff, manager, admin, partner, customer), strict=True)
    return Rule(dict(columns), frozenset(scopes), scopes[0])


_NO, _YES, _LIMITED, _OWN, _NOT_OWN = Access.NO, Access.YES, Access.LIMITED, Access.OWN, Access.NOT_OWN

# A partner has what stands in its column only with the scope; any other role's token needs the scope once it carries
# a `scope` claim at all. Where several scopes stand, one of them will do.
#
# Choices that the domain's table leaves open:
# - Releasing goes with removing, not with assigning: staff may assign and may not release.
# - credits:assign was what using service credits took before credits:spend was there, and still opens it. Paying takes
#   credits:spend alone, beside the right to record a payment.
# - Transferring takes from one and adds to another: credits:remove, and credits:add beside it. Reviving adds.
# - Disabling a coupon is rewards:give, with or without its points, and so is reopening one: it undoes what that scope
#   did, as voiding a payment undoes what payments:write did.
# - Voiding a credit note is credits:refund: it undoes what that scope did. Like voiding a payment, staff may not.
# - Reversing a bulk is removing as well, whatever its rows are. A partner's client reverses only its own.
# - Starting, cancelling and reinstating a membership is editing a customer.
# - Reasons and services are what an adjustment has to name, rewards what is given, products what an order sells, so
#   every holder of a right to do that may list them.
#   READ_CONFIG is the rest: limits, tokens, webhooks, and what is no longer in use.
# - A sum over the tenant shows no more than the balances that the same person may read one by one.
# - Approving posts what was asked for, so a narrowed token needs the scope of an operation that can be requested;
#   the resolver also checks the permission for the operation that was requested.
# fmt: off
RULES: Mapping[Permission, Rule] = {
    #                                  staff     manager   admin     partner   customer
    Permission.READ_CUSTOMERS:   _rule(_YES,     _YES,     _YES,     _YES,     _OWN, Scope.CUSTOMERS_READ),
    Permission.READ_LEDGER:      _rule(_YES,     _YES,     _YES,     _YES,     _OWN, Scope.LEDGER_READ),
    Permission.READ_INVOICES:    _rule(_YES,     _YES,     _YES,     _YES,     _OWN, Scope.INVOICES_READ),
    Permission.READ_REWARDS:     _rule(_YES,     _YES,     _YES,     _YES,     _OWN, Scope.REWARDS_READ),
    Permission.READ_CATALOGUE:   _rule(_YES,     _YES,     _YES,     _YES,     _NO,
                                       Scope.LEDGER_READ, Scope.CREDITS_ADD, Scope.CREDITS_REMOVE, Scope.CREDITS_BULK),
    Permission.READ_PRODUCTS:    _rule(_YES,     _YES,     _YES,     _YES,     _NO,
                                       Scope.INVOICES_READ, Scope.INVOICES_WRITE),
    Permission.READ_REPORTS:     _rule(_YES,     _YES,     _YES,     _YES,     _NO,  Scope.REPORTS_READ),
    Permission.READ_EVENTS:      _rule(_YES,     _YES,     _YES,     _YES,     _OWN, Scope.EVENTS_READ),

    Permission.ADD_CREDIT:       _rule(_LIMITED, _YES,     _YES,     _LIMITED, _NO,  Scope.CREDITS_ADD),

    Permission.REMOVE_CREDIT:    _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.CREDITS_REMOVE),
    Permission.VOID:             _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.CREDITS_REMOVE),
    Permission.RELEASE:          _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.CREDITS_REMOVE),
    Permission.BULK:             _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.CREDITS_BULK),
    Permission.REVERSE_BULK:     _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.CREDITS_BULK),
    Permission.READ_AUDIT:       _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.REPORTS_READ),

    Permission.ASSIGN:           _rule(_YES,     _YES,     _YES,     _YES,     _NO,  Scope.CREDITS_ASSIGN),
    Permission.GIVE_REWARD:      _rule(_YES,     _YES,     _YES,     _YES,     _NO,  Scope.REWARDS_GIVE),

    Permission.USE_CREDIT:       _rule(_YES,     _YES,     _YES,     _LIMITED, _NO,
                                       Scope.CREDITS_SPEND, Scope.CREDITS_ASSIGN),
    Permission.SPEND_CREDIT:     _rule(_YES,     _YES,     _YES,     _LIMITED, _NO,  Scope.CREDITS_SPEND),
    Permission.PAY_WITH_CREDIT:  _rule(_YES,     _YES,     _YES,     _LIMITED, _NO,  Scope.CREDITS_SPEND),

    Permission.REFUND_SPEND:     _rule(_LIMITED, _YES,     _YES,     _LIMITED, _NO,  Scope.CREDITS_REFUND),
    Permission.KEEP_EXCESS:      _rule(_LIMITED, _YES,     _YES,     _LIMITED, _NO,  Scope.CREDITS_REFUND),

    Permission.CREATE_CREDIT_NOTE: _rule(_LIMITED, _YES,   _YES,     _LIMITED, _NO,  Scope.CREDITS_REFUND),
    Permission.VOID_CREDIT_NOTE: _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.CREDITS_REFUND),
    Permission.TRANSFER:         _rule(_NO,      _YES,     _YES,     _NO,      _NO,  Scope.CREDITS_REMOVE),
    Permission.REVIVE:           _rule(_NO,      _YES,     _YES,     _NO,      _NO,  Scope.CREDITS_ADD),

    Permission.WRITE_CUSTOMERS:  _rule(_YES,     _YES,     _YES,     _YES,     _NO,  Scope.CUSTOMERS_WRITE),
    Permission.WRITE_INVOICES:   _rule(_YES,     _YES,     _YES,     _YES,     _NO,  Scope.INVOICES_WRITE),
    Permission.WRITE_PAYMENTS:   _rule(_YES,     _YES,     _YES,     _YES,     _NO,  Scope.PAYMENTS_WRITE),

    Permission.VOID_INVOICE:     _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.INVOICES_WRITE),
    Permission.VOID_PAYMENT:     _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.PAYMENTS_WRITE),
    Permission.DISABLE_COUPON:   _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.REWARDS_GIVE),
    Permission.ERASE_CUSTOMER:   _rule(_NO,      _YES,     _YES,     _YES,     _NO,  Scope.CUSTOMERS_WRITE),

    Permission.MERGE_CUSTOMERS:  _rule(_NO,      _YES,     _YES,     _NO,      _NO,  Scope.CUSTOMERS_WRITE),

    Permission.GIVE_REWARD_FREE: _rule(_LIMITED, _YES,     _YES,     _LIMITED, _NO,  Scope.REWARDS_GIVE),

    Permission.APPROVE:          _rule(_NO,      _NOT_OWN, _NOT_OWN, _NO,      _NO,
                                       Scope.CREDITS_ADD, Scope.CREDITS_REMOVE, Scope.REWARDS_GIVE,
                                       Scope.INVOICES_WRITE, Scope.CREDITS_REFUND),

    Permission.READ_CONFIG:      _rule(_NO,      _YES,     _YES,     _NO,      _NO,  Scope.CONFIG_WRITE),
    Permission.WRITE_CONFIG:     _rule(_NO,      _NO,      _YES,     _NO,      _NO,  Scope.CONFIG_WRITE),
    Permission.WRITE_TOKENS:     _rule(_NO,      _NO,      _YES,     _NO,      _NO,  Scope.TOKENS_WRITE),
    Permission.WRITE_WEBHOOKS:   _rule(_NO,      _NO,      _YES,     _NO,      _NO,  Scope.WEBHOOKS_WRITE),
}
# fmt: on


class Holder(Protocol):
    """A holder of rights: a principal, or in a test anything with a role and scopes."""

    @property
    def role(self) -> Role:
        """The one role."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """The token's scopes: all that the role could need, unless the token narrows it."""


def scopes_of(role: Role) -> frozenset[Scope]:
    """Return every scope of any use to the role: those of a token that does not narrow it."""
    return _SCOPES_OF[role]


def access(holder: Holder, permission: Permission) -> Access:
    """Return the extent of the holder's right: the role's cell of the table, or NO if the token's scopes leave it out."""
    rule = RULES[permission]
    return rule.access[holder.role] if rule.scopes & holder.scopes else Access.NO


def may(holder: Holder, permission: Permission) -> bool:
    """Return whether the holder has the right at all. A customer's extends to their own only (`access`): reads enforce
    that."""
    return access(holder, permission) is not Access.NO


def has(holder: Holder, permission: Permission, *, own: bool) -> bool:
    """Return whether the holder has the right.

    own: whether a right to one's own is enough.
    """
    found = access(holder, permission)
    return found is not Access.NO and (own or found is not Access.OWN)


def nearest(holder: Holder, permissions: Sequence[Permission]) -> Permission:
    """Return the right to name in an error, of several of which one would do and none is there: the first that a scope
    could give."""
    for permission in permissions:
        if RULES[permission].access[holder.role] is not Access.NO:
            return permission
    return permissions[0]


def roles_with(permission: Permission, *, own: bool) -> tuple[Role, ...]:
    """Return the roles that can have the right at all.

    own: whether a right to one's own counts.
    """
    enough = set(Access) - ({Access.NO} if own else {Access.NO, Access.OWN})
    return tuple(role for role in Role if RULES[permission].access[role] in enough)


def limited(holder: Holder) -> bool:
    """Return whether value that the holder adds counts against limits: true for staff and partners."""
    return holder.role in _LIMITED_ROLES


_SCOPES_OF: Mapping[Role, frozenset[Scope]] = {
    role: frozenset[Scope]().union(*(rule.scopes for rule in RULES.values() if rule.access[role] is not Access.NO))
    for role in Role
}
_LIMITED_ROLES = frozenset(role for role in Role if any(rule.access[role] is Access.LIMITED for rule in RULES.values()))
