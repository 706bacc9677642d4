"""createReason and updateReason."""

from typing import Any

from tests.api.conftest import Api
from tests.support.tenants import Tenant

REASON = "reason { code label directions movesLifetime noteRequired active }"


async def ask(api: Api, field: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    kind = field[0].upper() + field[1:]
    query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {REASON} userErrors {{ code field }} }} }}"
    payload: dict[str, Any] = (await api(query, {"input": given}, **token))[field]
    return payload


async def test_a_reason_is_made_changed_and_retired(api: Api) -> None:
    made = await ask(api, "createReason", {"code": "BIRTHDAY", "label": "Birthday", "directions": ["ADD"]})
    reason = {
        "code": "BIRTHDAY",
        "label": "Birthday",
        "directions": ["ADD"],
        "movesLifetime": True,
        "noteRequired": False,
        "active": True,
    }
    assert made == {"reason": reason, "userErrors": []}
    reasons = (await api("{ adjustmentReasons { code } }"))["adjustmentReasons"]
    assert next(each["code"] for each in reasons) == "BIRTHDAY"

    change = {
        "label": "Birthday or name day",
        "directions": ["REMOVE", "ADD"],
        "movesLifetime": False,
        "noteRequired": True,
        "active": False,
    }
    changed = await ask(api, "updateReason", {"code": "BIRTHDAY", **change})
    assert changed == {"reason": {**reason, **change, "directions": ["ADD", "REMOVE"]}, "userErrors": []}
    assert (await ask(api, "updateReason", {"code": "BIRTHDAY", "label": None}))["reason"] == changed["reason"]
    reasons = (await api("{ adjustmentReasons { code } }"))["adjustmentReasons"]
    assert "BIRTHDAY" not in {each["code"] for each in reasons}


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant) -> None:
    good = {"code": "NEW", "label": "New", "directions": ["ADD"]}
    bad: list[tuple[str, dict[str, Any], list[str]]] = [
        ("createReason", {**good, "code": "GOODWILL"}, ["DUPLICATE", "code"]),
        ("createReason", {**good, "code": "new"}, ["INVALID", "code"]),
        ("createReason", {**good, "code": "\x00"}, ["INVALID", "code"]),
        ("createReason", {**good, "label": "\x00"}, ["INVALID", "label"]),
        ("createReason", {**good, "label": " "}, ["INVALID", "label"]),
        ("createReason", {**good, "directions": []}, ["INVALID", "directions"]),
        ("updateReason", {"code": "NOPE"}, ["NOT_FOUND", "code"]),
        ("updateReason", {"code": "\x00"}, ["INVALID", "code"]),
        ("updateReason", {"code": "GOODWILL", "directions": []}, ["INVALID", "directions"]),
        ("updateReason", {"code": "GOODWILL", "label": "x" * 201}, ["INVALID", "label"]),
        ("updateReason", {"code": "OTHER", "noteRequired": False}, ["INVALID", "noteRequired"]),
    ]
    async with tenant.nothing_moves():
        for field, given, expected in bad:
            payload = await ask(api, field, given)
            assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected], given
            assert payload["reason"] is None


async def test_each_tenant_has_a_list_of_its_own(api: Api, other_tenant: Tenant) -> None:
    async with other_tenant.nothing_moves():
        await ask(api, "updateReason", {"code": "GOODWILL", "label": "Ours"})
        await ask(api, "createReason", {"code": "NEW", "label": "New", "directions": ["ADD"]})
