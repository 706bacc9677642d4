"""Workbooks made to be trouble, and the kinds of cells that there are."""

import io
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from typing import Any, Final

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from app.files.importing import xlsx_cells
from app.files.importing.cells import Number, Wrong
from app.files.importing.xlsx_cells import Workbook
from models.errors import Invalid

MAX_BYTES: Final = 8 * 1024 * 1024
"""A node for each row, or a string for each text, would take more."""
SHEET: Final = "xl/worksheets/sheet1.xml"
BEGIN: Final = (
    '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
END: Final = "</sheetData></worksheet>"


def workbook(fill: Callable[[Any], object] | None = None) -> bytes:
    book = openpyxl.Workbook()
    if fill is not None:
        fill(book.active)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def with_part(name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook in which one part is another."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(made, "w", compression) as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
        if name not in old.namelist():
            new.writestr(name, content)
    return made.getvalue()


def cells(sheet: str) -> list[Any]:
    return rows(with_part(SHEET, f"{BEGIN}{sheet}{END}".encode()))


def rows(content: bytes, sheet: str | None = None) -> list[Any]:
    with closing(Workbook(io.BytesIO(content))) as book:
        return [(line, row) for line, row in book.rows(book.chosen(sheet)) if any(row)]


def test_kinds_of_cells() -> None:
    def fill(sheet: Any) -> None:
        for row in (
            ("text", " padded ", 5, -2.5, 1e15, 0.1 + 0.2, 1e-7),
            (date(2031, 5, 6), datetime(2031, 5, 6, 7, 8), True, "=1+1", "#N/A", None, "last"),  # noqa: DTZ001 - as a workbook has it
        ):
            sheet.append(row)
        sheet["B4"] = 0.5
        sheet["B4"].number_format = "0.0%"
        sheet["C4"] = 5
        sheet["C4"].number_format = '0 "% of all"'

    (_, first), (_, second), (line, third) = rows(workbook(fill))
    assert first == ["text", "padded", "5", "-2.5", "1000000000000000", "0.3", "0.0000001"]
    assert [type(cell) for cell in first] == [str, str, Number, Number, Number, Number, Number]
    assert second[0] == date(2031, 5, 6)
    assert [type(cell) for cell in second] == [date, Wrong, Wrong, Wrong, Wrong, str, str]
    assert "instant" in second[1].problem
    assert "without a stored value" in second[3].problem
    assert (line, third) == (4, ["", Wrong("The cell is a percentage."), "5"])


def test_dates_by_the_epoch_of_the_workbook() -> None:
    def fill(sheet: Any) -> None:
        sheet.parent.epoch = CALENDAR_MAC_1904
        sheet["A1"] = date(2031, 5, 6)

    assert rows(workbook(fill)) == [(1, [date(2031, 5, 6)])]


@pytest.mark.parametrize("number", [27, 31, 36, 57, 71])
def test_dates_in_formats_that_a_country_has_of_its_own(number: int) -> None:
    assert rows(in_format(number, 48066)) == [(1, [date(2031, 8, 6)])]


@pytest.mark.parametrize(("number", "problem"), [(32, "time of day"), (68, "percentage")])
def test_what_is_wrong_in_formats_that_a_country_has_of_its_own(number: int, problem: str) -> None:
    ((_, (cell,)),) = rows(in_format(number, 0.5))
    assert problem in cell.problem


def in_format(number: int, value: float) -> bytes:
    """A workbook with a cell in the format of this number, of which it does not say how it looks."""

    def fill(sheet: Any) -> None:
        sheet["A1"] = value
        sheet["A1"].number_format = "0.000"

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(fill))) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.namelist():
            content = old.read(part).decode()
            if part == "xl/styles.xml":
                content = re.sub("<numFmts.*</numFmts>", "", content).replace('numFmtId="164"', f'numFmtId="{number}"')
            new.writestr(part, content)
    return made.getvalue()


def test_texts_in_pieces_with_pronunciation_and_escapes() -> None:
    found = cells(
        '<row r="1"><c r="A1" t="inlineStr"><is><r><t>Gr</t></r><r><t>üße</t></r><rPh sb="0" eb="1"><t>x</t></rPh></is></c>'
        '<c r="B1" t="str"><f>A1</f><v>a_x000D_b_x005F_x000D_</v></c><c r="C1" t="str"><f>A1</f><v></v></c></row>'
    )
    assert found == [(1, ["Grüße", "a\rb_x000D_"])]


def test_several_sheets_with_content_need_a_name() -> None:
    def fill(sheet: Any) -> None:
        sheet["A1"] = "one"
        sheet.parent.create_sheet("Two")["A1"] = "two"
        sheet.parent.create_sheet("Three")

    content = workbook(fill)
    with pytest.raises(Invalid, match="Several sheets"):
        rows(content)
    assert rows(content, "Two") == [(1, ["two"])]
    assert rows(content, "Three") == []
    with pytest.raises(Invalid, match="no sheet"):
        rows(content, "Four")


@pytest.mark.parametrize(
    "sheet",
    [
        '<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
        '<row r="0"><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="XFE1"><v>1</v></c></row>',
        '<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>7</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>-1</v></c></row>',
        '<row r="1"><c r="A1" s="99"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1_000</v></c></row>',
        '<row r="1"><c r="A1"><v>\u0665</v></c></row>',
        '<row r="1"><c r="A1"><v>NaN</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c>',
        '<row r="1"><c r="A1" t="inlineStr"><is><t>&bomb;</t></is></c></row>',
    ],
)
def test_what_no_spreadsheet_writes(sheet: str) -> None:
    with pytest.raises(Invalid, match=r"cannot be read|at most"):
        cells(sheet)


def test_numbers_beyond_all_amounts_make_bad_cells() -> None:
    ((_, found),) = cells('<row r="1"><c r="A1"><v>1E+999999</v></c><c r="B1"><v>1E+300</v></c></row>')
    assert [type(cell) for cell in found] == [Wrong, Wrong]
    assert cells("<row><c><v>0.30000000000000004</v></c><c><v>1234567.89000000001</v></c></row>") == [
        (1, ["0.30000000000000004", "1234567.89"])
    ]


def test_entities_are_refused_before_any_is_read() -> None:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    declared = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">{levels}]>'
    bomb = f"{declared}{BEGIN.partition('?>')[2]}<row><c><v>&a11;</v></c></row>{END}"
    for part in (SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml", "xl/_rels/workbook.xml.rels"):
        with pytest.raises(Invalid, match="document type"):
            Workbook(io.BytesIO(with_part(part, bomb.encode())))


def test_bombs_of_zip_are_refused() -> None:
    with pytest.raises(Invalid, match="unpacks"):
        Workbook(io.BytesIO(with_part(SHEET, b" " * (80 * 1024 * 1024))))
    with pytest.raises(Invalid, match="larger than"):
        Workbook(io.BytesIO(with_part("xl/styles.xml", b" " * (9 * 1024 * 1024))))
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for n in range(xlsx_cells.MAX_PARTS + 1):
            archive.writestr(f"{n}.xml", b"")
    with pytest.raises(Invalid, match="parts"):
        Workbook(many)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 1_000, workbook()[:-30], workbook()[: len(workbook()) // 2]]
)
def test_what_is_no_workbook(content: bytes) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        Workbook(io.BytesIO(content))


def test_what_is_long_and_nearly_right_takes_no_longer() -> None:
    """Square in their length, each of these would take minutes, and hold the interpreter all the while."""
    with pytest.raises(Invalid, match="cannot be read"):
        cells(f'<row r="1"><c r="A1"><v>{"1" * 200_000}x</v></c></row>')
    for format_ in ("%" * 200_000 + "&quot;", "[" * 200_000):
        styles = f"""<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
            <numFmts count="1"><numFmt numFmtId="164" formatCode="{format_}"/></numFmts>
            <cellXfs count="1"><xf numFmtId="164"/></cellXfs></styleSheet>"""
        with pytest.raises(Invalid, match="255 characters"):
            Workbook(io.BytesIO(with_part("xl/styles.xml", styles.encode())))


@pytest.mark.parametrize(
    ("format_", "is_percentage"),
    [
        ("0%", True),
        ("0.00\\ %", True),
        ('0.00" %"', False),
        ("0\\%", False),
        ('"a"0%"b"', True),
        ("0_%", False),
        ("0;", False),
    ],
)
def test_formats_of_percentages(format_: str, is_percentage: bool) -> None:
    def fill(sheet: Any) -> None:
        sheet["A1"] = 0.5
        sheet["A1"].number_format = format_

    ((_, (cell,)),) = rows(workbook(fill))
    assert isinstance(cell, Wrong) is is_percentage


def test_a_row_without_an_end_is_given_up() -> None:
    with pytest.raises(Invalid, match="too long"):
        cells('<row r="1">' + '<c t="inlineStr"><is><t>a</t></is></c>' * 40_000 + "</row>")


def test_many_rows_take_no_more_memory_than_few() -> None:
    """Each with a text of its own; and what says that it is larger is no larger."""
    number = 100_000
    lines = "".join(
        f'<row r="{n}"><c r="A{n}" t="s"><v>{n - 1}</v></c><c r="B{n}"><v>5</v></c></row>' for n in range(1, number)
    )
    texts = "".join(f"<si><t>customer-{n}</t></si>" for n in range(number))
    sheet = f'{BEGIN.replace("<sheetData>", "")}<dimension ref="A1:XFD1048576"/><sheetData>{lines}{END}'
    strings = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{texts}</sst>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = sheet.encode() if name == SHEET else old.read(name)
            new.writestr(name, content.replace(b"</Types>", part.encode()))
        new.writestr("xl/sharedStrings.xml", strings)
    tracemalloc.start()
    try:
        with closing(Workbook(made)) as book:
            found = sum(row[0] == f"customer-{line - 1}" for line, row in book.rows(book.chosen(None)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == number - 1
    assert peak < MAX_BYTES
