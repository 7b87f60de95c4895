"""Between stored documents and models, without validating again what was validated when written.

Reading a page through pydantic costs three times what decoding it does; these functions build the
same instances from trusted documents, and give a field that an older document lacks its default.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
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
    return _writer(type(model))(model)


def from_document(model: type[ModelT], document: Mapping[str, Any]) -> ModelT:
    """The instance that `document`, as stored by `to_document`, stands for.

    A projection may leave fields out. Such a field reads as its default; one that has none reads as
    None, whatever its type, and is not to be read.
    """
    return cast(ModelT, _builder(model)(document))


def projection(model: type[BaseModel], *, without: Iterable[str]) -> Document:
    """The projection that leaves fields in the database.

    By the names of the others, since the embedded server copies a document to leave fields out.
    The key comes unasked.
    """
    left_out = {"id", *without}
    return {name: 1 for name in model.model_fields if name not in left_out}


def evolve(model: ModelT, **changes: Any) -> ModelT:
    """A copy of `model` in which the named fields have new, already valid, values."""
    return _instance(type(model), {**model.__dict__, **changes})


# As `object.__setattr__`, which looks for the slot anew each time.
_set_fields_set, _set_extra, _set_private, _set_modified = (
    cast("Callable[[BaseModel, object], None]", inspect.getattr_static(Model, slot).__set__)
    for slot in (
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
        "__fields_modified__",
    )
)

# Instances are not assigned to: what changes is a copy.
_NONE: frozenset[str] = frozenset()


def _instance(model: type[ModelT], values: Document) -> ModelT:
    instance = model.__new__(model)
    object.__setattr__(instance, "__dict__", values)
    _set_fields_set(instance, _NONE)
    _set_extra(instance, None)
    _set_private(instance, None)
    _set_modified(instance, _NONE)
    return instance


@cache
def _builder(model: type[BaseModel]) -> _Convert:
    """A function written for the fields of `model`, most of whose values stay as they are."""
    fields = model.model_fields
    names: Document = {"instance": _instance, "model": model, "copy": deepcopy}
    names["known"] = tuple(fields)
    defaults: list[str] = []
    lines: list[str] = []
    for name, field in fields.items():
        # What a document lacks; nothing where there is no default.
        default = None if field.default is PydanticUndefined else field.default
        names[f"default_{name}"] = default
        # Where nobody can change it, it is the same in all instances.
        is_fixed = default is None or isinstance(default, str | int | float)
        fresh = f"default_{name}" if is_fixed else f"copy(default_{name})"
        defaults.append(f"{name!r}: {'[]' if default == [] else fresh}")
        if convert := _converter(field.annotation):
            names[f"convert_{name}"] = convert
            value = f"values[{name!r}]"
            lines.append(f"if (value := {value}) is not None: {value} = convert_{name}(value)")
    if issubclass(model, Model):
        lines.insert(0, "values['id'] = values.pop('_id', None)")
    return _written(
        [
            f"values = {{{', '.join(defaults)}, **given}}",
            *lines,
            f"if len(values) > {len(fields)}: values = {{name: values[name] for name in known}}",
            "return instance(model, values)",
        ],
        names,
    )


def _written(lines: Sequence[str], names: Document) -> _Convert:
    """The function of `given` that consists of `lines`, which refer to `names`."""
    exec("\n    ".join(["def convert(given):", *lines]), names)  # noqa: S102 -- of the names of fields alone
    return cast("_Convert", names.pop("convert"))


def _converter(annotation: Any) -> _Convert | None:
    """What turns a stored value into one of type `annotation`; None where it is the same."""
    annotation = _given(annotation)
    if typing.get_origin(annotation) is list:
        item = _converter(typing.get_args(annotation)[0])
        return None if item is None else lambda values: [item(value) for value in values]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        # ODMantic and the driver give the stored string; members are looked up, not constructed.
        return {member.value: member for member in annotation}.__getitem__
    if isinstance(annotation, type) and issubclass(annotation, EmbeddedModel):
        return _builder(annotation)
    return None


def _given(annotation: Any) -> Any:
    """The type of a value that is there: `annotation` without None."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (annotation,) = (a for a in typing.get_args(annotation) if a is not type(None))
    return annotation


@cache
def _writer(model: type[BaseModel]) -> _Convert:
    """The other way round, as `model_dump` goes it."""
    names: Document = {}
    items: list[str] = []
    for name, field in model.model_fields.items():
        value, copy = f"given.{name}", _copier(field.annotation)
        names[f"copy_{name}"] = copy
        copied = value if copy is None else f"None if {value} is None else copy_{name}({value})"
        stored = "_id" if name == "id" and issubclass(model, Model) else name
        items.append(f"{stored!r}: {copied}")
    return _written([f"return {{{', '.join(items)}}}"], names)


def _copier(annotation: Any) -> _Convert | None:
    """What turns a value of type `annotation` into one to store; None where it is the same."""
    annotation = _given(annotation)
    origin = typing.get_origin(annotation)
    if origin is list:
        item = _copier(typing.get_args(annotation)[0])
        return list if item is None else lambda values: [item(value) for value in values]
    if isinstance(annotation, type) and issubclass(annotation, EmbeddedModel):
        return _writer(annotation)
    return deepcopy if annotation is Any or origin is dict else None
