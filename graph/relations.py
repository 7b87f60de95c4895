"""Fields that lead from one thing to another by its key."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import strawberry
from bson import ObjectId

from graph.context import Context, Info
from graph.loaders import Loader

_RELATION = "relation"


@dataclass(frozen=True, slots=True)
class Relation:
    """`make` makes the field's value of what the loader has found, or of nothing."""

    key_of: Callable[[Any], ObjectId | None]
    loader_of: Callable[[Context], Loader[ObjectId, Any]]
    make: Callable[[Any], Any]


def related(loader: str, *, by: str, make: Callable[[Any], Any], description: str) -> Any:
    """The field of what `loader` (of `graph.loaders.Loaders`) finds by the key in `by`.

    `by` is an attribute, or a path to one; null where that is None, or where nothing is found for
    the viewer. Rows that have the same key have the same value, which is made once for all.
    """
    relation = Relation(
        attrgetter(by),
        attrgetter(f"loaders.{loader}"),
        lambda found: None if found is None else make(found),
    )

    async def resolve(self: Any, info: Info) -> Any:
        if (key := relation.key_of(self)) is None:
            return None
        return relation.make(await relation.loader_of(info.context).load(key))

    setattr(resolve, _RELATION, relation)
    return strawberry.field(resolver=resolve, description=description)


def relation_of(resolver: Callable[..., Any]) -> Relation | None:
    """What `related` made the resolver of."""
    return getattr(resolver, _RELATION, None)
