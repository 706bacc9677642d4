"""coupon, useCoupon and disableCoupon."""

from datetime import timedelta
from typing import Any, Final

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import DISABLE_COUPON, USE_COUPON, denied, done, refusal, replayed
from tests.support.tenants import Tenant

COUPON: Final = """query($by: CouponBy!) { coupon(by: $by) { id code status pointsSpent issuedAt expiresAt closedAt
  terms { name kind value currency product } reward { name } customer { externalId }
  transaction { kind } refund { kind } } }"""


async def given(tenant: Tenant, *, points: int = 50, free: bool = False, **reward: Any) -> tuple[str, str]:
    """A coupon's id and code, given to carol, who had 100 points."""
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, "100", "POINTS")
    outcome = await tenant.give(carol, await tenant.reward(points, name="Mug", **reward), deduct_points=not free)
    code = await tenant.fetch("select code from coupons where tenant_id = $1")
    return gid("Coupon", outcome.coupon_id), code[0]["code"]


async def test_a_coupon_is_found_by_id_and_by_code(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    coupon, code = await given(tenant)
    found = (await api(COUPON, {"by": {"id": coupon}}))["coupon"]

    assert (found["id"], found["code"], found["status"], found["pointsSpent"]) == (coupon, code, "ISSUED", "50")
    assert found["terms"] == {"name": "Mug", "kind": "FREE_DELIVERY", "value": None, "currency": None, "product": None}
    assert (found["customer"], found["reward"]) == ({"externalId": "carol"}, {"name": "Mug"})
    assert (found["transaction"], found["refund"], found["closedAt"]) == ({"kind": "REWARD"}, None, None)
    for typed in (code, f" {code.lower()} "):
        assert (await api(COUPON, {"by": {"code": typed}}))["coupon"] == found
    for nothing in ({"code": ""}, {"code": "NOSUCHCODE"}, {"id": gid("Reward", tenant.id)}):
        assert (await api(COUPON, {"by": nothing}))["coupon"] is None
    _, theirs = await given(other_tenant)
    assert (await api(COUPON, {"by": {"code": theirs}}))["coupon"] is None
    for bad in ({"code": "\x00"}, {"code": "X" * 65}, {"id": "x"}):
        assert (await api(COUPON, {"by": bad})).codes == ["BAD_USER_INPUT"]


async def test_customers_find_their_own_alone(api: Api, tenant: Tenant) -> None:
    coupon, code = await given(tenant)
    await tenant.customer("dave")
    found = "query($by: CouponBy!) { coupon(by: $by) { id status } }"
    for by in ({"id": coupon}, {"code": code}):
        assert (await api.as_customer("carol", found, {"by": by}))["coupon"] == {"id": coupon, "status": "ISSUED"}
        assert (await api.as_customer("dave", found, {"by": by}))["coupon"] is None


async def test_a_coupon_is_used_once(api: Api, tenant: Tenant) -> None:
    coupon, _ = await given(tenant)
    asked = {"couponId": coupon, "idempotencyKey": "k"}
    first = await done(api, USE_COUPON, asked, role=Role.STAFF)
    assert (first["coupon"]["status"], first["replayed"]) == ("USED", False)
    assert first["coupon"]["closedAt"] is not None
    await replayed(api, tenant, USE_COUPON, asked, first)
    for field in (USE_COUPON, DISABLE_COUPON):
        assert await refusal(api, tenant, field, {**asked, "idempotencyKey": "other"}) == [
            "COUPON_NOT_ISSUED",
            "couponId",
        ]


async def test_disabling_with_points_back(api: Api, tenant: Tenant) -> None:
    coupon, _ = await given(tenant)
    asked = {"couponId": coupon, "refundPoints": True, "note": "Sold out", "idempotencyKey": "k"}
    first = await done(api, DISABLE_COUPON, asked, role=Role.MANAGER)

    assert first["coupon"]["status"] == "DISABLED"
    assert first["coupon"]["refund"] == {"id": first["transaction"]["id"]}
    assert (first["account"]["available"], first["account"]["lifetime"]) == ("100", "100")
    assert (first["transaction"]["kind"], first["transaction"]["note"]) == ("REVERSAL", "Sold out")
    assert [edge["node"]["amount"] for edge in first["transaction"]["entries"]["edges"]] == ["50"]
    await replayed(api, tenant, DISABLE_COUPON, asked, first)


async def test_disabling_without_points_back(api: Api, tenant: Tenant) -> None:
    coupon, _ = await given(tenant)
    asked = {"couponId": coupon, "idempotencyKey": "k"}
    first = await done(api, DISABLE_COUPON, asked)

    assert (first["coupon"]["status"], first["coupon"]["refund"]) == ("DISABLED", None)
    assert (first["transaction"], first["account"]) == (None, None)
    balance = await api('{ customer(by: {externalId: "carol"}) { account(asset: "POINTS") { available } } }')
    assert balance["customer"] == {"account": {"available": "50"}}
    await replayed(api, tenant, DISABLE_COUPON, asked, first)


async def test_an_expired_coupon_is_good_for_nothing(api: Api, tenant: Tenant, clock: Clock) -> None:
    coupon, _ = await given(tenant, validity_days=1)
    clock.advance(timedelta(days=3))
    assert (await api(COUPON, {"by": {"id": coupon}}))["coupon"]["status"] == "EXPIRED"
    for field in (USE_COUPON, DISABLE_COUPON):
        assert (await refusal(api, tenant, field, {"couponId": coupon, "idempotencyKey": "k"}))[0] == (
            "COUPON_NOT_ISSUED"
        )


async def test_bad_input_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    coupon, _ = await given(tenant)
    theirs, _ = await given(other_tenant)
    for field in (USE_COUPON, DISABLE_COUPON):
        asked: dict[str, Any] = {"couponId": coupon, "idempotencyKey": "k"}
        for change, expected in (
            ({"couponId": "x"}, ["NOT_FOUND", "couponId"]),
            ({"couponId": theirs}, ["NOT_FOUND", "couponId"]),
            ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
        ):
            async with other_tenant.nothing_moves():
                assert await refusal(api, tenant, field, {**asked, **change}) == expected
    assert await refusal(api, tenant, DISABLE_COUPON, {"couponId": coupon, "note": "\x00", "idempotencyKey": "k"}) == [
        "INVALID",
        "note",
    ]


async def test_who_may_not(api: Api, tenant: Tenant) -> None:
    coupon, _ = await given(tenant)
    asked = {"couponId": coupon, "idempotencyKey": "k"}
    await denied(api, tenant, DISABLE_COUPON, asked, role=Role.STAFF)
    await denied(api, tenant, DISABLE_COUPON, {**asked, "refundPoints": True}, role=Role.STAFF)
    for field in (USE_COUPON, DISABLE_COUPON):
        await denied(api, tenant, field, asked, role=Role.CUSTOMER, customer="carol")
        await denied(api, tenant, field, asked, role=Role.PARTNER, scopes=[Scope.REWARDS_READ], client_id="till")
    scopes = [Scope.REWARDS_GIVE, Scope.REWARDS_READ, Scope.LEDGER_READ]  # for what the payload shows
    await done(api, USE_COUPON, asked, role=Role.PARTNER, scopes=scopes, client_id="till")
