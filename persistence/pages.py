"""Keyset pagination: a page is everything beyond one unique key, in the key's order."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from persistence.database import Collection
from persistence.documents import Document, ModelT, from_document

Key = str | int
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Window:
    """The first `size` items after `after`, or, `backwards`, the last `size` before `before`."""

    size: int
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    items: list[ItemT]
    has_next: bool
    has_previous: bool


async def read_page(
    collection: Collection,
    model: type[ModelT],
    conditions: Document,
    window: Window,
    *,
    key: str,
    descending: bool = False,
    projection: Document | None = None,
) -> Page[ModelT]:
    """The documents that meet `conditions`, in the order of the unique field `key`.

    One query, served by the index on `key` or by one that `conditions` names. Inserts and removals
    between two pages never repeat or skip an item, since a cursor is a key and not an offset.
    """
    beyond, short_of = ("$lt", "$gt") if descending else ("$gt", "$lt")
    bounds: Document = {}
    if window.after is not None:
        bounds[beyond] = window.after
    if window.before is not None:
        bounds[short_of] = window.before
    within = {key: bounds} if bounds else whole(key)
    direction = -1 if descending is not window.backwards else 1
    found: list[Document] = (
        await collection.find({**conditions, **within}, projection)
        .sort([(key, direction)])
        .limit(window.size + 1)
        .to_list(None)
    )
    more = len(found) > window.size
    items = [from_document(model, document) for document in found[: window.size]]
    if window.backwards:
        items.reverse()
        return Page(items, has_next=window.before is not None, has_previous=more)
    return Page(items, has_next=more, has_previous=window.after is not None)


async def count_items(collection: Collection, conditions: Document, *, key: str) -> int:
    """How many documents there are to page through by `key`, counted by the same indexes."""
    return await collection.count_documents({**conditions, **whole(key)})


def whole(key: str) -> Document:
    """What every document meets: it names an index to walk, where no other condition does."""
    return {key: {"$gte": -1 if key in _INTEGER_KEYS else ""}}


_INTEGER_KEYS = frozenset({"position", "version"})
