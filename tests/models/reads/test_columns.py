"""A view's fields are the columns that it is read by."""

from dataclasses import dataclass
from typing import get_type_hints

import pytest

from models.reads.columns import columns, only, rows
from models.views import CreditView, InvoiceView


@dataclass(frozen=True, slots=True)
class Shelf:
    name: str
    place: int | None
    books: tuple[str, ...]


def test_each_field_is_a_column_of_its_name_or_has_its_expression() -> None:
    assert columns(Shelf, books="string_to_array(t.list, ' ')") == (
        "t.name, t.place, string_to_array(t.list, ' ') as books"
    )


def test_an_expression_for_no_field_is_found() -> None:
    with pytest.raises(ValueError, match="Shelf has no titles"):
        columns(Shelf, titles="t.titles")


def test_a_row_is_read_by_name_and_may_have_more() -> None:
    shelf = rows(Shelf, place=int, books=tuple)
    row = {"books": ["a", "b"], "more": 1, "place": "7", "name": "Low"}
    assert shelf(row) == Shelf("Low", 7, ("a", "b"))
    assert shelf({**row, "place": None}) == Shelf("Low", None, ("a", "b"))
    assert get_type_hints(shelf)["return"] is Shelf


GIVEN = "(select o.asset from accounts o where o.tenant_id = $1 and o.id in (t.a, t.b))"


def test_only_those_columns_are_selected() -> None:
    """Commas and names within a column's own text do not count."""
    selected = columns(CreditView, asset=GIVEN)
    few = [column for column in selected.replace(f"{GIVEN} as asset, ", "").split(", ") if not column.endswith("_at")]
    assert only(selected, frozenset({"id"})).split(", ") == few
    assert only(selected, frozenset()).split(", ") == few
    assert only(selected, frozenset({"asset"})) == only(selected, frozenset()).replace(
        "t.tr", f"{GIVEN} as asset, t.tr"
    )
    assert only(selected, frozenset({"voided_at", "asset"})) == selected
    beside = "(select 1) as one, (select 2, 3) as two"
    assert only(selected, frozenset({"two"}), beside) == f"{only(selected, frozenset())}, {beside}"
    assert only(selected, frozenset({"voided_at", "asset", "one"}), beside) == f"{selected}, {beside}"


def test_a_column_that_is_not_there_is_named() -> None:
    selected, names = columns(InvoiceView), frozenset({"kinds", "kind", "asset"})
    with pytest.raises(ValueError, match="no column asset, kinds"):
        only(selected, names)
