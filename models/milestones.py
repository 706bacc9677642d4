"""An account's entries by time: SQL for finding them.

Their sequence and their time rise together, which a trigger holds them to (`entries_continue`). So only every eighth is in
the index by time; the others of a time are among the few beside such a milestone, and are found by their sequence.

In all SQL here, $1 is the tenant.
"""

from typing import Final

_EVERY: Final = 8


def _milestone(account: str, when: str, order: str) -> str:
    return f"""select m.sequence from entries m
            where m.tenant_id = $1 and m.account_id = {account} and m.created_at {when} and m.sequence % {_EVERY} = 0
            order by m.created_at {order}, m.sequence {order} limit 1"""


def last_entry(columns: str, account: str, until: str) -> str:
    """A SELECT of the account's last entry `e` of a time `until`, as in `<= $2`. account: SQL."""
    milestone = _milestone(account, until, "desc")
    return f"""select {columns}
       from (select coalesce(max(l.sequence), 0) as first, coalesce(max(l.sequence), 0) + {_EVERY} as next
               from ({milestone}) l) n
      cross join lateral (
            select * from entries i where i.tenant_id = $1 and i.account_id = {account}
               and i.sequence >= n.first and i.sequence < n.next and i.created_at {until}
             order by i.sequence desc limit 1) e"""


def begins_after(account: str, instant: str) -> str:
    """SQL for a sequence that is less than those of the account's entries from an instant on: by no more than eight."""
    return f"(select coalesce(max(l.sequence), 0) from ({_milestone(account, f'< {instant}', 'desc')}) l)"


def ends_before(account: str, instant: str, *, included: bool) -> str:
    """SQL for a sequence that is greater than those of the account's entries before an instant, or at it if that is
    included: by no more than eight, but at the end."""
    milestone = _milestone(account, f"{'>' if included else '>='} {instant}", "asc")
    return f"(select coalesce(max(l.sequence), {2**63 - 1}) from ({milestone}) l)"
