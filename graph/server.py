"""What the ASGI server is told to do that ASGI itself has no word for.

uvicorn closes the connection of a client that has stopped reading by waiting until it has read
everything, which is never; and it does not tell a stream that the process is about to end.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

# What a client does not take stays in the log of events, not in buffers. What it does take goes
# out together, many small messages in one call of the system.
WRITE_BUFFER_BYTES = 16_384
_NOT_UTF_8 = 1007


class Line:
    """The connection that a request came by."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.is_closing = asyncio.Event()

    @property
    def is_clogged(self) -> bool:
        """Whether the system takes no more, since the client has not read what it has."""
        return self._transport.get_write_buffer_size() > 0

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
        super().shutdown()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, to which it would be a failure of its own that a client sends no UTF-8."""

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
