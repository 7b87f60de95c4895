"""The live feed with many subscribers: what a message costs, and what waiting for one does."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import orjson
from websockets.asyncio.client import ClientConnection, connect

from bench.load import Request, connected
from bench.processes import Process
from bench.seed import Seeded
from domain.tickets import Tickets
from persistence.models import NoteVisibility

_DOCUMENT = """subscription {
  ticketEvents {
    ... on TicketEvent {
      __typename cursor occurredAt version listChange actor { kind name }
      ticket { ticketId subject status priority updatedAt customer { name } assignee { name } }
    }
  }
}"""

# In each turn, and turns in each round: one takes little more than a tenth of a second.
_EVENTS, _TURNS = 10, 5

# On a busy machine it takes long enough until all have come for the first to be asked whether they
# are still there.
_PING, _PONG = '{"type":"ping"}', '{"type":"pong"}'


@dataclass(frozen=True, slots=True)
class FeedFigures:
    """`microseconds` of CPU per delivered message, here and of the bare broadcast.

    `kib` of resident memory per subscriber who waits.
    """

    microseconds: float
    bare: float
    kib: float


async def measure_feed(
    server: Process,
    floor: Process,
    tickets: Tickets,
    seeded: Seeded,
    access_token: str,
    *,
    subscribers: int,
    rounds: int,
) -> FeedFigures:
    """Writes are made by this process, so that the server's CPU is for telling of them alone.

    Of `rounds`, in which server and floor take turns, the best counts.
    """
    before = server.resident_kib()
    async with (
        _subscribed(server, access_token, subscribers) as sockets,
        _listening(floor, subscribers) as bare_sockets,
        connected(floor) as asking,
    ):
        kib = (server.resident_kib() - before) / subscribers
        text = ""

        async def write() -> None:
            nonlocal text
            await tickets.add_note(
                seeded.admin, seeded.busy_ticket_id, "Otra nota", visibility=NoteVisibility.PUBLIC
            )
            (text,) = set(await asyncio.gather(*(_next(socket) for socket in sockets)))

        async def broadcast() -> None:
            received = asyncio.gather(*(socket.recv(decode=True) for socket in bare_sockets))
            await asking.ask(Request("/broadcast", text.encode(), {}).encoded())
            assert set(await received) == {text}

        await write()
        best = bare = float("inf")
        for _ in range(rounds * _TURNS):
            best = min(best, await _cpu_of(server, write))
            bare = min(bare, await _cpu_of(floor, broadcast))
    each = 1e6 / _EVENTS / subscribers
    return FeedFigures(best * each, bare * each, kib)


async def _cpu_of(process: Process, tell: Callable[[], Awaitable[None]]) -> float:
    """Of telling of `_EVENTS`, in seconds."""
    cpu = process.cpu_seconds()
    for _ in range(_EVENTS):
        await tell()
    return process.cpu_seconds() - cpu


async def _next(socket: ClientConnection) -> str:
    while (text := await socket.recv(decode=True)) == _PING:
        await socket.send(_PONG)
    return text


@asynccontextmanager
async def _listening(floor: Process, count: int) -> AsyncGenerator[list[ClientConnection]]:
    url = f"ws://127.0.0.1:{floor.port}/socket"
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_socket(url)) for _ in range(count)]


@asynccontextmanager
async def _subscribed(
    server: Process, access_token: str, count: int
) -> AsyncGenerator[list[ClientConnection]]:
    url = f"ws://127.0.0.1:{server.port}/graphql"
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {access_token}"}}
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": _DOCUMENT}}
    # Answered after the subscription has begun, since one connection is served in order.
    ping = {"type": "ping"}
    async with AsyncExitStack() as stack:
        sockets: list[ClientConnection] = []
        for _ in range(count):
            socket = await stack.enter_async_context(_socket(url, "graphql-transport-ws"))
            await socket.send(orjson.dumps(init), text=True)
            assert orjson.loads(await socket.recv())["type"] == "connection_ack"
            await socket.send(orjson.dumps(subscribe), text=True)
            await socket.send(orjson.dumps(ping), text=True)
            assert orjson.loads(await socket.recv())["type"] == "pong"
            sockets.append(socket)
        yield sockets


def _socket(url: str, protocol: str | None = None) -> connect:
    return connect(
        url,
        subprotocols=[protocol] if protocol else None,  # pyright: ignore[reportArgumentType]
        compression=None,
        ping_interval=None,
        proxy=None,
    )
