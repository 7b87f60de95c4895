"""What is remembered, and what must not be."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from domain.memory import Memory
from persistence.channel import Channel
from persistence.database import connected
from tests.servers import new_database_name


class Source:
    """Values that change, and a count of how often they were read."""

    def __init__(self) -> None:
        self.values = {"a": 1, "b": 2}
        self.readings: list[list[str]] = []
        self.begun = asyncio.Event()
        # What a reading that has begun waits for.
        self.let = asyncio.Event()
        self.let.set()

    async def read(self, keys: list[str]) -> dict[str, int]:
        self.readings.append(keys)
        self.begun.set()
        found = {key: self.values[key] for key in keys if key in self.values}
        await self.let.wait()
        return found


@pytest.fixture
async def channel(mongodb_uri: str) -> AsyncGenerator[Channel]:
    async with connected(mongodb_uri, new_database_name()) as database:
        channel = Channel(database)
        await channel.start()
        yield channel
        await channel.stop()


async def test_what_is_known_is_not_read_again(channel: Channel) -> None:
    source, memory = Source(), Memory[str, int](channel, 10)
    assert await memory.get(["a"], source.read) == {"a": 1}
    assert await memory.get(["a", "b", "c"], source.read) == {"a": 1, "b": 2}
    # What is not there may come.
    assert await memory.get(["b", "c"], source.read) == {"b": 2}
    assert source.readings == [["a"], ["b", "c"], ["c"]]


async def test_what_has_changed_is_read_again(channel: Channel) -> None:
    source, memory = Source(), Memory[str, int](channel, 10)
    await memory.get(["a", "b"], source.read)
    source.values["a"] = 3
    memory.forget("a")
    assert await memory.get(["a", "b"], source.read) == {"a": 3, "b": 2}
    assert source.readings == [["a", "b"], ["a"]]
    memory.forget()
    await memory.get(["a", "b"], source.read)
    assert source.readings[2:] == [["a", "b"]]


@pytest.mark.parametrize("key", ["a", None], ids=["one", "all"])
async def test_what_was_read_before_a_change_is_not_remembered_after_it(
    channel: Channel, key: str | None
) -> None:
    source, memory = Source(), Memory[str, int](channel, 10)
    source.let.clear()
    reading = asyncio.create_task(memory.get(["a", "b"], source.read))
    await source.begun.wait()
    source.values["a"] = 3
    memory.forget(key)
    source.let.set()
    assert await reading == {"a": 1, "b": 2}
    assert await memory.get(["a", "b"], source.read) == {"a": 3, "b": 2}
    # The change of one is no reason to read the others again.
    assert source.readings[1:] == [["a"] if key else ["a", "b"]]


async def test_nothing_is_remembered_while_nothing_is_heard(channel: Channel) -> None:
    source, memory = Source(), Memory[str, int](channel, 10)
    await memory.get(["a"], source.read)
    await channel.stop()
    source.values["a"] = 3
    for _ in range(2):
        assert await memory.get(["a"], source.read) == {"a": 3}
    # Nor what was read then, of which there may be changes still to be heard.
    await channel.start()
    source.values["a"] = 4
    assert await memory.get(["a"], source.read) == {"a": 4}


async def test_no_more_is_remembered_than_there_is_room_for(channel: Channel) -> None:
    source, memory = Source(), Memory[str, int](channel, 1)
    for key in ("a", "b", "b", "a"):
        await memory.get([key], source.read)
    assert source.readings == [["a"], ["b"], ["a"]]
