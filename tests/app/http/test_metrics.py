"""What /metrics tells: of postings by how their units ended, of requests, of the process."""

import asyncio
import time
from datetime import date
from decimal import Decimal

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.http.loop_lag import INTERVAL_SECONDS, lag_watched
from app.http.metrics import Metrics, Timing
from app.http.series import Sources
from models.commands import Actor, AdjustCredit
from models.customers import UpsertCustomer
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_tenant import create_tenant
from models.operations.upsert_customer import upsert_customer

MANAGER = Actor("maria", "MANAGER")


def app_of(ledger: Ledger) -> Starlette:
    metrics = Metrics(Sources(ledger))

    async def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("", 418)

    return Starlette(
        routes=[Route("/graphql", answer), *metrics.routes], middleware=[Middleware(Timing, metrics=metrics)]
    )


async def scraped(client: httpx.AsyncClient) -> dict[tuple[str, str], float]:
    """Each sample by its name and its one label's value ('' without)."""
    text = (await client.get("/metrics")).text
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.usefixtures("database")
async def test_postings_are_counted_by_how_they_ended() -> None:
    ledger = Ledger()
    tenant = await create_tenant(ledger, f"metrics-{ledger.source.new_id().hex}", "Metrics", "UTC")
    customer, _ = await upsert_customer(ledger, tenant, MANAGER, UpsertCustomer("c1", "Ann"))
    add = AdjustCredit(customer.id, "GBP", Decimal(5), "GOODWILL", effective_on=date(2020, 1, 1))
    for _ in range(2):
        await adjust_credit(ledger, tenant, MANAGER, add, "once")
    with pytest.raises(LedgerError):
        await adjust_credit(ledger, tenant, MANAGER, AdjustCredit(customer.id, "GBP", Decimal(5), "NONE"), "refused")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(ledger)), base_url="http://scrip") as client:
        found = await scraped(client)
    assert found["scrip_postings_total", ""] == 3
    assert {result: found["scrip_units_total", result] for result in ("posted", "replayed", "refused")} == {
        "posted": 1,
        "replayed": 1,
        "refused": 1,
    }
    assert found["scrip_posting_seconds_total", ""] > 0
    assert found["scrip_units_waiting", ""] == 0
    await ledger.close()


async def test_requests_are_timed_by_status() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(Ledger())), base_url="http://scrip") as client:
        before = await scraped(client)
        assert ("scrip_http_request_seconds_count", "418") not in before
        for _ in range(3):
            assert (await client.get("/graphql")).status_code == 418
        after = await scraped(client)
    assert after["scrip_http_request_seconds_count", "418"] == 3
    assert after["scrip_http_requests_under_way", ""] == 0
    assert after["process_resident_memory_bytes", ""] > 1_000_000


async def test_the_event_loops_lag_is_told() -> None:
    """Whoever holds the loop is seen by how late the others are."""
    seen: list[float] = []
    async with lag_watched(seen.append):
        await asyncio.sleep(3 * INTERVAL_SECONDS)
        time.sleep(0.5)  # noqa: ASYNC251 - what must not happen
        await asyncio.sleep(INTERVAL_SECONDS)
    assert seen
    assert max(seen) > 0.3
    metrics = Metrics(Sources(Ledger()))
    metrics.lag.observe(0.4)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=[*metrics.routes])), base_url="http://scrip"
    ) as client:
        found = await scraped(client)
    assert found["scrip_event_loop_lag_seconds_count", ""] == 1
    assert found["scrip_event_loop_lag_seconds_bucket", "0.5"] == 1
    assert found["scrip_event_loop_lag_seconds_bucket", "0.25"] == 0
