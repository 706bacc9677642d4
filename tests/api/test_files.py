"""Files as people have them, over HTTP: how they are read and told, all errors of a row, SET, the report."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import openpyxl
import pytest

from app.files.import_parameters import XLSX
from auth.roles import Role, Scope
from tests.api.conftest import Api, bearer
from tests.api.test_imports import post, work
from tests.api.test_update_tenant import UPDATE
from tests.support.tenants import Tenant

WRITTEN: Final = Path(__file__).parents[1] / "app/files/written"
ROWS: Final = """query($id: ID!) { bulkOperation(id: $id) { status mode total succeeded failed createdAt finishedAt
  sentBy { subject } file { name format encoding delimiter decimalMark thousandsMark sheet }
  sums { asset amount }
  rows { nodes: edges { node { row line amount moved customer { externalId }
    transaction { reason note reference entries { edges { node { credit { effectiveOn services { name } } } } } }
    error { code field } errors { code field message } } } } } }"""


async def send(api: Api, body: str | bytes, *, kind: str = "text/csv", key: str = "k", **query: str) -> httpx.Response:
    asked = urlencode({"asset": "POINTS", "reason": "CORRECTION", "errorPolicy": "SKIP_FAILED"} | query)
    return await post(api, body, asked, headers={"content-type": kind}, key=key)


async def done(api: Api, tenant: Tenant, answer: httpx.Response) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    assert answer.status_code == 202, answer.text
    await work(tenant)
    found = (await api(ROWS, {"id": answer.json()["operation"]}, role=Role.MANAGER))["bulkOperation"]
    return found, [edge["node"] for edge in found.pop("rows")["nodes"]]


async def get(api: Api, path: str, *, role: Role = Role.MANAGER, **token: Any) -> httpx.Response:
    return await api.client.get(path, headers={"authorization": bearer(api.tenant.slug, role, **token)})


@pytest.fixture
async def people(tenant: Tenant) -> None:
    for name in ("carol", "dave", "erin"):
        await tenant.customer(name)


@pytest.mark.usefixtures("people")
async def test_rows_and_columns_without_content_are_none(api: Api, tenant: Tenant) -> None:
    """F1, F2."""
    content = 'customer,amount,,\ncarol,5,,\n,,\n"","",""\n  \n\t\n\u00a0\ndave,6\n'
    found, rows = await done(api, tenant, await send(api, content))
    assert (found["status"], found["total"], found["succeeded"]) == ("COMPLETED", 2, 2)
    assert [row["line"] for row in rows] == [2, 8]


@pytest.mark.usefixtures("people")
async def test_a_file_has_the_assets_decimal_places_and_no_more(api: Api, tenant: Tenant) -> None:
    """F3."""
    content = "customer,amount,asset\ncarol,1.000,\ndave,1.000,GBP\nerin,1.0,GBP\ncarol,1.00,GBP\ndave,1.000,KWD\n"
    found, rows = await done(api, tenant, await send(api, content, allowDuplicateCustomers="true"))
    assert [row["error"] and row["error"]["code"] for row in rows] == [*["AMOUNT_PRECISION"] * 2, None, None, None]
    assert found["sums"] == [
        {"asset": "GBP", "amount": "3.00"},
        {"asset": "KWD", "amount": "1.000"},
        {"asset": "POINTS", "amount": "1"},
    ]


@pytest.mark.usefixtures("people")
async def test_the_dialect_is_told_in_the_answer_and_on_the_operation(api: Api, tenant: Tenant) -> None:
    """F5, F10."""
    content = "Customer;Amount;Note\ncarol;1.234,50;Grüße\n".encode("cp1252")
    said = {"encoding": "windows-1252", "decimalMark": "comma", "thousandsMark": "point"}
    refused = await send(api, content, asset="GBP")
    assert (refused.status_code, "encoding=" in refused.text) == (422, True)

    answer = await send(api, content, asset="GBP", fileName="Gutschriften März.csv", **said)
    found, (row,) = await done(api, tenant, answer)
    told = {"name": "Gutschriften März.csv", "format": "CSV", "delimiter": "semicolon", **said}
    assert answer.json()["file"] == told
    assert found["file"] == {**told, "sheet": None}
    assert (row["amount"], row["transaction"]["note"]) == ("1234.50", "Grüße")
    assert (found["sentBy"]["subject"], found["mode"]) == ("manager@test", "ADJUST")
    assert found["createdAt"] < found["finishedAt"]

    again = await send(api, content, asset="GBP", fileName="another name.csv", **said)
    assert (again.status_code, again.json()["replayed"]) == (202, True)
    other = await send(api, content, asset="GBP", encoding="windows-1252", decimalMark="comma")
    assert (other.status_code, other.json()["userErrors"][0]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.usefixtures("people")
async def test_a_charset_of_the_media_type_counts_as_said(api: Api, tenant: Tenant) -> None:
    content = "customer,amount,note\ncarol,5,Grüße\n".encode("cp1252")
    found, (row,) = await done(api, tenant, await send(api, content, kind="text/csv; charset=Windows-1252"))
    assert (found["file"]["encoding"], row["transaction"]["note"]) == ("windows-1252", "Grüße")
    assert (await send(api, content, kind="text/csv; charset=koi8-r")).status_code == 415


@pytest.mark.usefixtures("people")
async def test_lines_are_those_of_the_file(api: Api, tenant: Tenant) -> None:
    """F6."""
    content = 'customer,amount,note\n\ncarol,1,"two\nlines"\n\nnobody,2,\ndave,3,\n'
    answer = await send(api, content)
    _, rows = await done(api, tenant, answer)
    assert [(row["row"], row["line"]) for row in rows] == [(0, 3), (1, 6), (2, 7)]
    assert rows[1]["error"]["code"] == "NOT_FOUND"


@pytest.mark.usefixtures("people")
async def test_all_errors_of_a_row(api: Api, tenant: Tenant) -> None:
    content = """customer,amount,asset,reason,expires,effectiveOn
carol,1e3,XYZ,NONE,soon,never
nobody,0,,NONE,,1815-12-10
dave,1.5,,OTHER,,
carol,5,,NONE,,
"""
    _, rows = await done(api, tenant, await send(api, content, reason="PROMOTION"))
    assert [[(error["code"], error["field"]) for error in row["errors"]] for row in rows] == [
        [
            ("INVALID", ["amount"]),
            ("INVALID", ["expires"]),
            ("INVALID", ["effectiveOn"]),
            ("INVALID", ["asset"]),
            ("REASON_UNKNOWN", ["reason"]),
        ],
        [
            ("INVALID", ["effectiveOn"]),
            ("AMOUNT_ZERO", ["amount"]),
            ("REASON_UNKNOWN", ["reason"]),
            ("NOT_FOUND", ["customer"]),
        ],
        [("AMOUNT_PRECISION", ["amount"]), ("NOTE_REQUIRED", ["note"])],
        [("DUPLICATE", ["customer"])],
    ]
    assert [row["error"] for row in rows] == [
        {name: row["errors"][0][name] for name in ("code", "field")} for row in rows
    ]


@pytest.mark.usefixtures("people")
async def test_an_amount_in_no_asset_is_none_in_the_requests(api: Api, tenant: Tenant) -> None:
    content = "customer,amount,asset,reason\ncarol,5.55,XYZ,\ndave,2,,\nerin,-0.1,XYZ,NONE\n"
    found, rows = await done(api, tenant, await send(api, content))
    assert [[error["field"] for error in row["errors"]] for row in rows] == [[["asset"]], [], [["asset"], ["reason"]]]
    assert found["sums"] == [{"asset": "POINTS", "amount": "2"}]


@pytest.mark.usefixtures("people")
async def test_services_dates_and_references_in_files(api: Api, tenant: Tenant) -> None:
    await tenant.service("Haircut")
    await tenant.service("Massage")
    content = f"""customer,amount,services,effectiveOn,reference
carol,5,Haircut; Massage,2031-05-06,PO-1
dave,5,,,
erin,5,Sauna,,
frank,5,{"Massage;" * 101},,
"""
    answer = await send(api, content, asset="SERVICE_CREDITS", services="Massage", effectiveOn="2030-01-02")
    _, rows = await done(api, tenant, answer)
    credits = [row["transaction"] and row["transaction"]["entries"]["edges"][0]["node"]["credit"] for row in rows]
    assert [
        credit and (credit["effectiveOn"], sorted(s["name"] for s in credit["services"])) for credit in credits
    ] == [("2031-05-06", ["Haircut", "Massage"]), ("2030-01-02", ["Massage"]), None, None]
    assert rows[0]["transaction"]["reference"] == "PO-1"
    refused = [(row["error"]["code"], row["error"]["field"]) for row in rows[2:]]
    assert refused == [("NOT_FOUND", ["services"]), ("INVALID", ["services"])]


@pytest.mark.usefixtures("people")
async def test_a_workbook(api: Api, tenant: Tenant) -> None:
    for name in ("000123", "4711", "hidden", "1", "small"):
        await tenant.customer(name)
    content = (WRITTEN / "credits.xlsx").read_bytes()
    for kind in (XLSX, "application/vnd.ms-excel"):
        answer = await send(api, content, kind=kind, asset="GBP", key=kind)
        found, rows = await done(api, tenant, answer)
        assert answer.json()["file"]["sheet"] == "Gutschriften"
        assert (found["file"]["format"], found["succeeded"], found["failed"]) == ("XLSX", 4, 3)
    assert [(row["line"], row["amount"], row["error"] and row["error"]["code"]) for row in rows] == [
        (2, "1234.50", None),
        (3, "0.10", None),
        (5, "7.00", None),
        (6, None, "INVALID"),
        (7, None, "INVALID"),
        (8, "1.00", None),
        (9, "0.005", "AMOUNT_PRECISION"),
    ]
    assert (await send(api, content, kind=XLSX, sheet="Nowhere", key="n")).status_code == 422


@pytest.mark.usefixtures("people")
async def test_ids_in_a_workbook_are_texts_or_whole_numbers(api: Api, tenant: Tenant) -> None:
    book: Any = openpyxl.Workbook()
    made = io.BytesIO()
    for row in (("customer", "amount"), (4711, 5), (1.5, 5), (10**15, 5), ("0042", 5)):
        book.active.append(row)
    book.save(made)
    for name in ("4711", "0042"):
        await tenant.customer(name)
    _, rows = await done(api, tenant, await send(api, made.getvalue(), kind=XLSX))
    assert [row["customer"] and row["customer"]["externalId"] for row in rows] == ["4711", None, None, "0042"]
    assert [row["error"] and row["error"]["field"] for row in rows] == [None, ["customer"], ["customer"], None]


@pytest.mark.usefixtures("people")
async def test_set_aims_at_what_is_available(api: Api, tenant: Tenant) -> None:
    await send(api, "customer,amount\ncarol,100\ndave,7\n", key="first")
    await work(tenant)
    content = "customer,balance\ncarol,40\ndave,7\nerin,25\n"

    dry, rows = await done(api, tenant, await send(api, content, mode="SET", dryRun="true"))
    assert [row["moved"] for row in rows] == ["-60", "0", "25"]
    assert (dry["mode"], dry["succeeded"]) == ("SET", 3)
    found, rows = await done(api, tenant, await send(api, content, mode="SET"))
    assert (found["status"], found["succeeded"], found["failed"]) == ("COMPLETED", 3, 0)
    assert [(row["amount"], row["moved"], row["transaction"] is None) for row in rows] == [
        ("40", "-60", False),
        ("7", "0", True),
        ("25", "25", False),
    ]
    assert found["sums"] == [{"asset": "POINTS", "amount": "72"}]
    _, rows = await done(api, tenant, await send(api, content, mode="SET", key="again"))
    assert [row["moved"] for row in rows] == ["0", "0", "0"]


@pytest.mark.usefixtures("people")
async def test_set_takes_the_rights_of_adding_and_of_removing(api: Api, tenant: Tenant) -> None:
    before = await tenant.fingerprint()
    refused = await post(
        api,
        "customer,amount\ncarol,5\n",
        "asset=POINTS&reason=CORRECTION&mode=SET",
        role=Role.PARTNER,
        scopes=(Scope.CREDITS_BULK,),
    )
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["missing"]) == (403, ["credits:remove"])
    assert await tenant.fingerprint() == before


@pytest.mark.usefixtures("people")
async def test_the_report(api: Api, tenant: Tenant) -> None:
    content = "customer,amount,note\ncarol,5,=1+1\nnobody,6,secret\ndave,1e3,;=2\n"
    answer = await send(api, content)
    place = answer.headers["location"]
    assert (await get(api, place)).json()["status"] == "QUEUED"
    await done(api, tenant, answer)
    progress = (await get(api, place)).json()
    assert progress == {
        "operation": answer.json()["operation"],
        "status": "COMPLETED",
        "mode": "ADJUST",
        "dryRun": False,
        "total": 3,
        "processed": 3,
        "succeeded": 1,
        "failed": 2,
        "report": answer.json()["report"],
    }
    text = (await get(api, progress["report"])).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["customer"], row["amount"], row["note"], row["scrip.line"], row["scrip.result"]) for row in rows] == [
        ("carol", "5", "'=1+1", "2", "POSTED"),
        ("nobody", "6", "", "3", "FAILED"),
        ("dave", "1e3", ";'=2", "4", "FAILED"),
    ]
    assert rows[1]["scrip.errors"] == "NOT_FOUND: There is no customer nobody."
    failed = (await get(api, f"{progress['report']}?onlyFailed=true")).text
    assert [row["scrip.line"] for row in csv.DictReader(io.StringIO(failed))] == ["3", "4"]

    await tenant.customer("nobody")
    again, _ = await done(api, tenant, await send(api, failed.replace("1e3", "1000"), key="corrected"))
    assert (again["succeeded"], again["failed"]) == (2, 0)


async def test_a_report_tells_no_figure_that_the_token_may_not_read(api: Api, tenant: Tenant) -> None:
    await tenant.adjust(await tenant.customer("carol"), "7", "POINTS")
    sender: dict[str, Any] = {
        "role": Role.PARTNER,
        "client_id": "shop",
        "scopes": (Scope.CREDITS_BULK, Scope.CREDITS_REMOVE),
    }
    query = "asset=POINTS&reason=CORRECTION&errorPolicy=SKIP_FAILED"
    answer = await post(api, "customer,amount\ncarol,-8\n", query, **sender)
    await done(api, tenant, answer)
    told = []
    for scope in ((), (Scope.LEDGER_READ,)):
        read = await get(api, f"{answer.headers['location']}.csv", **{**sender, "scopes": (*sender["scopes"], *scope)})
        told += [row["scrip.errors"] for row in csv.DictReader(io.StringIO(read.text))]
    assert told == [
        "INSUFFICIENT_BALANCE: Not enough is available.",
        "INSUFFICIENT_BALANCE: Not enough: only 7 POINTS is available.",
    ]


@pytest.mark.usefixtures("people")
async def test_files_are_found_by_the_assets_of_their_rows(api: Api, tenant: Tenant) -> None:
    content = "customer,amount,asset\ncarol,5,GBP\ndave,6,JPY\n"
    answer = await post(api, content, "reason=CORRECTION", headers={"content-type": "text/csv"})
    await done(api, tenant, answer)
    ((sent,),) = await tenant.rows("SELECT id FROM bulk_operations WHERE tenant_id = $1")
    await tenant.reverse(sent)
    query = "query($asset: AssetCode!) { bulkOperations(filter: {asset: $asset}) { nodes { kind } } }"
    for asset, number in (("GBP", 2), ("JPY", 2), ("POINTS", 0)):
        assert len((await api(query, {"asset": asset}))["bulkOperations"]["nodes"]) == number, asset


async def test_a_report_that_comes_back_is_what_was_sent(api: Api, tenant: Tenant) -> None:
    cut, colour = await tenant.service("Cut"), await tenant.service("Colour")
    content = "customer,amount,expires,services\n+44 20 7946,2,2099-12-31,Cut;Colour\n@anna,1,30,\n"
    asked = {"asset": "SERVICE_CREDITS", "reason": "GOODWILL"}
    answer = await send(api, content, **asked)
    await done(api, tenant, answer)
    failed = (await get(api, f"{answer.json()['report']}?onlyFailed=true")).text
    for name in ("+44 20 7946", "@anna"):
        await tenant.customer(name)

    again, rows = await done(api, tenant, await send(api, failed, key="corrected", **asked))
    assert (again["succeeded"], [row["error"] for row in rows]) == (2, [None, None])
    sql = "SELECT id, amount_minor, expires_at FROM credits WHERE tenant_id = $1 ORDER BY amount_minor DESC"
    (first, two, ends), (_, one, _) = await tenant.rows(sql)
    assert (two, one, ends) == (2, 1, datetime(2100, 1, 1, tzinfo=UTC))
    of = "SELECT service_id FROM credit_services WHERE tenant_id = $1 AND credit_id = $2"
    assert {row[0] for row in await tenant.rows(of, first)} == {cut, colour}


async def test_a_report_of_a_file_with_decimal_commas_is_the_same_amounts_to_its_own_query(
    api: Api, tenant: Tenant
) -> None:
    """Three decimal places are where it goes wrong by a thousand: 1.000 of Kuwait's dinars would be 1,000."""
    said = {"asset": "KWD", "decimalMark": "comma", "thousandsMark": "point"}
    content = "Customer;Amount;Note\nZoë;1,000;=1,5\nErin;-2,5;\n".encode("cp1252")
    answer = await send(api, content, encoding="windows-1252", **said)
    await done(api, tenant, answer)
    failed = await get(api, f"{answer.json()['report']}?onlyFailed=true")
    assert [row["amount"] for row in csv.DictReader(io.StringIO(failed.content.decode("utf-8-sig")))] == [
        "1,000",
        "-2,500",
    ]
    await tenant.adjust(await tenant.customer("Erin"), 4, "KWD")
    zoe = await tenant.customer("Zoë")

    misread = await send(api, failed.content, key="again", encoding="windows-1252", **said)
    assert (misread.status_code, misread.json()["userErrors"][0]["field"]) == (422, ["encoding"])
    again, rows = await done(api, tenant, await send(api, failed.content, key="again", **said))
    assert (again["succeeded"], [row["amount"] for row in rows]) == (2, ["1.000", "-2.500"])
    assert await tenant.available(zoe, "KWD") == 1_000


@pytest.mark.usefixtures("people")
async def test_an_amount_that_was_refused_stands_in_the_report_as_it_was_written(api: Api, tenant: Tenant) -> None:
    """Sent again, it is refused again: 1.000 points may be a thousand."""
    answer = await send(api, "customer,amount\ncarol,1.000\ndave,2\n")
    await done(api, tenant, answer)
    failed = (await get(api, f"{answer.json()['report']}?onlyFailed=true")).text
    assert [(row["customer"], row["amount"]) for row in csv.DictReader(io.StringIO(failed))] == [("carol", "1.000")]
    again, (row,) = await done(api, tenant, await send(api, failed, key="again"))
    assert (again["succeeded"], row["error"]["code"]) == (0, "AMOUNT_PRECISION")


@pytest.mark.usefixtures("people")
async def test_a_report_has_all_that_was_sent_and_can_be_sent_again(api: Api, tenant: Tenant) -> None:
    await tenant.service("Cut")
    content = (
        "customer,amount,services,reference,metadata.Shop,metadata.=till,expires\n"
        "carol,5,Cut,R-1,Leeds,=7,30\ndave,0,Wash,R-2,York,,\nerin,2,,,,,2199-01-31\n"
    )
    answer = await send(api, content, asset="SERVICE_CREDITS")
    await done(api, tenant, answer)
    text = (await get(api, answer.json()["report"])).text
    assert text.splitlines()[0].split(",")[8:11] == ["reference", "metadata.=till", "metadata.Shop"]
    rows = list(csv.DictReader(io.StringIO(text)))
    names = (
        "customer",
        "amount",
        "services",
        "reference",
        "metadata.Shop",
        "metadata.=till",
        "expires",
        "scrip.result",
    )
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("carol", "5", "Cut", "R-1", "Leeds", "'=7", "30", "POSTED"),
        ("dave", "0", "Wash", "R-2", "York", "", "", "FAILED"),
        ("erin", "2", "", "", "", "", "2199-01-31", "POSTED"),
    ]
    failed = (await get(api, f"{answer.json()['report']}?onlyFailed=true")).text
    corrected = failed.replace("dave,0,", "dave,3,").replace("Wash", "Cut")
    again, _ = await done(api, tenant, await send(api, corrected, key="again", asset="SERVICE_CREDITS"))
    assert (again["succeeded"], again["failed"]) == (1, 0)
    kept = await tenant.rows(
        "SELECT reference, metadata::text FROM transaction_texts WHERE tenant_id = $1 AND reference = 'R-2'"
    )
    assert kept == [("R-2", '{"Shop":"York"}')]


async def test_a_report_has_all_of_long_cells_also_of_a_row_that_was_refused(api: Api, tenant: Tenant) -> None:
    names = [f"Treatment of kind {n}" for n in range(6)]
    services = {await tenant.service(name) for name in names}
    long = "c" * 255
    await tenant.customer(long)
    await tenant.customer("c" * 80)
    content = f'customer,amount,services\n{long},"12,50","{"; ".join(names)}"\nx{long},"12,50",\n'
    answer = await send(api, content, asset="SERVICE_CREDITS")
    await done(api, tenant, answer)
    failed = (await get(api, f"{answer.json()['report']}?onlyFailed=true")).text
    corrected = failed.replace('"12,50"', "12")
    again, rows = await done(api, tenant, await send(api, corrected, key="again", asset="SERVICE_CREDITS"))
    assert (again["succeeded"], [row["error"] and row["error"]["field"] for row in rows]) == (1, [None, ["customer"]])
    found = await tenant.rows("SELECT service_id FROM credit_services WHERE tenant_id = $1")
    assert {row[0] for row in found} == services


@pytest.mark.usefixtures("people")
async def test_a_report_says_the_days_that_were_written_whatever_the_time_zone_is_by_now(
    api: Api, tenant: Tenant
) -> None:
    content = 'customer,amount,expires\ncarol,5,2031-05-06\nnobody,5,2031-05-06\ndave,"1,5",2031-05-06\n'
    answer = await send(api, content)
    await done(api, tenant, answer)
    before = (await get(api, answer.json()["report"])).text
    assert [row["expires"] for row in csv.DictReader(io.StringIO(before))] == ["2031-05-06"] * 3
    moved = await api(UPDATE, {"input": {"timeZone": "America/New_York"}})
    assert moved["updateTenant"]["userErrors"] == []
    assert (await get(api, answer.json()["report"])).text == before


@pytest.mark.usefixtures("people")
async def test_a_report_tells_no_more_than_the_token_may_read(api: Api, tenant: Tenant) -> None:
    await tenant.service("Cut")
    content = "customer,amount,services,metadata.Shop\ncarol,5,Cut,Leeds\ndave,1e3,,\nnobody,1e3,,\n"
    token: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": (Scope.CREDITS_BULK,)}
    sent = await post(api, content, "asset=SERVICE_CREDITS&reason=CORRECTION&errorPolicy=SKIP_FAILED", **token)
    await done(api, tenant, sent)
    row, *bad = csv.DictReader(io.StringIO((await get(api, sent.json()["report"], **token)).text))
    assert (row["customer"], row["services"], row["metadata.Shop"]) == ("", "Cut", "")
    assert (row["amount"], row["scrip.result"]) == ("5", "POSTED")
    assert [(row["customer"], row["amount"]) for row in bad] == [("", "1e3"), ("", "1e3")]


@pytest.mark.usefixtures("people")
async def test_who_may_have_a_report(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    answer = await send(api, "customer,amount,note\ncarol,5,secret\n")
    path = answer.json()["report"]
    assert (await get(api, path, role=Role.STAFF)).status_code == 403
    assert (await get(api, path, role=Role.CUSTOMER, customer="carol")).status_code in (401, 403)
    assert (await get(api, path, role=Role.PARTNER, scopes=(Scope.CREDITS_BULK,), client_id="else")).status_code == 404
    assert (await get(api, f"{path}?x=1")).status_code == 400
    assert (await get(api, path.replace(".csv", "x.csv"))).status_code in (400, 404)
    stranger = {"authorization": bearer(other_tenant.slug, Role.MANAGER)}
    assert (await api.client.get(path, headers=stranger)).status_code == 404
