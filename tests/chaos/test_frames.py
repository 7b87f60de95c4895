"""What no client of a WebSocket sends: a server closes that connection, and no other one minds."""

import asyncio
import contextlib
import json
import os
import socket
import struct
from base64 import b64encode
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from hypothesis import strategies as st

from tests.chaos.fuzzing import UNFORESEEN, fuzz
from tests.factories import Factory
from tests.feed.socket import connected
from tests.graph.test_metrics import measured
from tests.servers import Server, Servers

ROUNDS = 4
# How long what the server says to a frame is listened to, in seconds; it seldom says anything.
LISTENING_SECONDS = 0.01
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10

# ---- frames --------------------------------------------------------------------------------


def frame(
    payload: bytes,
    *,
    opcode: int = _TEXT,
    is_last: bool = True,
    reserved: int = 0,
    is_masked: bool = True,
    length: int | None = None,
) -> bytes:
    """RFC 6455, 5.2; `length` says another one than the payload has."""
    said = len(payload) if length is None else length
    head = bytes([is_last << 7 | reserved << 4 | opcode])
    mark = is_masked << 7
    if said < 126:
        head += bytes([mark | said])
    elif said < 1 << 16:
        head += bytes([mark | 126]) + struct.pack("!H", said)
    else:
        head += bytes([mark | 127]) + struct.pack("!Q", said)
    if not is_masked:
        return head + payload
    mask = b"\x01\x02\x03\x04"
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def message(content: object) -> bytes:
    return frame(json.dumps(content).encode())


def closing(code: int, reason: bytes) -> bytes:
    return frame(struct.pack("!H", code) + reason, opcode=_CLOSE)


# Of what JSON can say, little is a message; what nearly is one gets further.
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
DOCUMENTS = st.sampled_from(
    [
        "subscription { ticketEvents { __typename } }",
        "subscription { ticketStatistics { __typename } }",
        "subscription { configurationChanged { __typename } }",
        "subscription($after: String) { ticketEvents(after: $after) { __typename } }",
        "{ viewer { name } }",
        "{ viewer { ",
        "mutation { logout { __typename } }",
        "subscription { ticketEvents ticketStatistics }",
        "",
    ]
)
KEYS = st.sampled_from(["1", "2", ""]) | VALUES
KINDS = st.sampled_from(["connection_init", "subscribe", "complete", "ping", "pong", "next"])


def members(
    required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries(required, optional=optional)


REQUESTS = members(
    {"query": DOCUMENTS | VALUES},
    variables=members({"after": VALUES}) | VALUES,
    operationName=st.none() | VALUES,
    extensions=VALUES,
)
MESSAGES = st.one_of(
    members({"type": st.just("subscribe"), "id": KEYS, "payload": REQUESTS}),
    members({"type": st.just("complete"), "id": KEYS}),
    members({"type": KINDS | VALUES}, id=KEYS, payload=VALUES),
    VALUES,
).map(message)
FRAMES = st.builds(
    frame,
    st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    opcode=st.integers(0, 15),
    is_last=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 1, 4, 7]),
    is_masked=st.sampled_from([True, True, True, False]),
    length=st.none() | st.sampled_from([0, 1, 125, 126, 1 << 16, 1 << 31, (1 << 63) - 1]),
)
BYTES = st.binary(max_size=300)
CLOSES = st.builds(closing, st.integers(0, 0xFFFF), st.binary(max_size=130))
CONTROLS = st.builds(
    frame, st.binary(max_size=130), opcode=st.sampled_from([_PING, _PONG, _BINARY])
)
CONVERSATIONS = st.lists(MESSAGES | MESSAGES | CONTROLS | FRAMES | CLOSES | BYTES, max_size=8)


# ---- a client ------------------------------------------------------------------------------


@contextmanager
def upgraded(server: Server) -> Generator[socket.socket]:
    """A WebSocket, on which anything may be sent."""
    address = urlsplit(server.address)
    key = b64encode(os.urandom(16)).decode()
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(
            f"GET /graphql HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield connection


def send(server: Server, frames: Sequence[bytes]) -> None:
    """All of them, or as many as the server wants; it closes the connection, or is left."""
    with upgraded(server) as connection, contextlib.suppress(ConnectionError):
        for each in frames:
            connection.settimeout(60)
            connection.sendall(each)
            connection.settimeout(LISTENING_SECONDS)
            with contextlib.suppress(TimeoutError):
                if not connection.recv(65_536):
                    return


# ---- the claim -----------------------------------------------------------------------------


async def test_whatever_comes_by_a_socket_harms_nobody_else(servers: Servers) -> None:
    server = await servers.start(TICKETS_CONNECTION_INIT_TIMEOUT_SECONDS="1")
    admin = await server.sign_in()
    make = Factory(server, admin)
    guest = await make.bot()
    init = message(
        {"type": "connection_init", "payload": {"authorization": f"Bearer {guest.secret}"}}
    )

    def attack(frames: list[bytes]) -> None:
        send(server, frames)

    conversations = CONVERSATIONS | CONVERSATIONS.map(lambda frames: [init, *frames])
    async with connected(server, admin.credential) as friend:
        events = await friend.follow()
        # Its own loop goes on meanwhile: it answers the server's pings.
        await asyncio.to_thread(fuzz, server, conversations, attack, rounds=ROUNDS)
        ticket = await make.ticket()
        assert (await events.event())["ticketId"] == ticket["ticketId"]
    async with asyncio.timeout(60):
        while (await measured(server))["tickets_connections", frozenset()] > 0:  # noqa: ASYNC110 -- polled, as Prometheus does
            await asyncio.sleep(0.1)


def test_what_comes_after_the_end_is_not_heard(server: Server) -> None:
    """Not even that it is no text."""
    start = server.log_file.stat().st_size
    with upgraded(server) as connection:
        connection.sendall(message("no message of the protocol"))
        assert connection.recv(4096)[0] == 0x80 | _CLOSE
        connection.sendall(frame(b"\xff\xff"))
        connection.sendall(frame(struct.pack("!H", 1000), opcode=_CLOSE))
        while connection.recv(4096):
            pass
    said = server.log_file.read_text("utf-8")[start:]
    assert [each for each in UNFORESEEN if each in said] == []
