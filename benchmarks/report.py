"""Tables of plain text."""

from collections.abc import Sequence


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """The first `left` columns begin on the left, the others end on the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    for row in (head, *rows):
        cells = [cell.ljust(width) if n < left else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))]
        print("  ".join(cells).rstrip())
    print()


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f}"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"
