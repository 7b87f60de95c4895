"""Windows of a rate limiter, counted in the database."""

import asyncio
from datetime import UTC, datetime, timedelta

from limits import parse
from limits.aio.strategies import FixedWindowRateLimiter

from domain.clock import SetClock
from persistence.database import Database
from persistence.rates import RateWindows

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
THREE = parse("3 per minute")


async def test_a_window_begins_with_the_first_and_another_when_it_is_over(
    database: Database,
) -> None:
    clock = SetClock(NOON)
    windows = RateWindows(database, clock)
    limiter = FixedWindowRateLimiter(windows)
    allowed: list[bool] = []
    for second in (0, 20, 40, 59, 61):
        clock.set(NOON + timedelta(seconds=second))
        allowed.append(await limiter.hit(THREE, "a window"))
    assert allowed == [True, True, True, False, True]
    state = await limiter.get_window_stats(THREE, "a window")
    assert state.remaining == 2
    assert state.reset_time == (NOON + timedelta(seconds=61 + 60)).timestamp()
    await limiter.clear(THREE, "a window")
    assert (await limiter.get_window_stats(THREE, "a window")).remaining == 3


async def test_many_at_once_are_all_counted(database: Database) -> None:
    windows = RateWindows(database, SetClock(NOON))
    counts = await asyncio.gather(*(windows.incr("crowd", 60) for _ in range(30)))
    assert await windows.get("crowd") == 30
    # Whoever was counted, each was told of no fewer than had been before.
    assert all(told >= place for place, told in enumerate(sorted(counts), 1))
