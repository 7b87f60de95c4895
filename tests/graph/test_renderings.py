"""Renderings: made once for all who want the same at about the same time, and not kept for long."""

import asyncio

import pytest

from graph import streams
from graph.sharing import Payload
from graph.streams import Renderings


class Making:
    """What is rendered: a number of bytes, and how often."""

    def __init__(self, size: int = 10) -> None:
        self.size = size
        self.times = 0

    async def __call__(self) -> Payload:
        self.times += 1
        await asyncio.sleep(0)
        return Payload(b"x" * self.size)


async def test_a_rendering_is_made_once_for_all() -> None:
    renderings, making = Renderings(), Making()
    together = await asyncio.gather(*(renderings.get("a", making) for _ in range(5)))
    later = await renderings.get("a", making)
    assert {id(each) for each in (*together, later)} == {id(later)}
    assert making.times == 1


async def test_who_leaves_does_not_take_it_from_the_others() -> None:
    renderings, making = Renderings(), Making()
    first, second = (asyncio.create_task(renderings.get("a", making)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == Payload(b"x" * 10)
    assert making.times == 1


async def test_a_failure_is_told_to_all_who_wait_and_to_nobody_later() -> None:
    renderings = Renderings()

    async def fail() -> Payload:
        await asyncio.sleep(0)
        raise ValueError

    failures = await asyncio.gather(
        *(renderings.get("a", fail) for _ in range(2)), return_exceptions=True
    )
    assert [type(each) for each in failures] == [ValueError] * 2
    assert await renderings.get("a", Making()) == Payload(b"x" * 10)


async def test_what_is_too_old_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    renderings, making = Renderings(), Making()
    await renderings.get("a", making)
    monkeypatch.setattr(streams, "RENDERING_SECONDS", 0.0)
    # Though nothing else has been rendered since.
    await renderings.get("a", making)
    assert making.times == 2


async def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RENDERING_SECONDS", 3_600.0)
    renderings = Renderings()
    third = streams.RENDERINGS_BYTES // 3
    makings = {key: Making(third) for key in "abcd"}
    for key in ("a", "b", "c", "d", "d", "c", "a"):
        await renderings.get(key, makings[key])
    # The oldest went as the third came, and the next as the fourth.
    assert {key: making.times for key, making in makings.items()} == {
        "a": 2,
        "b": 1,
        "c": 1,
        "d": 1,
    }
    huge = Making(2 * streams.RENDERINGS_BYTES)
    assert len((await renderings.get("huge", huge)).json) == huge.size
