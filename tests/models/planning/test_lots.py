"""The lots of an account: whatever was added, spent, put back, changed and undone, the next spend takes the first."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from models import planning
from models.commands import AdjustCredit
from models.errors import LedgerError
from models.kinds import Counter, TransactionKind
from models.planning import credits
from models.planning.burn_order import burn_key
from models.planning.releasing import UpdateCredit
from models.planning.state import Books, PostingContext, Savepoint
from models.planning.using import UseCredit
from tests.support.books import ANNA, CAKE, MANAGER, NOW, TEA, all_books, open_lots
from turns.steps import finish

ASSET = "SERVICE_CREDITS"
AMOUNTS = st.integers(1, 300).map(Decimal)


def plan(books: Books, command: AdjustCredit | UseCredit | UpdateCredit) -> None:
    savepoint = books.savepoint()
    try:
        finish(planning.plan(books, PostingContext(MANAGER, None, books.source.new_id()), command))
    except LedgerError:
        books.rollback_to(savepoint)


def step(draw: st.DrawFn, books: Books, marks: list[Savepoint]) -> None:
    """Anything that may change which lot comes next."""
    account = books.accounts[ANNA, ASSET]
    lots = sorted((lot for lot in books.credits_by_id.values() if lot.account_id == account.id), key=burn_key)
    match draw(st.sampled_from(("add", "remove", "use", "put back", "change", "mark", "undo"))):
        case "add":
            days = draw(st.none() | st.integers(0, 9))
            services = tuple(draw(st.sets(st.sampled_from((TEA, CAKE)))))
            plan(
                books, AdjustCredit(ANNA, ASSET, draw(AMOUNTS), "GOODWILL", expires_in_days=days, service_ids=services)
            )
        case "remove":
            plan(books, AdjustCredit(ANNA, ASSET, -draw(AMOUNTS), "POLICY"))
        case "use":
            plan(books, UseCredit(ANNA, draw(st.sampled_from((TEA, CAKE))), draw(AMOUNTS)))
        case "put back" if used := [lot for lot in lots if lot.used_minor and lot.id.int > 10**6]:
            lot = draw(st.sampled_from(used))
            transaction = credits.begin(
                books, TransactionKind.REVERSAL, ANNA, PostingContext(MANAGER, None, books.source.new_id())
            )
            credits.restore(books, transaction, lot, draw(st.integers(1, lot.used_minor)), Counter.REDEEMED)
        case "change" if lots:
            at = NOW + timedelta(days=draw(st.integers(1, 20)))
            plan(books, UpdateCredit(draw(st.sampled_from(lots)).id, expires_at=at))
        case "mark":
            marks.append(books.savepoint())
        case "undo" if marks:
            books.rollback_to(marks.pop())


@settings(max_examples=150, deadline=None)
@given(all_books(), st.data())
def test_a_spend_takes_the_first_whatever_was_before(books: Books, data: st.DataObject) -> None:
    account, marks = books.accounts[ANNA, ASSET], list[Savepoint]()

    @st.composite
    def steps(draw: st.DrawFn) -> None:
        for _ in range(draw(st.integers(1, 12))):
            step(draw, books, marks)

    data.draw(steps())
    assert books.credits[account.id].credits == sorted(books.credits[account.id].credits, key=burn_key)
    for service in (None, TEA, CAKE):
        serving = [c for c in open_lots(books, account) if service is None or credits.serves(c, (service,))]
        assert [c.id for c in credits.spendable(books, account, (service,) if service else ())] == [
            c.id for c in serving
        ]
        whole = sum(c.remaining_minor for c in serving)
        assert finish(credits.found_minor(books, account, 10**9, (service,) if service else ())) == whole
