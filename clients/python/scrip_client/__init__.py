"""Scrip from Python: typed operations, sent again with the same key, lists as iterators, events as they happen."""

from uuid import uuid4

from scrip_client.asynchronous import AsyncScrip
from scrip_client.client import Scrip
from scrip_client.errors import NO_ANSWER, Fault, ScripError
from scrip_client.money import amount_of, shown
from scrip_client.operations_base import Listing, Mutation, Operation, Preview, Query, Subscription
from scrip_client.requests import FileParameters
from scrip_client.results import Answer, Done, Progress, Refused, Sent, UserError
from scrip_client.retrying import Retries

__all__ = [
    "NO_ANSWER",
    "Answer",
    "AsyncScrip",
    "Done",
    "Fault",
    "FileParameters",
    "Listing",
    "Mutation",
    "Operation",
    "Preview",
    "Progress",
    "Query",
    "Refused",
    "Retries",
    "Scrip",
    "ScripError",
    "Sent",
    "Subscription",
    "UserError",
    "amount_of",
    "new_key",
    "shown",
]


def new_key() -> str:
    """An idempotency key for a new request. Make it when the user decides, and keep it until there is an answer."""
    return str(uuid4())
