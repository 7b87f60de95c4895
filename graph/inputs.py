"""Instances of input types, made without Strawberry finding out anew what their fields are.

It resolves the type and the name of each field of an input each time that one is sent, which takes
longer than all else that is done with it before its mutation begins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any

import strawberry
from graphql import GraphQLInputObjectType, GraphQLNamedType
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryMaybe, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.field import StrawberryField

# What graphql-core has already made of them is what they are.
_SCALARS = (str, int, float, bool, strawberry.ID)


def read_inputs_quickly(types: Iterable[GraphQLNamedType], config: StrawberryConfig) -> None:
    """From now on, those of `types` that are inputs."""
    for each in types:
        if isinstance(each, GraphQLInputObjectType):
            definition: StrawberryObjectDefinition = each.extensions["strawberry-definition"]
            definition.from_input = _Reader(definition, config)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    python_name: str
    type: Any
    is_scalar: bool

    @classmethod
    def of(
        cls,
        field: StrawberryField,
        definition: StrawberryObjectDefinition,
        config: StrawberryConfig,
    ) -> "_Field":
        type_ = field.resolve_type(type_definition=definition)
        inner = type_.of_type if isinstance(type_, StrawberryOptional) else type_
        # Whose values are wrapped.
        is_maybe = isinstance(type_, StrawberryMaybe)
        name = config.name_converter.from_field(field)
        return cls(name, field.python_name, type_, inner in _SCALARS and not is_maybe)


class _Reader:
    """For one type, as `StrawberryObjectDefinition.from_input` has it."""

    def __init__(self, definition: StrawberryObjectDefinition, config: StrawberryConfig) -> None:
        self._fields = [_Field.of(field, definition, config) for field in definition.fields]
        # Fields that may be left out and have no default are null.
        self._absent = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING  # pyright: ignore[reportUnknownMemberType]  # generic
        }

    def __call__(self, of: type, given: Mapping[str, Any], context: InputContext) -> Any:
        values: dict[str, Any] = dict(self._absent)
        for field in self._fields:
            if field.name in given:
                value = given[field.name]
                values[field.python_name] = (
                    value if field.is_scalar else context.convert(value, field.type, field.name)
                )
        return of(**values)
