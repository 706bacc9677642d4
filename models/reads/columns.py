"""The select list of a view, and the view of a row: both from the fields of its dataclass."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, TypeVar

from models.views import ActorView

V = TypeVar("V")
L = TypeVar("L")

_WHO: Final = """(
    select jsonb_build_array(o.subject, o.name, o.role, nullif(o.client, '')) from actors o
     where o.tenant_id = $1 and o.id = t.{})"""


def columns(view: type, /, **given: str) -> str:
    """The column of each field's name, of the table with the alias `t`.

    given: by field, an expression to select instead. Raises ValueError if the view has no such field.
    """
    names = [field.name for field in fields(view)]
    if unknown := given.keys() - set(names):
        raise ValueError(f"{view.__name__} has no {', '.join(sorted(unknown))}")
    return ", ".join(f"{given[name]} as {name}" if name in given else f"t.{name}" for name in names)


@lru_cache(maxsize=1_024)
def only(selected: str, names: frozenset[str], beside: str = "") -> str:
    """The part of a select list that has the columns of these names, in one of few forms: each is a statement that every
    connection keeps. What costs little is always there; instants and metadata are if one of them is named; expressions each
    if they are named. beside: more columns, all of which are there if one of them is named.

    Raises ValueError if one is missing.
    """
    found, more = _by_name(selected), _by_name(beside)
    if missing := names - found.keys() - more.keys():
        raise ValueError(f"no column {', '.join(sorted(missing))}")
    stored = {name for name, column in found.items() if column == f"t.{name}"}
    dear = {name for name in stored if name.endswith("_at") or name == "metadata"}
    kept = names | (stored if names & dear else stored - dear)
    wanted = [column for name, column in found.items() if name in kept]
    return ", ".join(wanted + list(more.values()) if names & more.keys() else wanted)


def narrowed(listing: L, names: frozenset[str]) -> L:
    """The listing with the part of its columns that `only` keeps."""
    whole: Any = listing
    if whole.through is not None and whole.through.values:
        return _narrow(listing, names)  # made for this request
    kept: L = _kept_narrow(listing, names)
    return kept


def _narrow(listing: L, names: frozenset[str]) -> L:
    whole: Any = listing
    if whole.recorded is not None:
        names |= {whole.recorded}
    narrow: L = replace(whole, columns=only(whole.columns, names, whole.beside))
    return narrow


@lru_cache(maxsize=512)
def _kept_narrow(listing: Any, names: frozenset[str]) -> Any:
    return _narrow(listing, names)


def _by_name(selected: str) -> dict[str, str]:
    columns = [column for part in _split(selected) if (column := part.strip())]
    return {column.rpartition(" as " if " as " in column else ".")[2]: column for column in columns}


def _split(selected: str) -> list[str]:
    """The columns of a select list: it is parted at the commas outside parentheses."""
    parts, depth = [""], 0
    for character in selected:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


@lru_cache(maxsize=256)
def named_of_t(sql: str) -> str:
    """The columns of `t` that it names: all of them would be carried through each row that is looked at."""
    return ", ".join(dict.fromkeys(re.findall(r"\bt\.\w+", sql)))


def rows(view: type[V], /, **read: Callable[[Any], Any]) -> Callable[[Any], V]:
    """Return a function that makes the view of a row selected with `columns`.

    read: by field, a function that converts the stored value. NULL is always None.
    """
    names = [field.name for field in fields(view)]  # type: ignore[arg-type]
    values = itemgetter(*names)
    read_by = [(names.index(name), read_value) for name, read_value in read.items()]

    def view_of(row: Any) -> V:
        if not read_by:
            return view(*values(row))
        found = list(values(row))
        for index, read_value in read_by:
            if found[index] is not None:
                found[index] = read_value(found[index])
        return view(*found)

    view_of.__annotations__["return"] = view
    return view_of


def who(column: str) -> str:
    """SQL for the actor that a column names; `actor` reads it."""
    return _WHO.format(column)


def actor(value: Any) -> ActorView:
    """Read an actor selected by `who`."""
    return ActorView(*parsed(value))


def parsed(value: Any) -> Any:
    """Parse JSON, unless the connection has done so already."""
    return json.loads(value) if isinstance(value, str) else value
