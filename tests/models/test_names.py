"""Names: one form for each, at every door that a model has."""

import sys
import unicodedata
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations import clashing_names as step
from models.configuration_commands import (
    CreateProduct,
    CreateReason,
    CreateReward,
    CreateService,
    CreateTier,
    IssueToken,
    UpdateProduct,
    UpdateReason,
    UpdateReward,
    UpdateService,
    UpdateTenant,
    UpdateTier,
)
from models.customers import UpdateCustomer, UpsertCustomer
from models.errors import Invalid
from models.names import MOST_CHARACTERS, checked_name, clean_name, shows_nothing
from models.operations.create_tenant import create_tenant
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.partner_tokens import issue_token
from models.operations.people import update_customer
from models.operations.products import create_product, update_product
from models.operations.reasons import create_reason, update_reason
from models.operations.rewards import create_reward, update_reward
from models.operations.run_bulks import run_bulk
from models.operations.services import create_service, update_service
from models.operations.tiers import create_tier, update_tier
from models.operations.update_tenant import update_tenant
from models.operations.upsert_customer import upsert_customer
from tests.support.tenants import ADMIN, MANAGER, Tenant

EVERY = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
INVISIBLE = [
    "",
    " ",
    "\u3000",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\ufe0f",
    "\u3164",
    "\u115f\u1160",
    "\U000e0041",
    "\u00ad \x07",
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("X", "X"),
        ("X ", "X"),
        (" \t\r\n X\x1f", "X"),
        ("\u00a0\u2003X\u3000\u2028", "X"),
        ("A  B", "A  B"),
        ("e\u0301", "\u00e9"),
        ("\u212b", "\u00c5"),
        ("\u1100\u1161", "\uac00"),
        ("x\u200b", "x\u200b"),
        ("x", "x"),
    ],
)
def test_trimmed_and_composed_and_nothing_else(text: str, name: str) -> None:
    assert clean_name(text) == name


@given(st.text(max_size=300))
def test_done_twice_it_changes_nothing(text: str) -> None:
    name = clean_name(text)
    assert clean_name(name) == name == unicodedata.normalize("NFC", name).strip()


@pytest.mark.parametrize("text", INVISIBLE)
def test_what_nobody_can_see_is_no_name(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_name(text, 255, "name")
    assert refused.value.field == ("name",)


@pytest.mark.parametrize("text", ["0", ".", "\u0301", "\u2764\ufe0f", "\u200fא", "़क"])
def test_what_somebody_can_see_is_one(text: str) -> None:
    assert checked_name(text, 255, "name")


def test_it_is_as_long_as_it_is_kept() -> None:
    assert checked_name("  " * 500 + "x" * 64, 64, "number") == "x" * 64
    assert checked_name("\u03b1\u0313\u0300\u0345" * 64, 64, "number") == "\u1f82" * 64
    for text in ("x" * 65, "\u1f82" * 65, "e\u0301" * (4 * MOST_CHARACTERS)):
        with pytest.raises(Invalid):
            checked_name(text, 64, "number")


def test_the_step_that_cleans_old_names_has_the_same_white_space_and_invisible_characters() -> None:
    assert sorted(chr(code) for code in step._WHITE_SPACE) == [each for each in EVERY if not each.strip()]
    unseen = {code for low, high in step._INVISIBLE for code in range(low, high + 1)}
    # One that Unicode comes to assign may be of a kind that nobody sees; NUL is in no table.
    known = [each for each in EVERY if unicodedata.category(each) != "Cn"]
    assert [each for each in known if shows_nothing(each) != (ord(each) in unseen) and each != "\x00"] == []


Make = Callable[[Tenant, str], Awaitable[object]]


async def _customer(tenant: Tenant, name: str) -> object:
    return await upsert_customer(tenant.ledger, tenant.id, MANAGER, UpsertCustomer(uuid4().hex, name))


async def _service(tenant: Tenant, name: str) -> object:
    return (await create_service(tenant.ledger, tenant.id, ADMIN, CreateService(name))).row_id


async def _product(tenant: Tenant, name: str) -> object:
    command = CreateProduct(name, "GOODS", "GBP", Decimal(1))
    return (await create_product(tenant.ledger, tenant.id, ADMIN, command)).row_id


async def _tier(tenant: Tenant, name: str) -> object:
    return await create_tier(tenant.ledger, tenant.id, ADMIN, CreateTier(name, Decimal(10)))


async def _reward(tenant: Tenant, name: str) -> object:
    command = CreateReward(name=name, kind="FREE_PRODUCT", points_cost=Decimal(1), product=name)
    return (await create_reward(tenant.ledger, tenant.id, ADMIN, command)).row_id


async def _reason(tenant: Tenant, name: str) -> object:
    command = CreateReason(code=" GIFT\u2003", label=name, adds=True, removes=False)
    return await create_reason(tenant.ledger, tenant.id, ADMIN, command)


async def _tenant(tenant: Tenant, name: str) -> object:
    return await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(name=name))


async def _token(tenant: Tenant, name: str) -> object:
    command = IssueToken(
        token_id=uuid4(), secret_hash=b"x" * 32, client="shop", name=name, scopes=frozenset({"ledger:read"})
    )
    await issue_token(tenant.ledger, tenant.id, ADMIN, command)
    return command.token_id


@pytest.mark.parametrize(
    ("make", "sql"),
    [
        (_customer, "SELECT name FROM customers WHERE tenant_id = $1"),
        (_service, "SELECT name FROM services WHERE tenant_id = $1"),
        (_product, "SELECT name FROM products WHERE tenant_id = $1"),
        (_tier, "SELECT name FROM tiers WHERE tenant_id = $1"),
        (_reward, "SELECT name FROM rewards WHERE tenant_id = $1 AND product = name"),
        (_reason, "SELECT label FROM reasons WHERE tenant_id = $1 AND code = 'GIFT'"),
        (_tenant, "SELECT name FROM tenants WHERE id = $1"),
        (_token, "SELECT name FROM partner_tokens WHERE tenant_id = $1"),
    ],
)
async def test_names_are_kept_in_one_form(tenant: Tenant, make: Make, sql: str) -> None:
    await make(tenant, "\u00a0Cafe\u0301\t")
    assert await tenant.rows(sql) == [("Caf\u00e9",)]
    if make not in (_customer, _tenant):
        async with tenant.refused("DUPLICATE"):
            await make(tenant, "Caf\u00e9")
    async with tenant.refused("INVALID"):
        await make(tenant, "\u2060")


async def test_so_are_new_names_of_what_is_there(tenant: Tenant, anna: UUID) -> None:
    ledger, tenant_id, name = tenant.ledger, tenant.id, " Cafe\u0301 "
    service, product, tier, reward = [await make(tenant, "Old") for make in (_service, _product, _tier, _reward)]
    await _reason(tenant, "Old")
    await update_customer(ledger, tenant_id, MANAGER, UpdateCustomer(anna, external_id=name, name=name))
    await update_service(ledger, tenant_id, ADMIN, UpdateService(_id(service), name=name))
    await update_product(ledger, tenant_id, ADMIN, UpdateProduct(_id(product), name=name))
    await update_tier(ledger, tenant_id, ADMIN, UpdateTier(_id(getattr(tier, "tier_id")), name=name))  # noqa: B009
    await update_reward(ledger, tenant_id, ADMIN, UpdateReward(_id(reward), name=name, product=name))
    await update_reason(ledger, tenant_id, ADMIN, UpdateReason(code="GIFT ", label=name))
    found = await tenant.rows(
        """SELECT external_id FROM customers WHERE tenant_id = $1 UNION ALL SELECT name FROM customers WHERE tenant_id = $1
        UNION ALL SELECT name FROM services WHERE tenant_id = $1 UNION ALL SELECT name FROM products WHERE tenant_id = $1
        UNION ALL SELECT name FROM tiers WHERE tenant_id = $1 UNION ALL SELECT name FROM rewards WHERE tenant_id = $1
        UNION ALL SELECT product FROM rewards WHERE tenant_id = $1
        UNION ALL SELECT label FROM reasons WHERE tenant_id = $1 AND code = 'GIFT'"""
    )
    assert found == [("Caf\u00e9",)] * 8


def _id(value: Any) -> UUID:
    return UUID(str(value))


async def test_a_tenant_has_a_name(tenant: Tenant) -> None:
    with pytest.raises(Invalid):
        await create_tenant(tenant.ledger, f"t-{uuid4().hex}", "\u200b", "Europe/London")


async def test_a_number_is_one_number(tenant: Tenant, anna: UUID) -> None:
    await tenant.invoice(anna, 5, number=" I-1\u00a0")
    assert await tenant.rows("SELECT number FROM invoices WHERE tenant_id = $1") == [("I-1",)]
    for number, code in (("I-1", "DUPLICATE"), ("I-1\n", "DUPLICATE"), (" ", "INVALID"), ("\ufeff", "INVALID")):
        async with tenant.refused(code):
            await tenant.invoice(anna, 5, number=number)
    product = await tenant.product(1)
    async with tenant.refused("DUPLICATE"):
        await tenant.order(anna, (product, 1), number="\tI-1")
    await tenant.order(anna, (product, 1), number="O-1 ")
    assert (await tenant.rows("SELECT number FROM invoices WHERE tenant_id = $1 AND kind = 'ORDER'")) == [("O-1",)]


async def test_what_was_sent_before_names_were_cleaned_is_the_same_when_it_is_sent_again(
    tenant: Tenant, anna: UUID
) -> None:
    """The key is kept with a hash of what came in then."""
    first = await tenant.invoice(anna, 5, number="I-1 ", key="k")
    assert await tenant.invoice(anna, 5, number="I-1 ", key="k") == first
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.invoice(anna, 5, number="I-1", key="k")
    assert await tenant.count("invoices") == 1


async def test_a_file_names_whom_everybody_names(tenant: Tenant) -> None:
    command = UpsertCustomer("Zoe\u0308", "Zoë")
    zoe = (await upsert_customer(tenant.ledger, tenant.id, MANAGER, command))[0].id
    rows = [ImportRow("Zo\u00eb ", Decimal(5), reason=" CORRECTION"), ImportRow("\u2003Zoe\u0308", Decimal(7))]
    whole = ImportCredits(digest="", asset="POINTS", reason="PROMOTION\u00a0", error_policy="SKIP_FAILED")
    await import_credits(tenant.ledger, tenant.id, MANAGER, whole, rows, "k")
    while await run_bulk(tenant.ledger, tenant.id):
        pass
    assert await tenant.available(zoe, "POINTS") == 5
    report = "SELECT error->>'code' FROM bulk_rows WHERE tenant_id = $1 ORDER BY row"
    assert await tenant.rows(report) == [(None,), ("DUPLICATE",)]
