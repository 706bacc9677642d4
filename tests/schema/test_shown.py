"""Whatever a list or a loader reads has something that it is shown as."""

import importlib
import pkgutil
import typing
from typing import Any, Final

import pytest

import models.reads
import schema.root  # noqa: F401 - with it come all types
from gateway.reading import Kind
from models.errors import InvariantViolated
from models.reads.paging import Listing
from models.views import AccountView
from schema.loaders import _PRIMED, Loaders
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


def test_what_a_posting_answers_with_is_known_to_a_loader() -> None:
    assert set(_PRIMED) <= set(SHOWN)
    assert [name for name in _PRIMED.values() if not isinstance(vars(Loaders)[name], Kind)] == []


def test_no_row_is_shown_as_two_types() -> None:
    with pytest.raises(InvariantViolated, match="AccountView"):
        shows(AccountView)(type("Another", (), {"of": classmethod(lambda cls, _view, _reader: cls())}))
