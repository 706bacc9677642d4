"""openpyxl: what is read of a workbook beside its public names, and that what reads it is made in steps."""

import io
from datetime import date, timedelta
from typing import Any

import openpyxl
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.styles.stylesheet import apply_stylesheet


def test_formats() -> None:
    """A workbook keeps each style's number of its format, its own formats from 164 on, and which styles are dates."""
    made: Any = openpyxl.Workbook()
    sheet = made.active
    for cell, (value, code) in enumerate(
        ((0.5, "0.0%"), (5, '0" %"'), (date(2031, 5, 6), "yyyy-mm-dd"), (0.5, "0%")), 1
    ):
        sheet.cell(1, cell, value).number_format = code
    sheet.cell(1, 5, timedelta(hours=30)).number_format = "[h]:mm"
    content = io.BytesIO()
    made.save(content)

    reader: Any = ExcelReader(content, read_only=True, data_only=True, keep_links=False)
    reader.read_manifest()
    reader.read_workbook()
    apply_stylesheet(reader.archive, reader.wb)
    book = reader.wb
    numbers = [style.numFmtId for style in book._cell_styles]
    codes = [BUILTIN_FORMATS[n] if n < 164 else book._number_formats[n - 164] for n in numbers]
    assert codes == ["General", "0.0%", '0" %"', "yyyy-mm-dd", "0%", "[h]:mm"]
    assert (3 in book._date_formats, 5 in book._timedelta_formats, 1 in book._date_formats) == (True, True, False)
    assert [(sheet.name, rel.target) for sheet, rel in reader.parser.find_sheets()] == [
        ("Sheet", "xl/worksheets/sheet1.xml")
    ]
