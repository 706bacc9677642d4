"""A subscription of the Python client: it goes on from its cursor, whatever breaks."""

import json
from typing import Any, Final

import httpx
import pytest

from scrip_client import AsyncScrip, Listing, Retries, Scrip, ScripError, Subscription
from scrip_client.following import Events

FOLLOW: Final = Subscription[dict[str, Any]](
    "Follow", "subscription Follow($after: String) { events(after: $after) { cursor } }", {"after": "0"}, "events"
)
QUICK: Final = Retries(first=0.001, longest=1.0)


def told(*cursors: str) -> bytes:
    messages = [json.dumps({"data": {"events": {"cursor": cursor, "text": "a\u2028b"}}}) for cursor in cursors]
    return b":\n\n" + b"".join(f"event: next\ndata: {message}\n\n".encode() for message in messages)


COMPLETE: Final = b"event: complete\ndata:\n\n"


def failed(code: str) -> bytes:
    result = json.dumps({"errors": [{"message": "no", "extensions": {"code": code}}], "data": {"events": None}})
    return f"event: next\ndata: {result}\n\n".encode()


def ended(code: str) -> bytes:
    return failed(code) + COMPLETE


class Streams:
    """Answers with each of these streams in turn, and keeps after which cursor each was asked for."""

    def __init__(self, *streams: bytes | httpx.Response | httpx.TransportError) -> None:
        self.streams = iter(streams)
        self.after: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.after.append(json.loads(request.content)["variables"].get("after"))
        stream = next(self.streams)
        if isinstance(stream, httpx.TransportError):
            raise stream
        if isinstance(stream, httpx.Response):
            return stream
        return httpx.Response(200, content=stream, headers={"content-type": "text/event-stream; charset=utf-8"})


async def followed(form: str, streams: Streams, token: Any = "t") -> list[str]:
    transport = httpx.MockTransport(streams)
    if form == "waiting":
        with Scrip("http://scrip", token, retries=QUICK, http=httpx.Client(transport=transport)) as client:
            return [message["cursor"] for message in client.follow(FOLLOW)]
    async with AsyncScrip("http://scrip", token, retries=QUICK, http=httpx.AsyncClient(transport=transport)) as client:
        return [message["cursor"] async for message in client.follow(FOLLOW)]


@pytest.fixture(params=["waiting", "asyncio"])
def form(request: pytest.FixtureRequest) -> str:
    param: str = request.param
    return param


async def test_it_goes_on_after_the_last_message(form: str) -> None:
    away = httpx.Response(503, json={"errors": [{"message": "", "extensions": {"code": "UNAVAILABLE"}}]})
    streams = Streams(told("1", "2"), httpx.ConnectError("no"), away, ended("TOO_SLOW"), told("3") + COMPLETE)

    assert await followed(form, streams) == ["1", "2", "3"]
    assert streams.after == ["0", "2", "2", "2", "2"]


@pytest.mark.parametrize("code", ["BUSY", "TIMEOUT", "UNAVAILABLE"])
async def test_a_message_that_failed_is_asked_for_again(form: str, code: str) -> None:
    first, again = told("1") + failed(code) + told("3"), failed(code) + told("3") + COMPLETE
    streams = Streams(first, again, told("2", "3") + COMPLETE)

    assert await followed(form, streams) == ["1", "2", "3"]
    assert streams.after == ["0", "1", "1"]


async def test_it_takes_a_new_token_once(form: str) -> None:
    streams = Streams(told("1") + ended("UNAUTHENTICATED"), told("2") + COMPLETE)
    assert await followed(form, streams, lambda: "fresh") == ["1", "2"]

    streams = Streams(told("1") + ended("UNAUTHENTICATED"), ended("UNAUTHENTICATED"))
    with pytest.raises(ScripError, match="UNAUTHENTICATED"):
        await followed(form, streams, lambda: "stale")
    with pytest.raises(ScripError, match="UNAUTHENTICATED"):
        await followed(form, Streams(ended("UNAUTHENTICATED")))


@pytest.mark.parametrize("code", ["BAD_USER_INPUT", "FORBIDDEN", "SUSPENDED", "SOMETHING_NEW"])
async def test_what_will_not_pass_is_raised(form: str, code: str) -> None:
    with pytest.raises(ScripError, match=code):
        await followed(form, Streams(ended(code)))
    refused = httpx.Response(400, json={"errors": [{"message": "", "extensions": {"code": code}}]})
    with pytest.raises(ScripError, match=code):
        await followed(form, Streams(refused))


async def test_it_gives_up_a_stream_that_never_comes(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scrip_client.following.MAX_FAILURES", 3)
    streams = Streams(*[httpx.ConnectError("no")] * 4)

    with pytest.raises(ScripError, match="NO_STREAM"):
        await followed(form, streams)


async def test_a_message_that_was_not_worked_off_comes_again() -> None:
    streams = Streams(told("1", "2"), told("1", "2"))
    with Scrip("http://scrip", "t", http=httpx.Client(transport=httpx.MockTransport(streams))) as client:
        messages = client.follow(FOLLOW)
        assert next(messages)["cursor"] == "1"
        again = client.follow(FOLLOW.having(after="0"))
        assert next(again)["cursor"] == "1"


def test_events_come_in_any_pieces() -> None:
    whole = told("1", "2") + COMPLETE
    for size in (1, 7, len(whole)):
        events = Events()
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        found = [event for piece in pieces for event in events.take(piece)]
        assert [name for name, _ in found] == ["next", "next", "complete"]
        assert found[0][1]["data"]["events"]["text"] == "a\u2028b"


async def test_a_list_goes_on_from_page_to_page_by_nodes_or_by_edges(form: str) -> None:
    pages = [
        {"row": {"parts": {"nodes": [1, 2], "pageInfo": {"hasNextPage": True, "endCursor": "c"}}}},
        {"row": {"parts": {"edges": [{"node": 3}], "pageInfo": {"hasNextPage": False, "endCursor": "d"}}}},
    ]
    asked = Streams(*[httpx.Response(200, json={"data": page}) for page in pages])
    transport = httpx.MockTransport(asked)
    listing = Listing[dict[str, Any], int]("L", "query L($after: String) { row }", {}, ("row", "parts"))
    if form == "waiting":
        with Scrip("http://scrip", "t", http=httpx.Client(transport=transport)) as client:
            rows = list(client.list(listing))
    else:
        async with AsyncScrip("http://scrip", "t", http=httpx.AsyncClient(transport=transport)) as asynchronous:
            rows = [row async for row in asynchronous.list(listing)]

    assert (rows, asked.after) == ([1, 2, 3], [None, "c"])
