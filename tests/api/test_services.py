"""createService and updateService."""

from typing import Any

from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant


async def ask(api: Api, field: str, given: dict[str, Any]) -> dict[str, Any]:
    kind = field[0].upper() + field[1:]
    selection = "service { id name active } userErrors { code field }"
    query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} }} }}"
    payload: dict[str, Any] = (await api(query, {"input": given}))[field]
    return payload


async def test_a_service_is_added_renamed_and_retired(api: Api) -> None:
    made = await ask(api, "createService", {"name": "Cut"})
    service = made["service"]
    assert (service["name"], service["active"], made["userErrors"]) == ("Cut", True, [])
    assert (await api("{ services { id } }"))["services"] == [{"id": service["id"]}]

    await ask(api, "updateService", {"serviceId": service["id"], "name": "Haircut"})
    retired = await ask(api, "updateService", {"serviceId": service["id"], "active": False})
    assert retired["service"] == {"id": service["id"], "name": "Haircut", "active": False}
    assert (await api("{ services { id } }"))["services"] == []


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    await tenant.service("Cut")
    colour = gid("Service", await tenant.service("Colour"))
    theirs = gid("Service", await other_tenant.service("Massage"))
    bad: list[tuple[str, dict[str, Any], list[str]]] = [
        ("createService", {"name": "Cut"}, ["DUPLICATE", "name"]),
        ("createService", {"name": ""}, ["INVALID", "name"]),
        ("createService", {"name": "\x00"}, ["INVALID", "name"]),
        ("createService", {"name": "x" * 201}, ["INVALID", "name"]),
        ("updateService", {"serviceId": colour, "name": "Cut"}, ["DUPLICATE", "name"]),
        ("updateService", {"serviceId": colour, "name": "  "}, ["INVALID", "name"]),
        ("updateService", {"serviceId": theirs, "active": False}, ["NOT_FOUND", "serviceId"]),
        ("updateService", {"serviceId": "x"}, ["NOT_FOUND", "serviceId"]),
    ]
    async with tenant.nothing_moves(), other_tenant.nothing_moves():
        for field, given, expected in bad:
            payload = await ask(api, field, given)
            assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected], given
            assert payload["service"] is None
