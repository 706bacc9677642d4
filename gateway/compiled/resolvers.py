"""How a field is resolved: an attribute, the resolver itself, or whatever Strawberry has wrapped around it."""

import inspect
from collections.abc import Mapping

from graphql import default_field_resolver
from strawberry import Schema
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from gateway.compiled.arguments import Arguments, raw_arguments
from gateway.compiled.info import Step
from gateway.compiled.source import Source
from gateway.compiled.variables import Variable


class NotTaken(Exception):
    """The document has something that is left to graphql-core."""


class Resolvers:
    """Expressions that resolve fields."""

    def __init__(self, schema: Schema, variables: Mapping[str, Variable], source: Source) -> None:
        self._schema = schema
        self._source = source
        self._arguments = Arguments(schema, variables, source)

    def of(self, step: Step, field_name: str) -> tuple[str, bool]:
        """Return the expression that resolves a field, and whether that is surely a coroutine.

        field_name: of the step, in the functions.
        """
        field, definition = step.field, step.definition
        if field is None or definition.resolve is None or not self._is_plain(field):
            resolve = self._source.name("F", definition.resolve or default_field_resolver)
            arguments = self._source.name("A", raw_arguments(definition, step.nodes[0]))
            return f"{resolve}(src, raw_info(run, {field_name}, at), **{arguments}(run))", False
        resolver = field.base_resolver
        if resolver is None:
            if field.default_resolver is getattr:
                return f"src.{field.python_name}", False
            return f"{self._source.name('F', field.default_resolver)}(src, {field.python_name!r})", False
        given = ["src"] if resolver.self_parameter else []
        given += [f"{each.name}=src" for each in {resolver.parent_parameter, resolver.root_parameter} if each]
        if resolver.info_parameter:
            given.append(f"{resolver.info_parameter.name}=Info(run, {field_name}, at)")
        given += self._arguments.of(step, field_name)
        function = self._source.name("F", resolver.wrapped_func)
        return f"{function}({', '.join(given)})", inspect.iscoroutinefunction(resolver.wrapped_func)

    def _is_plain(self, field: StrawberryField) -> bool:
        """Return whether Strawberry does nothing about it but pass it what it asks for."""
        handlers = self._schema.schema_converter._get_field_exception_handlers(field)  # noqa: SLF001
        return (
            not field.extensions
            and not handlers
            and self._schema.config.info_class is Info
            and type(field).get_result is StrawberryField.get_result
            and field.python_name.isidentifier()
        )
