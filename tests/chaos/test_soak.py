"""A common day, as long as one likes: who reads, who writes, and who comes to listen and goes."""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.fuzzing import UNFORESEEN, memory_of
from tests.client import Api
from tests.factories import Factory, Person
from tests.feed.socket import connected
from tests.full_size import SOAK_SECONDS
from tests.graph.test_metrics import measured
from tests.servers import Server, Servers

READERS, WRITERS, LISTENERS = 4, 2, 8
TICKETS = 40 if SOAK_SECONDS else 5
# What each does at least, however short the day.
READS, WRITES, VISITS = 12, 8, 2
# Between two requests of one, in seconds, on a day that lasts.
READ_PAUSE, WRITE_PAUSE = (0.4, 1.0) if SOAK_SECONDS else (0.0, 0.0)
# What the process may take more at the end than when it was warm, in MB.
MEGABYTES = 25
# How many times as long, and as much CPU, a request may take at the end as when it was warm.
SLOWER, DEARER = 2.0, 1.5
# Into how many parts the day is divided, of which the first two warm up.
PARTS = 12
LIST = """
{ tickets(first: 20) { totalCount nodes {
  ticketId subject status priority customer { name } assignee { name }
  sla { resolution { state remainingSeconds } } } } }
"""


@dataclass
class Part:
    """What one part of the day was like."""

    waits: list[float] = field(default_factory=list[float])
    memory: int = 0
    cpu_seconds: float = 0.0

    @property
    def median(self) -> float:
        """How long a request took, in seconds."""
        return statistics.median(self.waits)

    @property
    def cost(self) -> float:
        """CPU for each request, with what came of it for those who listen, in seconds."""
        return self.cpu_seconds / len(self.waits)


class Day:
    def __init__(self, server: Server, seconds: float) -> None:
        self._server = server
        self._began = time.monotonic()
        self._seconds = seconds
        self._cpu = cpu_of(server.pid)
        self.parts = [Part()]

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self._began >= self._seconds

    async def take(self, request: Callable[[], Awaitable[object]]) -> None:
        began = time.monotonic()
        await request()
        self.parts[-1].waits.append(time.monotonic() - began)

    async def watch(self) -> None:
        for place in range(1, PARTS + 1):
            end = self._began + place * self._seconds / PARTS
            await asyncio.sleep(max(end - time.monotonic(), 0))
            self.close_part()
            self.parts.append(Part())

    def close_part(self) -> None:
        cpu = cpu_of(self._server.pid)
        self.parts[-1].memory = memory_of(self._server.pid)
        self.parts[-1].cpu_seconds = cpu - self._cpu
        self._cpu = cpu


def cpu_of(pid: int) -> float:
    """In seconds, since it started."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def read(day: Day, api: Api, tickets: list[str], draw: random.Random) -> None:
    done = 0
    while done < READS or not day.is_over:
        match draw.randrange(4):
            case 0 | 1:
                await day.take(lambda: api.query(LIST))
            case 2:
                await day.take(lambda: api.read(draw.choice(tickets)))
            case _:
                # Refusals are a part of it.
                await day.take(lambda: api.errors("{ tickets(first: 1000) { totalCount } }"))
        done += 1
        await asyncio.sleep(READ_PAUSE)


async def write(
    day: Day, api: Api, tickets: list[str], people: list[Person], draw: random.Random
) -> None:
    done = 0
    while done < WRITES or not day.is_over:
        ticket_id = draw.choice(tickets)
        mutation, arguments = draw.choice(
            [
                ("updateTicket", {"priority": draw.choice(["LOW", "HIGH", "URGENT"])}),
                ("updateTicket", {"tags": [draw.choice(["lamp", "leak", "noise"])]}),
                ("assignTicket", {"assigneeId": draw.choice(people).id}),
                ("addTicketNote", {"content": "It is dark.", "visibility": "PUBLIC"}),
            ]
        )
        await day.take(
            lambda mutation=mutation, ticket_id=ticket_id, arguments=arguments: api.succeed(
                mutation, ticket="ticketId version", ticketId=ticket_id, **arguments
            )
        )
        done += 1
        await asyncio.sleep(WRITE_PAUSE)


async def listen(day: Day, server: Server, api: Api, draw: random.Random) -> None:
    """Comes, stays for some events or a while, and leaves, politely or not."""
    visits = 0
    while visits < VISITS or not day.is_over:
        async with connected(server, api.credential) as socket:
            events = await socket.follow()
            patience = draw.uniform(0.2, 20.0 if SOAK_SECONDS else 1.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    for _ in range(draw.randint(1, 20)):
                        await events.event()
            match draw.randrange(3):
                case 0:
                    await events.complete()
                    await socket.until_served()
                case 1:
                    socket.connection.transport.abort()
                case _:
                    pass
        visits += 1


async def test_a_day_leaves_the_server_as_it_was(servers: Servers) -> None:
    server = await servers.start(TICKETS_FEED_LOG_EVENTS="100")
    admin = await server.sign_in()
    make = Factory(server, admin)
    people = [await make.person() for _ in range(2)]
    tickets = [(await make.ticket())["ticketId"] for _ in range(TICKETS)]
    draw = random.Random(5)  # noqa: S311 -- no secret
    day = Day(server, SOAK_SECONDS)
    async with asyncio.TaskGroup() as tasks:
        if SOAK_SECONDS:
            tasks.create_task(day.watch())
        for _ in range(READERS):
            tasks.create_task(read(day, admin, tickets, draw))
        for _ in range(WRITERS):
            tasks.create_task(write(day, admin, tickets, people, draw))
        for number in range(LISTENERS):
            who = admin if number % 2 else draw.choice(people).api
            tasks.create_task(listen(day, server, who, draw))
    async with asyncio.timeout(60):
        while (await measured(server))["tickets_connections", frozenset()] > 0:  # noqa: ASYNC110 -- polled, as Prometheus does
            await asyncio.sleep(0.1)
    said = server.log(10**7)
    assert [each for each in UNFORESEEN if each in said] == []
    if SOAK_SECONDS:
        judge(day.parts[:PARTS])


def judge(parts: list[Part]) -> None:
    for place, part in enumerate(parts):
        print(  # noqa: T201 -- figures, which pytest -rP shows
            f"part {place}: {len(part.waits)} requests, median {part.median * 1000:.1f} ms, "
            f"CPU {part.cost * 1000:.1f} ms, {part.memory / 1_000_000:.1f} MB"
        )
    warm, last = parts[2:5], parts[-3:]

    def typical(of: list[Part], what: Callable[[Part], float]) -> float:
        return statistics.median(what(part) for part in of)

    assert (parts[-1].memory - parts[2].memory) / 1_000_000 < MEGABYTES
    assert typical(last, lambda part: part.cost) < DEARER * typical(warm, lambda part: part.cost)
    assert typical(last, lambda part: part.median) < SLOWER * typical(
        warm, lambda part: part.median
    )
