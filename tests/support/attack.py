"""Requests that should not be sent, and what every answer to them has in common."""

import json
import re
from typing import Any, Final
from uuid import UUID

from auth.roles import Role
from tests.api.conftest import Api, bearer

LEAKS: Final = re.compile(
    r"Traceback|File \"|line \d+, in |site-packages|asyncpg|tortoise|strawberry|psycopg|SELECT |INSERT |\.py\b|"
    r"object at 0x|violates|relation \"|column \"|ValueError|TypeError|KeyError|Something went wrong",
    re.I,
)
MAX_ANSWER: Final = 30_000
"""Characters: what was sent is not sent back."""
REQUEST_CODES: Final = {
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILURE",
    "QUERY_TOO_COSTLY",
    "BAD_USER_INPUT",
}


class Attack:
    """Sends what should not be sent, and says what became of it."""

    def __init__(self, api: Api, customer: UUID | None = None) -> None:
        self.customer = customer
        self._client = api.client
        self._headers = {"authorization": bearer(api.tenant.slug, Role.ADMIN), "content-type": "application/json"}

    async def __call__(self, body: bytes) -> dict[str, Any]:
        """The answer to these bytes, whatever they are: JSON, of bounded size, that gives nothing away."""
        response = await self._client.post("/graphql", content=body, headers=self._headers)
        assert response.status_code in (200, 400, 413), (response.status_code, response.text[:500])
        assert not LEAKS.search(response.text), response.text[:500]
        assert len(response.text) < MAX_ANSWER
        answer: dict[str, Any] = response.json()
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= REQUEST_CODES | {"PAYLOAD_TOO_LARGE"}, codes
        return answer

    async def run(self, query: str, variables: Any = None) -> dict[str, Any]:
        return await self(json.dumps({"query": query, "variables": variables}).encode())
