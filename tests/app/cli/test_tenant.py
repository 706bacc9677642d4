"""`scrip tenant`, as an operator uses it on the first day: with a server beside it."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.cli.tenants import unknown
from app.postgres.embedded import Urls
from tests.app.cli.test_run import Scrip, wait_for
from tests.app.cli.test_work import output, scrip

SECRET = "a secret for servers under test, and long enough"


@pytest.fixture
def slug() -> str:
    return f"t-{uuid4().hex}"


@pytest.fixture
def address(database_urls: Urls, tmp_path: Path) -> Iterator[str]:
    """Where a `scrip serve` is, of this worker's database."""
    running = Scrip("serve", cwd=tmp_path, DATABASE_URL=database_urls.app, SCRIP_JWT_SECRET=SECRET)
    try:
        yield running.url()
    finally:
        running.process.kill()
        running.wait()
        shutil.rmtree(tmp_path / ".scrip", ignore_errors=True)


async def run(urls: Urls, *arguments: str, **variables: str) -> tuple[int | None, str, str]:
    return await output(await scrip(urls, *arguments, **variables))


def asked(address: str, token: str, query: str = "{ viewer { subject role tenant { name timeZone } } }") -> Any:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.post(f"{address}/graphql", json={"query": query}, headers=headers, timeout=30).json()


def code(answer: dict[str, Any]) -> str | None:
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


def until(find: Callable[[], bool]) -> None:
    wait_for(lambda: find() or None)


async def test_from_making_one_to_suspending_it(database_urls: Urls, address: str, slug: str) -> None:
    secret = {"SCRIP_JWT_SECRET": SECRET}
    made = ("tenant", "create", slug, "--name", "Tea Shop", "--time-zone", "Europe/Dublin", "--admin", "ada")
    status, token, said = await run(database_urls, *made, "--limited-currencies", "GBP, EUR", **secret)
    assert (status, len(token.splitlines())) == (0, 1), said
    viewer = (await asyncio.to_thread(asked, address, token.strip()))["data"]["viewer"]
    assert viewer == {"subject": "ada", "role": "ADMIN", "tenant": {"name": "Tea Shop", "timeZone": "Europe/Dublin"}}

    status, out, said = await run(database_urls, *made, **secret)
    assert (status, out) == (1, "")
    assert said == f"scrip: Another tenant is called '{slug}'.\n"

    status, shown, _ = await run(database_urls, "tenant", "show", slug)
    rows = dict(line.split("  ", 1) for line in shown.splitlines())
    told = {name.strip(): value.strip() for name, value in rows.items()}
    assert (status, told["name"], told["time zone"], told["state"]) == (0, "Tea Shop", "Europe/Dublin", "active")
    assert told["currencies of limited roles"] == "EUR GBP"

    status, _, said = await run(database_urls, "tenant", "suspend", told["id"])
    assert (status, said) == (0, f"{slug} is suspended\n")
    await asyncio.to_thread(until, lambda: code(asked(address, token.strip())) == "SUSPENDED")
    _, listed, _ = await run(database_urls, "tenant", "list")
    assert [slug, told["id"], "suspended"] in [line.split() for line in listed.splitlines()]
    for command in (("token", "--role", "admin"), ("work", "--once")):
        status, out, said = await run(database_urls, *command, "--tenant", slug, **secret)
        assert (status, out) == (1, ""), command
        assert said == f"scrip: The tenant {slug} is suspended. Let it in again first: scrip tenant resume {slug}\n"

    status, out, said = await run(database_urls, "token", "--role", "admin", "--tenant", f"{slug}x", **secret)
    assert (status, out, said.partition(". ")[0]) == (1, "", f"scrip: There is no tenant '{slug}x'")

    status, _, said = await run(database_urls, "tenant", "resume", slug)
    assert (status, said) == (0, f"{slug} is active again\n")
    await asyncio.to_thread(until, lambda: code(asked(address, token.strip())) is None)


async def test_what_cannot_be_a_tenant_is_told_and_makes_none(database_urls: Urls, slug: str) -> None:
    cases = {
        ("No Good", "--time-zone", "Europe/London"): (1, "'No Good' cannot be a short name"),
        (str(uuid4()), "--time-zone", "Europe/London"): (1, "not the form of an id"),
        (slug, "--time-zone", "Mars/Olympus"): (1, "There is no time zone 'Mars/Olympus'"),
        (slug, "--time-zone", "Europe/London", "--name", "\u2800"): (1, "at least one of them visible"),
        (slug, "--time-zone", "Europe/London", "--limited-currencies", "GBP XXQ"): (1, "XXQ"),
        (slug,): (2, "--time-zone"),
    }
    for arguments, (expected, told) in cases.items():
        status, out, said = await run(database_urls, "tenant", "create", *arguments)
        assert (status, out) == (expected, ""), arguments
        assert told in said, arguments
    status, _, said = await run(database_urls, "tenant", "show", slug)
    assert (status, said.partition(". ")[0]) == (1, f"scrip: There is no tenant '{slug}'")


async def test_the_tenant_is_there_also_where_no_token_can_be_made(database_urls: Urls, slug: str) -> None:
    made = ("tenant", "create", slug, "--time-zone", "Europe/London")
    status, out, said = await run(database_urls, *made, SCRIP_JWKS_URL="https://issuer.test/keys")
    assert (status, out) == (0, "")
    assert f"must name tenant {slug} and role admin" in said
    status, out, said = await run(
        database_urls, "tenant", "create", f"{slug}2", *made[3:], SCRIP_DATA_DIR="/nonexistent"
    )
    assert (status, out) == (0, "")
    assert "No token was made: There is no secret to sign tokens with" in said


def test_near_names_are_told() -> None:
    many = [f"shop-{n}" for n in range(40)]
    assert unknown("x", []).endswith("make one with scrip tenant create.")
    assert unknown("demi", ["demo", "other"]) == "There is no tenant 'demi'. There are: demo, other."
    assert unknown("demi", [*many, "demo"]) == "There is no tenant 'demi'. There is: demo."
    assert "shop-17" in unknown("shop17", many)
    assert unknown("zzz", many).endswith("None of the 40 has a name like it: scrip tenant list shows them.")
