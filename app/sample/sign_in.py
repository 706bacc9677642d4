"""Signing in to the console as each role of the sample, by one click."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sample.pages.front import is_local
from app.sample.tokens import demo_tokens
from app.settings import Settings
from auth.roles import Role

_ROLES: Final = (Role.STAFF, Role.MANAGER, Role.ADMIN, Role.CUSTOMER)
"""The roles of people: a partner is a program."""


def sample_sign_in(settings: Settings, clock: Callable[[], datetime], new_id: Callable[[], UUID]) -> list[Route]:
    """The route that gives the sample's tokens to the console: under the conditions of the page of examples, and to no
    page of another origin."""

    def tokens(request: Request) -> Response:
        local = is_local(request.headers.get("host", ""))
        if not local or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return JSONResponse({"roles": []})
        given = {token.role: token for token in demo_tokens(settings, clock(), new_id)}
        shown = [given[role] for role in _ROLES if role in given]
        return JSONResponse({"roles": [{"role": each.role.value, "token": each.text} for each in shown]})

    return [Route("/console/sample.json", tokens)] if settings.sample else []
