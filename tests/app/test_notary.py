"""Where checkpoints are kept: in a folder or at a URL, once each, and never one over another."""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import pytest

from app.checkup.checkpoints import look_at_checkpoints
from app.finding import State
from app.notary import AtUrl, InFolder, NotKept, notary, notary_keys, read_kept
from app.problems import SetupProblem
from app.settings import Settings
from models.checkpoints import Checkpoint
from models.signed_notes import Keys, new_key

KEY: Final = new_key("books.example", bytes(range(32)))
KEYS: Final = Keys((KEY,), (KEY.public,))
TENANT: Final = UUID(int=7)
WHEN: Final = datetime(2026, 1, 1, tzinfo=UTC)


def checkpoint(number: int, tenant: UUID = TENANT) -> Checkpoint:
    return Checkpoint(tenant, number, WHEN, 1, bytes(32), 1, 0, bytes(32), None if number == 1 else bytes(32))


def note(number: int, tenant: UUID = TENANT) -> str:
    return KEYS.sign(checkpoint(number, tenant).text)


async def test_a_folder_has_a_file_for_each(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    folder = InFolder(tmp_path / "kept")
    for number in (1, 2):
        for _ in range(2):  # again, as after a crash
            await folder.keep(checkpoint(number).name, note(number))
    assert {file.name: file.read_text() for file in (tmp_path / "kept" / str(TENANT)).iterdir()} == {
        "0000000001.txt": note(1),
        "0000000002.txt": note(2),
    }
    with pytest.raises(NotKept, match="another checkpoint of that number"):
        await folder.keep(checkpoint(1).name, note(2))
    await InFolder(tmp_path / "kept").keep(checkpoint(1, UUID(int=8)).name, note(1, UUID(int=8)))
    assert read_kept(tmp_path / "kept", str(TENANT), KEYS.trusted, 10) == [checkpoint(1), checkpoint(2)]
    assert read_kept(tmp_path / "kept" / checkpoint(2).name.replace("02", "02.txt"), str(TENANT), KEYS.trusted, 1) == [
        checkpoint(2)
    ]
    with pytest.raises(SetupProblem, match="none of the keys"):
        read_kept(tmp_path / "kept", str(TENANT), (new_key("books.example", bytes(32)).public,), 10)
    with pytest.raises(SetupProblem, match="more than 1"):
        read_kept(tmp_path / "kept", str(TENANT), KEYS.trusted, 1)


async def test_two_who_bring_one_at_once_are_not_in_each_other_s_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As workers in two containers, which share the folder, and have the same number as a process."""
    folder, link, place = InFolder(tmp_path), os.link, tmp_path / str(TENANT)

    def slowly(beside: Path, file: Path) -> None:
        """Another one brings it from its beginning to its end, while this one is about to."""
        monkeypatch.setattr("os.link", link)
        folder._keep(file, note(1))
        link(beside, file)

    monkeypatch.setattr("os.link", slowly)
    await folder.keep(checkpoint(1).name, note(1))
    assert {file.name: file.read_text() for file in place.iterdir()} == {"0000000001.txt": note(1)}


async def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(NotKept, match="cannot be written"):
        await InFolder(tmp_path / "kept").keep(checkpoint(1).name, note(1))


async def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Its disk is not mounted: checkpoints are not to lie beside the database instead."""
    with pytest.raises(NotKept, match="No such file"):
        await InFolder(tmp_path / "mounted" / "kept").keep(checkpoint(1).name, note(1))
    assert not await asyncio.to_thread((tmp_path / "mounted").exists)


async def test_a_url_is_asked_without_the_environments_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(NotKept, match="ConnectError"):
            await AtUrl("http://nobody.invalid").keep(checkpoint(1).name, note(1))
    assert asked == []


class Store:
    """Takes what is not there yet, as S3 and WebDAV do."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "GET":
            return httpx.Response(200, content=self.files[path])
        assert request.headers["if-none-match"] == "*"
        if path in self.files:
            return httpx.Response(412)
        self.files[path] = request.content
        return httpx.Response(201)


async def test_a_url_is_put_beneath() -> None:
    store = Store()
    place = AtUrl("https://store.example/books/", httpx.MockTransport(store))
    for _ in range(2):
        await place.keep(checkpoint(1).name, note(1))
    assert store.files == {f"/books/{TENANT}/0000000001.txt": note(1).encode()}
    with pytest.raises(NotKept, match="another checkpoint"):
        await place.keep(checkpoint(1).name, note(2))


def _answer(status: int) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, headers={"location": "http://169.254.1.1/"})


def _away(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route to hunter2")


@pytest.mark.parametrize(
    ("handler", "told"), [(_answer(500), "answered 500"), (_answer(307), "answered 307"), (_away, "ConnectError")]
)
async def test_a_server_that_does_not_take_it(handler: Callable[[httpx.Request], httpx.Response], told: str) -> None:
    place = AtUrl("https://user:hunter2@store.example", httpx.MockTransport(handler))
    with pytest.raises(NotKept, match=told) as raised:
        await place.keep(checkpoint(1).name, note(1))
    assert "hunter2" not in str(raised.value)


Keep = Callable[[str, str], Awaitable[None]]


def test_who_signs_is_said_by_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    assert notary(Settings()) is None
    old = new_key("books.example", bytes(32)).public
    file.write_text(f"{KEY.written()}\n{old.written()}\n")
    signs = notary(Settings(checkpoint_keys=file, checkpoint_every=60))
    assert signs is not None
    assert (signs.keys.signing, signs.keys.trusted, signs.keep) == ((KEY,), (KEY.public, old), None)
    for place in ("https://store.example", str(tmp_path)):
        signs = notary(Settings(checkpoint_keys=file, checkpoints_to=place))
        assert signs is not None
        assert signs.keep is not None
    file.write_text(f"{old.written()}\n")
    assert notary(Settings(checkpoint_keys=file)) is None
    for spoilt in ("nonsense\n", KEY.written()[:-2]):
        file.write_text(spoilt)
        with pytest.raises(SetupProblem, match=r"SCRIP_CHECKPOINT_KEYS: .*line 1 is no key") as raised:
            notary_keys(Settings(checkpoint_keys=file))
        assert spoilt.strip() not in str(raised.value)
    with pytest.raises(SetupProblem, match="cannot be read"):
        notary_keys(Settings(checkpoint_keys=tmp_path / "none"))


def states(**settings: object) -> list[State]:
    given = {"database_url": "postgresql://u:p@db.example/scrip", **settings}
    return [finding.state for finding in look_at_checkpoints(Settings(**given))]  # type: ignore[arg-type]


def test_the_doctor_looks_at_keys_and_place(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{KEY.written()}\n")
    file.chmod(0o600)
    well: dict[str, object] = {"checkpoint_keys": file, "checkpoints_to": str(tmp_path)}
    assert states() == [State.WARNING]
    assert states(**well) == [State.OK]
    assert states(**well | {"checkpoints_to": "https://store.example"}) == [State.OK]
    assert states(**well | {"checkpoints_to": str(tmp_path / "none")}) == [State.FAULT]
    assert states(checkpoint_keys=file) == [State.WARNING]
    assert states(**well | {"database_url": "postgresql://u:p@localhost/scrip"}) == [State.WARNING]
    assert states(**well | {"checkpoint_keys": tmp_path / "none"}) == [State.FAULT]
    file.chmod(0o600 | stat.S_IROTH)
    assert states(**well) == [State.WARNING]
    file.write_text(f"{KEY.public.written()}\n")
    assert states(checkpoint_keys=file) == [State.OK]
