"""Wherever an input takes the id of a thing that has a name, the field beside it takes the name."""

from typing import Final

from graphql import GraphQLInputField, GraphQLInputObjectType, get_named_type, is_list_type, is_non_null_type

from schema.naming import By
from tests.support.schema import SCHEMA

NAMED: Final = {
    "customerId": "CustomerBy",
    "fromCustomerId": "CustomerBy",
    "toCustomerId": "CustomerBy",
    "fromId": "CustomerBy",
    "intoId": "CustomerBy",
    "invoiceId": "InvoiceBy",
    "serviceId": "ServiceBy",
    "serviceIds": "ServiceBy",
    "rewardId": "RewardBy",
    "productId": "ProductBy",
    "tierId": "TierBy",
    "couponId": "CouponBy",
}
NAMELESS: Final = {
    *("id", "creditId", "holdId", "transactionId", "paymentId", "creditNoteId", "assignmentId", "assignmentIds"),
    *("lineId", "requestId", "operationId", "tokenId", "webhookId"),
}
"""Ids of things that have no name in a tenant; `id` stands in the inputs that name one thing, and for such things."""


def inputs() -> list[GraphQLInputObjectType]:
    """All but filters of lists, which a client sets from what it has listed."""
    types = [type_ for type_ in SCHEMA.graphql.type_map.values() if isinstance(type_, GraphQLInputObjectType)]
    return [type_ for type_ in types if not type_.name.endswith("Filter")]


def test_every_id_of_what_has_a_name_has_the_name_beside_it() -> None:
    seen = set()
    for input_ in inputs():
        for name, field in input_.fields.items():
            if get_named_type(field.type).name != "ID":
                continue
            assert name in NAMED or name in NAMELESS, f"{input_.name}.{name}: has such a thing a name?"
            if name in NAMED:
                beside = input_.fields[f"{name[:-3]}sBy" if name.endswith("Ids") else f"{name[:-2]}By"]
                assert get_named_type(beside.type).name == NAMED[name], input_.name
                assert is_list_type(beside.type) == is_list_type(field.type), input_.name
                assert not any(map(needed, (field, beside))), f"{input_.name}.{name}: one of the two, not both"
                seen.add(name)
    assert seen == NAMED.keys()


def needed(field: GraphQLInputField) -> bool:
    return is_non_null_type(field.type)


def test_what_names_takes_an_id_or_a_name() -> None:
    kinds = {kind.__name__: kind.names for kind in By.__subclasses__()}
    assert kinds.keys() == set(NAMED.values())
    for name, names in kinds.items():
        by = SCHEMA.graphql.type_map[name]
        assert isinstance(by, GraphQLInputObjectType)
        assert by.is_one_of
        assert by.fields.keys() == {"id", names.field}
