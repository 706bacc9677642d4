"""The console is served as it stands: its files, its page at every other path, under a policy that lets nothing else in."""

import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from app.console.routes import FOLDER, console_routes
from app.sample.sign_in import sample_sign_in
from app.settings import Settings

SECRET = "a secret of at least thirty-two bytes"


def now() -> datetime:
    return datetime.now(UTC)


def client(name: str = "localhost:8000", **more: Any) -> httpx.AsyncClient:
    settings = Settings(jwt_secret=SECRET, **more)
    app = Starlette(routes=[*sample_sign_in(settings, now, uuid4), *console_routes(settings)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{name}")


async def test_the_root_leads_to_it_and_every_screen_is_the_page() -> None:
    async with client() as browser:
        assert (await browser.get("/")).headers["location"] == "/console"
        page = (await browser.get("/console")).text
        assert page == (FOLDER / "index.html").read_text(encoding="utf-8")
        assert (await browser.get("/console/customers/Q3VzdG9tZXI6MQ%3D%3D/billing")).text == page
        assert (await browser.get("/console/nothing.js")).status_code == 404
        assert (await browser.get("/console/..%2fpyproject.toml")).status_code == 404


async def test_nothing_but_its_own_is_loaded() -> None:
    async with client() as browser:
        policy = (await browser.get("/console/app.js")).headers["content-security-policy"]
    assert "script-src 'self'; style-src 'self'; connect-src 'self'; " in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in FOLDER.rglob("*"):
        if path.suffix in (".html", ".css"):
            text = path.read_text(encoding="utf-8")
            assert re.findall(r"https?://|<script(?! type=\"module\" src=)|<style|\sstyle=|\son\w+=", text) == [], path


async def test_files_are_sent_packed_and_once() -> None:
    async with client() as browser:
        first = await browser.get("/console/app.js", headers={"accept-encoding": "gzip"})
        plain = await browser.get("/console/app.js", headers={"accept-encoding": "identity"})
        again = await browser.get("/console/app.js", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["content-encoding"] == "gzip"
    assert first.text == plain.text == (FOLDER / "app.js").read_text(encoding="utf-8")
    assert (again.status_code, again.content) == (304, b"")


def imports(path: Path) -> list[Path]:
    """What is loaded along with it, whatever anybody does."""
    found = re.findall(r'^import [^"]*"(\.[^"]+)";', path.read_text(encoding="utf-8"), re.MULTILINE)
    return [(path.parent / name).resolve() for name in found]


def test_the_first_load_is_small() -> None:
    first = [FOLDER / "app.js"]
    for path in first:
        first += [each for each in imports(path) if each not in first]
    texts = max(
        sum(len(gzip.compress(path.read_bytes())) for path in language.iterdir())
        for language in (FOLDER / "texts").iterdir()
    )
    files = [*first, *FOLDER.glob("*.css"), FOLDER / "index.html"]
    assert len(files) > 30
    assert texts + sum(len(gzip.compress(path.read_bytes())) for path in files) < 150_000


def test_each_import_is_there() -> None:
    for path in FOLDER.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        later = [(path.parent / name).resolve() for name in re.findall(r'\bimport\("(\.[^"]+)"\)', text)]
        for each in [*imports(path), *later]:
            assert each.is_file(), f"{path}: {each}"


def test_each_part_of_the_texts_is_there_in_each_language() -> None:
    found = re.search(r"^const PARTS = (\[.*\]);$", (FOLDER / "text.js").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    for language in (FOLDER / "texts").iterdir():
        assert sorted(path.stem for path in language.iterdir()) == sorted(json.loads(found[1])), language


async def test_the_provider_is_told_and_may_be_asked() -> None:
    provider = {"console_issuer": "https://login.example.com/realm", "console_client_id": "console"}
    async with client(**provider, console_origins="https://tokens.example.com") as browser:
        answer = await browser.get("/console/settings.json")
    assert answer.json()["signIn"] == {
        "issuer": "https://login.example.com/realm",
        "clientId": "console",
        "scope": "openid profile",
    }
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self' https://login.example.com https://tokens.example.com;" in policy


@pytest.mark.parametrize(
    ("name", "headers", "more", "given"),
    [
        ("localhost:8000", {"sec-fetch-site": "same-origin"}, {}, 4),
        ("127.0.0.1:8000", {}, {}, 4),
        ("localhost:8000", {"sec-fetch-site": "cross-site"}, {}, 0),
        ("localhost:8000", {"sec-fetch-site": "same-site"}, {}, 0),
        ("rebound.example", {"sec-fetch-site": "same-origin"}, {}, 0),
        ("localhost:8000", {}, {"host": "0.0.0.0"}, 0),  # noqa: S104
    ],
)
async def test_the_samples_tokens_are_for_this_machine_and_this_page(
    name: str, headers: dict[str, str], more: dict[str, Any], given: int
) -> None:
    async with client(name, sample=True, **more) as browser:
        answer = await browser.get("/console/sample.json", headers=headers)
    assert len(answer.json()["roles"]) == given


async def test_without_the_sample_there_are_no_tokens() -> None:
    async with client() as browser:
        answer = await browser.get("/console/sample.json")
    assert answer.status_code == 404


def test_it_is_on_in_the_sample_and_otherwise_only_if_asked_for() -> None:
    assert not Settings(jwt_secret=SECRET).has_console
    assert Settings(jwt_secret=SECRET, sample=True).has_console
    assert Settings(jwt_secret=SECRET, console=True).has_console
    assert not Settings(jwt_secret=SECRET, sample=True, console=False).has_console
    with pytest.raises(ValueError, match="set both of them"):
        Settings(jwt_secret=SECRET, console_issuer="https://login.example.com")
