"""Files of adjustments that are made to be trouble."""

import io
from typing import Final

import pytest

from app.files.importing.credit_rows import credit_rows
from app.files.importing.csv_cells import MAX_ROW_CHARACTERS, csv_rows
from models.errors import Invalid


class Endless(io.StringIO):
    """A file that goes on with the same line without end, of which no more is asked for than any row may have."""

    def __init__(self, beginning: str, line: str) -> None:
        super().__init__(beginning)
        self._line = line
        self.given = 0

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        assert size is not None
        assert 0 <= size <= MAX_ROW_CHARACTERS + 1
        text = super().readline(size) or self._line[:size]
        self.given += len(text)
        assert self.given < 10 * MAX_ROW_CHARACTERS
        return text

    def __next__(self) -> str:  # type: ignore[override]
        return self.readline()


ENDLESS: Final = {
    "one long cell": ("customer,amount\n", "a" * 1_000_000),
    "many cells on a line": ("customer,amount\n", "," * 1_000_000),
    "many cells, on lines that quotes hold together": ('customer,amount\n"\n', '","\n'),
    "many columns": ("", "customer," * 1_000_000),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_row_without_an_end_is_given_up(name: str) -> None:
    with pytest.raises(Invalid, match=r"Line [1-9].*longer"):
        list(credit_rows(csv_rows(Endless(*ENDLESS[name]), ",")))


def test_the_longest_rows_that_may_be_are_read() -> None:
    note = '"' + 'She said ""no"".\n' * 600 + '"'
    file = io.StringIO("customer,amount,note\n" + f"carol,5,{note}\n" * 100)
    rows = [row for row in credit_rows(csv_rows(file, ",")) if row is not None]
    assert [row.errors for row in rows] == [()] * 100
    assert {row.note for row in rows} == {('She said "no".\n' * 600).strip()}
