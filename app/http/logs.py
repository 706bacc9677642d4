"""The log: each line with its time and the id of its request, and without clients' data. As text, or a JSON object a line.

No query strings, and none of the headers and frames of WebSockets.
"""

import copy
import logging
import time
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import AccessFormatter, DefaultFormatter

from app.http.request_id import RequestIdFilter
from app.http.request_log import who_asks

_MORE: Final = "?…"
_TIME: Final = "%(asctime)s.%(msecs)03dZ "
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S"
_REQUEST_ID: Final = " [%(request_id)s]"
_EXTRAS: Final = ("method", "path", "status", "duration_ms")
"""Facts of a record that a line of JSON has beside its message."""
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


class TextFormatter(DefaultFormatter):
    """Uvicorn's own, by the time at Greenwich."""

    converter = staticmethod(time.gmtime)


class AccessTextFormatter(AccessFormatter):
    """The same for its line about a request."""

    converter = staticmethod(time.gmtime)


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time, level, logger, message; of a request its id, actor, tenant, operation, duration."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. Never fails: what JSON has no form for is written as text."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request_id := getattr(record, "request_id", "-")) != "-":
            line["request_id"] = request_id
        line |= who_asks()
        line |= {name: value for name in _EXTRAS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def log_config(level: str, form: str = "text") -> dict[str, Any]:
    """The configuration at one of SCRIP_LOG_LEVEL's levels, in one of SCRIP_LOG_FORMAT's forms, for
    `logging.config.dictConfig`.

    Uvicorn itself never gets below info: at debug, it would hand its logger to the WebSocket library, which logs each
    header and frame, tokens among them. Debug adds a line for each request.
    """
    config = copy.deepcopy(LOGGING_CONFIG)
    config["filters"] = {
        "without_query": {"()": WithoutQueryFilter},
        "without_clients_faults": {"()": WithoutClientsFaultsFilter},
        "request_id": {"()": RequestIdFilter},
    }
    for name, formatter in config["formatters"].items():
        formatter |= {"fmt": _TIME + formatter["fmt"] + _REQUEST_ID, "datefmt": _TIME_FORMAT}
        formatter["()"] = AccessTextFormatter if name == "access" else TextFormatter
        if form == "json":
            config["formatters"][name] = {"()": JsonFormatter}
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
