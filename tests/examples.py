"""Hypothesis strategies for stored models: values of every kind that their fields allow.

A ticket has some sixty leaves, so each of them is drawn from few values.
"""

import types
import typing
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from bson import ObjectId
from hypothesis import strategies as st
from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound=BaseModel)

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
object_ids = st.integers(0, 2**16).map(lambda number: ObjectId(f"{number:024x}"))
instants = st.integers(-(10**10), 10**10).map(lambda number: NOW + timedelta(milliseconds=number))
texts = st.sampled_from(["", "a", "ñandú", "$where", "a.b", "\U0001f4a1 \n", "x" * 300])
json_values = st.sampled_from([None, True, 0, -1.5, "text", [], ["a", None], {}, {"a": {"b": 1}}])


def models(model: type[ModelT], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[ModelT]:
    """Instances of `model`; `fixed` says what some of its fields may be."""
    fields = {
        name: fixed[name] if name in fixed else values(field.annotation)
        for name, field in model.model_fields.items()
    }
    return st.fixed_dictionaries(fields).map(lambda chosen: model(**chosen))


def values(annotation: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*(values(argument) for argument in arguments))
    if origin is list:
        return st.lists(values(arguments[0]), max_size=2)
    if annotation is Any:
        return json_values
    assert isinstance(annotation, type), annotation
    if issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if issubclass(annotation, BaseModel):
        return models(annotation)
    return next(strategy for base, strategy in _PLAIN.items() if issubclass(annotation, base))


_PLAIN: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.sampled_from([0, 1, -1, 2**31 - 1]),
    float: st.sampled_from([0.0, -99.1332, 1e300]),
    str: texts,
    datetime: instants,
    ObjectId: object_ids,
    type(None): st.none(),
}
