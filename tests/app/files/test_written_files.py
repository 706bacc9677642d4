"""Files as programs write them: what is certain is read, what is said is read, and nothing is guessed about an amount."""

import io
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from app.files.importing.cells import Number
from app.files.importing.credit_rows import credit_rows
from app.files.importing.dialects import Said
from app.files.importing.opened import open_file
from models.errors import Invalid
from models.operations.import_files import FileTold, ImportRow

WRITTEN: Final = Path(__file__).parent / "written"
NOTE: Final = 'Grüße, "Zoë"; danke'


def read(content: bytes, **said: Any) -> tuple[FileTold, list[ImportRow]]:
    how = Said(**said)
    with closing(open_file(io.BytesIO(content), how)) as opened:
        rows = [row for row in credit_rows(opened.rows(), how.marks) if row is not None]
        return opened.told, rows


def amounts(rows: list[ImportRow]) -> list[tuple[str | None, str | None]]:
    return [(row.customer, None if row.amount is None else str(row.amount)) for row in rows]


def errors(row: ImportRow) -> list[tuple[tuple[str, ...] | None, str]]:
    return [(error.field, error.message) for error in row.errors]


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("comma_utf8.csv", {"thousands_mark": "comma"}, ("utf-8", "comma")),
        ("tab_utf16.csv", {"thousands_mark": "comma"}, ("utf-16", "tab")),
        (
            "german_windows1252.csv",
            {"encoding": "windows-1252", "decimal_mark": "comma", "thousands_mark": "point"},
            ("windows-1252", "semicolon"),
        ),
        ("french_utf8.csv", {"decimal_mark": "comma", "thousands_mark": "space"}, ("utf-8", "semicolon")),
    ],
)
def test_csv_of_a_spreadsheet_in_each_country(name: str, said: dict[str, str], told: tuple[str, str]) -> None:
    taken, rows = read((WRITTEN / name).read_bytes(), **said)

    assert (taken.encoding, taken.delimiter) == told
    assert amounts(rows) == [
        ("000123", "1234.50"),
        ("4711", "0.10"),
        ("hidden", "7.00"),
        ("percent", None),
        ("error", None),
        ("1", "1.00"),
        ("small", "0.01"),
    ]
    assert rows[0].note == NOTE
    assert [row.line for row in rows] == [2, 3, 5, 8, 9, 10, 11]


def test_a_workbook() -> None:
    told, rows = read((WRITTEN / "credits.xlsx").read_bytes())

    assert (told.format, told.sheet, told.encoding, told.delimiter) == ("XLSX", "Gutschriften", None, None)
    assert amounts(rows) == [
        ("000123", "1234.5"),
        ("4711", "0.1"),  # a formula by its stored value, 0.0999…: the shortest decimal that stands for it
        ("hidden", "7"),
        ("percent", None),
        ("error", None),
        ("1", "1"),
        ("small", "0.005"),
    ]
    assert (rows[0].note, str(rows[0].expires_on)) == (NOTE, "2099-12-31")
    assert [row.line for row in rows] == [2, 3, 5, 6, 7, 8, 9]
    assert errors(rows[3]) == [(("amount",), "The cell is a percentage.")]
    assert errors(rows[4]) == [(("amount",), "The cell is an error: #DIV/0!.")]


def test_japanese_files() -> None:
    for name, said in (("japanese.xlsx", {}), ("japanese_shift_jis.csv", {"encoding": "shift_jis"})):
        _, (row,) = read((WRITTEN / name).read_bytes(), **said)
        assert (row.customer, row.amount, row.note) == ("田中", Decimal(1200), "ありがとう～①")


@pytest.mark.parametrize("name", ["german_windows1252.csv", "japanese_shift_jis.csv"])
def test_an_encoding_that_is_not_certain_is_not_guessed(name: str) -> None:
    with pytest.raises(Invalid, match=r"not UTF-8.*encoding="):
        read((WRITTEN / name).read_bytes())


def test_nothing_is_guessed_about_an_amount() -> None:
    content = b"customer;amount\na;1,5\nb;1.000\nc;1.000,50\nd;1 000\ne;1'000\n"

    told, rows = read(content)
    assert (told.decimal_mark, told.thousands_mark, told.delimiter) == ("point", "none", "semicolon")
    assert [str(row.amount) if row.amount is not None else None for row in rows] == [None, "1.000", None, None, None]
    assert "decimalMark" in errors(rows[0])[0][1]


@pytest.mark.parametrize(
    ("cell", "said", "amount"),
    [
        ("1,5", {"decimal_mark": "comma"}, "1.5"),
        ("1.5", {"decimal_mark": "comma"}, None),
        ("-1.234.567,89", {"decimal_mark": "comma", "thousands_mark": "point"}, "-1234567.89"),
        ("1234567,89", {"decimal_mark": "comma", "thousands_mark": "point"}, "1234567.89"),
        ("12.34,5", {"decimal_mark": "comma", "thousands_mark": "point"}, None),
        ("1.5", {"decimal_mark": "comma", "thousands_mark": "point"}, None),
        ("1,234", {"thousands_mark": "comma"}, "1234"),
        ("1,23", {"thousands_mark": "comma"}, None),
        ("1\u202f234,5", {"decimal_mark": "comma", "thousands_mark": "space"}, "1234.5"),
        ("1\u2009234\u2009567", {"thousands_mark": "space"}, "1234567"),
        ("1\u2007234", {"thousands_mark": "space"}, "1234"),
        ("1\u00a0234\u202f567", {"thousands_mark": "space"}, None),
        ("1'234.50", {"thousands_mark": "apostrophe"}, "1234.50"),
        ("1’234.50", {"thousands_mark": "apostrophe"}, "1234.50"),
        ("£5", {}, None),
        ("(5)", {}, None),
        ("５", {"thousands_mark": "comma"}, None),
        ("1,", {"decimal_mark": "comma"}, None),
    ],
)
def test_amounts_are_read_as_the_request_says_and_in_no_other_way(
    cell: str, said: dict[str, str], amount: str | None
) -> None:
    _, (row,) = read(f'customer\tamount\na\t"{cell}"\n'.encode(), **said)
    assert (None if row.amount is None else str(row.amount)) == amount
    assert bool(row.errors) == (amount is None)


@pytest.mark.parametrize("first", ["", "sep=|\n"])
def test_pipes(first: str) -> None:
    told, (row,) = read(f"{first}customer|amount|services\na|5|Cut;Colour\n".encode())
    assert (told.delimiter, row.customer, row.amount, row.services) == ("pipe", "a", Decimal(5), ("Cut", "Colour"))


def test_an_amount_is_kept_as_it_was_written_or_as_it_would_be() -> None:
    """Of a workbook's number: with the decimal mark that its texts have."""
    _, (text,) = read(b"customer;amount\na;1.000,50\n", decimal_mark="comma", thousands_mark="point")
    (number,) = [
        row for row in credit_rows([(1, ["customer", "amount"]), (2, ["a", Number("1.005")])], (",", ".")) if row
    ]
    assert (text.amount, dict(text.unread)) == (Decimal("1000.50"), {"amount": "1.000,50"})
    assert (number.amount, dict(number.unread)) == (Decimal("1.005"), {"amount": "1,005"})


def test_marks_that_cannot_be_told_apart() -> None:
    with pytest.raises(Invalid, match="different marks"):
        Said(decimal_mark="comma", thousands_mark="comma")
    with pytest.raises(Invalid, match="different marks"):
        Said(thousands_mark="point")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_of_order_and_ends_of_lines(encoding: str, newline: str) -> None:
    content = newline.join(["sep=;", "", "Customer;AMOUNT", ";", "zoë;5", ""]).encode(encoding)

    told, (row,) = read(content)
    assert told.delimiter == "semicolon"
    assert (row.customer, row.line) == ("zoë", 5)


@pytest.mark.parametrize(
    ("content", "said", "problem"),
    [
        (b"customer,amount\na,1\n", {"delimiter": "tab"}, "no column customer"),
        (b"sep=;\ncustomer;amount\na;1\n", {"delimiter": "comma"}, "the semicolon"),
        (b"sep=^\ncustomer^amount\na^1\n", {}, "comma, a semicolon, a tab or a pipe"),
        ("customer\tamount\na\t1\n".encode("utf-16-le"), {}, "encoding=utf-16le"),
        ("customer\tamount\na\t1\n".encode("utf-16-be"), {"encoding": "windows-1252"}, "encoding=utf-16be"),
        (b"\xef\xbb\xbfcustomer,amount\n", {"encoding": "windows-1252"}, "UTF-8"),
        (b"\xff\xfe\x00\x00c", {}, "UTF-32"),
        ("customer,amount\na,1\n".encode("utf-16-le"), {"encoding": "utf-16"}, "byte order mark"),
        (b"customer,amount\n", {"sheet": "One"}, "no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, {}, "XLSX or CSV"),
        (b"\n" * 2_000 + b"customer,amount\na,1\n", {}, "no column customer"),
    ],
)
def test_what_is_refused(content: bytes, said: dict[str, str], problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        read(content, **said)


def test_a_charset_gives_way_to_a_mark_and_counts_without_one() -> None:
    content = "customer,amount\nZoë,1\n"
    assert read(content.encode("utf-16"), charset="utf-8")[0].encoding == "utf-16"
    assert read(content.encode("cp1252"), charset="windows-1252")[1][0].customer == "Zoë"
    assert read(content.encode("utf-16-le"), encoding="utf-16le")[1][0].customer == "Zoë"


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("External ID,Value,Currency", {"customer", "amount", "asset"}),
        ("customer-number,Balance,REF", {"customer", "amount", "reference"}),
        ("Customer_ID,AMOUNT,Payment date", {"customer", "amount", "effective_on"}),
    ],
)
def test_columns_by_the_names_that_people_give_them(header: str, columns: set[str]) -> None:
    _, (row,) = read(f"{header}\na,5,2031-05-06\n".encode())
    given = {name for name in ("customer", "amount", "asset", "effective_on") if getattr(row, name) is not None}
    assert given | ({"reference"} if row.texts else set()) == columns


def test_two_columns_of_one_meaning_are_refused() -> None:
    with pytest.raises(Invalid, match="customer is there twice"):
        read(b"customer,externalId,amount\n")


def test_all_errors_of_a_row_are_told_and_its_cells_kept() -> None:
    content = b"customer,amount,expires,effectiveOn,,metadata.k\n \xc2\xa0,1e3,soon,tomorrow,odd," + b"x" * 501 + b"\n"
    _, (row,) = read(content)

    assert [error.field for error in row.errors] == [
        None,
        ("customer",),
        ("amount",),
        ("expires",),
        ("effectiveOn",),
        ("metadata.k",),
    ]
    assert dict(row.unread) == {"amount": "1e3", "expires": "soon", "effectiveOn": "tomorrow"}


def test_rows_and_columns_without_content_are_none() -> None:
    content = 'customer,amount,,\na,5,,\n,,\n"","",""\n  \n\t\n\u00a0\nb,6\nc,7,,,,,,,\n,,,\n'.encode()
    _, rows = read(content)
    assert [(row.customer, row.line, row.errors) for row in rows] == [("a", 2, ()), ("b", 8, ()), ("c", 9, ())]


def test_a_last_row_that_was_cut_off_is_an_error() -> None:
    _, rows = read(b"customer,amount,note\na,5\nb,2")
    assert [bool(row.errors) for row in rows] == [False, True]
    assert "cut off" in rows[1].errors[0].message


@pytest.mark.parametrize("lines", [1, 4_000])
def test_what_is_not_in_the_encoding_is_said_by_its_line(lines: int) -> None:
    """However far ahead of the rows the file is read."""
    content = "customer;amount\r\n" + "x;5\r\n" * lines + "Müller;5\r\n"
    with pytest.raises(Invalid, match=rf"Line {lines + 2} is not UTF-8"):
        read(content.encode("windows-1252"))


def test_what_the_request_says_is_not_asked_for_again() -> None:
    _, (unsaid,) = read(b"customer;amount\nx;1,5\n")
    _, (said,) = read(b"customer;amount\nx;1.5\n", decimal_mark="comma")
    assert ["decimalMark" in message for ((_, message),) in (errors(unsaid), errors(said))] == [True, False]


def test_a_header_of_very_many_columns_is_refused_at_once() -> None:
    """Each compared with each other would take minutes."""
    keys = ",".join(f"metadata.{n}" for n in range(20_000))
    with pytest.raises(Invalid, match="more than 20"):
        read(f"customer,amount,{keys}\n".encode())


def test_very_many_cells_without_names_are_one_error() -> None:
    """One for each would take the memory of the server: a file may have hundreds of such rows."""
    _, (row,) = read(b"customer,amount\nx,5" + b",1" * 100_000 + b"\n")
    assert [message for _, message in errors(row)] == [
        "Columns 3, 4, 5, 6, 7 and 99,995 more have content, and no names in the header."
    ]
