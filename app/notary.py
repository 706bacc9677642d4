"""Signs checkpoints with the keys that the settings name, and brings them to a folder or URL of the operator's."""

import asyncio
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from app.problems import SetupProblem
from app.settings import Settings
from models.checkpoints import MAX_NOTE, Checkpoint, Notary, read_text
from models.signed_notes import Keys, PublicKey, read_keys, signed_text

MAX_KEY_FILE: Final = 10_000
"""Characters."""
SENDING_S: Final = 10.0
SUFFIX: Final = ".txt"


class NotKept(Exception):
    """A checkpoint could not be brought where it is to be kept."""


def notary_keys(settings: Settings) -> Keys | None:
    """The keys of SCRIP_CHECKPOINT_KEYS; None if it is not set. Raises SetupProblem."""
    file = settings.checkpoint_keys
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8") as opened:
            return read_keys(opened.read(MAX_KEY_FILE))
    except OSError as error:
        raise SetupProblem(f"SCRIP_CHECKPOINT_KEYS: {file} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise SetupProblem(f"SCRIP_CHECKPOINT_KEYS: {file}: {error}.") from error


def notary(settings: Settings) -> Notary | None:
    """None if there is no key to sign with: then no checkpoints are made. Raises SetupProblem."""
    keys = notary_keys(settings)
    if keys is None or not keys.signing:
        return None
    place = settings.checkpoints_to
    if place is None:
        keep = None
    elif is_url(place.get_secret_value()):
        keep = AtUrl(place.get_secret_value()).keep
    else:
        keep = InFolder(Path(place.get_secret_value())).keep
    return Notary(keys, timedelta(seconds=settings.checkpoint_every), keep)


def is_url(place: str) -> bool:
    return place.startswith(("https://", "http://"))


class InFolder:
    """A folder, with one for each tenant in it. A file is written whole or not at all, and never over another.

    The folder itself is not made: where a disk is not mounted, nothing is to be kept beside the database instead.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, name: str, note: str) -> None:
        """Raises NotKept."""
        await asyncio.to_thread(self._keep, self._folder / f"{name}{SUFFIX}", note)

    def _keep(self, file: Path, note: str) -> None:
        # A new name: in two containers two processes that bring it at once have the same number.
        beside = file.with_suffix(f".{secrets.token_hex(8)}")
        try:
            file.parent.mkdir(exist_ok=True)
            with beside.open("x", encoding="utf-8") as opened:
                opened.write(note)
                opened.flush()
                os.fsync(opened.fileno())
            try:
                os.link(beside, file)
            except FileExistsError:
                _check_same(str(file), file.read_text("utf-8"), note)
            finally:
                beside.unlink()
        except OSError as error:
            raise NotKept(f"{file} cannot be written ({error.strerror})") from error


class AtUrl:
    """A URL that checkpoints are PUT beneath. Redirects are not followed, and no proxy of the environment is used."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._transport = transport

    async def keep(self, name: str, note: str) -> None:
        """Raises NotKept."""
        place = f"{self._url}/{name}{SUFFIX}"
        # If-None-Match: what knows it writes over nothing.
        headers = {"content-type": "text/plain; charset=utf-8", "if-none-match": "*"}
        try:
            async with (
                asyncio.timeout(SENDING_S),
                httpx.AsyncClient(
                    transport=self._transport, timeout=SENDING_S, follow_redirects=False, trust_env=False
                ) as client,
            ):
                answer = await client.put(place, content=note.encode(), headers=headers)
                if answer.status_code == httpx.codes.PRECONDITION_FAILED:
                    there = await client.get(place)
                    _check_same(name, there.text[:MAX_NOTE], note)
                    return
        except TimeoutError as error:
            raise NotKept(f"{name}: the server took too long") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # not as it reads: the URL may have a password in it
            raise NotKept(f"{name}: {type(error).__name__}") from error
        if not answer.is_success:
            raise NotKept(f"{name}: the server answered {answer.status_code}")


def _check_same(name: str, there: str, note: str) -> None:
    if there != note:
        raise NotKept(f"{name}: another checkpoint of that number is kept there (docs/runbooks/checkpoint-late.md)")


def read_kept(place: Path, tenant_id: str, trusted: tuple[PublicKey, ...], most: int) -> list[Checkpoint]:
    """The tenant's checkpoints in a file, or in a folder as it is kept, in the order of their numbers. Raises
    SetupProblem if one cannot be read, or nobody trusted has signed it."""
    files = [place] if place.is_file() else sorted((place / tenant_id).glob(f"*{SUFFIX}"))
    if len(files) > most:
        raise SetupProblem(f"{place} has more than {most:,} checkpoints.")
    found = []
    for file in files:
        try:
            with file.open(encoding="utf-8", newline="") as opened:
                one = read_text(signed_text(opened.read(MAX_NOTE), trusted))
        except (OSError, ValueError) as error:
            raise SetupProblem(f"{file} is no checkpoint to compare with: {error}.") from error
        if str(one.tenant_id) == tenant_id:
            found.append(one)
    return sorted(found, key=lambda one: one.number)
