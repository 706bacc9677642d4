"""Issuing, rotating and using partners' tokens in tests of the API."""

from typing import Any, Final

from auth.roles import Role
from tests.api.conftest import Answer, Api

TOKEN: Final = """id client name scopes active createdAt createdBy { subject } expiresAt revokedAt revokedBy { subject }
    lastUsedAt lastUsedAddress replaces { id }"""

ISSUE: Final = f"""mutation($input: IssueTokenInput!) {{ issueToken(input: $input) {{
    secret token {{ {TOKEN} }} userErrors {{ code field message }} }} }}"""

ROTATE: Final = f"""mutation($input: RotateTokenInput!) {{ rotateToken(input: $input) {{
    secret token {{ {TOKEN} }} userErrors {{ code field message }} }} }}"""

REVOKE: Final = f"""mutation($input: RevokeTokenInput!) {{ revokeToken(input: $input) {{
    token {{ {TOKEN} }} userErrors {{ code field message }} }} }}"""

LIST: Final = f"""query($client: String, $active: Boolean) {{ partnerTokens(client: $client, active: $active) {{
    edges {{ node {{ {TOKEN} }} }} }} }}"""

VIEWER: Final = "{ viewer { subject role scopes tenant { id } } }"

CUSTOMERS: Final = "{ customers { edges { node { id } } } }"

EVENTS: Final = """query($action: String) { auditTrail(action: $action) { edges { node {
    action actor { subject role client } subjectId details requestId address } } } }"""

TILL: Final = {"client": "shop", "name": "Till", "scopes": ["customers:read", "credits:add"]}

ADJUST: Final = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }"


class Seconds:
    """A monotonic clock that goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def ask(
    api: Api, token: str, query: str, variables: dict[str, Any] | None = None, *, request_id: str = "r"
) -> Answer:
    body = {"query": query, "variables": variables or {}}
    headers = {"authorization": f"Bearer {token}", "x-request-id": request_id}
    return Answer(await api.client.post("/graphql", json=body, headers=headers))


async def issue(api: Api, *, more: dict[str, Any] | None = None, **token: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api(ISSUE, {"input": TILL | (more or {})}, **token))["issueToken"]
    return payload


async def issued(api: Api, **more: Any) -> tuple[str, dict[str, Any]]:
    """The secret, and the token."""
    payload = await issue(api, more=more)
    assert payload["userErrors"] == []
    return payload["secret"], payload["token"]


async def refused(api: Api, token: str, why: str) -> None:
    """The token is answered 401, as RFC 6750 wants it, and nothing is said of it but why."""
    answer = await ask(api, token, VIEWER)
    assert answer.response.status_code == 401
    assert answer.response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.codes == ["UNAUTHENTICATED"]
    assert why in answer.errors[0]["message"]
    assert token not in answer.response.text


async def listed(api: Api, **variables: Any) -> list[dict[str, Any]]:
    answer = await api(LIST, variables, role=Role.MANAGER)
    return [edge["node"] for edge in answer["partnerTokens"]["edges"]]


async def events(api: Api, action: str) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await api(EVENTS, {"action": action}))["auditTrail"]["edges"]]
