"""Global ids: one text for each row, and no other text is one."""

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadUserInput
from models.errors import NotFound
from schema.ids import MalformedId, asked_id, global_id, input_id, parse_id

ROW = UUID("0197aaaa-bbbb-7ccc-8ddd-eeeeffff0001")


@given(st.uuids(), st.sampled_from(["Customer", "Account", "LedgerEntry"]))
def test_comes_back_as_it_went(row_id: UUID, type_name: str) -> None:
    assert parse_id(global_id(type_name, row_id)) == (type_name, row_id)


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "💥",
        "a" * 129,
        str(ROW),
        encoded(ROW.bytes),
        encoded(b":" + ROW.bytes),
        encoded(b"Customer" + ROW.bytes),
        encoded(b"Customer:" + ROW.bytes[1:]),
        encoded(b"Cust:omer:" + ROW.bytes),
        encoded(b"\xff:" + ROW.bytes),
        global_id("Customer", ROW) + "=",
        " " + global_id("Customer", ROW),
        global_id("Customer", ROW) + "\n",
        global_id("Customer", ROW)[:-1] + chr(ord(global_id("Customer", ROW)[-1]) + 1),
    ],
)
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(MalformedId):
        parse_id(text)
    with pytest.raises(BadUserInput, match="customerId"):
        asked_id(text, "Customer", "customerId")
    with pytest.raises(NotFound) as caught:
        input_id(text, "Customer", "items", "3", "customerId")
    assert caught.value.field == ("items", "3", "customerId")


def test_an_id_of_something_else_is_like_one_of_nothing() -> None:
    other = global_id("Invoice", ROW)
    assert asked_id(other, "Customer", "customerId") is None
    with pytest.raises(NotFound):
        input_id(other, "Customer", "customerId")
