"""Many rows by their keys in one statement, each by its own index look-up, independent of the statistics (docs/adr/0027)."""

from functools import cache


@cache
def each(*columns: str, first: int = 2) -> str:
    """A FROM item whose rows are made of arrays: `each("id uuid", "at date")` AS k has `id` of $2 and `at` of $3.

    Joined to a table by its key, it always uses the key's index. PostgreSQL estimates an unknown limit as a tenth of
    its input, and unknown arrays as ten rows: so it expects one row here, and looking one row up by its key costs
    least. For `id = ANY($2)` it expects ten, and reads all of a tenant's rows, by any index, if it believes
    that there are fewer than about twenty.
    """
    names, arrays = [], []
    for place, column in enumerate(columns, start=first):
        name, kind = column.split(" ")
        names.append(name)
        arrays.append(f"${place}::{kind}[]")
    return f"(SELECT * FROM unnest({', '.join(arrays)}) AS u({', '.join(names)}) LIMIT cardinality(${first}))"


def rows_of_bulk(*columns: str, first: int) -> str:
    """The same by numbers of rows (`row`) of the bulk $2, with the `id` of each: of a bulk the planner may expect one row,
    and would read all of its million for each number."""
    return f"""(SELECT k.*, b.id FROM {each(*columns, first=first)} k CROSS JOIN LATERAL (
        SELECT id FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 AND "row" = k."row" OFFSET 0) b)"""
