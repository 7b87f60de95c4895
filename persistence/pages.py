"""Keyset pagination: a page is everything beyond one unique key, in the key's order."""

import re
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from persistence.database import Collection
from persistence.documents import Document, ModelT, from_document

Key = str | int
ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")

# Of how many lists, and of how many pages of each, it is remembered where they end.
KEPT_LISTS, KEPT_PAGES = 500, 50
# How many times as far as its documents lie apart on average a page is first looked for, and then.
_REACHES = (2, 32)
# How far back, in milliseconds, a page of a list by time is first looked for: an hour, and then
# up to two months.
_AGES = tuple(3_600_000 * hours for hours in (1, 24, 8 * 24, 64 * 24))
# Of a page that was not full.
_NO_END = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The first `size` items after `after`, or, `backwards`, the last `size` before `before`."""

    size: int
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """`keys` are those of the items, by which the list is sorted."""

    items: list[ItemT]
    keys: list[Key]
    has_next: bool
    has_previous: bool


class Bounds:
    """Where the pages of lists ended, so that a server need not look beyond to read them again.

    MongoDB walks an index and stops where a page ends. The embedded server collects all that could
    be of the list before it sorts, unless a bound on the sort key, which has an index, spares it
    that. A bound is never wrong, whatever was written since: what lies within comes before what
    lies beyond, so documents enough for a page are the page. Where they are too few, the next wider
    bound is tried, and at last none.
    """

    def __init__(self) -> None:
        self._lists = _Latest[ListBounds](KEPT_LISTS)

    def of(self, asked: Hashable, *, by_time: bool = False) -> "ListBounds":
        """Of the list that is `asked` for, equal where it is the same, in the same order.

        `by_time`: its keys begin with a time (`domain.clock.sort_key`), mostly one that is past.
        """
        known = self._lists.get(asked)
        if known is None:
            known = ListBounds(by_time=by_time)
            self._lists.put(asked, known)
        return known


class ListBounds:
    """Those of one list.

    For a page that was read before, the bound is where it ended. For one after a cursor it is
    guessed from how far apart the documents of the list were when one of its pages was last read.
    Before any was, and for the newest, it is guessed from nothing but the time, in a list by time.
    For a page that was not full there is none: it has no end within which it would be.
    """

    def __init__(self, *, by_time: bool) -> None:
        self._by_time = by_time
        self._ends = _Latest[str](KEPT_PAGES)
        self._spread: int | None = None

    def likely(self, window: Window, direction: int) -> Iterator[str]:
        """Bounds within which the page should lie, the narrowest first."""
        end = self._ends.get(window)
        if end == _NO_END:
            return
        if end is not None:
            yield end
        start = end or (window.before if window.backwards else window.after)
        # Which a client may have made up.
        if start is not None and not (isinstance(start, str) and _HEXADECIMAL.fullmatch(start)):
            return
        if start is not None and self._spread is not None:
            for reach in _REACHES:
                yield _moved(start, direction * self._spread * window.size * reach)
        elif end is None and self._by_time and direction == -1:
            since = int(time.time() * 1000) if start is None else _position(start[:_TIME_DIGITS])
            # The beginning of a key is less than all that begin with it.
            yield from (f"{max(since - age, 0):0{_TIME_DIGITS}x}" for age in _AGES)

    def learn(self, window: Window, keys: list[str]) -> None:
        """`keys` of all that was found for the page: one more than it has, where there is more."""
        is_full = len(keys) > window.size
        self._ends.put(window, keys[-1] if is_full else _NO_END)
        if is_full:
            apart = abs(_position(keys[-1]) - _position(keys[0]))
            self._spread = apart // max(window.size, 1)


class _Latest(Generic[ValueT]):
    """At most `capacity` values, of which those go that were used least recently.

    By the hash of their key, since keys are of a client's making, and may be long. Of another's
    value a bound is as right as of one's own, only less likely to help.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values = OrderedDict[int, ValueT]()

    def get(self, key: Hashable) -> ValueT | None:
        value = self._values.get(hash(key))
        if value is not None:
            self._values.move_to_end(hash(key))
        return value

    def put(self, key: Hashable, value: ValueT) -> None:
        self._values[hash(key)] = value
        self._values.move_to_end(hash(key))
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)


# Sort keys are hexadecimal numbers, all of a list with as many digits (`domain.clock.sort_key`).
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,100}")
_TIME_DIGITS = 13


def _position(key: str) -> int:
    return int(key, 16)


def _moved(key: str, distance: int) -> str:
    furthest = 16 ** len(key) - 1
    return f"{min(max(_position(key) + distance, 0), furthest):0{len(key)}x}"


async def read_page(
    collection: Collection,
    model: type[ModelT],
    conditions: Document,
    window: Window,
    *,
    key: str,
    descending: bool = False,
    projection: Document | None = None,
    bounds: ListBounds | None = None,
) -> Page[ModelT]:
    """The documents that meet `conditions`, in the order of the unique field `key`.

    Served by the index on `key` or by one that `conditions` names. Inserts and removals between
    two pages never repeat or skip an item, since a cursor is a key and not an offset.

    One query; with the list's `bounds` seldom more, each cheaper, and `key` is one of hexadecimal
    digits.
    """
    beyond, short_of = ("$lt", "$gt") if descending else ("$gt", "$lt")
    limits: Document = {}
    if window.after is not None:
        limits[beyond] = window.after
    if window.before is not None:
        limits[short_of] = window.before
    within = {key: limits} if limits else whole(key)
    direction = -1 if descending is not window.backwards else 1

    async def read(conditions: Document) -> list[Document]:
        return (
            await collection.find(conditions, projection)
            .sort([(key, direction)])
            .limit(window.size + 1)
            .to_list(None)
        )

    found: list[Document] = []
    if bounds is not None:
        end = "$gte" if direction == -1 else "$lte"
        for bound in bounds.likely(window, direction):
            # First, since a simple planner takes the first clause that has an index.
            found = await read({key: {**limits, end: bound}, **conditions})
            if len(found) > window.size:
                break
    if len(found) <= window.size:
        found = await read({**conditions, **within})
    keys = _keys(found, key)
    if bounds is not None:
        bounds.learn(window, keys)
    more = len(found) > window.size
    del found[window.size :], keys[window.size :]
    items = [from_document(model, document) for document in found]
    if window.backwards:
        items.reverse()
        keys.reverse()
        return Page(items, keys, has_next=window.before is not None, has_previous=more)
    return Page(items, keys, has_next=more, has_previous=window.after is not None)


def _keys(documents: list[Document], path: str) -> list[Any]:
    """What stands at `path`. Keys that stand by themselves are taken out: no item has them."""
    name, _, nested = path.partition(".")
    if nested:
        return [document.pop(name)[nested] for document in documents]
    return [document[name] for document in documents]


async def count_items(collection: Collection, conditions: Document, *, key: str) -> int:
    """How many documents there are to page through by `key`, counted by the same indexes."""
    return await collection.count_documents({**conditions, **whole(key)})


def whole(key: str) -> Document:
    """What every document meets: it names an index to walk, where no other condition does."""
    return {key: {"$gte": -1 if key in _INTEGER_KEYS else ""}}


_INTEGER_KEYS = frozenset({"position", "version"})
