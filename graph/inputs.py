"""Arguments and input types, read without Strawberry finding out anew what their parts are.

It resolves the type and the name of each argument, and of each field of an input, each time that
one is sent, which takes longer than all else that is done with it before its resolver begins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any

import strawberry
from graphql import GraphQLInputObjectType, GraphQLNamedType
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import Info
from strawberry.types.arguments import InputContext, convert_argument
from strawberry.types.base import StrawberryMaybe, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.field import StrawberryField

# What graphql-core has already made of them is what they are.
_SCALARS = (str, int, float, bool, strawberry.ID)


def read_inputs_quickly(types: Iterable[GraphQLNamedType], config: StrawberryConfig) -> None:
    """From now on, those of `types` that are inputs."""
    for each in types:
        if isinstance(each, GraphQLInputObjectType):
            definition: StrawberryObjectDefinition = each.extensions["strawberry-definition"]
            definition.from_input = _InputReader(definition, config)


@dataclass(frozen=True, slots=True)
class _Part:
    """An argument, or a field of an input."""

    name: str
    python_name: str
    type: Any

    def is_as_given(self, value: object) -> bool:
        """Whether nothing is to be made of what graphql-core gives."""
        if isinstance(self.type, StrawberryMaybe):
            return False
        inner = self.type.of_type if isinstance(self.type, StrawberryOptional) else self.type
        return value is None or inner in _SCALARS


class ArgumentsReader:
    """Of one field, what its resolver is called with for what graphql-core gives."""

    def __init__(self, field: StrawberryField, converter: GraphQLCoreConverter) -> None:
        name_of = converter.config.name_converter.from_argument
        self._converter = converter
        self._parts = [
            _Part(name_of(each), each.python_name, each.type) for each in field.arguments
        ]

    def read(self, given: Mapping[str, Any], info: Info[Any, Any]) -> dict[str, Any]:
        return {
            part.python_name: value
            if part.is_as_given(value := given[part.name])
            else convert_argument(
                value,
                part.type,
                self._converter.scalar_registry,
                self._converter.config,
                info,
                path=(part.name,),
            )
            for part in self._parts
            if part.name in given
        }


class _InputReader:
    """For one type, as `StrawberryObjectDefinition.from_input` has it."""

    def __init__(self, definition: StrawberryObjectDefinition, config: StrawberryConfig) -> None:
        name_of = config.name_converter.from_field
        self._parts = [
            _Part(name_of(each), each.python_name, each.resolve_type(type_definition=definition))
            for each in definition.fields
        ]
        # Fields that may be left out and have no default are null.
        self._absent = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING  # pyright: ignore[reportUnknownMemberType]  # generic
        }

    def __call__(self, of: type, given: Mapping[str, Any], context: InputContext) -> Any:
        values: dict[str, Any] = dict(self._absent)
        for part in self._parts:
            if part.name in given:
                value = given[part.name]
                values[part.python_name] = (
                    value
                    if part.is_as_given(value)
                    else context.convert(value, part.type, part.name)
                )
        return of(**values)
