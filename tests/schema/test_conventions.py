"""What clients count on wherever they are in the schema: units of amounts, meanings of null, reasons, rights."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_non_null_type
from strawberry.schema.schema_converter import GraphQLCoreConverter

from models.reads.paging import DEFAULT_PAGE, MAX_PAGE
from schema.nodes import NODES
from tests.support.schema import SCHEMA

TYPES: Final = SCHEMA.graphql.type_map
OBJECTS: Final = [
    type_
    for type_ in TYPES.values()
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and not type_.name.startswith("__")
]
INPUTS: Final = [type_ for type_ in TYPES.values() if isinstance(type_, GraphQLInputObjectType)]

NO_AMOUNTS: Final = {"units", "quantity", "quantityDecimal", "discountPercent"}
"""Numbers that have no asset."""
POINTS_BY_NAME: Final = {"Coupon.pointsSpent", "CouponEvent.points", "Tier.threshold"}
"""Points alone, by what they are."""


def figures() -> Iterator[tuple[Any, str]]:
    """Each field that is a decimal, with its type."""
    for type_ in OBJECTS:
        for name, field in type_.fields.items():
            if get_named_type(field.type).name == "Decimal" and name not in NO_AMOUNTS:
                yield type_, name


def test_each_amount_has_its_unit_beside_it() -> None:
    """As the type's own asset, which is that of all its amounts, or as the same amount with its unit."""
    bare = []
    for type_, name in figures():
        units = [get_named_type(type_.fields[each].type).name for each in ("asset", "currency") if each in type_.fields]
        if units != ["AssetCode"] and f"{name}Money" not in type_.fields:
            bare.append(f"{type_.name}.{name}")
    assert set(bare) == POINTS_BY_NAME


def test_an_amount_with_its_unit_is_null_where_the_figure_is() -> None:
    with_units = [(type_, name) for type_, name in figures() if f"{name}Money" in type_.fields]
    assert len(with_units) > 50
    for type_, name in with_units:
        figure, money = type_.fields[name].type, type_.fields[f"{name}Money"].type
        assert get_named_type(money).name == "Money"
        # Of a user error or a request the unit may be unknown where the amount is known.
        unknown = type_.name == "RequestedPayment"
        assert (is_non_null_type(money), name) == (is_non_null_type(figure) and not unknown, name)


def test_every_field_of_an_update_says_what_null_means() -> None:
    updates = [type_ for type_ in INPUTS if type_.name.startswith(("Update", "Upsert"))]
    assert len(updates) > 8
    for type_ in updates:
        silent = [
            name
            for name, field in type_.fields.items()
            if not is_non_null_type(field.type) and "ull" not in (field.description or "")
            if not re.search(r"(?<!s)(?:Id|By)$", name)  # which thing to update, by its id or its name
        ]
        assert (type_.name, silent) == (type_.name, [])


def test_what_is_deprecated_says_what_to_use() -> None:
    fields = [(f"{type_.name}.{name}", field) for type_ in (*OBJECTS, *INPUTS) for name, field in type_.fields.items()]
    reasons = {path: field.deprecation_reason for path, field in fields if field.deprecation_reason is not None}
    assert {"Query.adjustmentPreview", "InvoiceLineInput.quantity", "InvoiceLine.quantity"} <= reasons.keys()
    assert [path for path, reason in reasons.items() if not reason.startswith("Use ")] == []


def test_the_size_of_a_page_is_said() -> None:
    sizes = [
        (argument, name)
        for type_ in OBJECTS
        for field in type_.fields.values()
        for name, argument in field.args.items()
        if name in ("first", "last")
    ]
    assert len(sizes) > 50
    for argument, name in sizes:
        assert f"0 to {MAX_PAGE}" in (argument.description or "")
        assert name == "last" or f"Null: {DEFAULT_PAGE}." in (argument.description or "")


def test_the_life_of_a_key_is_said() -> None:
    keys = [type_.fields["idempotencyKey"] for type_ in INPUTS if "idempotencyKey" in type_.fields]
    assert len(keys) > 30
    for key in keys:
        for said in ("idempotencyKeyDays", "90", "a partner's are its own", "people share one"):
            assert said in (key.description or "")


RIGHTS: Final = re.compile(r"\.require(?:_one)?\(((?:\*?Permission\.\w+(?:, )?)+)")


def test_a_field_with_a_right_of_its_own_can_be_null() -> None:
    """A denial there would otherwise cost all that is around it."""
    strict, seen = [], 0
    for type_ in OBJECTS:
        kind = NODES.get(type_.name)
        own = set() if kind is None else {f"Permission.{right.name}" for right in kind.rights}
        for name, field in type_.fields.items():
            declared: Any = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            if (
                declared is None
                or declared.base_resolver is None
                or type_.name in ("Query", "Mutation", "Subscription")
            ):
                continue
            source = inspect.getsource(declared.base_resolver.wrapped_func)
            taken = {right for found in RIGHTS.findall(source) for right in found.split(", ")}
            seen += bool(taken)
            if taken - own and is_non_null_type(field.type):
                strict.append(f"{type_.name}.{name}")
    assert seen > 60
    assert strict == []
