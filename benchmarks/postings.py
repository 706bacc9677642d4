"""Every kind of posting beside adjustCredit, by CPU time per request, of the server and PostgreSQL together.

Each kind runs right beside an adjustCredit that adds, now before it and now after it; the median of the ratios within
the pairs counts. Customers are drawn anew for each request. And of each kind, one request at a time: the statements that
PostgreSQL is sent, and the objects that are left to the garbage collector.
"""

from statistics import median
from typing import Final

from benchmarks.adjust import cost
from benchmarks.counts import Counted, count
from benchmarks.data import CURRENCY, REASON
from benchmarks.load import KEY, OTHER, PICK, Order
from benchmarks.report import Figure, microseconds, milliseconds, print_figures, print_table
from benchmarks.rig import Rig, Server
from benchmarks.runs import Run, over_http
from benchmarks.shop import Shop, make_shop

CONNECTIONS: Final = (16, 64)
REPETITIONS, SECONDS = 5, 2
QUICK_REPETITIONS, QUICK_SECONDS = 1, 1
MOST, MOST_MOVING = 1.3, 1.5
"""Maximum ratio of a posting's CPU to that of adjustCredit; and of one that holds value, moves it on or gives it back."""
ADD: Final = "adjustCredit, adding"
_ERRORS: Final = "userErrors { code message }"
_ADJUST: Final = f"""mutation($input: AdjustCreditInput!) {{
  adjustCredit(input: $input) {{ transaction {{ id }} account {{ available }} credit {{ id }} {_ERRORS} }} }}"""
_PAY: Final = f"""mutation($input: RecordPaymentInput!) {{
  recordPayment(input: $input) {{ payment {{ id }} invoice {{ due }} {_ERRORS} }} }}"""
DOCUMENTS: Final = {
    ADD: _ADJUST,
    "adjustCredit, removing": _ADJUST,
    "assignCredit": f"""mutation($input: AssignCreditInput!) {{
      assignCredit(input: $input) {{ credit {{ id remaining }} {_ERRORS} }} }}""",
    "giveReward, for points": f"""mutation($input: GiveRewardInput!) {{
      giveReward(input: $input) {{ transaction {{ id }} account {{ available }} coupon {{ id code }} {_ERRORS} }} }}""",
    "useCredit": f"""mutation($input: UseCreditInput!) {{
      useCredit(input: $input) {{ transaction {{ id }} account {{ available }} {_ERRORS} }} }}""",
    "spendCredit": f"""mutation($input: SpendCreditInput!) {{
      spendCredit(input: $input) {{ transaction {{ id }} account {{ available }} {_ERRORS} }} }}""",
    "holdCredit": f"""mutation($input: HoldCreditInput!) {{
      holdCredit(input: $input) {{ transaction {{ id }} account {{ available }} hold {{ id }} {_ERRORS} }} }}""",
    "captureHold": f"""mutation($input: CaptureHoldInput!) {{
      captureHold(input: $input) {{ transaction {{ id }} account {{ available }} hold {{ id held }} {_ERRORS} }} }}""",
    "createCreditNote": f"""mutation($input: CreateCreditNoteInput!) {{
      createCreditNote(input: $input) {{ creditNote {{ id }} invoice {{ noted due }} {_ERRORS} }} }}""",
    "createCreditNote, giving back": f"""mutation($input: CreateCreditNoteInput!) {{
      createCreditNote(input: $input) {{ creditNote {{ id }} invoice {{ noted due }} {_ERRORS} }} }}""",
    "refundSpend": f"""mutation($input: RefundSpendInput!) {{
      refundSpend(input: $input) {{ transaction {{ id }} account {{ available }} {_ERRORS} }} }}""",
    "transferCredit": f"""mutation($input: TransferCreditInput!) {{
      transferCredit(input: $input) {{ transaction {{ id }} {_ERRORS} }} }}""",
    "reviveCredit": f"""mutation($input: ReviveCreditInput!) {{
      reviveCredit(input: $input) {{ transaction {{ id }} account {{ available }} credit {{ id }} {_ERRORS} }} }}""",
    "recordPayment, cash": _PAY,
    "recordPayment, account credit": _PAY,
    "createInvoice, auto-applied": f"""mutation($input: CreateInvoiceInput!) {{
      createInvoice(input: $input) {{ invoice {{ id due }} {_ERRORS} }} }}""",
}


_MOVING: Final = (
    "spendCredit",
    "holdCredit",
    "captureHold",
    "createCreditNote",
    "createCreditNote, giving back",
    "refundSpend",
    "transferCredit",
    "reviveCredit",
)


def run(rig: Rig) -> None:
    """Measure and print."""
    shop = make_shop(rig, max(CONNECTIONS))
    kinds = [what for what in DOCUMENTS if any(part in what for part in rig.part.split(","))]
    repetitions, seconds = (QUICK_REPETITIONS, QUICK_SECONDS) if rig.quick else (REPETITIONS, SECONDS)
    pairs: dict[tuple[str, int], list[tuple[Run, Run]]] = {}
    with rig.server() as server:
        for repetition in range(repetitions):
            for n in CONNECTIONS:
                for what in kinds:
                    beside = (what, ADD) if repetition % 2 else (ADD, what)
                    turn = f"{list(DOCUMENTS).index(what)}-{n}-{repetition}"
                    found = [
                        over_http(rig, server, order_of(server, shop, each, n, f"{turn}-{place}"), seconds=seconds)
                        for place, each in enumerate(beside)
                    ]
                    pairs.setdefault((what, n), []).append((found[beside.index(what)], found[1 - beside.index(what)]))
    counted = count(rig, lambda server, what, turn: order_of(server, shop, what, 1, turn), kinds)
    _print(pairs, counted, seconds)


def order_of(server: Server, shop: Shop, what: str, connections: int, turn: str) -> Order:
    """Requests of one kind, for a customer drawn anew each time. turn: what its keys begin with."""
    given, picks, others = _given(shop, what, turn)
    return Order(
        port=server.port,
        tokens=shop.tokens[:connections],
        query=DOCUMENTS[what],
        variables={"input": {**given, "idempotencyKey": KEY}},
        ids=picks,
        others=others,
        expected='"userErrors":[]',
        prefix=turn,
    )


def _given(shop: Shop, what: str, turn: str) -> tuple[dict[str, object], list[str], list[str]]:
    """The input, but for the key; and what its PICK and OTHER are drawn from."""
    operation, _, way = what.partition(", ")
    adds = way == "adding"
    line = {"description": "Goods", "quantity": 1, "unitPrice": "0.05"}
    inputs: dict[str, dict[str, object]] = {
        "adjustCredit": {
            "customerId": PICK,
            "asset": CURRENCY,
            "amount": "1.50" if adds else "-0.01",
            "reason": REASON if adds else "CORRECTION",
        },
        "assignCredit": {"creditId": PICK, "assignments": [{"invoiceId": OTHER, "amount": "0.01"}]},
        "giveReward": {"customerId": PICK, "rewardId": shop.reward, "deductPoints": True},
        "useCredit": {"customerId": PICK, "serviceId": shop.service, "amount": "1"},
        "spendCredit": {"customerId": PICK, "asset": CURRENCY, "amount": "0.01", "note": "Goods"},
        "holdCredit": {"customerId": PICK, "asset": CURRENCY, "amount": "0.01", "note": "Goods", "expiresInMinutes": 1},
        "captureHold": {"holdId": PICK, "amount": "0.01"},
        "createCreditNote": {"invoiceId": PICK, "amount": "0.01"},
        "refundSpend": {"transactionId": PICK, "amount": "0.01"},
        "transferCredit": {"fromCustomerId": PICK, "toCustomerId": OTHER, "asset": CURRENCY, "amount": "0.01"},
        "reviveCredit": {"creditId": PICK, "amount": "0.01", "reason": REASON, "neverExpires": True},
        "recordPayment": {"invoiceId": PICK, "amount": "0.01", "method": "CASH" if way == "cash" else "ACCOUNT_CREDIT"},
        "createInvoice": {"customerId": PICK, "number": f"{turn} {KEY}", "currency": CURRENCY, "lines": [line]},
    }
    of_holds = {"holdCredit": shop.holders, "captureHold": shop.holds}
    noted = shop.paid if way == "giving back" else shop.unpaid
    of_invoices = {"createCreditNote": noted, "recordPayment": shop.invoices}
    of_past = {"refundSpend": shop.spends, "reviveCredit": shop.lapsed}
    picks = {"assignCredit": shop.credits, **of_holds, **of_invoices, **of_past}.get(operation, shop.customers)
    neighbours = [*shop.customers[1:], *shop.customers[:1]]
    return inputs[operation], picks, neighbours if operation == "transferCredit" else shop.invoices


def _print(pairs: dict[tuple[str, int], list[tuple[Run, Run]]], counted: dict[str, Counted], seconds: int) -> None:
    repetitions = len(next(iter(pairs.values())))
    title = (
        f"Postings, uniform: medians of {repetitions} x {seconds} s; µs of CPU time per request; counts one at a time"
    )
    rows = []
    for (what, n), measured in pairs.items():
        own = [run for run, _ in measured]
        server, postgres = (
            microseconds(median(getattr(run.cpu, part) / len(run.latencies) for run in own))
            for part in ("server", "postgres")
        )
        times = [milliseconds(median(run.quantile(q) for run in own)) for q in (0.5, 0.99)]
        rate = f"{median(run.rate for run in own):,.0f}"
        rows.append([what, str(n), rate, *times, server, postgres, *counted[what].row()])
    head = ["posting", "connections", "req/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs", *Counted.HEAD]
    print_table(head, rows, title=title)
    figures = []
    for (what, n), measured in pairs.items():
        most = MOST_MOVING if what in _MOVING else MOST
        if what != ADD:
            figures.append(Figure(f"{what}, {n}", [cost(run) / cost(add) for run, add in measured], most=most))
    print_figures("CPU of a posting, of adjustCredit's", figures)
    garbage = [Figure(what, [each.garbage], "objects", most=0) for what, each in counted.items()]
    print_figures("left in cycles by a request", garbage)
