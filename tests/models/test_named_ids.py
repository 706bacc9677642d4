"""An id that remembers the name it was asked for by."""

from uuid import uuid4

from models.commands import AdjustCredit
from models.errors import Duplicate, Invalid, LedgerErrors, NotFound
from models.idempotency import input_hash
from models.named_ids import NamedId, told_by_name
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.columns import to_json
from models.sources import id_of

BY = ("customerBy", "externalId")
ID = ("customerId",)


def adjustment(customer: object) -> AdjustCredit:
    return AdjustCredit(customer, "GBP", 1, "CORRECTION")  # type: ignore[arg-type]


def test_it_is_the_row_s_id_wherever_it_is_compared_or_kept() -> None:
    row = id_of(uuid4().bytes)
    named = NamedId.of("externalId:C-1", row, BY, ID)
    assert named == row
    assert row == named
    assert {row: 1}[named] == 1
    assert sorted([named, row]) == [row, row]
    assert named.bytes == row.bytes
    assert to_json({"id": named}) == to_json({"id": row})


def test_a_request_is_the_same_by_the_name_whoever_has_it() -> None:
    first, second = (NamedId.of("externalId:C-1", row, BY, ID) for row in (uuid4(), uuid4()))
    nobody = NamedId.of("externalId:C-1", None, BY, ID)
    other = NamedId.of("externalId:C-2", first, BY, ID)
    hashes = [input_hash(adjustment(each)) for each in (first, second, nobody, other, id_of(first.bytes))]
    assert hashes[0] == hashes[1] == hashes[2]
    assert len(set(hashes)) == 3


def test_the_names_in_a_list_are_compared_too() -> None:
    def assigning(number: str) -> AssignCredit:
        named = NamedId.of(f"number:{number}", None, ("assignments", "0", "invoiceBy", "number"), ())
        return AssignCredit(uuid4_of, (InvoiceAmount(named, None),))

    uuid4_of = uuid4()
    assert input_hash(assigning("I-1")) == input_hash(assigning("I-1")) != input_hash(assigning("I-2"))


def test_what_nothing_has_as_its_name_is_always_the_same_id_and_no_row_s() -> None:
    one, again = (NamedId.of("externalId:C-1", None, BY, ID) for _ in range(2))
    assert one == again != NamedId.of("externalId:C-2", None, BY, ID)
    assert not one.known


def test_a_refusal_is_told_where_the_thing_was_named() -> None:
    command = adjustment(NamedId.of("externalId:C-1", None, BY, ID))
    assert told_by_name(NotFound("", field=ID), command).field == BY
    assert told_by_name(Invalid("", field=("amount",)), command).field == ("amount",)
    assert told_by_name(Invalid(""), command).field is None
    assert told_by_name(NotFound("", field=ID), adjustment(uuid4())).field == ID


def test_a_place_in_a_list_is_found_though_the_refusal_has_only_its_end() -> None:
    def item(place: int, *, known: bool) -> InvoiceAmount:
        path = ("assignments", str(place))
        row = uuid4() if known else None
        return InvoiceAmount(NamedId.of("number:I", row, (*path, "invoiceBy", "number"), (*path, "invoiceId")), None)

    command = AssignCredit(uuid4(), (item(0, known=True), item(1, known=False)))
    by = ("invoiceBy", "number")
    assert told_by_name(NotFound("", field=("invoiceId",)), command).field == ("assignments", "1", *by)
    assert told_by_name(Duplicate("", field=("assignments", "0", "invoiceId")), command).field == (
        "assignments",
        "0",
        *by,
    )


def test_each_of_several_refusals_is_told_where_it_belongs() -> None:
    items = tuple(
        InvoiceAmount(NamedId.of("n", None, ("items", str(n), *BY), ("items", str(n), *ID)), None) for n in range(2)
    )
    errors = LedgerErrors(tuple(NotFound("", field=("items", str(n), *ID)) for n in range(2)))
    told_by_name(errors, AssignCredit(uuid4(), items))
    assert [each.field for each in errors.errors] == [("items", "0", *BY), ("items", "1", *BY)]
