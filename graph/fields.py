"""Where the values of fields come from, said so that a compiled query need not call a resolver.

Of an attribute of the model that an object stands for; of another thing, by its key; or of whatever
else many rows have the same of.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

import strawberry
from bson import ObjectId
from strawberry.types.field import StrawberryField

from graph.context import Info
from graph.loaders import Loader, Loaders

_RELATION, _SHARED_BY = "relation", "shared_by"

FoundT = TypeVar("FoundT")
ResolverT = TypeVar("ResolverT", bound=Callable[..., Any])


class OfModel:
    """An object of the API that stands for `model`, and reads the fields `of_model` from it."""

    model: Any

    def __getattr__(self, name: str) -> Any:
        if name == "model":
            raise AttributeError(name)
        return getattr(self.model, name)


def of_model(description: str) -> Any:
    """The field whose value is the attribute of its name that the object's `model` has."""
    field = strawberry.field(description=description)
    # Nobody sets it; `OfModel` finds it.
    field.init = False
    return field


def is_of_model(field: StrawberryField) -> bool:
    return field.base_resolver is None and not field.init  # pyright: ignore[reportUnknownMemberType]  # resolvers are generic


@dataclass(frozen=True, slots=True)
class Relation:
    """`make` makes the field's value of what the loader has found, or of nothing."""

    key_of: Callable[[Any], ObjectId | None]
    loader_of: Callable[[Loaders], Loader[ObjectId, Any]]
    make: Callable[[Any], Any]


def related(
    loader: Callable[[Loaders], Loader[ObjectId, FoundT | None]],
    *,
    by: str,
    make: Callable[[FoundT], Any],
    description: str,
) -> Any:
    """The field of what `loader` finds by the key in `by`.

    `by` is an attribute, or a path to one; null where that is None, or where nothing is found for
    the viewer. Rows that have the same key have the same value, which is made once for all.
    """
    relation = Relation(
        attrgetter(by),
        loader,
        lambda found: None if found is None else make(found),
    )

    async def resolve(self: Any, info: Info) -> Any:
        if (key := relation.key_of(self)) is None:
            return None
        return relation.make(await loader(info.context.loaders).load(key))

    setattr(resolve, _RELATION, relation)
    return strawberry.field(resolver=resolve, description=description)


def relation_of(resolver: Callable[..., Any]) -> Relation | None:
    """What `related` made the resolver of."""
    return getattr(resolver, _RELATION, None)


def shared_by(key: str) -> Callable[[ResolverT], ResolverT]:
    """Of a resolver: objects that have the same `key` have the same value, in one operation.

    It may then be asked once for all of them. `key` is an attribute, or a path to one.
    """

    def mark(resolver: ResolverT) -> ResolverT:
        setattr(resolver, _SHARED_BY, attrgetter(key))
        return resolver

    return mark


def shared_key_of(resolver: Callable[..., Any]) -> Callable[[Any], Hashable] | None:
    """What tells the resolver's objects apart, where `shared_by` has said so."""
    return getattr(resolver, _SHARED_BY, None)
