"""The closed lists of values that the code knows are those that the database checks, and those that the API shows."""

import re
from enum import StrEnum
from typing import Any, Final

import asyncpg
import pytest
from graphql import GraphQLEnumType
from strawberry.schema.schema_converter import GraphQLCoreConverter

from models import event_kinds, kinds
from models.planning.limits import LIMITED_ROLES, SPENDING_ROLES
from tests.support.schema import SCHEMA

BACKREF: Final = GraphQLCoreConverter.DEFINITION_BACKREF
WORKED_OUT: Final = frozenset(
    {
        "AuditAction",
        "BulkKind",
        "BulkMode",
        "CreditStatus",
        "FileFormat",
        "GiveBack",
        "HoldStatus",
        "LimitScope",
        "ReceiptState",
    }
)
"""Those that no table has, or has a list of: an action is any word there, so that each version reads those of others."""
CHECKED: Final[dict[str, tuple[type[StrEnum], frozenset[str]]]] = {
    "actors.role": (kinds.Role, frozenset()),
    "limit_rules.role": (kinds.LimitRole, frozenset()),
    "limit_rules.kind": (kinds.LimitKind, frozenset()),
    "limit_counters.role": (kinds.LimitRole, frozenset()),
    "limit_counters.scope": (kinds.CounterScope, frozenset()),
    "transactions.kind": (kinds.TransactionKind, frozenset()),
    "feed.kind": (event_kinds.EventKind, frozenset()),
    "entries.counter": (kinds.Counter, frozenset()),
    "invoices.kind": (kinds.InvoiceKind, frozenset()),
    "invoices.status": (kinds.InvoiceStatus, frozenset()),
    "assignments.origin": (kinds.AssignmentOrigin, frozenset()),
    "payments.method": (kinds.PaymentMethod, frozenset()),
    "products.kind": (kinds.ProductKind, frozenset()),
    "rewards.kind": (kinds.RewardKind, frozenset()),
    "coupons.status": (kinds.CouponStatus, frozenset({"EXPIRED"})),
    "approval_requests.status": (kinds.ApprovalStatus, frozenset()),
    "bulk_operations.status": (kinds.BulkStatus, frozenset()),
    "bulk_operations.error_policy": (kinds.BulkErrorPolicy, frozenset()),
    "webhooks.status": (event_kinds.WebhookStatus, frozenset()),
    "webhooks.pause_reason": (event_kinds.WebhookPause, frozenset()),
    "webhook_deliveries.status": (event_kinds.DeliveryStatus, frozenset()),
    "webhook_deliveries.error": (event_kinds.DeliveryError, frozenset()),
}
"""By column: its values, and those of them that are not stored."""
AHEAD: Final = {"entries.counter": {"NOTES", "TRANSFERRED"}}
"""What the database lets be stored before anything stores it."""


def every_kind() -> list[type[StrEnum]]:
    named = {**vars(kinds), **vars(event_kinds)}
    return [kind for kind in named.values() if isinstance(kind, type) and issubclass(kind, StrEnum) and len(kind)]


def values_in(check: str, column: str) -> set[str]:
    """The words that a check lets this column be, as PostgreSQL writes it: those of a list, and those of a CASE."""
    name = rf"\(*\b{column}\)?(?:::text)?"
    listed = re.findall(rf"{name} = ANY \(\(?ARRAY\[(.*?)\]", check)
    cases = re.findall(r"WHEN ('[A-Z_]+')", check) if re.search(rf"CASE {name}\s", check) else []
    cases += re.findall(rf"WHEN {name} = ('[A-Z_]+')", check)
    return set(re.findall(r"'([A-Z_]+)'", " ".join((*listed, *cases))))


@pytest.mark.parametrize("column", CHECKED)
async def test_the_database_checks_the_same_values(owner_connection: "asyncpg.Connection[Any]", column: str) -> None:
    table, name = column.split(".")
    kind, unstored = CHECKED[column]
    check = await owner_connection.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1 AND conrelid = $2::regclass",
        column.replace(".", "_"),
        table,
    )
    assert values_in(check, name) == (set(kind) - unstored) | AHEAD.get(column, set())


def test_every_list_is_checked_somewhere() -> None:
    assert {kind.__name__ for kind in every_kind()} - {kind.__name__ for kind, _ in CHECKED.values()} == WORKED_OUT


def test_a_list_that_differs_is_noticed() -> None:
    text = "CHECK (((kind)::text = ANY ((ARRAY['INVOICE'::character varying, 'ORDER'::character varying])::text[])))"
    assert values_in(text, "kind") == {"INVOICE", "ORDER"}
    assert values_in(text, "status") == set()
    case = "CHECK ( CASE method WHEN 'CARD'::text THEN true ELSE ((method)::text = ANY ((ARRAY['CASH'])::text[])) END)"
    assert values_in(case, "method") == {"CARD", "CASH"}


def test_the_api_shows_these_and_no_others_of_their_names() -> None:
    shown = {name: type_ for name, type_ in SCHEMA.graphql.type_map.items() if isinstance(type_, GraphQLEnumType)}
    both = [kind for kind in every_kind() if kind.__name__ in shown]
    assert len(both) >= 15
    for kind in both:
        assert shown[kind.__name__].extensions[BACKREF].wrapped_cls is kind


def test_limited_roles_can_have_limits() -> None:
    assert set(SPENDING_ROLES) < set(LIMITED_ROLES) < set(kinds.LimitRole)
