"""Objects that a payload names and the token may not read: the id, and nothing else.

A write returns what it made, so that it can be told from others and found again; a right to write is no right to read.
If the right to read is missing, the payload's field leads to an object of which only the id is known; each other field
of it is denied like any that is not allowed. Nothing is read for it.
"""

from functools import lru_cache
from typing import Any
from uuid import UUID

from strawberry.types.base import get_object_definition

from schema.context import Context
from schema.ids import global_id
from schema.nodes import NodeKind


def withheld(context: Context, kind: NodeKind, row_id: UUID, /, **told: Any) -> Any:
    """Return an object that stands for the row and reveals its id.

    told: further fields to reveal, by their names in Python.
    """
    thing: Any = object.__new__(_shape(kind.type))
    vars(thing).update(id=global_id(kind.type.__name__, row_id), _refuse=lambda: context.require(kind.right), **told)
    return thing


@lru_cache
def _shape(type_: type) -> type:
    """Return a subtype that denies each attribute that was not set."""
    fields = get_object_definition(type_, strict=True).fields
    refused = {"view", *(field.python_name for field in fields)}

    def refuse(self: Any, name: str) -> Any:
        if name in refused:
            vars(self)["_refuse"]()
        raise AttributeError(name)

    return type(f"Withheld{type_.__name__}", (type_,), {"__getattr__": refuse})
