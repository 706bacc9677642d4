"""What is listed has an id, so that caches know it again; and what has none is no thing, but a part or a figure."""

from typing import Final

from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_list_type, is_non_null_type

from schema.nodes import NODES
from tests.support.schema import SCHEMA

NO_THINGS: Final = {
    "AccountEffect": "what a preview would do: there is no such thing yet",
    "AccountMovement": "a part of its event: the account, and what moved on it",
    "AuditChange": "a part of its record: one field, before and after",
    "BulkSum": "a sum of a bulk's rows",
    "CounterTotal": "a sum of entries",
    "CreditEffect": "what a preview would do: there is no such thing yet",
    "InvoiceEffect": "what a preview would do: there is no such thing yet",
    "Liability": "a sum as of an instant",
    "LiabilityByMonth": "the same",
    "LiabilityBySource": "the same",
    "LimitRemaining": "what is left at this moment",
    "MetadataPair": "a pair of what has it",
    "RequestedItem": "a line of what waits: there is no such order yet",
    "TermChange": "a difference between then and now",
    "TrialBalance": "a sum of entries",
    "UserError": "said of one request",
}
"""Types of lists that are no nodes, and why."""
ENDS: Final = ("Edge", "Connection")


def listed() -> dict[str, str]:
    """By type of what a list has, be it in pages or not, one of the fields."""
    found: dict[str, str] = {}
    for name, type_ in SCHEMA.graphql.type_map.items():
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) or name.startswith("__"):
            continue
        for field, built in type_.fields.items():
            bare = built.type.of_type if is_non_null_type(built.type) else built.type
            inner = get_named_type(built.type)
            is_object = isinstance(inner, GraphQLObjectType | GraphQLInterfaceType)
            if is_object and (is_list_type(bare) or name.endswith("Edge")) and not inner.name.endswith(ENDS):
                found[inner.name] = f"{name}.{field}"
    return found


def test_what_is_listed_is_a_node() -> None:
    node = SCHEMA.graphql.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    without = {
        name: field
        for name, field in listed().items()
        if name != "Node" and node not in SCHEMA.graphql.type_map[name].interfaces  # type: ignore[attr-defined]
    }
    assert without.keys() == NO_THINGS.keys(), without


def test_what_asks_and_where_are_nodes_too() -> None:
    assert {"Actor", "Membership", "Tenant", "Viewer"} <= NODES.keys()
