"""Conditions that the filter of a list asks for: served by the index that the list is in the order of, or looked for.

A range of what the list is sorted by is a range of its index. All else is looked for, row by row, in a bounded number of
rows (docs/adr/0066): so each filter goes with each order, and none takes long.
"""

from collections.abc import Collection
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from models.money import MAX_AMOUNT_MINOR, exponent
from models.reads.paging import Condition, Listing, Looked
from models.reads.references import Reference


def ranged(
    listing: Listing[Any],
    column: str,
    least: object,
    most: object,
    named: str,
    *,
    with_end: bool = False,
    until: datetime | None = None,
) -> tuple[Condition, ...]:
    """Values of the column from `least` on, and before `most`, or with_end up to it; None for no bound. named: which
    filter it is. until: `most`, if the column says when rows are stamped."""
    found = []
    served = listing.keys[0].column == column
    for sign, bound, at in ((">=", least, None), ("<=" if with_end else "<", most, until)):
        if bound is not None:
            sql = f"{column} {sign} {{0}}"
            found.append(Condition(sql, (bound,), until=at) if served else Looked(sql, (bound,), named, until=at))
    return tuple(found)


def one_of(column: str, values: Collection[str], named: str) -> Condition:
    return Looked(f"{column} = any({{0}}::text[])", (tuple(sorted(set(values))),), named)


def equal(column: str, value: object, named: str) -> Condition:
    return Looked(f"{column} = {{0}}", (value,), named)


def of_asset(asset: str) -> Condition:
    """Of rows that have an account."""
    return equal("(select o.asset from accounts o where o.tenant_id = $1 and o.id = t.account_id)", asset, "asset")


def amounts(
    column: str, asset: str, least: Decimal | None, most: Decimal | None, named: str, *, of: str | None = None
) -> tuple[Condition, ...]:
    """Rows in the asset whose amount is at least and at most so much, in the asset's own units. of: SQL for a row's asset;
    None: its account's."""
    account = "(select o.asset from accounts o where o.tenant_id = $1 and o.id = t.account_id)"
    low, high = minor_bounds(asset, least, most)
    sql = f"{of or account} = {{0}} and {column} between {{1}} and {{2}}"
    return (Looked(sql, (asset, low, high), named),)


def minor_bounds(asset: str, least: Decimal | None, most: Decimal | None) -> tuple[int, int]:
    """The bounds in minor units, None for none: no amount lies between one and its own. Those past the largest amount are
    equivalent."""
    low = -MAX_AMOUNT_MINOR if least is None else _minor(least, asset, ROUND_CEILING)
    high = MAX_AMOUNT_MINOR if most is None else _minor(most, asset, ROUND_FLOOR)
    return low, high


def _minor(amount: Decimal, asset: str, rounding: str) -> int:
    minor = int(amount.scaleb(exponent(asset)).to_integral_value(rounding))
    return max(-MAX_AMOUNT_MINOR - 1, min(minor, MAX_AMOUNT_MINOR + 1))


def in_texts(table: str, row_id: str, has: Condition, named: str) -> Condition:
    """Rows of whose texts, in a table `x` of their own, this is true. row_id: SQL for the texts' id."""
    sql = f"exists (select 1 from {table} x where x.tenant_id = $1 and x.id = {row_id} and {has.sql})"
    return Looked(sql, has.values, named)


def paired(metadata: str, key: str, value: str | None) -> Condition:
    """Metadata that have the key, with this value if one is given. metadata: the column, JSON or null."""
    if value is None:
        return Condition(f"jsonb_exists({metadata}::jsonb, {{0}})", (key,))
    return Condition(f"{metadata}::jsonb ->> {{0}} = {{1}}", (key, value))


def looked(condition: Condition, named: str) -> Condition:
    return Looked(condition.sql, condition.values, named, until=condition.until)


def of_transaction(
    transaction_id: str, kinds: Collection[str] | None, reason: str | None, named: tuple[str, str]
) -> tuple[Condition, ...]:
    """Rows of transactions of these kinds, or made under this reason. named: the two filters."""
    found = []
    of = f"exists (select 1 from transactions x where x.tenant_id = $1 and x.id = {transaction_id} and "
    if kinds is not None:
        found.append(Looked(f"{of} x.kind = any({{0}}::text[]))", (tuple(sorted(set(kinds))),), named[0]))
    if reason is not None:
        found.append(Looked(f"{of} x.reason = {{0}})", (reason,), named[1]))
    return tuple(found)


def texts_have(
    table: str, row_id: str, reference: Reference | None, metadata: tuple[str, str | None] | None
) -> tuple[Condition, ...]:
    """Rows whose texts have the reference and the metadata that are given."""
    found = () if reference is None else (in_texts(table, row_id, reference.of("x.reference"), "reference"),)
    if metadata is None:
        return found
    return (*found, in_texts(table, row_id, paired("x.metadata", *metadata), "metadata"))


def has_account(sql: str, values: tuple[object, ...], named: str, *, asset: str | None = None) -> Condition:
    """Customers of whose accounts `o`, in the asset if one is given, one has this."""
    of = f" and o.asset = {{{len(values)}}}" if asset else ""
    found = f"exists (select 1 from accounts o where o.tenant_id = $1 and o.customer_id = t.id{of} and {sql})"
    return Looked(found, (*values, asset) if asset else values, named)
