"""Sequences under everybody drawing at once."""

import asyncio

from persistence.counters import CounterStore
from persistence.database import Database, connected


async def test_a_hundred_who_draw_first_at_once_get_a_hundred_numbers(
    database: Database, mongodb_uri: str
) -> None:
    async with connected(mongodb_uri, database.native.name) as other:
        stores = [CounterStore(database), CounterStore(other)]
        drawn = await asyncio.gather(*(stores[place % 2].next("first") for place in range(100)))
    # The embedded server may answer nothing to some of them, who draw again and leave a gap.
    assert len(set(drawn)) == 100
    assert min(drawn) >= 1
    assert max(drawn) == await stores[0].current("first")


async def test_one_caller_s_draws_rise_while_others_draw(database: Database) -> None:
    store = CounterStore(database)

    async def draw_ten() -> list[int]:
        return [await store.next("rising") for _ in range(10)]

    for drawn in await asyncio.gather(*(draw_ten() for _ in range(5))):
        assert drawn == sorted(drawn)


async def test_sequences_are_apart(database: Database) -> None:
    store = CounterStore(database)
    assert await store.current("untouched") == 0
    assert [await store.next("one"), await store.next("one"), await store.next("two")] == [1, 2, 1]
