"""An export's rows are added in parts of whole rows, and what names each other in one."""

from io import BytesIO

import pytest

from models.errors import Invalid
from models.operations import import_tenant
from models.operations.import_tenant import chunks
from models.tenant_rows import TenantTable

ENTRIES = TenantTable("entries", ("id", "tenant_id"), "id")
CREDITS = TenantTable("credits", ("amount_minor", "id", "origin_id"), "id")
ROWS = [b"5\ta\t\\N\n", b"5\tb\ta\n", b"5\tc\ta\n", b"6\td\t\\N\n", b"7\te\t\\N\n", b"7\tf\te\n"]
GROUPS = [b"".join(ROWS[:3]), ROWS[3], b"".join(ROWS[4:])]


@pytest.mark.parametrize("size", [1, 2, 7, 16, 30, 1000])
def test_parts_are_whole_rows(size: int) -> None:
    rows = [b"1\tx\n", b"22\tyy\\n\n", b"333\tzzz\n"]

    parts = list(chunks(BytesIO(b"".join(rows)), ENTRIES, size))

    assert b"".join(parts) == b"".join(rows)
    assert all(part.endswith(b"\n") for part in parts)
    assert len(parts) == (1 if size >= 30 else len(parts))


@pytest.mark.parametrize("size", [1, 5, 9, 20, 1000])
def test_no_part_ends_between_credits_that_name_each_other(size: int) -> None:
    parts = list(chunks(BytesIO(b"".join(ROWS)), CREDITS, size))

    assert b"".join(parts) == b"".join(ROWS)
    ends = {sum(map(len, parts[:n])) for n in range(1, len(parts) + 1)}
    assert ends <= {sum(map(len, GROUPS[:n])) for n in range(1, len(GROUPS) + 1)}
    if size == 1:
        assert parts == GROUPS


def test_half_a_row_and_too_many_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match="ends within a row"):
        list(chunks(BytesIO(b"1\tx\n2"), ENTRIES))
    monkeypatch.setattr(import_tenant, "MAX_CHUNK_BYTES", 10)
    with pytest.raises(Invalid, match="belong together"):
        list(chunks(BytesIO(b"".join(ROWS)), CREDITS, 4))
