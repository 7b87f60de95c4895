"""GraphQL over server-sent events, in the protocol's mode of one connection per operation.

The protocol: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Each item of a feed
has its cursor as its id, which an EventSource sends back when it connects again.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from typing import NoReturn

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Send

from domain.errors import DomainError, ProblemCode, Unauthenticated
from domain.watches import Watch
from graph.connections import Connections
from graph.context import Context, Services, Stream
from graph.credentials import CUSTOMER_HEADER, Credentials, Guard, address_of
from graph.errors import Refused, first_of
from graph.http import TRACEPARENT_HEADER
from graph.operations import Operation
from graph.server import Line, line_of
from graph.sharing import Payload
from graph.streams import Streams

MEDIA_TYPE = "text/event-stream"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # nginx would else collect what it passes on.
    (b"x-accel-buffering", b"no"),
]
# An EventSource waits this long before it connects again.
_BEGINNING = b"retry: 1000\n\n"
_NOTHING = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"

_STATUS: Mapping[str, int] = {
    ProblemCode.UNAUTHENTICATED: 401,
    ProblemCode.FORBIDDEN: 403,
    ProblemCode.RATE_LIMITED: 429,
    ProblemCode.UNAVAILABLE: 503,
    "INTERNAL": 500,
}


class Gone(Exception):
    """The client has left or is cut off, or the server is about to end."""


class EventStreams:
    def __init__(
        self,
        *,
        services: Services,
        streams: Streams,
        connections: Connections,
        ping_seconds: float,
    ) -> None:
        """`ping_seconds`: how often something is sent at least, and how long it may go unread."""
        self._services = services
        self._streams = streams
        self._connections = connections
        self._ping_seconds = ping_seconds

    async def serve(
        self, request: Request, operation: Operation, receive: Receive, send: Send
    ) -> None:
        """Answers with the stream of a subscription, or with the refusal to begin one."""
        async with AsyncExitStack() as held:
            try:
                watch = await self._admit(request, held)
                payloads = await self._open(request, operation, watch)
            except (DomainError, Refused) as error:
                response = _refusal(error)
                await response(request.scope, receive, send)
            else:
                writer = _Writer(send, line_of(request.scope), self._ping_seconds)
                await self._relay(payloads, watch, writer, receive)

    async def _admit(self, request: Request, held: AsyncExitStack) -> Watch:
        """A watch on the request's credentials; `held` holds its place."""
        address = address_of(request)
        place = held.enter_context(self._connections.opened(address))
        credentials = Credentials.read(
            request.headers.get("authorization", ""), request.headers.get(CUSTOMER_HEADER, "")
        )
        watch = await held.enter_async_context(
            self._services.watches.watching(credentials.secret, credentials.customer_id)
        )
        actor = (await watch.identity()).actor
        place.sign_in(actor.key)
        await self._services.rates.take(actor, address)
        return watch

    async def _open(
        self, request: Request, operation: Operation, watch: Watch
    ) -> AsyncGenerator[Payload]:
        stream = Stream(watch, request.headers.get("last-event-id"))
        identity = await watch.identity()
        context = Context(
            self._services,
            identity,
            request.state.request_id,
            stream=stream,
            traceparent=request.headers.get(TRACEPARENT_HEADER, ""),
        )
        return await self._streams.open(operation, context)

    async def _relay(
        self,
        payloads: AsyncGenerator[Payload],
        watch: Watch,
        writer: "_Writer",
        receive: Receive,
    ) -> None:
        ending = b""
        try:
            async with aclosing(payloads), asyncio.TaskGroup() as tasks:
                tasks.create_task(_until_left(receive))
                tasks.create_task(writer.until_closing())
                tasks.create_task(writer.keep_alive())
                with Guard(watch, self._services.clock, tasks):
                    await _write_all(payloads, writer)
        except* _Complete:
            ending = _COMPLETE
        except* (Refused, Unauthenticated) as refused:
            ending = _event(Payload(_to_json(_refused_by(first_of(refused))))) + _COMPLETE
        except* Gone:
            # Without a word, so that an EventSource connects again.
            pass
        await writer.end(ending)


class _Complete(Exception):
    """The subscription has come to its end."""


async def _write_all(payloads: AsyncGenerator[Payload], writer: "_Writer") -> NoReturn:
    await writer.begin()
    async for payload in payloads:
        await writer.write(_event(payload))
    raise _Complete


class _Writer:
    def __init__(self, send: Send, line: Line | None, ping_seconds: float) -> None:
        self._send = send
        self._line = line
        self._ping_seconds = ping_seconds

    async def begin(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await self.write(_BEGINNING)

    async def write(self, text: bytes) -> None:
        """Raises Gone where the client does not read: it is cut off, and what it held is freed."""
        await self._write({"body": text, "more_body": True})

    async def end(self, text: bytes) -> None:
        with suppress(Gone):
            await self._write({"body": text, "more_body": False})

    async def keep_alive(self) -> NoReturn:
        """Raises Gone where the client has not read for as long as from one time to the next."""
        was_clogged = False
        while True:
            await asyncio.sleep(self._ping_seconds)
            is_clogged = self._line is not None and self._line.is_clogged
            if is_clogged and was_clogged:
                raise self._cut()
            was_clogged = is_clogged
            await self.write(_NOTHING)

    async def until_closing(self) -> None:
        """Raises Gone when the server is about to end."""
        if self._line is not None:
            await self._line.is_closing.wait()
            raise Gone

    async def _write(self, body: Message) -> None:
        try:
            async with asyncio.timeout(self._ping_seconds):
                await self._send({"type": "http.response.body", **body})
        except TimeoutError:
            raise self._cut() from None

    def _cut(self) -> Gone:
        if self._line is not None:
            self._line.cut()
        return Gone()


async def _until_left(receive: Receive) -> NoReturn:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Gone


def _event(payload: Payload) -> bytes:
    place = b"" if payload.cursor is None else b"id: %b\n" % payload.cursor.encode()
    return b"%bevent: next\ndata: %b\n\n" % (place, payload.json)


def _refused_by(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    return Refused([GraphQLError(str(error), original_error=error)])


def _refusal(error: Exception) -> Response:
    """Before a stream has begun, with a status that an EventSource takes for the end."""
    refused = _refused_by(error)
    return Response(
        _to_json(refused), _STATUS.get(refused.code, 400), media_type="application/json"
    )


def _to_json(refused: Refused) -> bytes:
    errors = [error.formatted for error in refused.errors]
    return orjson.dumps({"data": None, "errors": errors})
