"""The client: `AsyncScrip`, to be awaited, is written in asynchronous.py; `Scrip`, which waits, is made of it, in client.py
(scripts/waiting_client.py). What each does in a way of its own is in wait_async.py and wait_sync.py."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from scrip_client.following import Events, Place
from scrip_client.operations_base import Listing, Mutation, Preview, Query, Subscription
from scrip_client.requests import (
    ENDED,
    GRAPHQL,
    IDLE_S,
    IMPORTS,
    MAX_PAGES,
    MAX_POLLS,
    POLL_S,
    FileParameters,
    Upload,
    body_of,
    is_stream,
    page_of,
    progress_of,
    sent_of,
)
from scrip_client.results import Answer, Done, Progress, Refused, Sent, answer_of, outcome_of
from scrip_client.retrying import Answered, Retries, Wait, exchange, has_key
from scrip_client.wait_sync import Client, Responding, Token, finish, pieces_of, read, received, sleep, token_of

Data = TypeVar("Data")
Row = TypeVar("Row")
Payload = TypeVar("Payload")
Message = TypeVar("Message")


class Scrip:
    """A connection to one Scrip, under one token. To be closed, or used as a context manager.

    url: without a path, such as http://127.0.0.1:8000. token: a text, or a function that is called before each request
    and, if it was refused, once more. timeout: seconds for each attempt. trusted: whether documents are named by their
    hash, as a server that runs trusted documents alone expects it. http: a client of httpx with settings of its own,
    which is not closed.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        retries: Retries | None = None,
        timeout: float = 30.0,
        trusted: bool = False,
        http: Client | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._retries = retries or Retries()
        self._timeout = timeout
        self._trusted = trusted
        self._http = http or Client()
        self._owned = http is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._owned:
            finish(self._http)

    def ask(self, query: Query[Data]) -> Answer[Data]:
        """Answer a query. Raises ScripError."""
        body = body_of(query, trusted=self._trusted)
        return answer_of(self._exchange("POST", GRAPHQL, again=True, json=body))

    def preview(self, preview: Preview[Payload]) -> Done[Payload] | Refused:
        """Tell what a mutation would do. Raises ScripError."""
        body = body_of(preview, trusted=self._trusted)
        return outcome_of(preview, self._exchange("POST", GRAPHQL, again=True, json=body))

    def do(self, mutation: Mutation[Payload], *, again: bool | None = None) -> Done[Payload] | Refused:
        """Run a mutation.

        again: whether it may be sent again while it is unknown whether it was done. Unless given, it may if its input
        has an idempotency key. Raises ScripError.
        """
        body = body_of(mutation, trusted=self._trusted)
        safe = has_key(mutation.variables) if again is None else again
        return outcome_of(mutation, self._exchange("POST", GRAPHQL, again=safe, json=body))

    def list(self, listing: Listing[Any, Row]) -> Iterator[Row]:
        """Each row of a list, whose pages are asked for as they are needed. Raises ScripError."""
        for _ in range(MAX_PAGES):
            answer = self.ask(listing)
            rows, after = page_of(listing, answer.data)
            yield from rows
            if after is None:
                return
            listing = listing.having(after=after)

    def follow(self, subscription: Subscription[Message]) -> Generator[Message, None]:
        """Each message of a subscription, until it is complete or closed.

        A message counts as worked off once the next one is asked for. If the stream breaks off, or a message comes with
        an error that passes, it goes on after the last message that was worked off, with a new token. Where nothing may
        be left out, give it `after` from the first time on. Raises ScripError if the subscription is refused.
        """
        place = Place(subscription, self._retries, renewable=callable(self._token))
        while True:
            try:
                body, headers = body_of(place.begin(), trusted=self._trusted), self._headers()
                with self._stream(body, headers) as response:
                    for event, result in self._events(response, place):
                        yield from place.messages(event, result)
                        if place.is_faulty:
                            break
            except httpx.TransportError as error:
                place.broke(error)
            if place.is_over:
                return
            sleep(place.pause())

    def upload_credits(
        self, path: str | Path, parameters: FileParameters, *, key: str, told: Callable[[int, int], None] | None = None
    ) -> Sent | Refused:
        """Send a file of adjustments, CSV or XLSX.

        key: of this file; sent again with it, nothing is posted twice. told: called with the bytes sent and their
        number in all. Raises ScripError, OSError if the file cannot be read, ValueError if its name ends otherwise.
        """
        upload = Upload(Path(path), parameters, key, told)
        taken = self._exchange(
            "POST", IMPORTS, again=True, params=upload.query, headers=upload.headers, pieces=upload.pieces
        )
        return sent_of(taken)

    def progress(self, operation: str) -> Progress:
        """How far a file or a bulk is. Raises ScripError."""
        return progress_of(self._exchange("GET", f"{IMPORTS}/{operation}", again=True))

    def wait_for(self, operation: str, told: Callable[[Progress], None] | None = None) -> Progress:
        """Wait until a file or a bulk has ended.

        told: called with how far it is, each second. Raises ScripError, TimeoutError after a day.
        """
        for _ in range(MAX_POLLS):
            progress = self.progress(operation)
            if told is not None:
                told(progress)
            if progress["status"] in ENDED:
                return progress
            sleep(POLL_S)
        raise TimeoutError(f"{operation} has not ended within a day.")

    def report(self, operation: str, *, only_failed: bool = False) -> bytes:
        """Each row's result, as CSV. Corrected, it can be sent as a new file. Raises ScripError."""
        params = {"onlyFailed": "true"} if only_failed else {}
        answered = self._exchange("GET", f"{IMPORTS}/{operation}.csv", again=True, params=params)
        if answered.response.status_code != 200:
            progress_of(answered)
        return answered.response.content

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        again: bool,
        headers: dict[str, str] | None = None,
        pieces: Callable[[], Iterator[bytes]] | None = None,
        **request: Any,
    ) -> Answered:
        steps = exchange(self._retries, again=again, renewable=callable(self._token))
        reply: httpx.Response | httpx.TransportError | None = None
        try:
            while True:
                step = steps.send(reply)
                reply = None
                if isinstance(step, Wait):
                    sleep(step.seconds)
                    continue
                try:
                    own = self._headers()
                    reply = self._http.request(
                        method,
                        self._url + path,
                        headers={**own, **(headers or {})},
                        timeout=self._timeout,
                        content=None if pieces is None else pieces_of(pieces()),
                        **request,
                    )
                except httpx.TransportError as error:
                    reply = error
        except StopIteration as end:
            answered: Answered = end.value
            return answered

    def _stream(self, body: dict[str, Any], headers: dict[str, str]) -> Responding:
        headers = {**headers, "accept": "text/event-stream"}
        timeout = httpx.Timeout(self._timeout, read=IDLE_S)
        return self._http.stream("POST", self._url + GRAPHQL, json=body, headers=headers, timeout=timeout)

    def _events(self, response: httpx.Response, place: Place) -> Iterator[tuple[str, Any]]:
        if not is_stream(response):
            read(response)
            place.refused(response)
            return
        events = Events()
        for piece in received(response):
            yield from events.take(piece)

    def _headers(self) -> dict[str, str]:
        token = token_of(self._token)
        return {"authorization": f"Bearer {token}"}
