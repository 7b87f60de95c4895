"""The channel hears what was committed: in order, once, and after any failure."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import AutoReconnect

from persistence import channel as channel_module
from persistence import embedded
from persistence.change_stream import ChangeStream
from persistence.channel import Change, Channel, HistoryLost, Position, Topic
from persistence.database import Database, Transaction, connected
from persistence.embedded import EmbeddedDatabase
from tests.proxy import wired
from tests.servers import new_database_name

# As few as a server will keep, and as many as make it look.
OPLOG = "[server]\nhost = '127.0.0.1'\n[oplog]\nmax_entries = 100\n"
PRUNED_AFTER = 1_200


class Heard:
    """What a channel said."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.gaps: list[Position] = []
        self._more = asyncio.Event()

    def hear(self, change: Change) -> None:
        self.changes.append(change)
        self._more.set()

    def miss(self, position: Position) -> None:
        self.gaps.append(position)
        self._more.set()

    async def until(self, number: int) -> None:
        """Until so many changes and gaps have come."""
        async with asyncio.timeout(120):
            while len(self.changes) + len(self.gaps) < number:
                self._more.clear()
                await self._more.wait()

    @property
    def numbers(self) -> list[int]:
        return [change.document["number"] for change in self.changes if change.document]


@asynccontextmanager
async def listening(database: Database) -> AsyncGenerator[tuple[Channel, Heard]]:
    channel, heard = Channel(database), Heard()
    for topic in Topic:
        channel.listen(topic, heard.hear)
    # One of them is enough.
    channel.listen(Topic.ACCOUNTS, lambda _: None, on_gap=heard.miss)
    await channel.start()
    try:
        yield channel, heard
    finally:
        await channel.stop()


@pytest.fixture
async def empty(mongodb_uri: str) -> AsyncGenerator[Database]:
    async with connected(mongodb_uri, new_database_name()) as database:
        await database.native.create_collection("ticket_events")
        yield database


async def insert(database: Database, *numbers: int) -> None:
    for number in numbers:
        await database.named_collection("ticket_events").insert_one({"number": number})


async def test_what_one_transaction_wrote_comes_together_and_in_order(empty: Database) -> None:
    async with listening(empty) as (channel, heard), listening(empty) as (_, elsewhere):
        assert channel.is_alive

        async def write(session: Transaction) -> None:
            events = empty.named_collection("ticket_events")
            for number in (1, 2, 3):
                await events.insert_one({"number": number}, session=session)

        await empty.transaction(write)
        await insert(empty, 4)
        for each in (heard, elsewhere):
            await each.until(4)
    assert heard.numbers == elsewhere.numbers == [1, 2, 3, 4]
    positions = [change.position for change in heard.changes]
    assert positions == sorted(set(positions))
    # The same in every process: clients may resume anywhere.
    assert [each.token for each in positions] == [
        change.position.token for change in elsewhere.changes
    ]


async def test_changes_that_come_close_together_are_heard_by_few_readings(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, readings = ChangeStream.read, list[int]()

    async def counted(stream: ChangeStream) -> list[dict[str, Any]]:
        found = await read(stream)
        readings.append(len(found))
        return found

    monkeypatch.setattr(ChangeStream, "read", counted)
    async with listening(empty) as (_, heard):
        await insert(empty, 0)
        await heard.until(1)
        # While it rests.
        await empty.named_collection("ticket_events").insert_many(
            [{"number": number} for number in range(1, 40)]
        )
        await heard.until(40)
    assert heard.numbers == list(range(40))
    assert len([number for number in readings if number]) < 10


async def test_topics_are_heard_in_one_order_and_nothing_secret_is_passed_on(
    empty: Database,
) -> None:
    agents = empty.named_collection("agents")
    key, conversation = ObjectId(), ObjectId()
    async with listening(empty) as (_, heard):
        await agents.insert_one({"_id": key, "password_hash": "secret", "role": "AGENT"})
        await insert(empty, 1)
        await agents.update_one({"_id": key}, {"$set": {"role": "ADMIN", "settings.a": 1}})
        await empty.named_collection("system_settings").insert_one({"_id": "tone", "value": "x"})
        await empty.named_collection("tickets").insert_one({"number": 2})
        await agents.delete_one({"_id": key})
        message = {"conversation_id": conversation, "text": "between us"}
        await empty.named_collection("messages").insert_one(message)
        await heard.until(6)
    told = [(each.topic, each.key, each.is_deletion, each.fields) for each in heard.changes]
    (event,) = [each for each in heard.changes if each.topic is Topic.TICKET_EVENTS]
    assert told == [
        (Topic.ACCOUNTS, key, False, frozenset()),
        (Topic.TICKET_EVENTS, event.key, False, frozenset()),
        (Topic.ACCOUNTS, key, False, frozenset({"role", "settings"})),
        (Topic.CONFIGURATION, "tone", False, frozenset()),
        (Topic.ACCOUNTS, key, True, frozenset()),
        (Topic.CONVERSATIONS, conversation, False, frozenset()),
    ]
    assert [each.document for each in heard.changes if each is not event] == [None] * 5


async def test_a_reading_ends_where_it_is_told_and_misses_nothing(empty: Database) -> None:
    async with listening(empty) as (channel, heard):
        start = channel.position
        await insert(empty, *range(10))
        await heard.until(10)
        positions = [change.position for change in heard.changes]

        async def read(after: Position, until: Position, limit: int) -> tuple[list[int], Position]:
            changes, reached = await channel.read_after(after, until=until, limit=limit)
            return [change.document["number"] for change in changes if change.document], reached

        assert (await read(start, positions[-1], 100))[0] == list(range(10))
        assert await read(start, positions[4], 100) == ([0, 1, 2, 3, 4], positions[4])
        assert await read(positions[2], positions[9], 3) == ([3, 4, 5], positions[5])
        assert await read(positions[9], positions[9], 3) == ([], positions[9])
        # From where there was nothing to be heard, too.
        await empty.named_collection("tickets").insert_one({})
        await insert(empty, 10)
        await heard.until(11)
        numbers, reached = await read(positions[9], channel.position, 100)
        assert numbers == [10]
        assert reached >= heard.changes[-1].position


async def test_a_reading_ends_though_nothing_more_is_written(empty: Database) -> None:
    """What came last is not followed, and of it the embedded server does not tell by itself."""
    async with listening(empty) as (channel, _):
        start = channel.position
        await insert(empty, 1)
        await empty.named_collection("tickets").insert_one({})
        # Of one that has just begun, the place is where the log ends.
        async with listening(empty) as (fresh, _), asyncio.timeout(60):
            changes, reached = await channel.read_after(start, until=fresh.position, limit=10)
            assert [change.document["number"] for change in changes if change.document] == [1]
            assert reached >= fresh.position


async def test_a_killed_database_is_followed_on_from_where_it_was(tmp_path: Path) -> None:
    database = EmbeddedDatabase(tmp_path, private=True)
    uri = await database.start()
    try:
        async with connected(uri, "tickets") as store, listening(store) as (channel, heard):
            await insert(store, 0)
            await heard.until(1)
            assert database.pid is not None
            os.kill(database.pid, signal.SIGKILL)
            await persistently(store, *range(1, 40))
            await heard.until(40)
            assert heard.numbers == list(range(40))
            assert heard.gaps == []
            assert channel.is_alive
    finally:
        await database.stop()


async def persistently(database: Database, *numbers: int) -> None:
    """Each once, however often the database has to be asked."""
    events = database.named_collection("ticket_events")
    for number in numbers:
        while True:
            try:
                await events.update_one(
                    {"_id": number}, {"$setOnInsert": {"number": number}}, upsert=True
                )
                break
            except AutoReconnect:
                await asyncio.sleep(0.05)


async def test_changes_that_nobody_can_hear_any_more_are_told_as_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was out of reach for longer than its log reaches back."""
    # So that the wire is cut while the channel listens: the cursor of one that rests would live on.
    monkeypatch.setattr(channel_module, "GATHER_SECONDS", 0.0)
    async with (
        short_of_memory(tmp_path, monkeypatch) as uri,
        wired(uri) as (wire, near_uri),
        connected(uri, "tickets") as store,
        connected(near_uri, "tickets") as near,
        listening(near) as (channel, heard),
    ):
        await insert(store, 1)
        await heard.until(1)
        start = channel.position
        wire.cut()
        await fill(store)
        assert heard.gaps == []
        wire.mend()
        await heard.until(2)
        assert len(heard.gaps) == 1
        assert heard.gaps[0] > start
        await insert(store, 2)
        await heard.until(3)
        assert heard.numbers == [1, 2]
        with pytest.raises(HistoryLost):
            await channel.read_after(start, until=channel.position, limit=10)


async def test_a_wire_that_is_cut_for_a_while_loses_nothing(mongodb_uri: str) -> None:
    name = new_database_name()
    async with (
        wired(mongodb_uri) as (wire, near_uri),
        connected(mongodb_uri, name) as store,
        connected(near_uri, name) as near,
        listening(near) as (channel, heard),
    ):
        for number in range(3):
            await insert(store, 10 * number)
            await heard.until(10 * number + 1)
            wire.cut()
            await insert(store, *range(10 * number + 1, 10 * number + 10))
            wire.mend()
            await heard.until(10 * number + 10)
        assert heard.numbers == list(range(30))
        assert heard.gaps == []
        assert channel.is_alive


@asynccontextmanager
async def short_of_memory(directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[str]:
    """A database whose log reaches back over few changes."""
    configuration = directory / "oplog.toml"
    configuration.write_text(OPLOG, "utf-8")
    monkeypatch.setattr(embedded, "CONFIGURATION", configuration)
    database = EmbeddedDatabase(directory, private=True)
    try:
        yield await database.start()
    finally:
        await database.stop()


async def fill(database: Database) -> None:
    """Writes so much that what was written before is forgotten."""
    await database.named_collection("others").insert_many([{} for _ in range(PRUNED_AFTER)])
    await database.named_collection("others").insert_many([{} for _ in range(PRUNED_AFTER)])
