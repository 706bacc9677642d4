"""What schemathesis is told of Scrip: plausible scalars and ids that exist, and what every answer has to look like."""

import os
from datetime import date
from typing import Any

import schemathesis
from hypothesis import strategies as st
from hypothesis_graphql import nodes

_PLAUSIBLE = {
    "ID": st.sampled_from([*os.environ["SCRIP_IDS"].split(), "", "x"]),
    "Decimal": st.sampled_from(["1.00", "-1", "0", "10.005", "1e3", "NaN", "9999999999999999.9999", ""]),
    "AssetCode": st.sampled_from(["GBP", "JPY", "POINTS", "SERVICE_CREDITS", "gbp", "XXX", ""]),
    "Date": st.dates(date(1, 1, 1)).map(str) | st.sampled_from(["2026-02-30", ""]),
    "DateTime": st.datetimes().map(lambda at: f"{at.isoformat()}Z")
    | st.sampled_from(["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60Z", ""]),
}
for _name, _texts in _PLAUSIBLE.items():
    schemathesis.graphql.scalar(_name, _texts.map(nodes.String))


@schemathesis.check
def every_error_is_expected(ctx: Any, response: Any, case: Any) -> None:
    """GraphQL over HTTP, with a code on each error, and no error a fault of the server's. Asserts are what it wants."""
    assert response.status_code in (200, 400, 429), response.status_code
    body = response.json()
    assert "data" in body or body["errors"], body
    for error in body.get("errors", []):
        assert error["message"], error
        assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR", error
