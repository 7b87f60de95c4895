"""Readings that several share, none of which began before one of them asked."""

import asyncio

import pytest

from persistence import coalescing
from persistence.channel import Signal
from persistence.coalescing import CoalescedReads


class Reading:
    """What is read: its number. Each is answered, or fails, when it is let."""

    def __init__(self) -> None:
        self._answers: list[asyncio.Future[None]] = []
        self._begun = Signal()

    @property
    def begun(self) -> int:
        return len(self._answers)

    async def __call__(self) -> int:
        answer = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        number = len(self._answers)
        self._begun.give()
        await answer
        return number

    async def let(self, number: int, failing_with: Exception | None = None) -> None:
        """As soon as it has begun."""
        async with asyncio.timeout(10):
            await self._begun.after(number - 1)
        answer = self._answers[number - 1]
        if failing_with is None:
            answer.set_result(None)
        else:
            answer.set_exception(failing_with)


@pytest.fixture
def reads() -> CoalescedReads:
    return CoalescedReads()


@pytest.fixture
def reading() -> Reading:
    return Reading()


async def asking(reads: CoalescedReads, reading: Reading, *asked: str) -> asyncio.Task[int]:
    """Somebody who has asked, and waits; what they ask for is being read, or will be next."""
    task = asyncio.create_task(reads.read(reading, *asked))
    for _ in range(2):
        await asyncio.sleep(0)
    return task


async def test_who_comes_while_it_is_read_gets_what_is_read_afterwards(
    reads: CoalescedReads, reading: Reading
) -> None:
    first = await asking(reads, reading, "page")
    second, third = [await asking(reads, reading, "page") for _ in range(2)]
    assert reading.begun == 1
    await reading.let(1)
    assert await first == 1
    fourth = await asking(reads, reading, "page")
    await reading.let(2)
    assert (await second, await third) == (2, 2)
    await reading.let(3)
    assert await fourth == 3
    alone = await asking(reads, reading, "page")
    await reading.let(4)
    assert await alone == 4


async def test_who_asks_for_something_else_waits_for_nobody(
    reads: CoalescedReads, reading: Reading
) -> None:
    one, other = await asking(reads, reading, "one"), await asking(reads, reading, "other")
    await reading.let(2)
    assert await other == 2
    await reading.let(1)
    assert await one == 1


async def test_who_asks_in_the_same_moment_shares_what_is_asked_word_for_word(
    reads: CoalescedReads, reading: Reading
) -> None:
    asked = [{"type": {"$in": ["A"]}}, {"type": {"$in": ["A", "B"]}}, {"type": {"$in": ["A"]}}]
    tasks = [asyncio.create_task(reads.read(reading, "events", each)) for each in asked]
    for number in (1, 2):
        await reading.let(number)
    assert [await task for task in tasks] == [1, 2, 1]
    assert reading.begun == 2


async def test_a_failure_is_told_to_all_who_waited_for_it_and_to_nobody_else(
    reads: CoalescedReads, reading: Reading
) -> None:
    first = await asking(reads, reading, "page")
    waiting = [await asking(reads, reading, "page") for _ in range(2)]
    await reading.let(1, failing_with=OSError("the first"))
    with pytest.raises(OSError, match="the first"):
        await first
    after = await asking(reads, reading, "page")
    await reading.let(2, failing_with=OSError("the second"))
    for task in waiting:
        with pytest.raises(OSError, match="the second"):
            await task
    await reading.let(3)
    assert await after == 3


async def test_who_goes_away_leaves_it_to_the_others(
    reads: CoalescedReads, reading: Reading
) -> None:
    first, second, third = [await asking(reads, reading, "page") for _ in range(3)]
    for gone in (first, second):
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
    await reading.let(1)
    await reading.let(2)
    assert await third == 2


async def test_what_nobody_waits_for_any_more_is_not_read(
    reads: CoalescedReads, reading: Reading
) -> None:
    first, second = [await asking(reads, reading, "page") for _ in range(2)]
    second.cancel()
    await reading.let(1)
    await first
    third = await asking(reads, reading, "page")
    await reading.let(2)
    assert await third == 2


async def test_a_failure_that_nobody_hears_harms_nobody(
    reads: CoalescedReads, reading: Reading
) -> None:
    first = await asking(reads, reading, "page")
    first.cancel()
    second = await asking(reads, reading, "page")
    await reading.let(1, failing_with=OSError("that nobody hears"))
    await reading.let(2)
    assert await second == 2


async def test_a_reading_that_takes_too_long_is_not_waited_for(
    reads: CoalescedReads, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [await asking(reads, reading, "page") for _ in range(2)]
    assert reading.begun == 1
    monkeypatch.setattr(coalescing, "LATE_SECONDS", 0.0)
    third = await asking(reads, reading, "page")
    await reading.let(2)
    assert (await second, await third) == (2, 2)
    monkeypatch.undo()
    fourth = await asking(reads, reading, "page")
    await reading.let(3)
    assert await fourth == 3
    await reading.let(1)
    assert await first == 1
