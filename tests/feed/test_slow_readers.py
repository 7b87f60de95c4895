"""Who does not read holds nothing and delays nobody.

TICKETS_TEST_FULL_SIZE=1 runs it with fifty clients and 20,000 events.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.client import Api
from tests.factories import Factory
from tests.feed.past import Repeater, database_of
from tests.feed.socket import EVENTS, Socket, Subscription, connected
from tests.full_size import IS_FULL_SIZE
from tests.servers import Server, Servers

STUCK_CLIENTS, EVENTS_TOLD = (50, 20_000) if IS_FULL_SIZE else (20, 2_000)
# How much more memory it may take, in MB: less than some kilobytes for each event would come to.
MEMORY = 50 if IS_FULL_SIZE else 8
BATCH = 100
# What fills the buffers of the system and of the server before long.
DESCRIPTION = "A lamp does not light. " * 400
DESCRIBED = EVENTS.replace("subject status", "subject description status")
MEGABYTE = 1_000_000


def memory_of(server: Server) -> int:
    """Resident, in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text("utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def connections_of(server: Server) -> int:
    """How many clients are connected to it by TCP."""
    port = f":{int(server.address.rpartition(':')[2]):04X}"
    rows = Path(f"/proc/{server.pid}/net/tcp").read_text("utf-8").splitlines()[1:]
    return sum(row.split()[1].endswith(port) and row.split()[3] == "01" for row in rows)


def stop_reading(socket: Socket) -> None:
    socket.connection.transport.pause_reading()


@asynccontextmanager
async def repeating(server: Server, admin: Api) -> AsyncGenerator[Repeater]:
    """Repeats an event of a long ticket."""
    ticket = await Factory(server, admin).ticket(description=DESCRIPTION)
    async with database_of(server) as database:
        yield Repeater(database, ticket["ticketId"])


async def tell(repeater: Repeater, events: int, *readers: Subscription) -> list[int]:
    """The versions of so many events, of which every reader was told."""
    versions: list[int] = []
    while len(versions) < events:
        batch = await repeater.repeat(BATCH)
        versions += batch
        await asyncio.gather(*(take(reader, batch) for reader in readers))
    return versions


async def take(events: Subscription, versions: list[int]) -> None:
    for version in versions:
        while (event := await events.event(within=60))["version"] < versions[0]:
            # The ticket was made just before, of which a new follower may still be told.
            assert event["version"] == 1
        assert event["version"] == version


async def test_clients_that_read_no_more_cost_little_and_delay_nobody(servers: Servers) -> None:
    server = await servers.start(TICKETS_PING_SECONDS="6")
    admin = await server.sign_in()
    async with AsyncExitStack() as stack:
        repeater = await stack.enter_async_context(repeating(server, admin))

        async def connect() -> tuple[Socket, Subscription]:
            socket = await stack.enter_async_context(connected(server, admin.credential))
            events = await socket.subscribe(DESCRIBED)
            await socket.until_served()
            return socket, events

        readers = [(await connect())[1] for _ in range(3)]
        # As much as the log holds, so that what grows from then on is not the log.
        await tell(repeater, 1_000, *readers)
        began = time.monotonic()
        await tell(repeater, 500, *readers)
        alone = time.monotonic() - began

        others = connections_of(server)
        stuck = [await connect() for _ in range(STUCK_CLIENTS)]
        for socket, _ in stuck:
            stop_reading(socket)
        before = memory_of(server)
        await tell(repeater, EVENTS_TOLD - 500, *readers)
        began = time.monotonic()
        await tell(repeater, 500, *readers)
        together = time.monotonic() - began
        grown = memory_of(server) - before
        print(  # noqa: T201 -- the figures of the README; pytest -rP shows them
            f"\n{EVENTS_TOLD} events and {STUCK_CLIENTS} clients that do not read: "
            f"{grown / MEGABYTE:.1f} MB more; 500 events told to three others "
            f"in {together:.2f} s, alone in {alone:.2f} s"
        )
        assert grown < MEMORY * MEGABYTE
        assert together < 3 * alone + 10

        # And they are cut off, each of them, whatever was left to be read.
        deadline = time.monotonic() + 60
        while connections_of(server) > others:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        for socket, _ in stuck:
            socket.connection.transport.resume_reading()
            assert (await socket.closing()).code == 1006
        await tell(repeater, BATCH, *readers)


async def test_one_who_only_talks_is_cut_off_too(servers: Servers) -> None:
    """Signs of life keep a connection of which nothing is read no longer than others."""
    server = await servers.start(TICKETS_PING_SECONDS="1")
    admin = await server.sign_in()
    async with (
        repeating(server, admin) as repeater,
        connected(server, admin.credential) as deaf,
        connected(server, admin.credential) as other,
    ):
        await deaf.subscribe(DESCRIBED)
        quick = await other.subscribe()
        await deaf.until_served()
        await other.until_served()
        others = connections_of(server) - 1
        stop_reading(deaf)

        async def talk() -> None:
            while True:
                await deaf.connection.send('{"type":"pong"}')
                await asyncio.sleep(0.2)

        talking = asyncio.create_task(talk())
        try:
            # More than the system takes for it.
            await tell(repeater, 1_500, quick)
            async with asyncio.timeout(30):
                while connections_of(server) > others:  # noqa: ASYNC110 -- the system tells nobody
                    await asyncio.sleep(0.1)
        finally:
            talking.cancel()
            await asyncio.wait([talking])


async def test_a_reader_that_is_overtaken_is_told_where_to_resume(servers: Servers) -> None:
    server = await servers.start(TICKETS_FEED_LOG_EVENTS="300", TICKETS_PING_SECONDS="60")
    admin = await server.sign_in()
    async with (
        repeating(server, admin) as repeater,
        connected(server, admin.credential) as slow,
        connected(server, admin.credential) as other,
    ):
        events, quick = await slow.subscribe(DESCRIBED), await other.subscribe()
        await slow.until_served()
        await other.until_served()
        stop_reading(slow)
        versions = await tell(repeater, 1_500, quick)
        slow.connection.transport.resume_reading()
        told: list[int] = []
        while (event := await events.event())["__typename"] != "FeedResyncRequired":
            told.append(event["version"])
        assert "Subscribe again" in event["why"]
        assert (await events.message())["type"] == "complete"
        assert told == versions[: len(told)]
        assert len(told) < len(versions), "everything went into some buffer"

        # From further back than the log, by the database, and on to what comes live.
        resumed = await slow.subscribe(after=event["cursor"])
        await take(resumed, versions[len(told) :])
        await take(resumed, await tell(repeater, BATCH, quick))
