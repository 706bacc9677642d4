"""The client that waits is the one for asyncio, and nothing of its own."""

from scripts.waiting_client import MADE, made


def test_it_is_made_of_the_other() -> None:
    assert MADE.read_text() == made(), "python -m scripts.waiting_client"
