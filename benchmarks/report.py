"""Tables of plain text."""

from collections.abc import Sequence


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """The first `left` columns begin on the left, the others end on the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    for row in (head, *rows):
        padded = zip(row, widths, strict=True)
        print("  ".join(c.ljust(width) if n < left else c.rjust(width) for n, (c, width) in enumerate(padded)).rstrip())
    print()


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f}"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"
