"""A client of the WebSocket, as bare as tests need it, and what it received."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.client import Data
from tests.servers import Server

PATIENCE_SECONDS = 60.0

EVENTS = """
subscription Events($filter: TicketFilter, $after: String) {
  ticketEvents(filter: $filter, after: $after) {
    __typename
    ... on TicketEvent {
      id cursor ticketId version listChange reason occurredAt
      actor { kind name } changes { field from to }
      ticket { ticketId subject status version assignee { id } }
    }
    ... on FeedResyncRequired { cursor why: reason }
  }
}
"""


class SocketClosed(Exception):
    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Subscription:
    """What came for one subscription; iterating takes what comes, and ends when it does."""

    def __init__(self, socket: "Socket", key: str) -> None:
        self._socket = socket
        self.key = key
        self.messages: asyncio.Queue[Data | Exception] = asyncio.Queue()

    async def message(self, *, within: float = PATIENCE_SECONDS) -> Data:
        """The next message of the protocol. Raises SocketClosed."""
        async with asyncio.timeout(within):
            found = await self.messages.get()
        if isinstance(found, Exception):
            raise found
        return found

    async def data(self, *, within: float = PATIENCE_SECONDS) -> Data:
        """The next result's data; errors and the end fail the test."""
        message = await self.message(within=within)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def event(self, *, within: float = PATIENCE_SECONDS) -> Data:
        """The next item of `ticketEvents`."""
        return (await self.data(within=within))["ticketEvents"]

    async def complete(self) -> None:
        await self._socket.send({"id": self.key, "type": "complete"})


class Socket:
    """An acknowledged connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.pings: list[Data] = []
        self._ping = asyncio.Event()
        self.closed: asyncio.Future[SocketClosed] = asyncio.get_running_loop().create_future()
        self._subscriptions: dict[str, Subscription] = {}
        self._reader: asyncio.Task[None] | None = None

    async def send(self, message: Mapping[str, Any] | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self.connection.send(text)

    async def subscribe(
        self, document: str = EVENTS, *, key: str | None = None, **variables: Any
    ) -> Subscription:
        key = key or str(len(self._subscriptions) + 1)
        self._subscriptions[key] = subscription = Subscription(self, key)
        payload = {"query": document, "variables": variables}
        await self.send({"id": key, "type": "subscribe", "payload": payload})
        return subscription

    async def follow(self, **variables: Any) -> Subscription:
        """Events, from a moment that this call has waited for."""
        subscription = await self.subscribe(EVENTS, **variables)
        await self.until_served()
        return subscription

    async def until_served(self) -> None:
        """Until the server has dealt with everything that was sent so far."""
        pong = await self.subscribe("{ __typename }", key=f"marker-{len(self._subscriptions)}")
        await pong.data()

    async def closing(self, *, within: float = PATIENCE_SECONDS) -> SocketClosed:
        async with asyncio.timeout(within):
            return await asyncio.shield(self.closed)

    async def pinged(self, times: int, *, within: float = PATIENCE_SECONDS) -> None:
        async with asyncio.timeout(within):
            while len(self.pings) < times:
                await self._ping.wait()
                self._ping.clear()

    def start(self) -> None:
        self._reader = asyncio.create_task(self._read())

    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if not self.connection.transport.is_reading():
            # It would wait for an answer that it does not read.
            self.connection.transport.abort()
        await self.connection.close()

    async def _read(self) -> None:
        try:
            while True:
                message = cast("Data", json.loads(await self.connection.recv()))
                if message["type"] == "ping":
                    self.pings.append(message)
                    self._ping.set()
                    await self.send({"type": "pong"})
                elif subscription := self._subscriptions.get(message.get("id", "")):
                    subscription.messages.put_nowait(message)
        except ConnectionClosed:
            found = SocketClosed(self.connection.close_code, self.connection.close_reason or "")
            self.closed.set_result(found)
            for subscription in self._subscriptions.values():
                subscription.messages.put_nowait(found)


@asynccontextmanager
async def raw_connection(server: Server) -> AsyncGenerator[ClientConnection]:
    """A socket before connection_init."""
    url = server.address.replace("http://", "ws://") + "/graphql"
    async with connect(
        url,
        subprotocols=[Subprotocol("graphql-transport-ws")],
        compression=None,
        max_size=None,
        ping_interval=None,
        proxy=None,
    ) as connection:
        yield connection


@asynccontextmanager
async def connected(
    server: Server, credential: str | None, *, customer_id: str | None = None
) -> AsyncGenerator[Socket]:
    """A socket that the server has acknowledged. Raises SocketClosed where it refuses."""
    payload: Data = {}
    if credential is not None:
        payload["authorization"] = f"Bearer {credential}"
    if customer_id is not None:
        payload["customerId"] = customer_id
    async with raw_connection(server) as connection:
        try:
            await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
            acknowledgement = json.loads(await connection.recv())
        except ConnectionClosed:
            raise SocketClosed(connection.close_code, connection.close_reason or "") from None
        assert acknowledgement["type"] == "connection_ack"
        socket = Socket(connection)
        socket.start()
        try:
            yield socket
        finally:
            await socket.stop()
