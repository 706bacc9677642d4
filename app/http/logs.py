"""The server's log: each line with the id of its request, and without clients' data.

No query strings, and none of the headers and frames of WebSockets.
"""

import copy
import logging
from typing import Any, Final

from uvicorn.config import LOGGING_CONFIG

from app.http.request_id import RequestIdFilter

_MORE: Final = "?…"
_REQUEST_ID: Final = " [%(request_id)s]"
_CHATTY: Final = ("httpx", "httpcore")
"""Loggers that log each request that fetches keys, its URL included."""
_ECHOING: Final = "asyncpg.pool"
"""Logs each attempt to reach a database that is away, with a traceback; models/outages.py logs it once."""
_INVALID_UTF8: Final = "Invalid UTF-8 sequence received from client."


class WithoutQueryFilter(logging.Filter):
    """Cuts the query off each path in a record: `GET /graphql?query=…&variables=…` holds people's names."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        if isinstance(record.args, tuple):
            record.args = tuple(_cut(argument) for argument in record.args)
        return True


class WithoutClientsFaultsFilter(logging.Filter):
    """Drops uvicorn's error record, with a traceback, of a WebSocket's client that sends invalid UTF-8."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record unless it is that one."""
        return record.msg != _INVALID_UTF8


def log_config(level: str) -> dict[str, Any]:
    """The configuration at one of SCRIP_LOG_LEVEL's levels, for `logging.config.dictConfig`.

    Uvicorn itself never gets below info: at debug, it would hand its logger to the WebSocket library, which logs each
    header and frame, tokens among them. Debug adds a line for each request.
    """
    config = copy.deepcopy(LOGGING_CONFIG)
    config["filters"] = {
        "without_query": {"()": WithoutQueryFilter},
        "without_clients_faults": {"()": WithoutClientsFaultsFilter},
        "request_id": {"()": RequestIdFilter},
    }
    for formatter in config["formatters"].values():
        formatter["fmt"] += _REQUEST_ID
    for handler in config["handlers"].values():
        handler["filters"] = list(config["filters"])
    lowest = max(logging.INFO, logging.getLevelNamesMapping()[level.upper()])
    for logger in config["loggers"].values():
        logger["level"] = lowest
    config["loggers"] |= {name: {"level": logging.WARNING} for name in _CHATTY}
    config["loggers"][_ECHOING] = {"level": logging.ERROR}
    config["root"] = {"level": lowest, "handlers": ["default"]}
    return config


def _cut(argument: object) -> object:
    if isinstance(argument, str) and argument.startswith("/") and "?" in argument:
        return argument.partition("?")[0] + _MORE
    return argument
