"""What waits for a second person is what was asked for, field by field."""

from dataclasses import fields
from datetime import UTC, date
from decimal import Decimal

import orjson
from hypothesis import given
from hypothesis import strategies as st

from models.commands import (
    LATER,
    AdjustCredit,
    Approvable,
    CreateOrder,
    GiveReward,
    NewExpiry,
    OrderItem,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.planning.columns import to_json
from models.planning.requesting import OPERATIONS, restored
from models.texts import Texts

IDS = st.uuids()
INSTANTS = st.datetimes(timezones=st.just(UTC))
DATES = st.dates(date(1900, 1, 1), date(2200, 12, 31))
AMOUNTS = st.decimals("0.0001", "9999999999999", places=4) | st.just(Decimal("1E+3"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
OWN = st.none() | st.builds(Texts, st.none() | TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple))
EXPIRIES = st.builds(NewExpiry, st.none() | st.integers(0, 36_500), st.none() | INSTANTS, st.booleans())
ADJUSTMENTS = st.builds(
    AdjustCredit,
    IDS,
    st.sampled_from(("GBP", "POINTS")),
    AMOUNTS,
    TEXTS,
    st.none() | TEXTS,
    st.none() | st.integers(0, 36_500),
    st.none() | INSTANTS,
    st.none() | DATES,
    st.lists(IDS, max_size=3).map(tuple),
    st.none() | IDS,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    texts=OWN,
)
REWARDS = st.builds(GiveReward, IDS, IDS, st.booleans(), st.none() | TEXTS, st.booleans(), st.booleans(), texts=OWN)
ITEMS = st.builds(OrderItem, IDS, st.integers(1, 1_000_000), *(st.none() | AMOUNTS for _ in range(5)))
ORDERS = st.builds(
    CreateOrder,
    IDS,
    TEXTS,
    st.just("GBP"),
    st.lists(ITEMS, max_size=3).map(tuple),
    st.none() | DATES,
    st.none() | DATES,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    invoice_texts=OWN,
)
REFUNDS = st.builds(
    RefundSpend,
    IDS,
    st.none() | AMOUNTS,
    st.none() | TEXTS,
    st.booleans(),
    st.booleans(),
    st.none() | IDS,
    st.none() | st.just("GBP"),
    new_expiry=EXPIRIES,
    texts=OWN,
)
TRANSFERS = st.builds(
    TransferCredit,
    IDS,
    IDS,
    st.just("GBP"),
    AMOUNTS,
    st.none() | IDS,
    st.none() | TEXTS,
    st.booleans(),
    st.booleans(),
    texts=OWN,
)
REVIVALS = st.builds(
    ReviveCredit,
    IDS,
    TEXTS,
    EXPIRIES,
    st.none() | AMOUNTS,
    st.none() | TEXTS,
    st.booleans(),
    st.booleans(),
    st.none() | IDS,
    st.none() | st.just("GBP"),
    texts=OWN,
)
PAYMENTS = st.builds(
    RecordPayment,
    IDS,
    AMOUNTS,
    st.sampled_from(("CASH", "CARD")),
    st.none() | DATES,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | IDS,
    st.none() | st.just("GBP"),
    st.none() | AMOUNTS,
    texts=OWN,
)


@given(ADJUSTMENTS | REWARDS | ORDERS | REFUNDS | TRANSFERS | REVIVALS | PAYMENTS)
def test_a_command_comes_back_as_it_was_kept(command: Approvable) -> None:
    (operation,) = (name for name, kind in OPERATIONS.items() if kind is type(command))
    again = restored(operation, orjson.loads(to_json(command)))
    assert again == command
    names = [field.name for field in fields(command)]
    assert [type(getattr(again, name)) for name in names] == [type(getattr(command, name)) for name in names]


@given(ADJUSTMENTS | REWARDS | ORDERS | REFUNDS | TRANSFERS | REVIVALS | PAYMENTS)
def test_what_an_older_version_does_not_know_is_kept_only_if_it_was_asked_for(command: Approvable) -> None:
    """It serves beside this one while an upgrade lasts, and lists these requests."""
    kept = orjson.loads(to_json(command))
    for asked, values in [(command, kept), *zip(getattr(command, "items", ()), kept.get("items", ()), strict=True)]:
        known = [(field.name, field.default) for field in fields(asked) if field.metadata == LATER]
        assert [name for name, default in known if name in values and getattr(asked, name) == default] == []


def test_every_field_is_drawn() -> None:
    """A field that comes later has to be drawn above, too."""
    assert len(AdjustCredit.__dataclass_fields__) == 14
    assert len(GiveReward.__dataclass_fields__) == 7
    assert len(CreateOrder.__dataclass_fields__) == 10
    assert len(OrderItem.__dataclass_fields__) == 7
    assert len(RefundSpend.__dataclass_fields__) == 9
    assert len(TransferCredit.__dataclass_fields__) == 9
    assert len(ReviveCredit.__dataclass_fields__) == 10
    assert len(RecordPayment.__dataclass_fields__) == 11
