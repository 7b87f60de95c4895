"""GraphQL over a WebSocket, in the protocol graphql-transport-ws.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Whatever ends a
connection, in whichever of its tasks, raises `Closing` or finds the client gone; then all of them
end, and with them everything the connection holds.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, NoReturn, cast

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.execution import PreExecutionError

from domain.errors import DomainError, ProblemCode, RateLimited, Unauthenticated
from domain.sessions import Identity
from domain.watches import Watch
from graph.connections import Connections, TooManyConnections
from graph.context import Context, Services, Stream
from graph.credentials import (
    Credentials,
    Guard,
    address_of,
    create_task_in,
    identity_or_refusal,
)
from graph.errors import Refused, first_of
from graph.http import TRACEPARENT_HEADER
from graph.operations import Malformed, Operation
from graph.schema import Schema
from graph.server import line_of
from graph.sharing import Payload
from graph.streams import Streams

# A close frame has room for 125 bytes, two of them for the code.
_REASON_BYTES = 123
_PING = b'{"type":"ping"}'
_PONG = b'{"type":"pong"}'


class CloseCode(IntEnum):
    """Of WebSockets, and, from 4000, of the protocol."""

    TOO_BIG = 1009
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    INIT_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITS = 4429


class Closing(Exception):
    """The connection is to be closed with that code and reason."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Gone(Exception):
    """The client has left, or has been cut off."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """`ping_seconds`: how often a client is asked for a sign of life, and how long it may take."""

    init_seconds: float
    ping_seconds: float
    operations: int
    frame_bytes: int


class Sockets:
    """Serves connections, each in a `Socket` of its own."""

    def __init__(
        self,
        *,
        schema: Schema,
        services: Services,
        streams: Streams,
        connections: Connections,
        limits: SocketLimits,
    ) -> None:
        self.schema = schema
        self.services = services
        self.streams = streams
        self.connections = connections
        self.limits = limits

    async def serve(self, websocket: WebSocket) -> None:
        """Until it ends, from when it was accepted."""
        await Socket(self, websocket).serve()


class Socket:
    def __init__(self, sockets: Sockets, websocket: WebSocket) -> None:
        self._sockets = sockets
        self._websocket = websocket
        self._line = line_of(websocket.scope)
        self._address = address_of(websocket)
        self._traceparent = websocket.headers.get(TRACEPARENT_HEADER, "")
        # A browser sends kilobytes, and the connection lasts for hours.
        websocket.scope["headers"].clear()
        self._operations: dict[str, asyncio.Task[None]] = {}
        # Whether a sign of life is being asked for, and whether one is still to come.
        self._is_asking = self._is_asked = False
        # As they came in connection_init.
        self._authorization = ""
        self._customer_id = ""

    async def serve(self) -> None:
        closing: Closing | None = None
        try:
            await self._talk()
        except* Closing as ending:
            closing = first_of(ending)
        except* Unauthenticated as refused:
            closing = Closing(CloseCode.UNAUTHORIZED, first_of(refused).message)
        except* (Gone, WebSocketDisconnect):
            pass
        if closing is not None:
            await self._close(closing)

    async def _talk(self) -> None:
        connections, watches = self._sockets.connections, self._sockets.services.watches
        try:
            with connections.opened(self._address) as place:
                credentials = await self._introduced()
                async with watches.watching(credentials.secret, credentials.customer_id) as watch:
                    place.sign_in((await watch.identity()).actor.key)
                    await self._send(b'{"type":"connection_ack"}')
                    await self._go_on(watch)
        except TooManyConnections as refused:
            reason = f"{refused.code}: {refused.message}"
            raise Closing(CloseCode.TRY_AGAIN_LATER, reason) from None
        except DomainError as refused:
            raise Closing(CloseCode.FORBIDDEN, refused.message) from None

    async def _introduced(self) -> Credentials:
        """Those that the client sends in time."""
        seconds = self._sockets.limits.init_seconds
        try:
            async with asyncio.timeout(seconds):
                return Credentials.read(*await self._until_init())
        except TimeoutError:
            reason = f"No connection_init within {seconds:g} s"
            raise Closing(CloseCode.INIT_TIMEOUT, reason) from None

    async def _go_on(self, watch: Watch) -> NoReturn:
        clock = self._sockets.services.clock
        async with asyncio.TaskGroup() as tasks:
            with Guard(watch, clock, tasks, self._announce):
                self._rest(tasks)
                try:
                    await self._read(tasks, watch)
                finally:
                    self._pulse.cancel()

    async def _until_init(self) -> tuple[str, str]:
        """The authorization, and the customer for whom a bot speaks."""
        while True:
            match await self._receive():
                case {"type": "connection_init", **init}:
                    break
                case {"type": "ping"}:
                    await self._send(_PONG)
                case {"type": "pong"}:
                    pass
                case {"type": "subscribe"}:
                    raise Closing(CloseCode.UNAUTHORIZED, "Unauthorized")
                case _:
                    raise Closing(CloseCode.BAD_REQUEST, "connection_init comes first")
        match init.get("payload"):
            case {"authorization": str(authorization), "customerId": str(customer_id)}:
                pass
            case {"authorization": str(authorization)}:
                customer_id = ""
            case dict() | None:
                authorization = customer_id = ""
            case _:
                raise Closing(CloseCode.BAD_REQUEST, "The payload must be an object")
        self._authorization, self._customer_id = authorization, customer_id
        return authorization, customer_id

    # ---- what ends it ----------------------------------------------------------------------

    def _rest(self, tasks: asyncio.TaskGroup) -> None:
        loop, seconds = asyncio.get_running_loop(), self._sockets.limits.ping_seconds
        self._pulse = loop.call_later(seconds, self._beat, tasks)

    def _beat(self, tasks: asyncio.TaskGroup) -> None:
        create_task_in(tasks, self._look_after(tasks))

    async def _look_after(self, tasks: asyncio.TaskGroup) -> None:
        """Asks for a sign of life; a client that has given none since the last time is cut off.

        So is one that has not read the question. A closing handshake would wait for it, as would
        whatever it has not read.
        """
        # What came while the process was busy has yet to be read.
        await asyncio.sleep(0)
        if self._is_asking or self._is_asked:
            self._cut()
            raise Gone
        self._is_asking = self._is_asked = True
        self._rest(tasks)
        await self._send(_PING)
        self._is_asking = False

    async def _announce(self, expires_at: datetime) -> None:
        notice = {"type": "TokenExpiring", "expiresAt": expires_at.isoformat()}
        await self._send_json({"type": "ping", "payload": notice})

    async def _close(self, closing: Closing) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        reason = closing.reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        try:
            async with asyncio.timeout(self._sockets.limits.ping_seconds):
                await self._websocket.close(closing.code, reason)
        except (TimeoutError, WebSocketDisconnect):
            self._cut()

    def _cut(self) -> None:
        if self._line is not None:
            self._line.cut()

    # ---- messages --------------------------------------------------------------------------

    async def _receive(self) -> dict[str, Any]:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        text, limit = message.get("text"), self._sockets.limits.frame_bytes
        if text is None:
            raise Closing(CloseCode.BAD_REQUEST, "A message must be text")
        if len(text) > limit:
            raise Closing(CloseCode.TOO_BIG, f"VALIDATION: frameBytes is {limit}")
        self._is_asked = False
        try:
            received = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Closing(CloseCode.BAD_REQUEST, "A message must be valid JSON") from None
        if not isinstance(received, dict):
            raise Closing(CloseCode.BAD_REQUEST, "A message must be an object")
        return cast("dict[str, Any]", received)

    async def _send(self, message: bytes) -> None:
        """Waits until a client that has much to read has read some of it."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            raise Gone
        if self._line is None or not self._line.send(message):
            await self._websocket.send_text(message.decode())

    async def _send_json(self, message: object) -> None:
        await self._send(orjson.dumps(message))

    async def _read(self, tasks: asyncio.TaskGroup, watch: Watch) -> NoReturn:
        while True:
            match await self._receive():
                case {"type": "subscribe", "id": str(key), "payload": request} if key:
                    await self._begin(key, request, watch, tasks)
                case {"type": "complete", "id": str(key)}:
                    if task := self._operations.pop(key, None):
                        task.cancel()
                case {"type": "ping"}:
                    await self._send(_PONG)
                case {"type": "pong"}:
                    pass
                case {"type": "connection_init"}:
                    raise Closing(CloseCode.TOO_MANY_INITS, "Too many initialisation requests")
                case _:
                    raise Closing(CloseCode.BAD_REQUEST, "This is no message of the protocol")

    # ---- operations ------------------------------------------------------------------------

    async def _begin(
        self, key: str, request: object, watch: Watch, tasks: asyncio.TaskGroup
    ) -> None:
        if key in self._operations:
            reason = f"Subscriber for {key} already exists"
            raise Closing(CloseCode.SUBSCRIBER_EXISTS, reason)
        try:
            operation = Operation.read(request)
        except Malformed as fault:
            raise Closing(CloseCode.BAD_REQUEST, str(fault)) from None
        if len(self._operations) >= self._sockets.limits.operations:
            await self._end(key, _too_many(self._sockets.limits.operations))
        else:
            task = tasks.create_task(self._execute(key, operation, watch))
            self._operations[key] = task

    async def _execute(self, key: str, operation: Operation, watch: Watch) -> None:
        refused: Refused | None = None
        try:
            if self._sockets.schema.is_subscription(operation):
                await self._subscribe(key, operation, watch)
            else:
                await self._answer(key, operation)
        except Refused as error:
            refused = error
        # Before the client is told, and may use the id again.
        self._operations.pop(key, None)
        await self._end(key, refused)

    async def _end(self, key: str, refused: Refused | None) -> None:
        if refused is None:
            await self._send_json({"id": key, "type": "complete"})
        elif refused.code == ProblemCode.UNAUTHENTICATED:
            raise Closing(CloseCode.UNAUTHORIZED, str(refused))
        else:
            errors = [error.formatted for error in refused.errors]
            await self._send_json({"id": key, "type": "error", "payload": errors})

    async def _subscribe(self, key: str, operation: Operation, watch: Watch) -> None:
        identity = await watch.identity()
        await self._count(identity)
        context = self._context(identity, Stream(watch))
        head = b'{"id":%b,"type":"next","payload":' % orjson.dumps(key)

        def hand(payload: Payload) -> bool:
            return self._line is not None and self._line.send(head, payload.json, b"}")

        payloads = await self._sockets.streams.open(operation, context, hand=hand)
        async with aclosing(payloads):
            async for payload in payloads:
                await self._send(b"%b%b}" % (head, payload.json))

    async def _answer(self, key: str, operation: Operation) -> None:
        """To a query or a mutation, by whoever the credentials stand for at this moment."""
        identity = await identity_or_refusal(
            self._sockets.services.sessions, self._authorization, self._customer_id
        )
        await self._count(identity)
        try:
            result = await self._sockets.schema.execute(
                operation.query,
                variable_values=operation.variables,
                operation_name=operation.name,
                context_value=self._context(identity),
            )
        except CannotGetOperationTypeError as unknown:
            raise Refused([GraphQLError(unknown.as_http_error_reason())]) from None
        if isinstance(result, PreExecutionError):
            raise Refused(result.errors or ())
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = [error.formatted for error in result.errors]
        await self._send_json({"id": key, "type": "next", "payload": payload})

    async def _count(self, identity: Identity | DomainError) -> None:
        """Raises Refused where whoever it is asks too often."""
        actor = identity.actor if isinstance(identity, Identity) else None
        try:
            await self._sockets.services.rates.take(actor, self._address)
        except RateLimited as refused:
            raise Refused([GraphQLError(refused.message, original_error=refused)]) from None

    def _context(self, identity: Identity | DomainError, stream: Stream | None = None) -> Context:
        return Context(
            self._sockets.services,
            identity,
            self._websocket.state.request_id,
            stream=stream,
            traceparent=self._traceparent,
        )


def _too_many(operations: int) -> Refused:
    return Refused(
        [
            GraphQLError(
                f"At most {operations:,} operations may run on one connection at once.",
                extensions={
                    "code": ProblemCode.RATE_LIMITED.value,
                    "limit": {"name": "subscriptionsPerConnection", "value": operations},
                },
            )
        ]
    )
