"""Rows made of what a statement answers, by the names of its columns; and what is stored of them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest

from models.commands import Actor
from models.planning.columns import ASIDE, LATER, UNREAD, changed, inserted, maker, selected, table

ID, SAM = UUID(int=1), Actor("sam", "STAFF")


@pytest.fixture(autouse=True)
def no_other_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.planning.columns._TABLES", {})
    return


def a_kind() -> Any:
    @table("orders", large=bool)
    @dataclass(slots=True)
    class Order:
        id: UUID
        total_minor: int
        names: Annotated[tuple[str, ...], ASIDE] = ()
        terms: dict[str, Any] | None = None
        actor: Actor | None = None
        made_on: Annotated[date | None, UNREAD] = None
        voided_on: Annotated[date | None, LATER] = None

        @property
        def large(self) -> bool:
            return self.total_minor > 10

    return Order


def test_what_is_written_of_a_row_and_as_what() -> None:
    kind = a_kind()
    row = kind(ID, 11, ("a",), {"off": Decimal("1.50")}, SAM, date(2026, 1, 2))
    columns = inserted(kind)
    assert [(column.name, column.sql) for column in columns.columns] == [
        ("id", "uuid"),
        ("total_minor", "bigint"),
        ("terms", "jsonb"),
        ("actor_id", "uuid"),
        ("made_on", "date"),
        ("large", "bool"),
    ]
    assert columns.values(row, {SAM: UUID(int=2)}) == (ID, 11, '{"off":"1.50"}', UUID(int=2), date(2026, 1, 2), True)
    assert changed(kind, "voided_on", "actor_id").values(kind(ID, 1), {}) == (ID, None, None)


def test_what_is_read_of_a_table_under_which_names() -> None:
    kind = a_kind()
    assert selected(kind, "o", names="ARRAY['a']") == "o.id, o.total_minor, o.terms, o.voided_on, ARRAY['a'] AS names"
    assert selected(kind, prefix="order_").startswith("id AS order_id, total_minor AS order_total_minor")


def test_a_row_is_made_by_names_whatever_their_order() -> None:
    kind = a_kind()
    answer = {"voided_on": None, "terms": '{"a": 1}', "other": 3, "total_minor": 5, "names": ["a"], "id": ID}
    made = maker(kind, [Answer(answer)])(Answer(answer))
    assert made == kind(ID, 5, ("a",), {"a": 1})
    prefixed = {f"order_{name}": value for name, value in answer.items()} | {"id": None}
    assert maker(kind, [Answer(prefixed)], "order_")(Answer(prefixed)) == made


def test_a_column_that_is_missing_is_noticed() -> None:
    answer = Answer({"id": ID})
    with pytest.raises(TypeError):
        maker(a_kind(), [answer])(answer)


class Answer(dict[str, Any]):
    """As the driver's rows are: by name or by place."""

    def __getitem__(self, key: Any) -> Any:
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)
