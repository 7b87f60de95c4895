"""Shares of a limit on requests, taken by many at the same time."""

import asyncio
from collections.abc import Callable

import pytest
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage

from domain.clock import utc_now
from domain.rates import RequestRate, TooMany


@pytest.fixture
def rate_of() -> Callable[[str], RequestRate]:
    def make(limit: str) -> RequestRate:
        item: RateLimitItem = parse(limit)
        return RequestRate("requests", item, MemoryStorage(), utc_now)

    return make


async def test_who_comes_as_a_share_is_granted_gets_one_too(
    rate_of: Callable[[str], RequestRate],
) -> None:
    rate = rate_of("10 per hour")
    first = asyncio.create_task(rate.take("somebody"))
    # Until it waits for the share, which comes in the next turn; the others ask in that turn too.
    await asyncio.sleep(0)
    others = [asyncio.create_task(rate.take("somebody")) for _ in range(4)]
    await asyncio.gather(first, *others)


async def test_of_many_who_ask_at_once_as_many_are_served_as_the_limit_says(
    rate_of: Callable[[str], RequestRate],
) -> None:
    rate = rate_of("40 per hour")
    answers = await asyncio.gather(
        *(rate.take("somebody") for _ in range(100)), return_exceptions=True
    )
    assert answers.count(None) == 40
    assert sum(isinstance(answer, TooMany) for answer in answers) == 60
