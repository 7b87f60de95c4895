"""Pages against slices of a sorted list, while others insert and remove."""

from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from persistence.database import Collection, Database
from persistence.documents import to_document
from persistence.models import (
    ActorKind,
    ActorRef,
    Conversation,
    ConversationChannel,
    Note,
    NoteVisibility,
)
from persistence.pages import Key, Page, Window, read_page
from tests.examples import NOW


@dataclass
class Notes:
    """A list whose key is a number, among notes that are not of it."""

    model = Note
    key = "position"
    keys = st.integers(1, 40)

    ticket_key: ObjectId = field(default_factory=ObjectId)

    @property
    def conditions(self) -> dict[str, Any]:
        return {"ticket_key": self.ticket_key, "retracted_at": None}

    def item(self, key: Key, *, belongs: bool = True) -> Note:
        assert isinstance(key, int)
        return Note(
            ticket_key=self.ticket_key,
            position=key,
            content="",
            visibility=NoteVisibility.PUBLIC,
            author=ActorRef(kind=ActorKind.SYSTEM, name=""),
            created_at=NOW,
            retracted_at=None if belongs else NOW,
        )


@dataclass
class Conversations:
    """A list whose key is a text, among conversations of another customer."""

    model = Conversation
    key = "sort"
    keys = st.text("az1é\x1f\U0001f4a1", min_size=1, max_size=3)

    customer_id: ObjectId = field(default_factory=ObjectId)

    @property
    def conditions(self) -> dict[str, Any]:
        return {"customer_id": self.customer_id}

    def item(self, key: Key, *, belongs: bool = True) -> Conversation:
        return Conversation(
            customer_id=self.customer_id if belongs else ObjectId(),
            channel=ConversationChannel.WEB,
            created_at=NOW,
            updated_at=NOW,
            sort=str(key),
        )


Listing = Notes | Conversations


def journeys(listing: type[Listing]) -> st.SearchStrategy["Journey"]:
    some = st.sets(listing.keys, max_size=6)
    return st.builds(
        Journey,
        listing=st.builds(listing),
        present=st.sets(listing.keys, min_size=3, max_size=12),
        foreign=some,
        writes=st.lists(st.tuples(some, some), max_size=4),
        size=st.integers(1, 4),
    )


@dataclass
class Journey:
    """Through a list page by page; before each further page some keys come and some go."""

    listing: Listing
    present: set[Any]
    foreign: set[Any]
    writes: list[tuple[set[Any], set[Any]]]
    size: int
    descending: bool = False
    backwards: bool = False

    def expected(self, cursor: Key | None) -> tuple[list[Any], bool]:
        """The page from `cursor` on, and whether more lies beyond it in that direction."""
        upwards = self.descending is self.backwards
        keys = sorted(self.present, reverse=not upwards)
        if cursor is not None:
            keys = [key for key in keys if (key > cursor if upwards else key < cursor)]
        page = keys[: self.size]
        return page[::-1] if self.backwards else page, len(keys) > self.size

    async def insert(self, collection: Collection, keys: set[Any], *, belongs: bool = True) -> None:
        items = [self.listing.item(key, belongs=belongs) for key in keys]
        if items:
            await collection.insert_many([to_document(item) for item in items])

    async def read(self, collection: Collection, cursor: Key | None) -> Page[Any]:
        return await read_page(
            collection,
            self.listing.model,
            self.listing.conditions,
            Window(
                self.size,
                after=None if self.backwards else cursor,
                before=cursor if self.backwards else None,
                backwards=self.backwards,
            ),
            key=self.listing.key,
            descending=self.descending,
        )


@pytest.mark.parametrize("listing", [Notes, Conversations])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@given(data=st.data())
@settings(max_examples=8)
async def test_a_page_is_a_slice_whatever_comes_and_goes(
    database: Database,
    listing: type[Listing],
    *,
    descending: bool,
    backwards: bool,
    data: st.DataObject,
) -> None:
    journey = data.draw(journeys(listing))
    journey.descending, journey.backwards = descending, backwards
    collection = database.collection(journey.listing.model)
    foreign = journey.foreign - journey.present
    await journey.insert(collection, journey.present)
    await journey.insert(collection, foreign, belongs=False)
    stayed, seen, cursor = set(journey.present), list[Any](), None
    for inserted, removed in chain(journey.writes, repeat((set[Any](), set[Any]()))):
        page = await journey.read(collection, cursor)
        keys = [getattr(item, journey.listing.key) for item in page.items]
        expected, more = journey.expected(cursor)
        assert keys == expected
        ahead, behind = (
            (page.has_previous, page.has_next)
            if journey.backwards
            else (page.has_next, page.has_previous)
        )
        assert ahead is more
        assert behind is (cursor is not None)
        seen += keys
        if not more:
            break
        cursor = keys[0] if journey.backwards else keys[-1]
        # A foreign note has its place in the ticket, so nothing may come there.
        come = inserted - journey.present - foreign
        gone = removed & journey.present
        await journey.insert(collection, come)
        await collection.delete_many(
            {**journey.listing.conditions, journey.listing.key: {"$in": list(gone)}}
        )
        journey.present = (journey.present - gone) | come
        stayed -= gone
    # Whatever was there all the time was seen, and nothing was seen twice.
    assert len(seen) == len(set(seen))
    assert stayed <= set(seen)
