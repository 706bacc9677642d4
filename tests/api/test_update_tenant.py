"""updateTenant."""

from typing import Any

from auth.roles import Role
from tests.api.conftest import Api
from tests.support.tenants import Tenant

UPDATE = """mutation($input: UpdateTenantInput!) { updateTenant(input: $input) {
  tenant { name timeZone graceDays } userErrors { code field } } }"""
SEEN = "{ viewer { tenant { name timeZone graceDays } } }"


async def test_the_next_request_sees_it(api: Api) -> None:
    assert (await api(SEEN))["viewer"]["tenant"]["timeZone"] == "Europe/London"
    wanted = {"name": "Tea & Cake", "timeZone": "Pacific/Auckland", "graceDays": 30}
    assert (await api(UPDATE, {"input": wanted}))["updateTenant"] == {"tenant": wanted, "userErrors": []}
    assert (await api(SEEN, role=Role.STAFF))["viewer"]["tenant"] == wanted
    again = (await api(UPDATE, {"input": {"graceDays": None}}))["updateTenant"]
    assert again == {"tenant": wanted, "userErrors": []}


async def test_what_cannot_be_changes_nothing(api: Api, tenant: Tenant) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"name": " "}, "name"),
        ({"name": "\x00"}, "name"),
        ({"timeZone": "Mars/Base"}, "timeZone"),
        ({"timeZone": "Europe"}, "timeZone"),
        ({"timeZone": "../etc/passwd"}, "timeZone"),
        ({"graceDays": -1}, "graceDays"),
        ({"timeZone": "localtime"}, "timeZone"),
        ({"timeZone": "Factory"}, "timeZone"),
        ({"graceDays": 2**31 - 1}, "graceDays"),
        ({"name": "New", "graceDays": 36_501}, "graceDays"),
    ]
    row = "select * from tenants where id = $1"
    before = await tenant.fetch(row)
    async with tenant.nothing_moves():
        for given, field in bad:
            payload = (await api(UPDATE, {"input": given}))["updateTenant"]
            assert payload == {"tenant": None, "userErrors": [{"code": "INVALID", "field": [field]}]}
        for role in (Role.STAFF, Role.MANAGER):
            assert (await api(UPDATE, {"input": {"name": "New"}}, role=role)).codes == ["FORBIDDEN"]
    assert await tenant.fetch(row) == before
