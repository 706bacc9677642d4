"""The lives of the sample's people in the months before today: purchases that raise tiers, memberships with classes,
orders, invoices, credit that was given, spent, or has expired. By rules from their places in a list: the same each time."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from app.files.importing.online_retail import CURRENCY
from app.sample.days import DAYS
from app.sample.shop import MARIA, SAM, TESS, TILL, Person, Shop, Story, made
from models.commands import CreateCreditNote, CreateOrder, OrderItem, TransferCredit
from models.money import POINTS
from models.operations.capture_hold import capture_hold
from models.operations.coupons import disable_coupon, use_coupon
from models.operations.create_credit_note import create_credit_note
from models.operations.create_invoice import create_invoice
from models.operations.create_order import create_order
from models.operations.hold_credit import hold_credit
from models.operations.record_payment import void_payment
from models.operations.spend_credit import spend_credit
from models.operations.transfer_credit import transfer_credit
from models.operations.use_credit import use_credit
from models.planning.capturing import CaptureHold
from models.planning.coupons import DisableCoupon, UseCoupon
from models.planning.holding import HoldCredit
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.payments import VoidPayment
from models.planning.spending import SpendCredit
from models.planning.using import UseCredit

PERIOD: Final = 30
"""Days of a membership's period: the classes of one expire with it."""
HAMPER: Final = "Gift hamper"
BY_HAND: Final = "Hamper delivered by hand"
CREDIT: Final = "Account credit"
_NOTES: Final = (
    ("GOODWILL", "Parcel was late"),
    ("SERVICE_RECOVERY", "Class was cancelled on the day"),
    ("PROMOTION", "Autumn promotion"),
    ("GOODWILL", "Waited too long at the till"),
)
_LASTS: Final = (45, 180, 60, 90)
_SOLD: Final = (
    ("Ten classes", Decimal("95.00")),
    ("Engraving, brass", Decimal("24.50")),
    ("Gift hamper", Decimal("45.00")),
    ("Workshop, one day", Decimal("130.00")),
)


def stories(shop: Shop, people: Sequence[Person]) -> list[Story]:
    """One for each thing that goes on for a while in somebody's life."""
    return [story for person in people for story in _stories_of(shop, person)] + [
        _gift(shop, people[13], people[14]),
        _place_kept(shop, people[5]),
        _basket_forgotten(shop, people[29]),
    ]


def _stories_of(shop: Shop, person: Person) -> Iterable[Story]:
    place = person.place
    if place % 5 != 4:
        yield _shops(shop, person)
    if place % 3 == 0:
        yield _is_a_member(shop, person)
    if place % 4 == 1:
        yield _had_trouble(shop, person)
    if place % 8 == 6:
        yield _gave_a_course_up(shop, person)
    if place % 4 in (1, 2):
        yield _is_invoiced(shop, person)
    if place % 6 == 2:
        yield _orders(shop, person)
    if place % 24 == 8:
        yield _buys_credit(shop, person)


async def _shops(shop: Shop, person: Person) -> None:
    """Some purchases, with points for each: tiers rise. A few redeem some."""
    place = person.place
    collected, visits = 120 + place * place * 37 % 6_400, 2 + place % 4
    for visit in range(visits):
        await shop.days.moment(4 + place * 3 % 30 // 2 * 2 + visit * 26)
        last = collected - collected // visits * (visits - 1)
        points = last if visit == visits - 1 else collected // visits
        await shop.points(f"points-{place}-{visit}", person, points)
        if visit == 1 and place % 5 == 0 and collected // visits * 2 >= 800:
            await _redeems(shop, person)
    if place % 7 == 3 and collected >= 1_000:
        await shop.reward(f"delivery-{place}", SAM, person, "Free delivery", for_points=True)


async def _redeems(shop: Shop, person: Person) -> None:
    """Points for a coupon, which is used a week later; or given back, or forgotten."""
    place = person.place
    name = "10% off the next order" if place % 15 == 0 else "5 pounds off"
    coupon = await shop.reward(f"coupon-{place}", TESS, person, name, for_points=True)
    await shop.days.moment(4 + place * 3 % 30 // 2 * 2 + 26 + 8)
    if place % 20 == 5:
        disabled = DisableCoupon(coupon, refund_points=True, note="Ordered by mistake")
        await shop.post(f"coupon-back-{place}", disable_coupon, MARIA, disabled)
    elif place % 20 != 15:
        await shop.post(f"coupon-used-{place}", use_coupon, TILL, UseCoupon(coupon))


async def _is_a_member(shop: Shop, person: Person) -> None:
    """Classes for each period, of which the last is not taken and expires. Some leave, and some of those return."""
    place = person.place
    joined, left = 0, DAYS
    if place % 2 == 0:
        await shop.joins(person, shop.days.clock() - timedelta(days=20 + place * 5))
        joined = 2 + place % 7 * 4
    else:
        joined = 4 + place % 60
        await shop.days.moment(joined)
        await shop.joins(person)
    if place % 24 == 9:
        left = 70 + place % 30
    await _takes_classes(shop, person, joined, left)
    if left < DAYS:
        await shop.days.moment(left)
        await shop.leaves(person, "Moved away" if place % 48 == 9 else None)
        if place % 48 == 33:
            await shop.days.moment(128)
            await shop.joins(person)
            await _takes_classes(shop, person, 128, DAYS)


async def _takes_classes(shop: Shop, person: Person, since: int, until: int) -> None:
    place, number = person.place, 4 + person.place % 4 * 2
    services = sorted(shop.services)
    for day in range(since, until, PERIOD):
        await shop.days.moment(day)
        await shop.classes(f"classes-{place}-{day}", person, number, PERIOD)
        for nth, took in enumerate((number // 2, number // 2 - 1)):
            taken = day + 8 + nth * 10
            if taken < until:
                await shop.days.moment(taken)
                service = shop.services[services[(place + nth) % len(services)]]
                use = UseCredit(person.id, service, Decimal(took))
                await shop.post(f"class-{place}-{taken}", use_credit, TILL, use)


async def _had_trouble(shop: Shop, person: Person) -> None:
    """Money for it, from staff. Some spend a part; what they leave expires for some, and for some soon."""
    place = person.place
    reason, note = _NOTES[place // 4 % len(_NOTES)]
    day, amount = 8 + place * 36 // 24, 10 + place % 12 * 5
    await shop.days.moment(day)
    lasts = _LASTS[place // 4 % len(_LASTS)]
    who = SAM if place % 8 == 1 else TESS
    await shop.money(f"credit-{place}", who, person, amount, reason, note=note, expires_in_days=lasts)
    if place % 12 != 9 and day + 14 < DAYS:
        await shop.days.moment(day + 14)
        spend = SpendCredit(person.id, CURRENCY, Decimal(amount // 3), note=f"At the till, receipt {4100 + place}")
        await shop.post(f"spent-{place}", spend_credit, SAM, spend)


async def _gave_a_course_up(shop: Shop, person: Person) -> None:
    place = person.place
    await shop.days.moment(12 + place * 5 // 4)
    await shop.money(f"older-{place}", MARIA, person, 60 + place, "CORRECTION", note="Refund of a course")


async def _is_invoiced(shop: Shop, person: Person) -> None:
    """Due in thirty days. The older ones are paid, but for some that are late; the others are open."""
    place, day = person.place, 18 + person.place * 135 // 100
    goods, price = _SOLD[place % len(_SOLD)]
    await shop.days.moment(day)
    issued = shop.days.date(DAYS - shop.days.left)
    due = issued + timedelta(days=30)
    line = InvoiceLineItem(goods, 1 + place % 3, price)
    invoice = CreateInvoice(
        person.id, f"INV-{2400 + place}", CURRENCY, (line,), issued_on=issued, due_on=due, auto_apply=False
    )
    issued_id = made((await shop.post(invoice.number, create_invoice, TILL, invoice)).invoice_id)
    paid = day + 9 + place % 19
    if paid < DAYS - 20 and place % 12 not in (5, 10):
        await shop.days.moment(paid)
        await shop.pay(f"{invoice.number}-paid", issued_id, price * line.quantity, "TRANSFER")


async def _orders(shop: Shop, person: Person) -> None:
    """Hampers, paid by card; one payment bounces and is made again. Some take a part back; the last have not paid yet."""
    place, day = person.place, 10 + person.place * 148 // 100
    items = [OrderItem(shop.products[HAMPER], 1 + place % 3)]
    if place % 4 == 0:
        items.append(OrderItem(shop.products[BY_HAND], 1))
    await shop.days.moment(day)
    order = CreateOrder(person.id, f"ORD-{1000 + 3 * day}", CURRENCY, tuple(items))
    order_id = made((await shop.post(order.number, create_order, TILL, order)).invoice_id)
    if day > DAYS - 14:
        return
    total = Decimal(45) * items[0].quantity + (Decimal("12.50") if len(items) > 1 else 0)
    if place % 36 == 14:
        bounced = await shop.pay(f"{order.number}-cheque", order_id, total, "CHECK")
        await shop.days.moment(day + 5)
        void = VoidPayment(bounced, note="The bank returned the cheque")
        await shop.post(f"{order.number}-bounced", void_payment, MARIA, void)
    await shop.pay(f"{order.number}-paid", order_id, total, "CASH" if place % 5 == 0 else "CARD")
    if place % 18 == 8:
        await shop.days.moment(day + 7)
        noted = CreateCreditNote(order_id, Decimal(20), note="Two jars were broken")
        await shop.post(f"{order.number}-note", create_credit_note, MARIA, noted)


async def _buys_credit(shop: Shop, person: Person) -> None:
    """Account credit for a present; the next hamper is paid with it, and the rest by card."""
    day = 24 + person.place
    await shop.days.moment(day)
    order = CreateOrder(person.id, f"ORD-{1001 + 3 * day}", CURRENCY, (OrderItem(shop.products[CREDIT], 80),))
    order_id = made((await shop.post(order.number, create_order, TILL, order)).invoice_id)
    await shop.pay(f"{order.number}-paid", order_id, Decimal(80), "CARD")
    await shop.days.moment(day + 20)
    hampers = CreateOrder(person.id, f"ORD-{1062 + 3 * day}", CURRENCY, (OrderItem(shop.products[HAMPER], 2),))
    hampers_id = made((await shop.post(hampers.number, create_order, TILL, hampers)).invoice_id)
    await shop.pay(f"{hampers.number}-credit", hampers_id, Decimal(50), "ACCOUNT_CREDIT")
    await shop.pay(f"{hampers.number}-paid", hampers_id, Decimal(40), "CARD")


async def _gift(shop: Shop, giver: Person, receiver: Person) -> None:
    """Points of one household, put together."""
    await shop.days.moment(112)
    gift = TransferCredit(giver.id, receiver.id, POINTS, Decimal(150), note="Points of one household")
    await shop.post("gift", transfer_credit, MARIA, gift)


async def _place_kept(shop: Shop, person: Person) -> None:
    """Set aside for a workshop, and taken there in part; the rest is set aside still."""
    await shop.days.moment(DAYS - 4)
    hold = HoldCredit(person.id, CURRENCY, Decimal(12), note="Workshop on Saturday", expires_in_minutes=14 * 24 * 60)
    held = made((await shop.post("hold", hold_credit, SAM, hold)).hold_id)
    await shop.days.moment(DAYS - 2)
    capture = CaptureHold(held, Decimal(7), note="Materials")
    await shop.post("hold-taken", capture_hold, SAM, capture)


async def _basket_forgotten(shop: Shop, person: Person) -> None:
    """Set aside, and never fetched: gone after three days."""
    await shop.days.moment(62)
    hold = HoldCredit(person.id, CURRENCY, Decimal(5), note="Basket by the door", expires_in_minutes=3 * 24 * 60)
    await shop.post("hold-lapsed", hold_credit, TESS, hold)
