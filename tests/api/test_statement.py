"""statement: the balance before, the entries with the running balance, the balance then; as data and as CSV."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

import schema.types.statement
from auth.roles import Role, Scope
from models.reads import statements
from schema.csv_cells import safe, unescaped
from tests.api.conftest import Api, bearer, gid
from tests.support.clock import Clock
from tests.support.holds import hold
from tests.support.tenants import Tenant

STATEMENT = """query($id: ID!, $asset: AssetCode!, $from: DateTime, $to: DateTime, $after: String) {
  statement(customerId: $id, asset: $asset, from: $from, to: $to) {
    openingBalance closingBalance csv entries(first: 2, after: $after) {
      edges { node { amount balanceAfter transaction { kind reason note } } }
      pageInfo { hasNextPage endCursor } } } }"""


NOTE = 'a "quoted", note\nof two lines'


async def story(tenant: Tenant, clock: Clock) -> tuple[str, list[datetime]]:
    """Carol's id, and an instant before each of her four entries in GBP and after them."""
    carol = await tenant.customer("carol")
    instants = []
    for amount, note in (("10.00", "=1+1"), ("-2.50", NOTE), ("1.00", None), ("4.00", None)):
        instants.append(clock())
        clock.advance(timedelta(minutes=30))
        await tenant.adjust(carol, amount, note=note)
        clock.advance(timedelta(minutes=30))
    await tenant.adjust(carol, "7", "POINTS")
    return gid("Customer", carol), [*instants, clock()]


def records(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_what_is_held_is_a_part_of_what_there_was(api: Api, tenant: Tenant, clock: Clock) -> None:
    """Both come at the instant at which the period ends, and so belong to the next one."""
    clock.stand_still(clock())
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, "10.00")
    await hold(tenant, carol, "4.00")
    query = """query($id: ID!, $to: DateTime) {
      statement(customerId: $id, asset: "GBP", to: $to) { closingBalance held } }"""
    told = []
    for to in (clock(), clock() + timedelta(microseconds=1)):
        answer = await api(query, {"id": gid("Customer", carol), "to": to.isoformat()})
        told.append((answer["statement"]["closingBalance"], answer["statement"]["held"]))
    assert told == [("0.00", "0.00"), ("10.00", "4.00")]


async def test_what_lies_between_two_instants(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol, at = await story(tenant, clock)
    asked = {"id": carol, "asset": "GBP", "from": at[1].isoformat(), "to": at[4].isoformat()}
    found = (await api(STATEMENT, asked))["statement"]
    assert (found["openingBalance"], found["closingBalance"]) == ("10.00", "12.50")
    nodes = [edge["node"] for edge in found["entries"]["edges"]]
    assert [(node["amount"], node["balanceAfter"]) for node in nodes] == [("-2.50", "7.50"), ("1.00", "8.50")]
    assert nodes[0]["transaction"]["reason"] == "POLICY"
    after = found["entries"]["pageInfo"]["endCursor"]
    page = (await api(STATEMENT, {**asked, "after": after}))["statement"]["entries"]
    assert [edge["node"]["balanceAfter"] for edge in page["edges"]] == ["12.50"]
    assert page["pageInfo"]["hasNextPage"] is False
    lines = records(found["csv"])
    assert [line["event"] for line in lines] == ["OPENING BALANCE", *["ADJUSTMENT"] * 3, "CLOSING BALANCE"]
    assert [line["balance"] for line in lines] == ["10.00", "7.50", "8.50", "12.50", "12.50"]
    assert [line["amount"] for line in lines] == ["", "-2.50", "1.00", "4.00", ""]
    assert lines[1]["note"] == NOTE


@pytest.mark.parametrize(
    ("first", "end", "opening", "closing"),
    [
        (None, None, "0.00", "12.50"),
        (0, 1, "0.00", "10.00"),
        (4, None, "12.50", "12.50"),
        (3, 1, "8.50", "8.50"),
        (None, 0, "0.00", "0.00"),
    ],
)
async def test_the_balances_around_it(
    api: Api, tenant: Tenant, clock: Clock, first: int | None, end: int | None, opening: str, closing: str
) -> None:
    carol, at = await story(tenant, clock)
    asked = {name: None if n is None else at[n].isoformat() for name, n in (("from", first), ("to", end))}
    found = (await api(STATEMENT, {"id": carol, "asset": "GBP", **asked}))["statement"]
    assert (found["openingBalance"], found["closingBalance"]) == (opening, closing)


async def test_without_an_account_it_is_empty(api: Api, tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer())
    found = (await api(STATEMENT, {"id": carol, "asset": "JPY"}))["statement"]
    assert (found["openingBalance"], found["closingBalance"], found["entries"]["edges"]) == ("0", "0", [])
    assert [line["event"] for line in records(found["csv"])] == ["OPENING BALANCE", "CLOSING BALANCE"]
    assert (await api(STATEMENT, {"id": carol, "asset": "XXX"})).codes == ["BAD_USER_INPUT"]
    assert (await api(STATEMENT, {"id": gid("Customer", tenant.id), "asset": "GBP"}))["statement"] is None


async def test_customers_have_their_own_without_notes(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol, _ = await story(tenant, clock)
    await tenant.customer("dave")
    asked = {"id": carol, "asset": "GBP"}
    found = (await api.as_customer("carol", STATEMENT, asked))["statement"]
    assert "note" not in records(found["csv"])[0]
    assert "quoted" not in found["csv"]
    assert (await api.as_customer("dave", STATEMENT, asked))["statement"] is None


async def test_a_long_one_is_for_the_download(
    api: Api, tenant: Tenant, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol, _ = await story(tenant, clock)
    monkeypatch.setattr(schema.types.statement, "MAX_CSV_ENTRIES", 3)
    answer = await api(STATEMENT, {"id": carol, "asset": "GBP"})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert "narrow" in answer.errors[0]["message"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tSUM", "\rSUM", "  =1", "\u00a0=1", "\uff1d1", "|calc", "%0A"]
)
def test_nothing_in_it_is_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x;=1+1", "x;'=1+1"),
        ("x\n=1+1", "x\n'=1+1"),
        ("x\r\n  @SUM(A1);\t-1", "x\r\n  '@SUM(A1);\t'-1"),
        ("\t=1", "'\t'=1"),
        ("a\u2028=1\v+1", "a\u2028'=1\v'+1"),
        ('x";=1', "x\";'=1"),
    ],
)
def test_nor_is_what_begins_a_cell_or_a_line_for_some(text: str, written: str) -> None:
    assert safe(text) == written


@pytest.mark.parametrize("text", ["=1", "'=1", "''-1", "'tis", ";'=1", "x; =1", "' =1", "'\n=1", "\t'=1", "'", "a;'b"])
def test_what_comes_back_is_what_was_written(text: str) -> None:
    assert unescaped(safe(text)) == text


@pytest.mark.parametrize("text", ["", " ", "Sorry = no", "1-1", "a@b.example", "CORRECTION"])
def test_plain_texts_stay(text: str) -> None:
    assert safe(text) == text


# The download

Download = Any


@pytest.fixture
def download(api: Api) -> Download:
    async def get(of: str, role: Role | None = Role.STAFF, customer: str | None = None, **query: str) -> httpx.Response:
        headers = {} if role is None else {"authorization": api.bearer(role, customer=customer)}
        return await api.client.get(f"/statements/{of}.csv", params=query, headers=headers)

    return get


@contextmanager
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(statements, "LINES_AT_ONCE", 2)
        yield


async def test_the_download_is_all_of_it(
    download: Download, tenant: Tenant, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol, at = await story(tenant, clock)
    with _small_pages(monkeypatch):
        response = await download(carol)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="statement.csv"'
    assert (response.headers["cache-control"], response.headers["x-content-type-options"]) == ("no-store", "nosniff")
    lines = records(response.text)
    assert [(line["asset"], line["balance"]) for line in lines] == [
        *(("GBP", balance) for balance in ("0.00", "10.00", "7.50", "8.50", "12.50", "12.50")),
        *(("POINTS", balance) for balance in ("0", "7", "7")),
    ]
    assert lines[1]["note"] == "'=1+1"
    part = await download(carol, asset="GBP", **{"from": at[3].strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
    assert [line["balance"] for line in records(part.text)] == ["8.50", "12.50", "12.50"]


async def test_the_download_goes_by_the_same_rules_as_the_query(
    api: Api, download: Download, tenant: Tenant, other_tenant: Tenant, clock: Clock
) -> None:
    carol, _ = await story(tenant, clock)
    await tenant.customer("dave")
    assert (await download(carol, Role.CUSTOMER, customer="carol")).status_code == 200
    assert "note" not in (await download(carol, Role.CUSTOMER, customer="carol")).text
    assert (await download(carol, Role.CUSTOMER, customer="dave")).status_code == 404
    assert (await download(gid("Customer", await other_tenant.customer()))).status_code == 404
    none = (await download("x")).json()["errors"][0]
    assert (none["message"], none["extensions"]["field"]) == (
        "customer is not an id that this API gave out.",
        ["customer"],
    )
    nobody = await download(carol, None)
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="scrip"')
    scoped = {"authorization": bearer(tenant.slug, Role.STAFF, scopes=[Scope.REPORTS_READ])}
    forbidden = await api.client.get(f"/statements/{carol}.csv", headers=scoped)
    assert forbidden.status_code == 403
    assert forbidden.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    for query in ({"asset": "gbp"}, {"from": "2026-01-01"}, {"to": "now"}, {"since": "2026-01-01T00:00:00Z"}):
        response = await download(carol, **query)
        assert response.status_code == 400, query
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await download("nonsense")).status_code == 400


async def test_the_ids_in_the_file_are_those_of_the_api(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol, _ = await story(tenant, clock)
    path = f"/statements/{carol}.csv"
    file = await api.client.get(path, headers={"authorization": bearer(tenant.slug)})
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert len(rows) == 9
    node = "query($id: ID!) { node(id: $id) { __typename id } }"
    for row in rows:
        named = {"Account": row["account"]}
        if row["sequence"]:
            named |= {"Transaction": row["transaction"], "Credit": row["credit"]}
        else:
            assert row["transaction"] == row["credit"] == ""
        for type_name, row_id in named.items():
            assert (await api(node, {"id": row_id}))["node"] == {"__typename": type_name, "id": row_id}
