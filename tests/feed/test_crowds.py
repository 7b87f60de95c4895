"""Many at once: those who come back after an outage, and those to whom nothing happens.

TICKETS_TEST_FULL_SIZE=1 runs it with 500 who come back, and 1,000 who wait.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from persistence.database import connected as database_at
from tests.client import Data
from tests.factories import Factory
from tests.feed.past import Repeater
from tests.feed.socket import Subscription, connected
from tests.feed.test_resync import cursor_of_now
from tests.feed.test_slow_readers import memory_of
from tests.full_size import IS_FULL_SIZE
from tests.past import services_of, ticket_of
from tests.servers import Servers, new_database_name
from tests.wire import recording

RETURNING, WAITING = (500, 1_000) if IS_FULL_SIZE else (100, 100)
MISSED = 100
UNLIMITED: dict[str, Any] = {
    "TICKETS_MAX_CONNECTIONS_PER_IDENTITY": "2000",
    "TICKETS_MAX_CONNECTIONS_PER_ADDRESS": "2000",
}
BRIEF = """
subscription($after: String) {
  ticketEvents(after: $after) { ... on TicketEvent { version } }
}
"""


async def test_all_who_come_back_at_once_are_caught_up_by_few_readings(
    tmp_path: Path, mongodb_uri: str
) -> None:
    """At a process that has just started, whose own log has nothing of what they missed."""
    name = new_database_name()
    async with (
        AsyncExitStack() as stack,
        database_at(mongodb_uri, name) as database,
        recording(mongodb_uri) as recorder,
    ):
        await database.prepare()
        cursor = await cursor_of_now(database)
        ticket = await ticket_of(services_of(database, timedelta()))
        repeater = Repeater(database, ticket.ticket_id)
        missed = [1, *await repeater.repeat(MISSED - 1)]

        servers = Servers(tmp_path, recorder.uri)
        stack.push_async_callback(servers.stop)
        server = await servers.start(database_name=name, **UNLIMITED)
        admin = await server.sign_in()
        is_time = asyncio.Event()

        async def come_back() -> Subscription:
            await is_time.wait()
            socket = await stack.enter_async_context(connected(server, admin.credential))
            events = await socket.subscribe(BRIEF, after=cursor)
            assert [(await events.event())["version"] for _ in missed] == missed
            return events

        async with asyncio.TaskGroup() as tasks:
            returning = [tasks.create_task(come_back()) for _ in range(RETURNING)]
            recorder.commands.clear()
            began = time.monotonic()
            is_time.set()
        elapsed = time.monotonic() - began
        readings = [each for each in recorder.commands if opens_change_stream(each)]
        print(  # noqa: T201 -- figures, which pytest -rP shows
            f"\n{RETURNING} clients told {MISSED} events each in {elapsed:.1f} s "
            f"by {len(readings)} readings of the database"
        )
        assert len(readings) <= 3
        assert elapsed < 60

        (version,) = await repeater.repeat(1)
        for task in returning:
            assert (await task.result().event())["version"] == version


def opens_change_stream(command: Data) -> bool:
    return any("$changeStream" in stage for stage in command.get("pipeline", ()))


async def test_who_waits_costs_little(servers: Servers) -> None:
    server = await servers.start(**UNLIMITED)
    admin = await server.sign_in()
    make = Factory(server, admin)

    async with AsyncExitStack() as stack:

        async def wait() -> Subscription:
            socket = await stack.enter_async_context(connected(server, admin.credential))
            events = await socket.subscribe(BRIEF)
            await socket.until_served()
            return events

        # What is paid once, however many come.
        waiting = [await wait() for _ in range(20)]
        before = memory_of(server)
        waiting += [await wait() for _ in range(WAITING)]
        each = (memory_of(server) - before) / WAITING
        print(  # noqa: T201 -- the figure of the README; pytest -rP shows it
            f"\n{each / 1_000:.0f} kB for each of {WAITING} who wait"
        )
        assert each < 60_000

        await make.ticket()
        for events in waiting:
            assert (await events.event())["version"] == 1
