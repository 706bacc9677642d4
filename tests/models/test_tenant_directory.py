"""Tenants as a process remembers them: looked up again by one request at a time, before they are too old."""

import asyncio
from uuid import UUID

import pytest

from models.reads import tenants
from models.reads.tenants import LOOKS_AGAIN, REMEMBERED_SECONDS, TenantDirectory, TenantView


class LookUp:
    """In the database's place: answers once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may = asyncio.Event()
        self.fails = False

    async def __call__(self, claim: str) -> TenantView | None:
        self.asked += 1
        number = self.asked
        await self.may.wait()
        if self.fails:
            raise ConnectionError
        return named(f"{claim} {number}")


def named(name: str) -> TenantView:
    return TenantView(UUID(int=1), "a", name, "UTC", 0, 0, 0, 90, 7, None, None, {})


@pytest.fixture
def look_up(monkeypatch: pytest.MonkeyPatch) -> LookUp:
    found = LookUp()
    found.may.set()
    monkeypatch.setattr(tenants, "_look_up", found)
    return found


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def name(directory: TenantDirectory) -> str | None:
    found = directory.remembered("a") or await directory.find("a")
    return None if found is None else found.name


async def test_one_looks_again_while_the_others_go_by_what_is_remembered(look_up: LookUp) -> None:
    clock = Clock()
    directory = TenantDirectory(clock)
    assert await name(directory) == "a 1"
    clock.now += LOOKS_AGAIN * REMEMBERED_SECONDS
    look_up.may.clear()
    asking = [asyncio.create_task(name(directory)) for _ in range(5)]
    await asyncio.sleep(0)
    look_up.may.set()
    assert await asyncio.gather(*asking) == ["a 2", "a 1", "a 1", "a 1", "a 1"]
    assert (look_up.asked, await name(directory)) == (2, "a 2")


async def test_nobody_goes_by_what_is_too_old(look_up: LookUp) -> None:
    clock = Clock()
    directory = TenantDirectory(clock)
    await name(directory)
    clock.now += LOOKS_AGAIN * REMEMBERED_SECONDS
    look_up.may.clear()
    first = asyncio.create_task(name(directory))
    await asyncio.sleep(0)
    clock.now += REMEMBERED_SECONDS * (1 - LOOKS_AGAIN)
    second = asyncio.create_task(name(directory))
    await asyncio.sleep(0)
    look_up.may.set()
    assert (await first, await second, look_up.asked) == ("a 2", "a 3", 3)


async def test_who_fails_to_look_leaves_it_to_the_next(look_up: LookUp) -> None:
    clock = Clock()
    directory = TenantDirectory(clock)
    await name(directory)
    clock.now += LOOKS_AGAIN * REMEMBERED_SECONDS
    look_up.fails = True
    with pytest.raises(ConnectionError):
        await name(directory)
    look_up.fails = False
    assert await name(directory) == "a 3"


async def test_what_was_looked_up_before_it_changed_is_not_remembered_after(look_up: LookUp) -> None:
    """The change is committed, and its own request finds it, while another's answer of before is still on its way."""
    directory = TenantDirectory(Clock())
    look_up.may.clear()
    late = asyncio.create_task(name(directory))
    await asyncio.sleep(0)
    look_up.may, before = asyncio.Event(), look_up.may
    look_up.may.set()
    directory.forget(named("a"))
    assert await name(directory) == "a 2"
    before.set()
    assert await late == "a 1"
    assert await name(directory) == "a 2"
