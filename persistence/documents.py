"""Between stored documents and models, without validating again what was validated when written.

Reading a page through pydantic costs three times what decoding it does; these functions build the
same instances from trusted documents, and give a field that an older document lacks its default.
"""

import types
import typing
from collections.abc import Callable, Mapping
from copy import deepcopy
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Protocol, TypeVar, cast

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from persistence.odm import EmbeddedModel, Model

Document = dict[str, Any]
ModelT = TypeVar("ModelT", bound=BaseModel)


class _Convert(Protocol):
    def __call__(self, value: Any, /) -> Any: ...


def to_document(model: BaseModel) -> Document:
    """The document to store for `model`: its fields under their own names, the key as `_id`."""
    document = model.model_dump()
    if isinstance(model, Model):
        document["_id"] = document.pop("id")
    return document


def from_document(model: type[ModelT], document: Mapping[str, Any]) -> ModelT:
    """The instance that `document`, as stored by `to_document`, stands for.

    A projection may leave fields out. Such a field reads as its default; one that has none reads as
    None, whatever its type, and is not to be read.
    """
    return cast(ModelT, _builder(model)(document))


def evolve(model: ModelT, **changes: Any) -> ModelT:
    """A copy of `model` in which the named fields have new, already valid, values."""
    return _instance(type(model), {**model.__dict__, **changes})


def _instance(model: type[ModelT], values: Document) -> ModelT:
    instance = model.__new__(model)
    object.__setattr__(instance, "__dict__", values)
    object.__setattr__(instance, "__pydantic_fields_set__", set())
    object.__setattr__(instance, "__pydantic_extra__", None)
    object.__setattr__(instance, "__pydantic_private__", None)
    object.__setattr__(instance, "__fields_modified__", set())
    return instance


@cache
def _builder(model: type[BaseModel]) -> _Convert:
    converters = {
        "_id" if name == "id" and issubclass(model, Model) else name: (
            name,
            _converter(field.annotation),
        )
        for name, field in model.model_fields.items()
    }
    # What a document lacks; nothing where there is no default.
    blank = {
        name: None if field.default is PydanticUndefined else field.default
        for name, field in model.model_fields.items()
    }
    # Everything else is the same in all instances, since nobody can change it.
    copied = [
        (name, value)
        for name, value in blank.items()
        if not isinstance(value, str | int | float | NoneType)
    ]

    def build(document: Mapping[str, Any]) -> BaseModel:
        values = blank.copy()
        for key, value in document.items():
            if known := converters.get(key):
                name, convert = known
                values[name] = value if convert is None or value is None else convert(value)
        for name, value in copied:
            if values[name] is value:
                values[name] = deepcopy(value)
        return _instance(model, values)

    return cast(_Convert, build)


def _converter(annotation: Any) -> Callable[[Any], Any] | None:
    """What turns a stored value into one of type `annotation`; None where it is the same."""
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        (annotation,) = (a for a in typing.get_args(annotation) if a is not type(None))
        return _converter(annotation)
    if origin is list:
        item = _converter(typing.get_args(annotation)[0])
        return None if item is None else lambda values: [item(value) for value in values]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        # ODMantic and the driver give the stored string; members are looked up, not constructed.
        return {member.value: member for member in annotation}.__getitem__
    if isinstance(annotation, type) and issubclass(annotation, EmbeddedModel):
        return _builder(annotation)
    return None
