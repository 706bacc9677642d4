"""The branches through which a person's rows, or a credit's, are found."""

from typing import Final

from models.reads.paging import Through

_RECORDS: Final = """(select p.id, null::timestamptz as merged_at
    union all select m.id, m.merged_at from customers m where m.tenant_id = $1 and m.merged_into_id = p.id) c"""
RECORDS: Final = Through(_RECORDS, "c.id", "c.merged_at")
"""All records of the person that is the parent: itself, and those merged into it."""
ACCOUNTS: Final = Through(
    f"""{_RECORDS} cross join lateral (
    select o.id, o.asset from accounts o where o.tenant_id = $1 and o.customer_id = c.id offset 0) a""",
    "a.id",
    "c.merged_at",
)
"""All accounts of the person that is the parent."""
LOTS: Final = Through(
    """(select coalesce(q.origin_id, q.id) as id from credits q where q.tenant_id = $1 and q.id = p.id
    union all select l.id from credits q cross join lateral (select i.id from credits i where i.tenant_id = $1
        and i.origin_id = case when q.origin_id is null then q.id else q.origin_id end offset 0) l
      where q.tenant_id = $1 and q.id = p.id) a""",
    "a.id",
)
"""The parent credit, with those that preceded or succeeded it in merges."""
OWN_ACCOUNTS: Final = Through(
    "(select o.id, o.asset from accounts o where o.tenant_id = $1 and o.customer_id = p.id) a", "a.id"
)
"""Only the parent's own."""
