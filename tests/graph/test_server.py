"""What a connection waits with."""

import asyncio

from graph.server import Flag, Inbox


async def test_whoever_stops_waiting_leaves_the_others_to_it() -> None:
    flag = Flag()
    one, two, three = (asyncio.create_task(flag.wait()) for _ in range(3))
    await asyncio.sleep(0)
    two.cancel()
    await asyncio.wait([two])
    assert not one.done()
    flag.set()
    await asyncio.wait_for(asyncio.gather(one, three), 5)
    assert two.cancelled()
    assert flag.is_set()
    await asyncio.wait_for(flag.wait(), 5)
    flag.clear()
    again = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    assert not again.done()
    flag.set()
    await asyncio.wait_for(again, 5)


async def test_messages_are_taken_in_the_order_in_which_they_came() -> None:
    inbox, taken = Inbox(), list[str]()

    async def take(many: int) -> None:
        for _ in range(many):
            taken.append((await inbox.get())["type"])

    taking = asyncio.create_task(take(3))
    await asyncio.sleep(0)
    inbox.put_nowait({"type": "a"})
    inbox.put_nowait({"type": "b"})
    assert not inbox.empty()
    await asyncio.sleep(0)
    inbox.put_nowait({"type": "c"})
    await asyncio.wait_for(taking, 5)
    assert taken == ["a", "b", "c"]
    assert inbox.empty()


async def test_a_reader_that_is_cut_off_takes_nothing_with_it() -> None:
    inbox = Inbox()
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait({"type": "a"})
    reading.cancel()
    await asyncio.wait([reading])
    assert await asyncio.wait_for(inbox.get(), 5) == {"type": "a"}
