"""What every list and every identified thing shares: global ids, cursors, connections."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Generic, TypeVar, cast

import strawberry
from bson import ObjectId
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionNode,
)

from domain.errors import ValidationFailed
from graph.context import Info
from persistence.pages import Key, Page, Window

DEFAULT_PAGE = 20
LARGEST_PAGE = 100

NodeT = TypeVar("NodeT")
ItemT = TypeVar("ItemT")

First = Annotated[
    int | None,
    strawberry.argument(description="How many from the start: 20 by default, at most 100."),
]
After = Annotated[
    str | None,
    strawberry.argument(description="Only what follows this cursor, an `endCursor` of this list."),
]
Last = Annotated[
    int | None,
    strawberry.argument(description="How many from the end, at most 100, instead of `first`."),
]
Before = Annotated[
    str | None,
    strawberry.argument(
        description="Only what precedes this cursor, a `startCursor` of this list."
    ),
]


@strawberry.interface(description="Something with a global id, by which `Query.node` finds it.")
class Node:
    key: strawberry.Private[ObjectId]

    @strawberry.field(description="Opaque and unique in the whole system; never to be taken apart.")
    def id(self) -> strawberry.ID:
        return encode_id(type(self).__name__, self.key)


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows this page.")
    has_previous_page: bool = strawberry.field(description="Whether more precedes this page.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor.")
    end_cursor: str | None = strawberry.field(
        description="The last edge's cursor: pass it as `after` to get the next page."
    )


@strawberry.type(description="An item and its place in the list.")
class Edge(Generic[NodeT]):
    cursor: str = strawberry.field(
        description="Opaque; stays valid however the list grows or shrinks."
    )
    node: NodeT = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list, with cursors to go on from.")
class Connection(Generic[NodeT]):
    nodes: list[NodeT] = strawberry.field(description="The items of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")
    cursor_of: strawberry.Private[Callable[[int], str]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The items with a cursor for each.")
    def edges(self) -> list[Edge[NodeT]]:
        return [
            Edge(cursor=self.cursor_of(place), node=node) for place, node in enumerate(self.nodes)
        ]

    @strawberry.field(
        description="How many items the whole list has. Counted only when asked for, at a cost."
    )
    async def total_count(self) -> int:
        return await self.count()


def connection(
    list_name: str,
    page: Page[ItemT],
    *,
    node: Callable[[ItemT], NodeT],
    count: Callable[[], Awaitable[int]],
) -> Connection[NodeT]:
    """`page` of the list `list_name` as a connection."""

    def cursor_of(place: int) -> str:
        return encode_cursor(list_name, page.keys[place])

    return Connection(
        nodes=[node(item) for item in page.items],
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursor_of(0) if page.items else None,
            end_cursor=cursor_of(-1) if page.items else None,
        ),
        cursor_of=cursor_of,
        count=count,
    )


def window(
    list_name: str,
    *,
    first: int | None = DEFAULT_PAGE,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Window:
    """The part of a list that paging arguments ask for.

    `last` wins over `first`, whose default cannot be told from a choice. Raises ValidationFailed
    for sizes that are not 1 to LARGEST_PAGE and for cursors of another list.
    """
    name, size = ("first", DEFAULT_PAGE if first is None else first)
    if last is not None:
        name, size = "last", last
    if not 1 <= size <= LARGEST_PAGE:
        raise ValidationFailed.of(name, f"must be between 1 and {LARGEST_PAGE}, is {size}")
    return Window(
        size=size,
        after=None if after is None else decode_cursor(list_name, "after", after),
        before=None if before is None else decode_cursor(list_name, "before", before),
        backwards=last is not None,
    )


def selected_names(info: Info) -> AbstractSet[str]:
    """The names of all fields that are selected below this one, however deep."""
    # Strawberry's own list of what is selected expands each fragment wherever it is spread.
    raw = cast("GraphQLResolveInfo[Any]", info._raw_info)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]  # it has no public name
    names: set[str] = set()
    spread: set[str] = set()
    selections = [each for node in raw.field_nodes for each in _selections(node)]
    while selections:
        match selections.pop():
            case FieldNode() as field:
                names.add(field.name.value)
                selections += _selections(field)
            case FragmentSpreadNode(name=name) if name.value not in spread:
                spread.add(name.value)
                selections += _selections(raw.fragments[name.value])
            case InlineFragmentNode() as fragment:
                selections += _selections(fragment)
            case _:
                pass
    return names


def _selections(
    node: FieldNode | FragmentDefinitionNode | InlineFragmentNode,
) -> Sequence[SelectionNode]:
    return node.selection_set.selections if node.selection_set else ()


def encode_id(type_name: str, key: ObjectId) -> strawberry.ID:
    return strawberry.ID(_encode(f"{type_name}:{key}"))


def decode_id(type_name: str, global_id: str, path: str) -> ObjectId:
    """The key in a global id of `type_name`; ValidationFailed under `path` for any other text."""
    found = split_id(global_id)
    if found is None or found[0] != type_name:
        raise ValidationFailed.of(path, f"is not the id of a {type_name}")
    return found[1]


def split_id(global_id: str) -> tuple[str, ObjectId] | None:
    type_name, _, key = _decode(global_id).partition(":")
    return (type_name, ObjectId(key)) if _KEY.fullmatch(key) else None


_KEY = re.compile(r"[0-9a-f]{24}")

# Keys of lists are what `persistence` sorts by: letters and digits of our own making, or, for
# names, anything a name may hold before the separator.
_TEXT_KEY = re.compile(r"[^\x00]{1,400}")


def encode_cursor(list_name: str, key: Key) -> str:
    kind = "i" if isinstance(key, int) else "s"
    return _encode(f"{list_name}:{kind}:{key}")


def decode_cursor(list_name: str, path: str, cursor: str) -> Key:
    """The key that `cursor` stands for; ValidationFailed where it is not one of `list_name`."""
    name, _, rest = _decode(cursor).partition(":")
    kind, _, key = rest.partition(":")
    if name == list_name and kind == "i" and re.fullmatch(r"[0-9]{1,15}", key):
        return int(key)
    if name == list_name and kind == "s" and _TEXT_KEY.fullmatch(key):
        return key
    raise ValidationFailed.of(path, "is not a cursor of this list in this order")


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str) -> str:
    """What `_encode` was given, or nothing for what it cannot have made."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
