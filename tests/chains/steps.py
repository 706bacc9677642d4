"""The steps that chains are made of. Each says, of the books at a moment, what somebody could ask for next.

A new one is a function with a line in STEPS, named in the stories that it belongs to. Its command is one that the reference
(tests/simulation) does and its executor puts to the ledger.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from auth.roles import RULES, Access, Permission, Role
from tests.chains.books import LIMITED, OTHER
from tests.chains.world import (
    ANN,
    BEN,
    CHEAP,
    DEAR,
    INSTANTS,
    INVOICE,
    LONG,
    MONEY_BULK,
    OF_BULK,
    OPEN_AMOUNT,
    ORDER,
    POINTS,
    POINTS_BULK,
    SHORT,
    Moment,
)
from tests.simulation.records import Command, Line

Menu = Callable[[Moment], Iterable[Command]]
ROLES: Final = ("STAFF", "MANAGER", "ADMIN", "PARTNER")
MONEY, PART, MUCH = Decimal(40), Decimal(15), Decimal(100)
"""MONEY: what staff may spend at a time. MUCH: what they may add at a time, and twice to a customer in a day."""


def _command(name: str, **facts: Any) -> Command:
    return Command(name, facts)


def _add(moment: Moment) -> Iterable[Command]:
    for customer in (ANN, BEN):
        facts = {"customer": customer, "asset": "GBP", "amount": MUCH, "reason": "GOODWILL", "auto_apply": False}
        yield Command("adjust", facts)


def _ask_for_more(moment: Moment) -> Iterable[Command]:
    facts = {"customer": ANN, "asset": "GBP", "amount": MUCH + 1, "reason": "GOODWILL", "auto_apply": False}
    yield Command("adjust", facts | {"approval": True})


def _few(menu: Menu, *places: int) -> Menu:
    """Of what a menu offers, what stands at these places: so that chains can be followed further."""
    return lambda moment: [command for place, command in enumerate(menu(moment)) if place in places]


def _last(menu: Menu) -> Menu:
    return lambda moment: [*menu(moment)][-1:]


def _approve(moment: Moment) -> Iterable[Command]:
    return [_command("approve", request=number) for number in range(len(moment.books.requests))]


def _approve_as_another(moment: Moment) -> Iterable[Command]:
    return [replace(command, role=OTHER) for command in _approve(moment)]


def _propose(moment: Moment) -> Iterable[Command]:
    """Of each kind that waits for a second person: also what the one who asks could have done alone."""
    waits = {"approval": False, "propose": True}
    yield _command("adjust", customer=ANN, asset="GBP", amount=MUCH, reason="GOODWILL", auto_apply=False, **waits)
    yield _command("refund", spend=0, amount=None, **waits)
    yield _command("note", invoice=INVOICE, amount=None, in_proportion=False, **waits)
    yield _command("pay", invoice=INVOICE, amount=OPEN_AMOUNT + MONEY, method="CARD", keep=True, **waits)
    yield _command("give", customer=ANN, prize=CHEAP, deduct=False, **waits)


def _propose_as_a_manager(moment: Moment) -> Iterable[Command]:
    waits = {"approval": False, "propose": True}
    yield _command("transfer", customer=ANN, to=BEN, asset="GBP", amount=MONEY, **waits)
    yield _command("revive", credit=SHORT, reason="GOODWILL", note=None, amount=None, never=True, **waits)


def _propose_order(moment: Moment) -> Iterable[Command]:
    """One that sells credit."""
    facts = {"customer": ANN, "currency": "GBP", "items": ((1, Line(20, None)),), "auto": False}
    yield Command("order", facts | {"propose": True})


def _pay_the_last(moment: Moment) -> Iterable[Command]:
    for number, bill in list(enumerate(moment.books.invoices))[ORDER + 1 :][-1:]:
        yield _command("pay", invoice=number, amount=bill.due or PART, method="CARD")


def _remove(moment: Moment) -> Iterable[Command]:
    yield _command("adjust", customer=ANN, asset="GBP", amount=-MONEY, reason="POLICY")


def _remove_points(moment: Moment) -> Iterable[Command]:
    for reason in ("POLICY", "REFUND"):  # of which one moves the lifetime total
        yield _command("adjust", customer=ANN, asset="POINTS", amount=Decimal(-250), reason=reason)


def _spend(moment: Moment) -> Iterable[Command]:
    facts = {"customer": ANN, "asset": "GBP", "amount": MONEY, "note": "Coffee", "services": ()}
    yield Command("spend", facts | {"reference": "R-1"})


def _spend_points(moment: Moment) -> Iterable[Command]:
    yield _command("spend", customer=ANN, asset="POINTS", amount=Decimal(650), note="Coffee", services=())


def _use(moment: Moment) -> Iterable[Command]:
    for amount in (Decimal(6), Decimal(2)):
        yield _command("use", customer=ANN, service=0, amount=amount)


def _refund(moment: Moment) -> Iterable[Command]:
    for number in range(len(moment.books.spends)):
        for amount in (None, PART):
            yield _command("refund", spend=number, amount=amount, approval=False)


def _refund_renewed(moment: Moment) -> Iterable[Command]:
    """With a new expiry for what has expired since."""
    for number in range(len(moment.books.spends)):
        yield _command("refund", spend=number, amount=None, approval=False, never=True)


def _transfer(moment: Moment) -> Iterable[Command]:
    for giver, receiver in ((ANN, BEN), (BEN, ANN)):
        yield _command("transfer", customer=giver, to=receiver, asset="GBP", amount=MONEY, approval=False)


def _transfer_points(moment: Moment) -> Iterable[Command]:
    yield _command("transfer", customer=ANN, to=BEN, asset="POINTS", amount=Decimal(250), approval=False)


def _revive(moment: Moment) -> Iterable[Command]:
    for amount in (None, PART):
        facts = {"credit": SHORT, "reason": "GOODWILL", "note": None, "amount": amount, "never": True}
        yield Command("revive", facts | {"approval": False})


def _hold(moment: Moment) -> Iterable[Command]:
    yield _command("hold", customer=ANN, asset="GBP", amount=MONEY, note="Table 7", services=())


def _capture(moment: Moment) -> Iterable[Command]:
    for number in range(len(moment.books.holds)):
        for amount in (None, PART):
            yield _command("capture", hold=number, amount=amount)


def _capture_for_invoice(moment: Moment) -> Iterable[Command]:
    for number in range(len(moment.books.holds)):
        yield _command("capture", hold=number, amount=None, invoice=INVOICE)


def _release_hold(moment: Moment) -> Iterable[Command]:
    return [_command("release_hold", hold=number) for number in range(len(moment.books.holds))]


def _extend_hold(moment: Moment) -> Iterable[Command]:
    numbers = range(len(moment.books.holds))
    return [_command("extend_hold", hold=number, expires=INSTANTS[-1] + timedelta(hours=1)) for number in numbers]


def _pay_with_credit(moment: Moment) -> Iterable[Command]:
    for invoice in (INVOICE, ORDER):
        yield _command("pay", invoice=invoice, amount=Decimal(25), method="ACCOUNT_CREDIT")


def _pay_money(moment: Moment) -> Iterable[Command]:
    for number in (INVOICE, ORDER):
        due = moment.books.invoices[number].due
        yield _command("pay", invoice=number, amount=due or PART, method="CARD")


def _pay_too_much(moment: Moment) -> Iterable[Command]:
    for number in (INVOICE, ORDER):
        amount = moment.books.invoices[number].due + MONEY
        yield _command("pay", invoice=number, amount=amount, method="CARD", keep=True)


def _void_payment(moment: Moment) -> Iterable[Command]:
    return [_command("void_payment", payment=number) for number in range(len(moment.books.payments))]


def _assign(moment: Moment) -> Iterable[Command]:
    yield _command("assign", credit=LONG, items=((INVOICE, None),))
    yield _command("assign", credit=SHORT, items=((INVOICE, PART), (ORDER, PART)))


def _assign_of_bulk(moment: Moment) -> Iterable[Command]:
    yield _command("assign", credit=OF_BULK, items=((INVOICE, PART),))


def _release(moment: Moment) -> Iterable[Command]:
    numbers = [n for n, part in enumerate(moment.books.assignments) if part.payment is None]
    return [_command("release", parts=(number,)) for number in numbers]


def _note(moment: Moment) -> Iterable[Command]:
    for invoice in (INVOICE, ORDER):
        for amount in (None, PART):
            yield _command("note", invoice=invoice, amount=amount, in_proportion=False, approval=False)


def _note_in_proportion(moment: Moment) -> Iterable[Command]:
    yield _command("note", invoice=INVOICE, amount=PART, in_proportion=True, approval=False)


def _void_note(moment: Moment) -> Iterable[Command]:
    return [_command("void_note", note=number) for number in range(len(moment.books.notes))]


def _void_invoice(moment: Moment) -> Iterable[Command]:
    yield _command("void_invoice", invoice=INVOICE)


def _void_credit(moment: Moment) -> Iterable[Command]:
    granted = moment.books.invoices[ORDER].granted
    for number in (SHORT, LONG, *granted):
        yield _command("void_credit", credit=number, release=True, release_holds=True)


def _void_of_bulk(moment: Moment) -> Iterable[Command]:
    yield _command("void_credit", credit=OF_BULK, release=True, release_holds=True)


def _void_credit_that_is_free(moment: Moment) -> Iterable[Command]:
    yield _command("void_credit", credit=LONG, release=False)


def _void_points(moment: Moment) -> Iterable[Command]:
    yield _command("void_credit", credit=POINTS, release=False)


def _give(moment: Moment) -> Iterable[Command]:
    yield _command("give", customer=ANN, prize=CHEAP, deduct=True, approval=False)


def _give_free(moment: Moment) -> Iterable[Command]:
    yield _command("give", customer=ANN, prize=DEAR, deduct=False, approval=False)


def _use_coupon(moment: Moment) -> Iterable[Command]:
    return [_command("use_coupon", coupon=number, invoice=None) for number in range(len(moment.books.coupons))]


def _reopen_coupon(moment: Moment) -> Iterable[Command]:
    return [_command("reopen_coupon", coupon=number) for number in range(len(moment.books.coupons))]


def _disable_coupon(moment: Moment) -> Iterable[Command]:
    numbers = range(len(moment.books.coupons))
    return [_command("disable_coupon", coupon=number, refund=True, restock=True) for number in numbers]


def _reverse(moment: Moment) -> Iterable[Command]:
    yield _command("reverse", bulk=MONEY_BULK, dry_run=False)


def _reverse_points(moment: Moment) -> Iterable[Command]:
    yield _command("reverse", bulk=POINTS_BULK, dry_run=False)


def _merge(moment: Moment) -> Iterable[Command]:
    yield _command("merge", source=BEN, target=ANN)
    yield _command("merge", source=ANN, target=BEN)


def _erase(moment: Moment) -> Iterable[Command]:
    yield _command("erase", customer=ANN)


def _sweep(moment: Moment) -> Iterable[Command]:
    yield _command("sweep")


def _wait(moment: Moment) -> Iterable[Command]:
    return [_command("wait", until=place) for place in range(moment.at + 1, len(INSTANTS))]


@dataclass(frozen=True)
class Step:
    """menu: what can be asked for. rights: what it takes; who has them not has a manager beside them who does it. None: it
    happens by itself."""

    menu: Menu
    rights: tuple[Permission, ...] = ()

    def is_open_to(self, role: str) -> bool:
        """Whether a person or program in this role, with every scope, may do it."""
        rules = [RULES[right] for right in self.rights]
        return bool(rules) and all(rule.access[Role(role.lower())] is not Access.NO for rule in rules)


_PAYING_WITH_CREDIT: Final = (Permission.WRITE_PAYMENTS, Permission.PAY_WITH_CREDIT)
STEPS: Final = {
    "add": Step(_add, (Permission.ADD_CREDIT,)),
    "ask for more": Step(_ask_for_more, (Permission.ADD_CREDIT,)),
    "approve": Step(_approve, (Permission.APPROVE,)),
    "approve as another": Step(_approve_as_another, (Permission.APPROVE,)),
    "propose": Step(
        _propose,
        (
            Permission.ADD_CREDIT,
            Permission.REFUND_SPEND,
            Permission.CREATE_CREDIT_NOTE,
            Permission.WRITE_PAYMENTS,
            Permission.KEEP_EXCESS,
            Permission.GIVE_REWARD_FREE,
        ),
    ),
    "propose as a manager": Step(_propose_as_a_manager, (Permission.TRANSFER, Permission.REVIVE)),
    "propose order": Step(_propose_order, (Permission.WRITE_INVOICES, Permission.ADD_CREDIT)),
    "pay the last": Step(_pay_the_last, (Permission.WRITE_PAYMENTS,)),
    "remove": Step(_remove, (Permission.REMOVE_CREDIT,)),
    "remove points": Step(_remove_points, (Permission.REMOVE_CREDIT,)),
    "spend": Step(_spend, (Permission.SPEND_CREDIT,)),
    "spend points": Step(_spend_points, (Permission.SPEND_CREDIT,)),
    "use": Step(_use, (Permission.USE_CREDIT,)),
    "refund": Step(_refund, (Permission.REFUND_SPEND,)),
    "refund renewed": Step(_refund_renewed, (Permission.REFUND_SPEND, Permission.REVIVE)),
    "transfer": Step(_transfer, (Permission.TRANSFER,)),
    "transfer points": Step(_transfer_points, (Permission.TRANSFER,)),
    "revive": Step(_revive, (Permission.REVIVE,)),
    "hold": Step(_hold, (Permission.SPEND_CREDIT,)),
    "capture": Step(_capture, (Permission.SPEND_CREDIT,)),
    "capture for invoice": Step(_capture_for_invoice, (Permission.SPEND_CREDIT, Permission.WRITE_PAYMENTS)),
    "release hold": Step(_release_hold, (Permission.SPEND_CREDIT,)),
    "extend hold": Step(_extend_hold, (Permission.SPEND_CREDIT,)),
    "pay with credit": Step(_pay_with_credit, _PAYING_WITH_CREDIT),
    "pay money": Step(_pay_money, (Permission.WRITE_PAYMENTS,)),
    "pay too much": Step(_pay_too_much, (Permission.WRITE_PAYMENTS, Permission.KEEP_EXCESS)),
    "void payment": Step(_void_payment, (Permission.VOID_PAYMENT,)),
    "assign": Step(_assign, (Permission.ASSIGN,)),
    "assign of bulk": Step(_assign_of_bulk, (Permission.ASSIGN,)),
    "release": Step(_release, (Permission.RELEASE,)),
    "note": Step(_note, (Permission.CREATE_CREDIT_NOTE,)),
    "note in proportion": Step(_note_in_proportion, (Permission.CREATE_CREDIT_NOTE,)),
    "void note": Step(_void_note, (Permission.VOID_CREDIT_NOTE,)),
    "void invoice": Step(_void_invoice, (Permission.VOID_INVOICE,)),
    "void credit": Step(_void_credit, (Permission.VOID,)),
    "void of bulk": Step(_void_of_bulk, (Permission.VOID,)),
    "void free credit": Step(_void_credit_that_is_free, (Permission.VOID,)),
    "void points": Step(_void_points, (Permission.VOID,)),
    "give": Step(_give, (Permission.GIVE_REWARD,)),
    "give free": Step(_give_free, (Permission.GIVE_REWARD_FREE,)),
    "use coupon": Step(_use_coupon, (Permission.GIVE_REWARD,)),
    "reopen coupon": Step(_reopen_coupon, (Permission.DISABLE_COUPON,)),
    "disable coupon": Step(_disable_coupon, (Permission.DISABLE_COUPON,)),
    # A bulk is reversed by a manager, whoever plays: it was a manager's, and so no partner's own.
    "reverse": Step(_reverse),
    "reverse points": Step(_reverse_points),
    "pay the invoice": Step(_few(_pay_with_credit, 0), _PAYING_WITH_CREDIT),
    "capture all": Step(_few(_capture, 0), (Permission.SPEND_CREDIT,)),
    "transfer to Ben": Step(_few(_transfer, 0), (Permission.TRANSFER,)),
    "note the invoice": Step(_few(_note, 0), (Permission.CREATE_CREDIT_NOTE,)),
    "merge into Ann": Step(_few(_merge, 0), (Permission.MERGE_CUSTOMERS,)),
    "revive all": Step(_few(_revive, 0), (Permission.REVIVE,)),
    "wait for the end": Step(_last(_wait)),
    "merge": Step(_merge, (Permission.MERGE_CUSTOMERS,)),
    "erase": Step(_erase, (Permission.ERASE_CUSTOMER,)),
    "sweep": Step(_sweep),
    "wait": Step(_wait),
}
_STORIES: Final = {
    "far": "spend, refund, hold, capture all, transfer to Ben, pay the invoice, note the invoice, reverse,"
    " merge into Ann, revive all, wait for the end",
    "value": "spend, refund, hold, capture, transfer, pay with credit, note, reverse, merge, revive, wait",
    "till": "add, remove, spend, refund, void credit, merge, sweep, wait",
    "expiry": "spend, refund, refund renewed, hold, capture, transfer, revive, void credit, sweep, wait",
    "holds": "hold, capture, capture for invoice, release hold, extend hold, refund, void credit, void free credit, merge,"
    " sweep, wait",
    "bills": "pay with credit, pay money, pay too much, void payment, assign, release, void invoice, merge, wait",
    "notes": "pay with credit, pay money, void payment, assign, note, note in proportion, void note, spend, merge, wait",
    "orders": "pay with credit, pay too much, void payment, note, spend, refund, void credit, merge",
    "points": "spend points, refund, give, use coupon, reopen coupon, disable coupon, remove points, void points,"
    " reverse points, transfer points, merge",
    "reversals": "spend, refund, hold, capture, release hold, transfer, assign, release, remove, reverse, merge, wait",
    "taken back": "assign of bulk, reverse, void of bulk, release, spend, hold, merge, wait",
    "approvals": "propose, propose as a manager, propose order, approve, approve as another, spend, refund, pay the last,"
    " pay the invoice, note the invoice, merge into Ann, wait for the end",
    "lessons": "use, refund, void credit, merge into Ann, erase, wait",
    "erased": "erase, spend, refund, hold, capture all, transfer, pay the invoice, note the invoice, give free, reverse,"
    " revive all, ask for more, approve, wait for the end",
    "free": "give, give free, use coupon, reopen coupon, disable coupon, ask for more, add, erase, merge",
    "limits": "add, ask for more, approve, spend, refund, hold, pay with credit, pay too much, note, transfer, merge, wait",
}
STORIES: Final = {name: tuple(steps.split(", ")) for name, steps in _STORIES.items()} | {"all": tuple(STEPS)}
"""Which steps are played together: few of them can be followed far, and all of them a little way."""


def menu(moment: Moment, story: str, role: str) -> list[Command]:
    """What may come next, each asked for by whoever may."""
    found = []
    for name in STORIES[story]:
        step = STEPS[name]
        limited = role in ("STAFF", "PARTNER") and step.is_open_to(role)
        usual = LIMITED if limited else "MANAGER"
        found += [replace(each, role=each.role if each.role == OTHER else usual) for each in step.menu(moment)]
    return found
