"""References and metadata: what is stored of what is given, and what is refused."""

import pytest

from models.errors import Invalid
from models.texts import Texts, checked_metadata, checked_reference, stored_metadata, texts_of


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (None, None),
        ("", None),
        (" \u2003", None),
        (" PO-7 ", "PO-7"),
        ("po-7", "po-7"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_reference_is_stored_in_the_form_of_a_name(given: str | None, stored: str | None) -> None:
    assert checked_reference(given) == stored


@pytest.mark.parametrize("given", ["x" * 256, "\u200b"])
def test_a_reference_too_long_or_unseen_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_reference(given)
    assert refused.value.field == ("reference",)


def test_pairs_are_stored_by_key_with_values_as_they_came() -> None:
    pairs = checked_metadata([("shop", " 7 "), (" Zoe\u0308", ""), ("B", "x" * 500), ("k" * 40, "\u2003")])

    assert pairs == (("B", "x" * 500), ("Zo\u00eb", ""), ("k" * 40, "\u2003"), ("shop", " 7 "))
    assert stored_metadata(pairs[1:3]) == '{"Zo\u00eb":"","' + "k" * 40 + '":"\u2003"}'
    assert stored_metadata(()) is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([("a", "1"), ("a", "2")], ("metadata", "1", "key")),
        ([("Zo\u00eb", "1"), (" Zoe\u0308", "2")], ("metadata", "1", "key")),
        ([("", "1")], ("metadata", "0", "key")),
        ([("k" * 41, "1")], ("metadata", "0", "key")),
        ([("a", "x" * 501)], ("metadata", "0", "value")),
        ([(str(n), "1") for n in range(21)], ("metadata",)),
    ],
)
def test_pairs_that_are_refused(given: list[tuple[str, str]], field: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        checked_metadata(given)
    assert refused.value.field == field


def test_twenty_pairs_are_enough() -> None:
    assert len(checked_metadata((str(n), "1") for n in range(20))) == 20


def test_no_texts_are_none() -> None:
    assert texts_of(" ", []) is None
    assert texts_of(None, None) is None
    assert texts_of("a", None) == Texts("a")
    assert texts_of(None, [("b", "2"), ("a", "1")]) == Texts(None, (("a", "1"), ("b", "2")))


def test_a_row_has_of_the_whole_what_it_lacks() -> None:
    whole = Texts("whole", (("a", "1"),))

    assert Texts("own").over(whole) == Texts("own", (("a", "1"),))
    assert Texts(None, (("b", "2"),)).over(whole) == Texts("whole", (("b", "2"),))
    assert Texts("own").over(None) == Texts("own")
    assert Texts.of_json(whole.as_json()) == whole
