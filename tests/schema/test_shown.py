"""Whatever a list or a loader reads has something that it is shown as."""

import importlib
import pkgutil
import typing
from collections.abc import Iterable
from typing import Any, Final, Literal
from uuid import UUID

import pytest

import models.reads
import schema.root  # noqa: F401 - with it come all types
from auth.roles import Permission
from models.errors import InvariantViolated
from models.reads.paging import Listing
from models.views import AccountView
from schema.loaders import Loaders, NodeRows
from schema.nodes import NODE_OF, NODES, by_ids, node
from schema.types.base import SHOWN, shows

READS: Final = [
    importlib.import_module(module.name) for module in pkgutil.iter_modules(models.reads.__path__, "models.reads.")
]


def listings() -> dict[str, Listing[Any]]:
    return {value.name: value for module in READS for value in vars(module).values() if isinstance(value, Listing)}


def test_the_rows_of_every_list_are_shown_as_something() -> None:
    rows = {name: typing.get_type_hints(listing.view)["return"] for name, listing in listings().items()}
    assert len(rows) > 20
    assert {name: row for name, row in rows.items() if row not in SHOWN} == {}


def test_each_loader_of_a_node_names_a_node() -> None:
    named = {kind._name for kind in vars(Loaders).values() if isinstance(kind, NodeRows)}
    assert len(named) > 10
    assert named <= set(NODES)


@pytest.mark.parametrize(
    ("name", "rights", "owner"),
    [
        ("Account", (Permission.READ_LEDGER,), None),  # there is one
        ("Another", (), None),
        ("Another", (Permission.READ_LEDGER, Permission.READ_INVOICES), "customer_id"),
    ],
)
def test_a_node_is_one_type_with_rights_that_fit(
    name: str, rights: tuple[Permission, ...], owner: Literal["customer_id"] | None
) -> None:
    with pytest.raises(InvariantViolated, match=name):
        node(object, by_ids(nothing), *rights, owner=owner)(type(name, (), {}))
    assert object not in NODE_OF


async def nothing(_session: Any, _ids: Iterable[UUID]) -> list[Any]:
    return []


def test_no_row_is_shown_as_two_types() -> None:
    with pytest.raises(InvariantViolated, match="AccountView"):
        shows(AccountView)(type("Another", (), {"of": classmethod(lambda cls, _view, _reader: cls())}))
