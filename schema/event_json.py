"""An event as JSON, as GraphQL answers it if each of its fields is asked for: what webhooks send."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

import schema.types.event_movements  # noqa: F401 - it fills TYPES
from models.reads.events import EventView
from schema.scalars import SCALARS
from schema.types.base import of_view
from schema.types.events import TYPES

_WRITERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    kind: writer for kind in (Decimal, datetime) if (writer := SCALARS[kind].serialize) is not None
}


def event_json(view: EventView) -> dict[str, Any]:
    """Return all fields of the event by their names in the API, and `__typename`."""
    shown = of_view(TYPES[view.kind], view)
    return {"__typename": type(shown).__name__, **_object(shown)}


def instant_json(at: datetime) -> str:
    """Return the instant as the API writes it."""
    written: str = _WRITERS[datetime](at.astimezone(UTC))
    return written


_FIELDS: Final[dict[type, tuple[tuple[str, str], ...]]] = {}
"""By type: the attribute and the name in the API of each field."""


def _fields(kind: type) -> tuple[tuple[str, str], ...]:
    if kind not in _FIELDS:
        fields = get_object_definition(kind, strict=True).fields
        _FIELDS[kind] = tuple((field.python_name, to_camel_case(field.python_name)) for field in fields)
    return _FIELDS[kind]


def _object(shown: Any) -> dict[str, Any]:
    return {name: _value(getattr(shown, attribute)) for attribute, name in _fields(type(shown))}


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list):
        return [_value(each) for each in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return str(value)
    writer = _WRITERS.get(type(value))
    return _object(value) if writer is None else writer(value)
