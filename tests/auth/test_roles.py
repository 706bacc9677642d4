"""The table of rights against a copy of the one in the domain's description, read as text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.roles import RULES, Access, Permission, Role, Scope, access, limited, may, scopes_of
from tests.support.who_may import cell

# Each permission, the start of its row, and the scopes of which one is needed.
PLACES: dict[Permission, tuple[str, str]] = {
    Permission.READ_CUSTOMERS: ("read customers", "customers:read"),
    Permission.READ_LEDGER: ("read customers", "ledger:read"),
    Permission.READ_INVOICES: ("read customers", "invoices:read"),
    Permission.READ_REWARDS: ("read rewards", "rewards:read"),
    Permission.READ_CATALOGUE: ("read the reasons", "ledger:read credits:add credits:remove credits:bulk"),
    Permission.READ_PRODUCTS: ("list the products", "invoices:read invoices:write"),
    Permission.READ_REPORTS: ("read reports", "reports:read"),
    Permission.READ_EVENTS: ("read the feed", "events:read"),
    Permission.ADD_CREDIT: ("add credit", "credits:add"),
    Permission.REMOVE_CREDIT: ("remove,", "credits:remove"),
    Permission.VOID: ("remove,", "credits:remove"),
    Permission.RELEASE: ("remove,", "credits:remove"),
    Permission.BULK: ("remove,", "credits:bulk"),
    Permission.REVERSE_BULK: ("reverse a bulk", "credits:bulk"),
    Permission.READ_AUDIT: ("remove,", "reports:read"),
    Permission.ASSIGN: ("assign credit", "credits:assign"),
    Permission.GIVE_REWARD: ("assign credit", "rewards:give"),
    Permission.USE_CREDIT: ("spend,", "credits:spend credits:assign"),
    Permission.SPEND_CREDIT: ("spend,", "credits:spend"),
    Permission.REFUND_SPEND: ("give back", "credits:refund"),
    Permission.KEEP_EXCESS: ("give back", "credits:refund"),
    Permission.CREATE_CREDIT_NOTE: ("give back", "credits:refund"),
    Permission.VOID_CREDIT_NOTE: ("void an invoice", "credits:refund"),
    Permission.TRANSFER: ("transfer between", "credits:remove"),
    Permission.REVIVE: ("revive", "credits:add"),
    Permission.PAY_WITH_CREDIT: ("spend,", "credits:spend"),
    Permission.WRITE_CUSTOMERS: ("add and edit", "customers:write"),
    Permission.WRITE_INVOICES: ("add and edit", "invoices:write"),
    Permission.WRITE_PAYMENTS: ("add and edit", "payments:write"),
    Permission.VOID_INVOICE: ("void an invoice", "invoices:write"),
    Permission.VOID_PAYMENT: ("void an invoice", "payments:write"),
    Permission.DISABLE_COUPON: ("void an invoice", "rewards:give"),
    Permission.ERASE_CUSTOMER: ("void an invoice", "customers:write"),
    Permission.MERGE_CUSTOMERS: ("merge customers", "customers:write"),
    Permission.GIVE_REWARD_FREE: ("give a reward free", "rewards:give"),
    Permission.APPROVE: ("approve", "credits:add credits:remove rewards:give invoices:write credits:refund"),
    Permission.READ_CONFIG: ("limits, reasons", "config:write"),
    Permission.WRITE_CONFIG: ("limits, reasons", "config:write"),
    Permission.WRITE_TOKENS: ("limits, reasons", "tokens:write"),
    Permission.WRITE_WEBHOOKS: ("limits, reasons", "webhooks:write"),
}

CELLS = {
    "no": Access.NO,
    "yes": Access.YES,
    "by scope": Access.YES,
    "by scope, its own": Access.YES,
    "within limits": Access.LIMITED,
    "by scope, within limits": Access.LIMITED,
    "their own": Access.OWN,
    "yes, not their own": Access.NOT_OWN,
    "yes (a limit of its own, unset)": Access.YES,
}


@dataclass(frozen=True)
class Someone:
    role: Role
    scopes: frozenset[Scope]


def _cell(permission: Permission, role: Role) -> str:
    found = cell(PLACES[permission][0], role.value)
    if found == "read":
        return "yes" if permission is Permission.READ_CONFIG else "no"
    return found


def test_the_scopes_are_the_published_ones() -> None:
    published = (
        "customers:read|write ledger:read credits:add|remove|assign|spend|refund|bulk invoices:read|write payments:write "
        "rewards:read|give reports:read events:read config:write tokens:write webhooks:write"
    )
    expected = set()
    for group in published.split():
        area, _, actions = group.partition(":")
        expected |= {f"{area}:{action}" for action in actions.split("|")}
    assert {scope.value for scope in Scope} == expected
    assert {role.value for role in Role} == {"staff", "manager", "admin", "partner", "customer"}


def test_every_permission_has_a_place_in_the_table() -> None:
    assert set(PLACES) == set(Permission) == set(RULES)


@pytest.mark.parametrize(("permission", "role"), list(product(Permission, Role)))
def test_a_right_is_what_the_table_says(permission: Permission, role: Role) -> None:
    expected = CELLS[_cell(permission, role)]
    everything = Someone(role, frozenset(Scope))
    assert access(everything, permission) is expected
    assert may(everything, permission) is (expected is not Access.NO)
    assert access(Someone(role, frozenset()), permission) is Access.NO
    for scope in Scope:
        enough = scope.value in PLACES[permission][1].split()
        assert RULES[permission].named.value == PLACES[permission][1].split()[0]
        assert access(Someone(role, frozenset({scope})), permission) is (expected if enough else Access.NO)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_that_is_not_narrowed_has_its_whole_column(role: Role) -> None:
    plain, everything = Someone(role, scopes_of(role)), Someone(role, frozenset(Scope))
    assert [access(plain, permission) for permission in Permission] == [
        access(everything, permission) for permission in Permission
    ]


def test_nobody_is_given_scopes_of_no_use_to_them() -> None:
    beyond = {Scope.CONFIG_WRITE, Scope.TOKENS_WRITE, Scope.WEBHOOKS_WRITE}
    assert scopes_of(Role.PARTNER) == frozenset(Scope) - beyond
    assert scopes_of(Role.ADMIN) == frozenset(Scope)
    assert scopes_of(Role.MANAGER) == frozenset(Scope) - {Scope.TOKENS_WRITE, Scope.WEBHOOKS_WRITE}
    assert {scope.value for scope in scopes_of(Role.CUSTOMER)} == {
        "customers:read",
        "ledger:read",
        "invoices:read",
        "rewards:read",
        "events:read",
    }


@pytest.mark.parametrize("role", list(Role))
def test_staff_and_partners_are_limited(role: Role) -> None:
    assert limited(Someone(role, frozenset())) is (role.value in {"staff", "partner"})


@given(st.sampled_from(Role), st.frozensets(st.sampled_from(Scope)), st.frozensets(st.sampled_from(Scope)))
def test_fewer_scopes_never_mean_more_rights(role: Role, some: frozenset[Scope], more: frozenset[Scope]) -> None:
    few, many = Someone(role, some), Someone(role, some | more)
    for permission in Permission:
        assert access(few, permission) in {Access.NO, access(many, permission)}
