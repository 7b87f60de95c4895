"""The turn to answer in a conversation: held by one, and free again when its holder is gone."""

import asyncio
from datetime import timedelta

from bson import ObjectId

from domain.clock import utc_now
from persistence.assistant import AssistantStore
from persistence.database import Database

SECOND = timedelta(seconds=1)


async def test_of_many_that_want_the_turn_one_gets_it(database: Database) -> None:
    store, key, now = AssistantStore(database), ObjectId(), utc_now()
    taken = await asyncio.gather(
        *(store.take_draft(key, token=f"{each}", now=now, until=now + SECOND) for each in range(8))
    )
    (draft,) = [each for each in taken if each is not None]
    assert await store.extend_draft(key, draft.token, ["{}"])
    assert not await store.extend_draft(key, "another", ["{}"])
    assert not await store.show_draft(key, "another", "text")
    assert not await store.remove_draft(key, "another")


async def test_a_turn_whose_time_is_up_is_gone_on_with_by_one(database: Database) -> None:
    store, key, now = AssistantStore(database), ObjectId(), utc_now()
    await store.take_draft(key, token="dead", now=now, until=now + SECOND)
    await store.extend_draft(key, "dead", ['{"said": 1}'])
    later = now + SECOND
    taken = await asyncio.gather(
        *(
            store.take_draft(key, token=f"{each}", now=later, until=later + SECOND)
            for each in range(8)
        )
    )
    (draft,) = [each for each in taken if each is not None]
    assert draft.items == ['{"said": 1}']
    # Whoever comes back from the dead finds that it is no longer theirs.
    assert not await store.extend_draft(key, "dead", ["{}"])
    await store.release_draft(key, "dead", later)
    assert await store.take_draft(key, token="x", now=later, until=later + SECOND) is None
    assert await store.remove_draft(key, draft.token)
    fresh = await store.take_draft(key, token="x", now=later, until=later + SECOND)
    assert fresh is not None
    assert fresh.items == []
