"""The Online Retail file: what is taken, what is refused, and what it comes to in the ledger."""

import asyncio
import csv
import gzip
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.files.importing.figures import Figures, figures_of
from app.files.importing.online_retail import BadFile, Contents, Document, read
from app.files.importing.posting import ImportStopped, key_of, post_documents
from app.postgres.embedded import Urls
from app.sample.demo import SAMPLE
from models.commands import AdjustCredit
from models.customers import UpsertCustomer
from models.errors import Busy
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.create_tenant import create_tenant
from models.operations.upsert_customer import upsert_customer
from models.planning.invoices import CreateInvoice
from models.planning.lines import line_of
from models.session import tenant_transaction
from tests.support.tenants import ADMIN

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
WEEK = Figures(
    customers=386,
    invoices=401,
    invoiced=Decimal("163770.73"),
    credit_notes=120,
    credited=Decimal("6543.36"),
    applied=Decimal("2644.85"),
    in_full=8,
    in_part=31,
    left=Decimal("3898.51"),
)
"""Worked out apart from Scrip, as the sample's README says."""


def row(
    number: str = "536365",
    quantity: object = 1,
    price: object = "2.50",
    *,
    at: str = "2010-12-01 08:26:00",
    customer: str = "17850.0",
    goods: str = "71053,WHITE METAL LANTERN",
) -> str:
    return f"{number},{goods},{quantity},{at},{price},{customer},United Kingdom"


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of these rows under the header."""

    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / f"{uuid4().hex}.csv"
        path.write_text("\n".join((header, *rows, "")), encoding="utf-8")
        return path

    return write


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant_id(ledger: Ledger) -> UUID:
    return await create_tenant(ledger, f"t-{uuid4().hex}", "Tenant of a test", "Europe/London")


async def load(ledger: Ledger, tenant_id: UUID, contents: Contents) -> tuple[int, Figures]:
    new = await post_documents(ledger, tenant_id, contents.documents, lambda: None)
    return new, await figures_of(tenant_id, [key_of(document.number) for document in contents.documents])


async def fetch(tenant_id: UUID, sql: str) -> list[Any]:
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows: list[Any] = await connection.raw.fetch(sql)
        return rows


async def everything(tenant_id: UUID) -> dict[str, list[str]]:
    """All rows of all tables that an import writes to."""
    tables = ("customers", "accounts", "credits", "transactions", "entries", "invoices", "invoice_lines", "assignments")
    more = ("idempotency_keys", "outbox", "transaction_texts", "limit_counters")
    return {
        name: [str(r) for r in await fetch(tenant_id, f"SELECT * FROM {name} ORDER BY 1, 2")] for name in tables + more
    }


def naive_totals(path: Path) -> tuple[Decimal, Decimal]:
    """What is applied and what is left, from the raw rows, the simplest way that there is."""
    documents: dict[str, list[Any]] = defaultdict(lambda: ["", "", Decimal()])
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            document = documents[line["InvoiceNo"]]
            document[0], document[1] = line["CustomerID"], min(document[1] or line["InvoiceDate"], line["InvoiceDate"])
            document[2] += int(line["Quantity"]) * Decimal(line["UnitPrice"])
    credit: dict[str, Decimal] = defaultdict(Decimal)
    applied = Decimal()
    for number, (customer, _, total) in sorted(documents.items(), key=lambda d: (d[1][1], d[0][0] == "C", d[0])):
        if number.startswith("C"):
            credit[customer] -= total
        else:
            used = min(credit[customer], total)
            credit[customer] -= used
            applied += used
    return applied, sum(credit.values(), Decimal())


async def test_a_week_comes_to_its_figures_and_twice_changes_nothing(ledger: Ledger, tenant_id: UUID) -> None:
    contents = read(SAMPLE)
    assert (len(contents.documents), contents.lines, contents.left_out) == (521, 7245, 0)
    assert await load(ledger, tenant_id, contents) == (521, WEEK)
    assert (WEEK.applied, WEEK.left) == naive_totals(SAMPLE)
    before = await everything(tenant_id)
    assert await load(ledger, tenant_id, contents) == (0, WEEK)
    assert await everything(tenant_id) == before


async def test_the_order_of_rows_does_not_matter(ledger: Ledger, tenant_id: UUID) -> None:
    documents = list(read(SAMPLE).documents)
    random.shuffle(documents)
    _, figures = await load(ledger, tenant_id, Contents(tuple(documents), 0, 0))
    assert figures == WEEK


async def test_a_load_that_was_stopped_half_way_goes_on(ledger: Ledger, tenant_id: UUID) -> None:
    contents = read(SAMPLE)
    enough = asyncio.Event()
    seen = 0

    def step() -> None:
        nonlocal seen
        seen += 1
        if seen == 100:
            enough.set()

    first = asyncio.create_task(post_documents(ledger, tenant_id, contents.documents, step))
    await enough.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    new, figures = await load(ledger, tenant_id, contents)
    assert figures == WEEK
    assert 0 < new < 521


async def test_credit_pays_what_comes_after_it_and_at_the_same_minute_invoices_come_first(
    ledger: Ledger, tenant_id: UUID, file: Callable[..., Path]
) -> None:
    contents = read(
        file(
            row("C3", -4, "10.00", at="2010-12-01 10:00:00"),
            row("4", 1, "15.00", at="2010-12-01 10:00:00"),  # before the credit note: nothing applies
            row("6", 1, "30.00", at="2010-12-01 12:00:00"),  # in part, with what 5 leaves
            row("5", 1, "25.00", at="2010-12-01 11:00:00"),  # in full
            row("7", 1, "25.00", at="2010-12-01 11:30:00", customer="99999"),  # somebody else's
        )
    )
    _, figures = await load(ledger, tenant_id, contents)
    assert (figures.applied, figures.left) == (Decimal(40), Decimal(0))
    assert (figures.in_full, figures.in_part) == (1, 1)
    credited = {r["number"]: r["credited_minor"] for r in await fetch(tenant_id, "SELECT * FROM invoices")}
    assert credited == {"4": 0, "5": 2500, "6": 1500, "7": 0}


async def test_an_imported_invoice_takes_no_credit_of_today(
    ledger: Ledger, tenant_id: UUID, file: Callable[..., Path]
) -> None:
    jane, _ = await upsert_customer(ledger, tenant_id, ADMIN, UpsertCustomer("17850", "Jane"))
    await adjust_credit(ledger, tenant_id, ADMIN, AdjustCredit(jane.id, "GBP", Decimal(99), "GOODWILL"), "today")
    rows = row("1", 1, "15.00"), row("C2", -1, "7.00", at="2010-12-02 09:00:00"), row("3", at="2010-12-03 09:00:00")
    _, figures = await load(ledger, tenant_id, read(file(*rows)))
    assert (figures.applied, figures.left) == (Decimal("2.50"), Decimal("4.50"))
    sql = "SELECT remaining_minor FROM credits ORDER BY remaining_minor"
    assert [credit["remaining_minor"] for credit in await fetch(tenant_id, sql)] == [450, 9900]


async def test_a_credit_note_keeps_its_day_its_goods_and_who_brought_it(
    ledger: Ledger, tenant_id: UUID, file: Callable[..., Path]
) -> None:
    goods = '"22556,""tin"" A","PLASTERS,  IN TIN "'
    await load(ledger, tenant_id, read(file(row("C9", -12, "1.65", goods=goods), row("C9", -1, "27.5"))))
    (credit,) = await fetch(tenant_id, "SELECT amount_minor, effective_on, expires_at FROM credits")
    assert (credit["amount_minor"], str(credit["effective_on"]), credit["expires_at"]) == (4730, "2010-12-01", None)
    (text,) = await fetch(tenant_id, "SELECT t.reason, x.note FROM transactions t JOIN transaction_texts x USING (id)")
    assert text["reason"] == "CORRECTION"
    assert text["note"] == (
        'Credit note C9: 12 of 22556,"tin" A PLASTERS, IN TIN at 1.65; 1 of 71053 WHITE METAL LANTERN at 27.50'
    )
    (actor,) = await fetch(tenant_id, "SELECT subject, role, client FROM actors")
    assert tuple(actor) == ("import", "ADMIN", "scrip-import")


async def test_a_long_credit_note_names_what_fits(ledger: Ledger, tenant_id: UUID, file: Callable[..., Path]) -> None:
    await load(ledger, tenant_id, read(file(*(row("C1", -1, "1.00", goods=f"{n},{'X' * 200}") for n in range(50)))))
    (text,) = await fetch(tenant_id, "SELECT note FROM transaction_texts")
    told = text["note"].count(" of ")
    assert len(text["note"]) <= 2_020
    assert text["note"].endswith(f"; and {50 - told} more")


async def test_a_customer_who_is_there_keeps_their_name(
    ledger: Ledger, tenant_id: UUID, file: Callable[..., Path]
) -> None:
    await upsert_customer(ledger, tenant_id, ADMIN, UpsertCustomer("17850", "Jane Doe", "jane@example.com"))
    await load(ledger, tenant_id, read(file(row())))
    (customer,) = await fetch(tenant_id, "SELECT external_id, name, email FROM customers")
    assert tuple(customer) == ("17850", "Jane Doe", "jane@example.com")


async def test_a_refusal_names_the_document_and_keeps_what_is_posted(
    ledger: Ledger, tenant_id: UUID, file: Callable[..., Path]
) -> None:
    contents = read(file(row("1"), row("2", at="2010-12-02 08:00:00"), row("3", at="2010-12-03 08:00:00")))
    jane, _ = await upsert_customer(ledger, tenant_id, ADMIN, UpsertCustomer("jane", "Jane"))
    taken = CreateInvoice(jane.id, "2", "GBP", tuple(contents.documents[0].lines))
    await create_invoice(ledger, tenant_id, ADMIN, taken, "by hand")
    with pytest.raises(ImportStopped, match=r"^Invoice 2: Another invoice has this number\. Choose another one\.$"):
        await load(ledger, tenant_id, contents)
    numbers = [r["number"] for r in await fetch(tenant_id, "SELECT number FROM invoices ORDER BY number")]
    assert numbers == ["1", "2"]


async def test_a_busy_ledger_is_asked_again_a_few_times(
    ledger: Ledger, tenant_id: UUID, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def busy(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked % 3:
            raise Busy
        return await create_invoice(*arguments)

    monkeypatch.setattr("app.files.importing.posting.create_invoice", busy)
    assert (await load(ledger, tenant_id, read(file(row("1")))))[0] == 1
    assert asked == 3

    async def always_busy(*_: Any) -> Any:
        raise Busy

    monkeypatch.setattr("app.files.importing.posting.create_invoice", always_busy)
    with pytest.raises(ImportStopped, match=r"^Invoice 2: This account is in use"):
        await load(ledger, tenant_id, read(file(row("2"))))


def test_what_is_read(file: Callable[..., Path]) -> None:
    contents = read(
        file(
            row("1", 2, "2.55", at="2010-12-01 08:27:00"),
            row("1", 1, "0.0", at="2010-12-01 08:26:00"),
            row("2", 5, customer=""),
            "",
            row("c3", -1, "27.5", customer="12345"),
        )
    )
    invoice, note = contents.documents
    assert (contents.lines, contents.left_out) == (4, 1)
    assert (invoice.number, invoice.customer, str(invoice.at), invoice.total) == (
        "1",
        "17850",
        "2010-12-01 08:26:00",
        Decimal("5.10"),
    )
    assert (note.customer, note.is_credit_note, note.total) == ("12345", True, Decimal("27.5"))


@pytest.mark.parametrize("packed", [True, False])
def test_packed_or_not_with_a_byte_order_mark_or_other_line_ends(tmp_path: Path, packed: bool) -> None:
    data = b"\xef\xbb\xbf" + "\r\n".join((HEADER, row(goods='1,"CAFÉ, ""SMALL"""'), "")).encode()
    path = tmp_path / "named.any-way"
    path.write_bytes(gzip.compress(data) if packed else data)
    (document,) = read(path).documents
    assert document.lines[0].description == '1 CAFÉ, "SMALL"'


def test_columns_are_found_by_name(file: Callable[..., Path]) -> None:
    names = HEADER.split(",")
    values = row("7", 3).split(",")
    order = [5, 2, 7, 0, 6, 4, 1, 3]
    path = file(",".join(values[n] for n in order), header=",".join(names[n] for n in order))
    (document,) = read(path).documents
    assert (document.number, document.lines[0].quantity) == ("7", 3)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (row(quantity="1.5"), "Quantity '1.5' is not a whole number"),
        (row(quantity="1_0"), "Quantity '1_0' is not a whole number"),
        (row(quantity="٣"), "Quantity '٣' is not a whole number"),
        (row(quantity=0), "Quantity 0 on an invoice must be positive"),
        (row(quantity=-1), "Quantity -1 on an invoice must be positive"),
        (row("C1", 1), "Quantity 1 on a credit note must be negative"),
        (row(quantity="9" * 12), f"Quantity '{'9' * 12}' is not a whole number"),
        (row(price="NaN"), "UnitPrice 'NaN' is not an amount such as 2.55"),
        (row(price="1e3"), "UnitPrice '1e3' is not an amount such as 2.55"),
        (row(price=""), "UnitPrice '' is not an amount such as 2.55"),
        (row(price="2.555"), "UnitPrice: 2.555 has too many decimal places: GBP has 2 decimal places."),
        (row(price="-2.55"), "UnitPrice -2.55 is negative"),
        (row(price="9" * 16), f"UnitPrice: {'9' * 16} GBP is more than an account can hold. Check the amount."),
        (row(at="2010-12-01"), "InvoiceDate '2010-12-01' is not of the form 2010-12-01 08:26:00"),
        (row(at="12/1/2010 8:26"), "InvoiceDate '12/1/2010 8:26' is not of the form 2010-12-01 08:26:00"),
        (row(at="2010-02-30 08:26:00"), "InvoiceDate '2010-02-30 08:26:00' is no date: day is out of range for month"),
        (row(customer="17850.5"), "CustomerID '17850.5' is not a number"),
        (row(customer="Jane"), "CustomerID 'Jane' is not a number"),
        (row(customer="12345"), "536365 belongs to customer 17850, by its other lines"),
        (row(number=""), "InvoiceNo '' is not a number of an invoice or credit note"),
        (row(number="5 6"), "InvoiceNo '5 6' is not a number of an invoice or credit note"),
        (row(goods=","), "the goods need between 1 and 500 characters to name them"),
        (row(goods=f"1,{'X' * 500}"), "the goods need between 1 and 500 characters to name them"),
        (row(goods="1,A\x00B"), "the goods need between 1 and 500 characters to name them"),
        ("1,2,3", "it has 3 fields, and the header 8"),
    ],
)
def test_a_bad_row_is_told_by_its_line(file: Callable[..., Path], bad: str, told: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(file(row(), row("2", goods='1,"two\nlines"'), bad, row("3")))
    assert caught.value.problems == [f"line 5: {told}"]


def test_only_so_many_bad_rows_are_told(file: Callable[..., Path]) -> None:
    with pytest.raises(BadFile) as caught:
        read(file(*(row(quantity=0) for _ in range(33))))
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "and 13 more bad rows"


def test_documents_that_cannot_be_posted_are_told_before_anything_is(file: Callable[..., Path]) -> None:
    with pytest.raises(BadFile) as caught:
        read(file(*(row("1") for _ in range(1001)), row("C2", -3, "0.0")))
    assert caught.value.problems == [
        "invoice 1: it has 1,001 lines, the most is 1,000",
        "credit note C2: it comes to nothing",
    ]


def test_files_that_are_no_such_file(tmp_path: Path, file: Callable[..., Path]) -> None:
    whole = SAMPLE.read_bytes()
    damaged = {
        "cut.gz": (whole[:5000], "is damaged"),
        "flipped.gz": (whole[:10] + b"\xff" * 50 + whole[60:], "is damaged"),
        "latin.csv": (HEADER.encode() + b"\n" + row(goods="1,CAF\xc9").encode("latin-1"), "is not UTF-8 text"),
        "quote.csv": (HEADER.encode() + b'\n1,"2"x', "is not CSV"),
        "empty.csv": (b"", "line 1: the column InvoiceNo is missing"),
        "other.csv": (b"name,amount\nJane,5\n", "line 1: the column CustomerID is missing"),
    }
    for name, (data, told) in damaged.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadFile, match=told):
            read(tmp_path / name)
    with pytest.raises(BadFile, match="No such file or directory"):
        read(tmp_path / "missing.csv")
    with pytest.raises(BadFile, match="Is a directory"):
        read(tmp_path)


def test_a_file_without_rows_is_taken(file: Callable[..., Path]) -> None:
    assert read(file()) == Contents((), 0, 0)


def test_documents_are_in_order_of_time_invoices_first_then_by_number() -> None:
    at = read(SAMPLE).documents[0].at
    unsorted = [
        Document("C1", "1", at),
        Document("20", "1", at),
        Document("10", "1", at.replace(hour=23)),
        Document("3", "1", at),
    ]
    assert [d.number for d in sorted(unsorted, key=lambda d: d.order)] == ["20", "3", "C1", "10"]


def test_lines_of_real_invoices_come_to_what_fractions_say() -> None:
    """By the dozen, at a twelfth of the price, with a trade discount: as a shop would write the same invoices otherwise."""
    lines = cents = 0
    for document in read(SAMPLE).documents:
        for asked in document.lines:
            assert line_of(asked, "", asked.unit_price, "GBP").amount_minor == asked.quantity * asked.unit_price * 100
            dozens = (Decimal(asked.quantity) / 12).quantize(Decimal("0.0001"))
            each = (asked.unit_price / 7).quantize(Decimal("0.0001"))
            if not dozens:
                continue
            otherwise = replace(asked, quantity=0, quantity_decimal=dozens, discount_percent=Decimal("12.5"))
            made = line_of(otherwise, "", each, "GBP")
            exact = Fraction(dozens) * Fraction(each) * Fraction(7, 8) * 100
            assert made.amount_minor == floor(exact + Fraction(1, 2))
            lines += 1
            cents += made.amount_minor
    assert (lines > 5_000, cents > 100_000) == (True, True)
