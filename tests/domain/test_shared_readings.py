"""One reading for all who ask the same, and none that is older than what they know of."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from domain import shared_readings
from domain.shared_readings import SharedReadings
from persistence.channel import Channel, Signal, Topic
from persistence.database import Database, Transaction, connected
from tests.servers import new_database_name


class Reading:
    """What is read: the number of the reading, each as soon as it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self._begun = Signal()
        self._let = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self._begun.give()
        await self._let.wait()
        return number

    async def until_begun(self, number: int = 1) -> None:
        await self._begun.after(number - 1)

    def let(self) -> None:
        """This one and all later ones."""
        self._let.set()


@pytest.fixture(autouse=True)
def no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing gets too old, however slow the machine."""
    monkeypatch.setattr(shared_readings, "LIFETIME_SECONDS", 3_600.0)
    monkeypatch.setattr(shared_readings, "RENEWAL_SECONDS", 3_600.0)


@pytest.fixture
async def ours(mongodb_uri: str) -> AsyncGenerator[Database]:
    async with connected(mongodb_uri, new_database_name()) as database:
        yield database


@pytest.fixture
def channel(ours: Database) -> Channel:
    return Channel(ours)


@pytest.fixture
def shared(ours: Database, channel: Channel) -> SharedReadings[int]:
    return SharedReadings(ours, channel)


@pytest.fixture
async def heard(channel: Channel) -> AsyncGenerator[Signal]:
    """Given with each ticket event."""
    signal = channel.signal(Topic.TICKET_EVENTS)
    await channel.start()
    yield signal
    await channel.stop()


async def write(database: Database, number: int) -> None:
    async def work(session: Transaction) -> None:
        events = database.named_collection("ticket_events")
        await events.insert_one({"number": number}, session=session)

    await database.transaction(work)


async def together(*asking: asyncio.Task[int]) -> list[int]:
    return list(await asyncio.gather(*asking))


@pytest.mark.usefixtures("heard")
async def test_the_same_is_read_once_until_something_is_written(
    shared: SharedReadings[int], ours: Database
) -> None:
    read, other = Reading(), Reading()
    asking = [asyncio.create_task(shared.get("a", read)) for _ in range(20)]
    await read.until_begun()
    read.let()
    other.let()
    assert await together(*asking) == [1] * 20
    assert await shared.get("a", read) == 1
    assert await shared.get("b", other) == 1
    assert (read.begun, other.begun) == (1, 1)
    await write(ours, 1)
    assert await shared.get("a", read) == 2


@pytest.mark.usefixtures("heard")
async def test_what_began_before_a_commit_is_not_given_to_who_asks_after_it(
    shared: SharedReadings[int], ours: Database
) -> None:
    read = Reading()
    early = asyncio.create_task(shared.get("a", read))
    await read.until_begun()
    await write(ours, 1)
    late = [asyncio.create_task(shared.get("a", read)) for _ in range(20)]
    await asyncio.sleep(0)
    # One at a time.
    assert read.begun == 1
    read.let()
    assert await early == 1
    assert await together(*late) == [2] * 20


async def test_anothers_write_is_found_once_it_was_heard_of(
    shared: SharedReadings[int], ours: Database, mongodb_uri: str, heard: Signal
) -> None:
    read = Reading()
    read.let()
    assert await shared.get("a", read) == 1
    async with connected(mongodb_uri, ours.name) as theirs, asyncio.timeout(60):
        await write(theirs, 1)
        await heard.after(0)
    assert await shared.get("a", read) == 2


@pytest.mark.usefixtures("heard")
async def test_who_goes_away_leaves_the_reading_to_the_others(
    shared: SharedReadings[int],
) -> None:
    read = Reading()
    first, second = [asyncio.create_task(shared.get("a", read)) for _ in range(2)]
    await read.until_begun()
    first.cancel()
    await asyncio.wait([first])
    read.let()
    assert await second == 1
    assert first.cancelled()


@pytest.mark.usefixtures("heard")
async def test_a_failure_is_told_to_all_who_waited_and_to_nobody_later(
    shared: SharedReadings[int],
) -> None:
    async def fail() -> int:
        raise ValueError

    asking = [asyncio.create_task(shared.get("a", fail)) for _ in range(2)]
    await asyncio.wait(asking)
    assert all(isinstance(each.exception(), ValueError) for each in asking)
    read = Reading()
    read.let()
    assert await shared.get("a", read) == 1


@pytest.mark.usefixtures("heard")
async def test_what_is_too_old_is_read_again(
    shared: SharedReadings[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Reading()
    read.let()
    assert await shared.get("a", read) == 1
    monkeypatch.setattr(shared_readings, "LIFETIME_SECONDS", 0.0)
    assert await shared.get("a", read) == 2


@pytest.mark.usefixtures("heard")
async def test_what_will_soon_be_too_old_is_given_until_the_next_is_read(
    shared: SharedReadings[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Reading(), Reading()
    first.let()
    assert await shared.get("a", first) == 1
    second.begun = 1
    monkeypatch.setattr(shared_readings, "RENEWAL_SECONDS", 0.0)
    assert await shared.get("a", second) == 1
    await second.until_begun()
    # Though that takes longer.
    monkeypatch.setattr(shared_readings, "LIFETIME_SECONDS", 0.0)
    assert await shared.get("a", second) == 1
    monkeypatch.setattr(shared_readings, "LIFETIME_SECONDS", 3_600.0)
    monkeypatch.setattr(shared_readings, "RENEWAL_SECONDS", 3_600.0)
    second.let()
    async with asyncio.timeout(60):
        while await shared.get("a", second) == 1:  # noqa: ASYNC110 -- it gives no sign of its end
            await asyncio.sleep(0)
    assert second.begun == 2


async def test_while_the_channel_is_silent_each_reads_for_themselves(
    shared: SharedReadings[int],
) -> None:
    read = Reading()
    read.let()
    assert [await shared.get("a", read) for _ in range(2)] == [1, 2]
