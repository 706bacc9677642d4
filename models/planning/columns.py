"""The columns of a table, from the fields of the dataclass of its rows: names and SQL types, in one place. Pure.

`@table("credits")` on a dataclass declares its objects that table's rows. Each field is a column of the same name,
whose SQL type follows from the field's; a new column is one field, for writing and for reading. A `Mark` tells more
about a field. An `Actor` is stored as its row's id, in a column whose name ends in `_id`. Properties that are columns
are passed to `table`. A test compares all of it with the database's catalogue.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from functools import lru_cache
from operator import attrgetter, itemgetter
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from models.commands import Actor, later

T = TypeVar("T")
Kind = Callable[..., Any]
"""A dataclass."""
ActorIds = Mapping[Actor, UUID]
"""Ids of the actors' rows."""
_SQL_TYPES: Final[Mapping[Any, str]] = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    bool: "bool",
    bytes: "bytea",
    datetime: "timestamptz",
    date: "date",
    Decimal: "numeric",
    Actor: "uuid",
    dict: "jsonb",
    list: "jsonb",
    Mapping: "jsonb",
}
_TABLES: Final[dict[Kind, "Table"]] = {}


class Mark(Enum):
    """A field's marks beside its type: `Annotated[datetime | None, LATER]`."""

    ASIDE = "no column of its table"
    LATER = "a column that a new row has nothing in: only updates write it"
    UNREAD = "a column that is written, and that no posting reads again"
    AS_JSON = "a dataclass, stored as JSON"


ASIDE, LATER, UNREAD, AS_JSON = Mark


@dataclass(frozen=True, slots=True)
class Column:
    """attribute: path of the value. convert: makes the stored value, if it differs.

    inserted: whether a new row has it. read: whether it is selected with the others.
    """

    name: str
    sql: str
    attribute: str
    convert: Callable[[Any, ActorIds], Any] | None = None
    inserted: bool = True
    read: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Some columns of one table, and how to get their values from a row. One object for each set of columns."""

    table: str
    columns: tuple[Column, ...]
    _get: Callable[[Any], tuple[Any, ...]]
    _converting: tuple[tuple[int, Callable[[Any, ActorIds], Any]], ...]

    def values(self, row: object, actors: ActorIds) -> tuple[Any, ...]:
        """The row's stored values, in the columns' order."""
        values = self._get(row)
        if not self._converting:
            return values
        made = list(values)
        for place, convert in self._converting:
            made[place] = convert(made[place], actors)
        return tuple(made)


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    computed: Mapping[str, Kind]
    """Properties that are columns, with their types."""


def table(name: str, **computed: Kind) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Declare that the dataclass's objects are the table's rows."""

    def note(kind: Callable[..., T]) -> Callable[..., T]:
        _TABLES[kind] = Table(name, computed)
        return kind

    return note


def tables() -> Iterable[Kind]:
    """Every dataclass declared as a table's rows."""
    return tuple(_TABLES)


def table_of(kind: Kind) -> str:
    """The name of its table."""
    return _TABLES[kind].name


@lru_cache
def columns_of(kind: Kind) -> tuple[Column, ...]:
    """All columns, in the order of the fields."""
    types = get_type_hints(kind, include_extras=True)
    found = (_column(name, types[name]) for name in _field_names(kind))
    computed = (_column(name, Annotated[of, UNREAD]) for name, of in _TABLES[kind].computed.items())
    return (*(column for column in found if column is not None), *(column for column in computed if column is not None))


def _field_names(kind: Any) -> list[str]:
    return [f.name for f in fields(kind)]


def _column(name: str, annotation: Any) -> Column | None:
    """None for a field that is no column."""
    marks: Sequence[Any] = ()
    if get_origin(annotation) is Annotated:
        annotation, *marks = get_args(annotation)
    if ASIDE in marks:
        return None
    kind = _without_none(annotation)
    sql = "jsonb" if AS_JSON in marks else _sql_type(get_origin(kind) or kind)
    return Column(
        name=f"{name}_id" if kind is Actor else name,
        sql=sql,
        attribute=name,
        convert=_converting(kind, sql),
        inserted=LATER not in marks,
        read=UNREAD not in marks and kind is not Actor,
    )


def _sql_type(kind: Any) -> str:
    return _SQL_TYPES[str if issubclass(kind, StrEnum) else kind]


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (UnionType, Union):
        return kind
    kinds = [one for one in get_args(kind) if one is not type(None)]
    return kinds[0] if len(kinds) == 1 else kind


def _converting(kind: Any, sql: str) -> Callable[[Any, ActorIds], Any] | None:
    if kind is Actor:
        return lambda actor, actors: None if actor is None else actors[actor]
    return (lambda value, _: None if value is None else to_json(value)) if sql == "jsonb" else None


@lru_cache
def inserted(kind: Kind) -> Columns:
    """The columns that a new row is written with."""
    return _some(kind, tuple(column for column in columns_of(kind) if column.inserted))


@lru_cache
def changed(kind: Kind, *names: str) -> Columns:
    """The id, and the columns of these names."""
    by_name = {column.name: column for column in columns_of(kind)}
    return _some(kind, tuple(by_name[name] for name in ("id", *names)))


@lru_cache
def all_columns(kind: Kind) -> Columns:
    return _some(kind, columns_of(kind))


def _some(kind: Kind, columns: tuple[Column, ...]) -> Columns:
    converting = tuple((place, column.convert) for place, column in enumerate(columns) if column.convert)
    return Columns(table_of(kind), columns, attrgetter(*(column.attribute for column in columns)), converting)


@lru_cache
def selected(kind: Kind, alias: str = "", *, prefix: str = "", **expressions: str) -> str:
    """SQL for a SELECT of all the table's columns that are read, under their names.

    alias: the table's in the statement. prefix: put before each name in the result. expressions: replace a column, or
    give a field that is not a column.
    """
    of = f"{alias}." if alias else ""
    columns = {
        column.name: f"{of}{column.name}" + (f" AS {prefix}{column.name}" if prefix else "")
        for column in columns_of(kind)
        if column.read
    }
    columns |= {name: f"{sql} AS {prefix}{name}" for name, sql in expressions.items()}
    return ", ".join(columns.values())


def maker(kind: Callable[..., T], rows: Sequence[Any], prefix: str = "") -> Callable[[Any], T]:
    """A function that turns each row of one statement into an object: each field is the column of its name (with the
    prefix); a field not selected has its default. JSON is parsed, and arrays become tuples. By far the quickest where the
    fields selected come before all others.
    """
    return _maker(kind, tuple(rows[0].keys()), prefix) if rows else _none_to_make


def _none_to_make(row: Any) -> Any:
    raise LookupError(row)


@lru_cache(maxsize=256)
def _maker(kind: Callable[..., T], names: tuple[str, ...], prefix: str) -> Callable[[Any], T]:
    places = {name: place for place, name in enumerate(names)}
    types = get_type_hints(kind)
    names_of_fields = _field_names(kind)
    wanted = [name for name in names_of_fields if prefix + name in places]
    get = itemgetter(*(places[prefix + name] for name in wanted))
    reading = tuple((n, read) for n, name in enumerate(wanted) if (read := _reading(_without_none(types[name]))))
    leading = wanted == names_of_fields[: len(wanted)]

    def make(row: Any) -> T:
        values: Sequence[Any] = get(row)
        if reading:
            values = list(values)
            for place, read in reading:
                values[place] = read(values[place])
        return kind(*values) if leading else kind(**dict(zip(wanted, values, strict=True)))

    def make_plainly(row: Any) -> T:
        return kind(*get(row))

    return make if reading or not leading else make_plainly


def _reading(kind: Any) -> Callable[[Any], Any] | None:
    """Converter for a value that the driver returns as another type."""
    kind = get_origin(kind) or kind
    if kind is tuple:
        return lambda value: None if value is None else tuple(value)
    return _from_json if kind in (dict, list, Mapping) else None


def _from_json(value: Any) -> Any:
    return None if value is None else orjson.loads(value)


def to_json(value: Any) -> str:
    """JSON with decimals as strings, dates and ids as text. Of a command, without what was added later and not given."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def _plain(value: object) -> object:
    if is_dataclass(value):
        silent = {name for name, default in later(value.__class__) if getattr(value, name) == default}
        return {f.name: getattr(value, f.name) for f in fields(value) if f.name not in silent}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID | date | datetime):
        return str(value)
    raise TypeError(f"cannot be kept as JSON: {type(value).__name__}")
