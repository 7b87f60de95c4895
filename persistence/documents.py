"""Between stored documents and models, without validating again what was validated when written.

Reading a page through pydantic costs three times what decoding it does; these functions build the
same instances from trusted documents, and give a field that an older document lacks its default.
"""

import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
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

    A projection may leave fields out. Such a field reads as its default; one that has none must not
    be read, since ODMantic's description of the field would answer in its place.
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
    fields = [
        (
            name,
            "_id" if name == "id" and issubclass(model, Model) else name,
            _converter(field.annotation),
            # A default that is not given is left out of the instance altogether.
            (lambda field=field: field.get_default(call_default_factory=True))
            if field.default is not PydanticUndefined
            else None,
        )
        for name, field in model.model_fields.items()
    ]

    def build(document: Mapping[str, Any]) -> BaseModel:
        values: Document = {}
        for name, key, convert, default in fields:
            if key in document:
                value = document[key]
                values[name] = value if convert is None or value is None else convert(value)
            elif default is not None:
                values[name] = default()
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
