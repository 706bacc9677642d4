"""Every root field says who may use it. Forgetting means that nobody can, because nothing is built."""

import pytest
import strawberry
from strawberry.types.base import get_object_definition

from auth.roles import Permission
from schema.context import Info
from schema.permissions import DECLARED, UndeclaredPermission, check_declared, root_field
from schema.root import Mutation, Query, Subscription, build_schema
from tests.support.schema import SCHEMA

FOR_EVERYBODY_WITH_A_TOKEN = {"node", "nodes", "viewer"}


def test_every_root_field_declares_its_permission() -> None:
    for root in (Query, Mutation, Subscription):
        for field in get_object_definition(root, strict=True).fields:
            declared = field.metadata[DECLARED]
            assert all(isinstance(permission, Permission) for permission in declared)
            assert bool(declared) == (field.python_name not in FOR_EVERYBODY_WITH_A_TOKEN)


def test_the_schema_has_no_other_roots() -> None:
    roots = (
        (Query, SCHEMA.graphql.query_type),
        (Mutation, SCHEMA.graphql.mutation_type),
        (Subscription, SCHEMA.graphql.subscription_type),
    )
    for root, built in roots:
        assert built is not None
        assert len(get_object_definition(root, strict=True).fields) == len(built.fields)


def test_a_field_that_forgets_cannot_be_built() -> None:
    async def hello(info: Info) -> str:
        return "hello"

    with pytest.raises(UndeclaredPermission, match="hello"):
        root_field(hello)

    @strawberry.type
    class Forgetful:
        fine = root_field(hello, Permission.READ_LEDGER)
        forgotten = strawberry.field(resolver=hello)

    with pytest.raises(UndeclaredPermission, match=r"Forgetful\.forgotten"):
        check_declared(Forgetful)


def test_documents_say_whether_they_search_much() -> None:
    """Wherever in the document the field stands: such requests share a few connections."""
    documents = build_schema().documents

    def searches(text: str) -> bool:
        found: bool = documents.get(text).operation(None).measure.searches
        return found

    assert searches("{ viewer { subject } ...F } fragment F on Query { trialBalance { asset } }")
    assert searches("{ liability { asset } }")
    assert not searches("{ viewer { subject } customers(first: 3) { edges { node { id } } } }")
