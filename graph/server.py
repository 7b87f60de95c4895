"""What the ASGI server is told to do that ASGI itself has no word for.

uvicorn closes the connection of a client that has stopped reading by waiting until it has read
everything, which is never; it does not tell a stream that the process is about to end; and then it
closes connections whose first request is on the way.
"""

import asyncio
import multiprocessing
import os
import signal
import struct
import threading
from collections import deque
from typing import Any, cast

from starlette.types import Message, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

# What a client does not take stays in the log of events, not in buffers. What it does take goes
# out together, many small messages in one call of the system.
WRITE_BUFFER_BYTES = 16_384
# How long a server that ends waits for the first request of a connection.
FIRST_REQUEST_SECONDS = 1.0
_NOT_UTF_8 = 1007
# The first byte of a frame that is a whole text message, and what its second may say of its length.
_TEXT = 0x81
_TWO_BYTES_FOLLOW, _EIGHT_BYTES_FOLLOW = 126, 127
_MOST_IN_TWO_BYTES = 0xFFFF
_HEAD_AND_TWO_BYTES, _HEAD_AND_EIGHT_BYTES = struct.Struct("!BBH").pack, struct.Struct("!BBQ").pack


class Flag:
    """As asyncio.Event, which holds room for those who wait: of a connection's memory a tenth."""

    __slots__ = ("_is_set", "_waiters")

    def __init__(self) -> None:
        self._is_set = False
        self._waiters: list[asyncio.Future[None]] | None = None

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> None:
        """Until it is set. Whoever stops waiting leaves the others to it."""
        if not self._is_set:
            waiter = asyncio.get_running_loop().create_future()
            waiting = [each for each in self._waiters or () if not each.done()]
            self._waiters = [*waiting, waiter]
            await waiter


class Inbox:
    """As much of asyncio.Queue as uvicorn asks of what it has received, for one reader.

    Mostly a message or two: reading stops until the last one is taken of those that came together.
    """

    __slots__ = ("_has_some", "_messages")

    def __init__(self) -> None:
        # Made for what comes, as it holds room for more.
        self._messages: deque[Message] | None = None
        self._has_some = Flag()

    def put_nowait(self, message: Message) -> None:
        self._messages = self._messages or deque()
        self._messages.append(message)
        self._has_some.set()

    def empty(self) -> bool:
        return not self._messages

    async def get(self) -> Message:
        while not self._messages:
            self._messages = None
            self._has_some.clear()
            await self._has_some.wait()
        return self._messages.popleft()


class Line:
    """The connection that a request came by."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.is_closing = Flag()
        # Where it has become one.
        self.websocket: WebSocketProtocol | None = None

    @property
    def is_clogged(self) -> bool:
        """Whether the system takes no more, since the client has not read what it has."""
        return self._transport.get_write_buffer_size() > 0

    def send(self, *parts: bytes) -> bool:
        """A text message over a WebSocket; False where that has to wait, or cannot be."""
        return self.websocket is not None and self.websocket.send_at_once(parts)

    def cut(self) -> None:
        """Ends it at once, with what had been written and not read."""
        self._transport.abort()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's, with the `Line` in each request's state, for the WebSockets it turns into too."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.app_state = {**self.app_state, "line": Line(transport)}
        super().connection_made(transport)

    def shutdown(self) -> None:
        self.app_state["line"].is_closing.set()
        if self._latest is None:
            # It was accepted just before, and its request may be on the way: a proxy that sees it
            # closed does not know whether to send that again.
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                FIRST_REQUEST_SECONDS, self.timeout_keep_alive_handler
            )
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._latest is not None and self.app_state["line"].is_closing.is_set():
            self._latest.keep_alive = False

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """The latest request; uvicorn's own word for it does not say that there may be none."""
        return self.cycle

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        line: Line = self.app_state["line"]
        if line.is_closing.is_set() and line.websocket is not None:
            self.loop.call_later(FIRST_REQUEST_SECONDS, line.websocket.shutdown)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, with a shorter way out, and to which it is no failure if a client sends no UTF-8.

    ASGI's way makes a dictionary, three calls and a frame of many parts of each message: twice what
    it costs to send it. Messages are not compressed.

    Of what a connection holds while nothing happens, it leaves half.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = cast("Any", Inbox())
        self.writable = cast("Any", Flag())
        self.writable.set()

    def start_keepalive(self) -> None:
        """Called once the handshake is over: of what it said, nothing is asked again."""
        # Which the parser holds, too.
        self.request.headers.clear()
        del self.request, self.response
        super().start_keepalive()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app_state["line"].websocket = self

    def connection_lost(self, exc: Exception | None) -> None:
        self.app_state["line"].websocket = None
        super().connection_lost(exc)

    def send_at_once(self, parts: tuple[bytes, ...]) -> bool:
        if self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        self.transport.write(b"".join((_frame_head(sum(map(len, parts))), *parts)))
        return True

    def send_receive_event_to_app(self) -> None:
        if self.conn.state is not State.OPEN:
            # It was told to close, and goes on.
            self.frames = []
            return
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:
            self.frames = []
            self.conn.send_close(_NOT_UTF_8, "A message must be UTF-8")
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()


def _frame_head(length: int) -> bytes:
    """Of a text message that is one frame, from a server (RFC 6455, 5.2)."""
    if length < _TWO_BYTES_FOLLOW:
        return bytes((_TEXT, length))
    if length <= _MOST_IN_TWO_BYTES:
        return _HEAD_AND_TWO_BYTES(_TEXT, _TWO_BYTES_FOLLOW, length)
    return _HEAD_AND_EIGHT_BYTES(_TEXT, _EIGHT_BYTES_FOLLOW, length)


def end_with_supervisor() -> None:
    """Ends this process, if it is one of several workers, when what supervises them is gone.

    Killed, it tells them nothing: they would go on, and hold its address.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return

    def end() -> None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, name="end-with-supervisor", daemon=True).start()


def line_of(scope: Scope) -> Line | None:
    """None under an ASGI server that was not given `HttpProtocol`."""
    return scope.get("state", {}).get("line")
