"""Lists by filter and order in a tenant with 1,000,000 customers (or `--entries`), each beside the plain list of such rows.

The rows are made by bare SQL (`benchmarks/list_rows.py`): a customer in two has a balance, one in three is a member, one in
ten has an unpaid invoice. Each page has twenty rows. What is listed is asked for in turn with the plain list, from instants,
names and days that are drawn anew for each request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.adjust import cost
from benchmarks.list_rows import ADDED_FROM, DAYS, DUE_FROM, Filled, fill_lists
from benchmarks.load import PICK, Order
from benchmarks.report import Figure, microseconds, milliseconds, print_figures, print_table, say_of
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http

CUSTOMERS, QUICK_CUSTOMERS = 1_000_000, 20_000
CONNECTIONS: Final = 4
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
MOST: Final = 1.5
"""Maximum ratio to the plain list's time."""
PICKED: Final = 500

INSTANTS, NAMES, NUMBERS, DUE_DAYS, NOTHING = "instants", "names", "numbers", "days", "nothing"
WORDS, DOMAINS = "words", "domains"
"""Kinds of values, of which one is drawn for each request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A list: its arguments, what `$pick` is, and its type. bound: whether it may take no longer than MOST says."""

    arguments: str
    picks: str = NOTHING
    pick: str = "String"
    bound: bool = True


_CUSTOMERS: Final = "customers({}, first: 20) {{ nodes {{ id externalId name email createdAt }} }}"
_INVOICES: Final = "invoices({}, first: 20) {{ nodes {{ id number total due dueOn status }} }}"
_CREDITS: Final = "credits({}, first: 20) {{ nodes {{ id amount remaining expiresAt status }} }}"
_COUNTED: Final = "customers({}, first: 0) {{ totalCount }}"
_OF_MONEY: Final = 'filter: {hasBalance: "GBP"}'

LISTS: Final[dict[str, tuple[str, dict[str, Asked]]]] = {
    "customers": (
        _CUSTOMERS,
        {
            "plain": Asked("reverse: false"),
            "newest first": Asked("reverse: true"),
            "added from an instant on": Asked("filter: {createdAt: {from: $pick}}", INSTANTS, "DateTime"),
            "by name": Asked("sortBy: NAME"),
            "by name, reversed": Asked("sortBy: NAME, reverse: true"),
            "by balance": Asked(f"sortBy: BALANCE, {_OF_MONEY}"),
            "by balance, largest first": Asked(f"sortBy: BALANCE, reverse: true, {_OF_MONEY}"),
            "by balance, from 100 to 200": Asked(
                'sortBy: BALANCE, filter: {balance: {asset: "GBP", min: "100", max: "200"}}'
            ),
            "by last activity, newest first": Asked("sortBy: LAST_ACTIVITY, reverse: true"),
            "with a balance": Asked(_OF_MONEY),
            "with a balance, by name": Asked(f"sortBy: NAME, {_OF_MONEY}"),
            "members": Asked("filter: {membership: [ACTIVE]}"),
            "members with a balance, by last activity": Asked(
                'sortBy: LAST_ACTIVITY, reverse: true, filter: {hasBalance: "GBP", membership: [ACTIVE]}'
            ),
            "search: a number within": Asked("filter: {search: $pick}", NUMBERS),
            "search: beginning of a name, by name": Asked("sortBy: NAME, filter: {search: $pick}", NAMES),
            "search: beginning of a middle word": Asked("filter: {search: $pick}", WORDS),
            "search: beginning of a domain": Asked("filter: {search: $pick}", DOMAINS),
        },
    ),
    "invoices": (
        _INVOICES,
        {
            "plain": Asked("reverse: false"),
            "unpaid": Asked("filter: {status: [OPEN, PART_PAID]}"),
            "by due day": Asked("sortBy: DUE_ON"),
            "due from a day on": Asked("sortBy: DUE_ON, filter: {dueOn: {from: $pick}}", DUE_DAYS, "Date"),
            "of at least 500": Asked('filter: {total: {asset: "GBP", min: "500"}}'),
        },
    ),
    "credits": (
        _CREDITS,
        {
            "plain": Asked("reverse: false"),
            "by expiry": Asked("sortBy: EXPIRES_AT"),
            "expiring from an instant on": Asked(
                "sortBy: EXPIRES_AT, filter: {expiresAt: {from: $pick}}", INSTANTS, "DateTime"
            ),
            "of at least 100": Asked('filter: {remaining: {asset: "GBP", min: "100"}}'),
        },
    ),
    "counts": (
        _COUNTED,
        {
            "plain": Asked("reverse: false", bound=False),
            "of a search": Asked("filter: {search: $pick}", NUMBERS, bound=False),
        },
    ),
}
"""By kind, how a list is asked for, and which; the first is the plain one."""


def run(rig: Rig) -> None:
    """Measure and print."""
    customers = rig.entries[0] if rig.entries else QUICK_CUSTOMERS if rig.quick else CUSTOMERS
    filled = asyncio.run(fill_lists(rig, customers))
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    runs: dict[tuple[str, str], list[Run]] = {(kind, what): [] for kind in LISTS for what in LISTS[kind][1]}
    with rig.server() as server:
        for _ in range(repetitions):
            for kind, (document, lists) in LISTS.items():
                for what, asked in lists.items():
                    order = _order(server, filled, document, asked)
                    runs[kind, what].append(over_http(rig, server, order, seconds=seconds))
                    print(".", end="", flush=True)
    print()
    _print(runs, customers, seconds)


def _order(server: Server, filled: Filled, document: str, asked: Asked) -> Order:
    head = f"query($pick: {asked.pick}!)" if "$pick" in asked.arguments else "query"
    return Order(
        port=server.port,
        tokens=[filled.token] * CONNECTIONS,
        query=f"{head} {{ {document.format(asked.arguments)} }}",
        variables={"pick": PICK} if "$pick" in asked.arguments else {},
        ids=_picks(asked.picks, filled),
        expected='"totalCount":' if "totalCount" in document else '"id":"',
        prefix="list",
    )


def _picks(what: str, filled: Filled) -> list[str]:
    """All of one length, as the driver wants them."""
    drawn = range(PICKED)
    if what == INSTANTS:
        return [(ADDED_FROM + filled.span * n / (2 * PICKED)).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for n in drawn]
    if what == DUE_DAYS:
        return [DUE_FROM.fromordinal(DUE_FROM.toordinal() + n % (DAYS // 2)).isoformat() for n in drawn]
    of_them = [n * filled.customers // PICKED for n in drawn]
    if what == NUMBERS:  # without the first digits
        return [f"{1_000_000 + n}"[2:] for n in of_them]
    if what == NAMES:
        return [f"customer {n:07}" for n in of_them]
    if what == WORDS:  # of every second customer
        return [f"w{n - n % 2:07}" for n in of_them]
    if what == DOMAINS:
        return [f"d{n % (1 + filled.customers // 20):07}.exam" for n in of_them]
    return [""]


def _print(runs: dict[tuple[str, str], list[Run]], customers: int, seconds: int) -> None:
    say_of(f"{customers:,} customers")
    count = len(next(iter(runs.values())))
    head = ["what", "req/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs"]
    title = f"Lists: medians of {count} x {seconds} s, {CONNECTIONS} connections; µs of CPU time per request"
    print_table(head, [_row(f"{kind}, {what}", found) for (kind, what), found in runs.items()], title=title)
    figures = []
    for kind, (_, lists) in LISTS.items():
        plain = runs[kind, next(iter(lists))]
        for what, asked in list(lists.items())[1:]:
            figures += _ratios(f"{kind}, {what}", plain, runs[kind, what], MOST if asked.bound else None)
    print_figures("of the plain list", figures)


def _ratios(what: str, plain: list[Run], other: list[Run], most: float | None) -> list[Figure]:
    def figure(name: str, measure: Callable[[Run], float], bound: float | None = None) -> Figure:
        pairs = zip(plain, other, strict=True)
        return Figure(f"{what}, {name}", [measure(b) / measure(a) for a, b in pairs], most=bound)

    return [figure("time", lambda run: 1 / run.rate, most), figure("CPU", cost)]


def _row(what: str, measured: list[Run]) -> list[str]:
    middle, end = (milliseconds(median(run.quantile(q) for run in measured)) for q in (0.5, 0.99))
    server, postgres = (
        microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in measured))
        for part in ("server", "postgres")
    )
    return [what, f"{median(run.rate for run in measured):,.0f}", middle, end, server, postgres]
