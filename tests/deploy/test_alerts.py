"""The alert rules: Prometheus can read them, they are about series that /metrics shows, and each has its page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.http.metrics import Metrics
from app.http.series import SERIES, Sources
from app.http.verify_file import NAMES, leave
from app.rate_limits.quotas import RateLimitTallies
from models.ledger import Ledger
from models.pool import PoolState
from models.reads.live import LiveFeed
from schema.types.errors import TOLD as USER_ERRORS

ROOT: Final = Path(__file__).parents[2]
ALERTS: Final[list[dict[str, Any]]] = yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"][0]["rules"]
PROMETHEUS: Final = frozenset({"up"})
"""Series that Prometheus makes by itself."""


def selectors(node: Any) -> Iterator[Any]:
    """The selectors of series in an expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if (below := getattr(node, name, None)) is not None:
            yield from selectors(below)
    for each in getattr(node, "args", None) or ():
        yield from selectors(each)


async def shown(tmp_path: Path) -> dict[str, set[str]]:
    """The names of the samples that /metrics shows where everything is there, with the names of their labels."""
    ledger = Ledger()
    ledger.metrics.job("expiry").end_round(seconds=1, done=1, now=1)
    ledger.clock.learn(ledger.clock.asking(), ledger.clock())
    leave(tmp_path / "verify", now=1, seconds=1, tenants=1, entries=1, differences=0)
    ledger.metrics.count("posted")
    ledger.metrics.webhooks.count("delivered")
    sources = Sources(ledger, {"expired": 1}, RateLimitTallies(), pool=lambda: PoolState(1, 1, 1, 0), live=LiveFeed())
    metrics = Metrics(sources, verified=tmp_path / "verify")
    USER_ERRORS["LIMIT_EXCEEDED"] += 1
    metrics.seconds_of(200).observe(0.1)
    metrics.lag.observe(0.1)
    text = metrics.text()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
async def test_an_alert_is_about_what_is_shown(alert: dict[str, Any], tmp_path: Path) -> None:
    names = await shown(tmp_path)
    found = list(selectors(promql_parser.parse(alert["expr"])))
    assert found
    for selector in found:
        if selector.name not in PROMETHEUS:
            assert selector.name in names, selector.name
            asked = {matcher.name for matcher in selector.matchers.matchers}
            assert asked <= names[selector.name], f"{selector.name} has no label of {asked}"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_has_its_page(alert: dict[str, Any]) -> None:
    page = (ROOT / alert["annotations"]["runbook"]).read_text()
    assert page.startswith(f"# {alert['alert']}\n")
    assert f"```text\n{alert['expr']}\n```" in page
    assert alert["annotations"]["summary"].replace("`", "") in page.replace("`", "")
    assert re.findall("^## (.*)$", page, re.MULTILINE) == ["What it means", "What to look at", "What to do"]
    assert alert["labels"]["severity"] in ("page", "ticket")


def test_every_page_is_an_alert_s() -> None:
    named = {alert["annotations"]["runbook"] for alert in ALERTS}
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/runbooks").glob("*.md")}
    assert pages == named
    assert len(ALERTS) == len(named)


def test_every_alert_is_on_the_page_of_metrics() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\S+)\) \| (.+) \|$", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    told = [(alert["alert"], *(alert["annotations"][key] for key in ("runbook", "summary"))) for alert in ALERTS]
    plain = sorted((name, page, text.replace("`", "")) for name, page, text in told)
    assert sorted((name, f"docs/{page}", text.replace("`", "")) for name, page, text in rows) == plain


async def test_every_series_is_on_the_page_of_metrics(tmp_path: Path) -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    counters = {name for name, series in SERIES.items() if series.mode is None}
    known = {f"{name}_total" for name in counters} | (SERIES.keys() - counters) | NAMES.keys()
    assert listed == known | {"scrip_http_request_seconds", "scrip_event_loop_lag_seconds"}
    own = {name for name in await shown(tmp_path) if name.startswith("scrip_")}
    without = {re.sub("_(bucket|count|sum)$", "", name) for name in own}
    assert listed - without == set(), "never shown"
    assert without - listed == set(), "on no page"


def test_a_series_of_another_name_would_be_noticed() -> None:
    (selector,) = selectors(promql_parser.parse('sum by (code) (rate(scrip_erors_total{code="X"}[5m])) > 0'))
    assert selector.name == "scrip_erors_total"
