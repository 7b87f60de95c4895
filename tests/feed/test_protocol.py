"""graphql-transport-ws to the letter, and no further than the limits."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from graph.connections import Connections, TooManyConnections
from tests.client import Api, Data
from tests.factories import Factory
from tests.feed.socket import (
    EVENTS,
    PATIENCE_SECONDS,
    Socket,
    SocketClosed,
    connected,
    raw_connection,
)
from tests.servers import STOP_SECONDS, Server, Servers, new_database_name, running_server, settings


@pytest.fixture(scope="module")
async def strict(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Server]:
    """A server with little patience and low limits."""
    environment = settings(mongodb_uri=mongodb_uri, database_name=new_database_name()) | {
        "TICKETS_PING_SECONDS": "0.5",
        "TICKETS_CONNECTION_INIT_TIMEOUT_SECONDS": "0.5",
        "TICKETS_MAX_CONNECTIONS_PER_IDENTITY": "2",
        "TICKETS_MAX_SUBSCRIPTIONS_PER_CONNECTION": "2",
    }
    log_file = tmp_path_factory.mktemp("strict") / "server.log"
    async with running_server(environment, log_file) as server:
        yield server


@pytest.fixture(scope="module")
async def strict_admin(strict: Server) -> Api:
    return await strict.sign_in()


async def ending_of(connection: ClientConnection) -> tuple[int | None, str]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed:
            return connection.close_code, connection.close_reason or ""


def log_since(server: Server, start: int) -> str:
    return server.log_file.read_text("utf-8")[start:]


FRAMES: list[tuple[str | bytes, int]] = [
    ("{", 4400),
    ("null", 4400),
    ("[]", 4400),
    ('"text"', 4400),
    ("NaN", 4400),
    ('{"type":"unknown"}', 4400),
    ("{}", 4400),
    ('{"type":["subscribe"]}', 4400),
    (b"\x00\x01", 4400),
    ('{"type":"subscribe"}', 4400),
    ('{"type":"subscribe","id":"","payload":{"query":"{__typename}"}}', 4400),
    ('{"type":"subscribe","id":7,"payload":{"query":"{__typename}"}}', 4400),
    ('{"type":"subscribe","id":"a"}', 4400),
    ('{"type":"subscribe","id":"a","payload":null}', 4400),
    ('{"type":"subscribe","id":"a","payload":{}}', 4400),
    ('{"type":"subscribe","id":"a","payload":{"query":1}}', 4400),
    ('{"type":"subscribe","id":"a","payload":{"query":""}}', 4400),
    ('{"type":"subscribe","id":"a","payload":{"query":"{x}","variables":[]}}', 4400),
    ('{"type":"subscribe","id":"a","payload":{"query":"{x}","operationName":{}}}', 4400),
    ('{"type":"complete"}', 4400),
    ('{"type":"connection_init"}', 4429),
    ('{"type":"ping","payload":"' + "x" * 130_000 + '"}', 1009),
]


@pytest.mark.parametrize(("frame", "code"), FRAMES, ids=lambda each: str(each)[:50])
async def test_a_malformed_frame_is_answered_and_closed_without_a_traceback(
    server: Server, admin: Api, frame: str | bytes, code: int
) -> None:
    start = server.log_file.stat().st_size
    async with connected(server, admin.credential) as socket:
        await socket.connection.send(frame)
        closed = await socket.closing()
    assert closed.code == code
    assert closed.reason
    assert "Traceback" not in log_since(server, start)


async def test_an_operation_that_is_not_there_is_an_error_of_that_one_alone(
    server: Server, admin: Api
) -> None:
    async with connected(server, admin.credential) as socket:
        one = await socket.subscribe("query A { viewer { name } }", key="a")
        assert (await one.message())["type"] == "next"
        assert (await one.message())["type"] == "complete"
        payload: Data = {"query": "query A { viewer { name } }", "operationName": "B"}
        await socket.send({"id": "a", "type": "subscribe", "payload": payload})
        refused = await one.message()
        assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == (
            "error",
            "VALIDATION",
        )
        await socket.until_served()


async def test_text_that_is_no_text_is_closed_without_a_traceback(
    server: Server, admin: Api
) -> None:
    start = server.log_file.stat().st_size
    async with connected(server, admin.credential) as socket:
        await socket.connection.send(b'{"type":"ping"}\xff', text=True)
        assert (await socket.closing()).code == 1007
    assert "Traceback" not in log_since(server, start)


async def test_connection_init_comes_within_its_time(strict: Server) -> None:
    async with raw_connection(strict) as connection:
        await connection.send('{"type":"ping"}')
        assert json.loads(await connection.recv()) == {"type": "pong"}
        assert await ending_of(connection) == (4408, "No connection_init within 0.5 s")


async def test_connection_init_comes_first(server: Server) -> None:
    query: Data = {"id": "1", "type": "subscribe", "payload": {"query": "{ __typename }"}}
    for frame, code in ((query, 4401), ({"type": "complete", "id": "1"}, 4400)):
        async with raw_connection(server) as connection:
            await connection.send(json.dumps(frame))
            assert (await ending_of(connection))[0] == code
    payloads: list[object] = [[], "text", 1]
    for payload in payloads:
        async with raw_connection(server) as connection:
            await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert (await ending_of(connection))[0] == 4400


async def test_an_id_serves_one_operation_at_a_time(server: Server, admin: Api) -> None:
    async with connected(server, admin.credential) as socket:
        for _ in range(3):
            again = await socket.subscribe("{ viewer { name } }", key="same")
            assert (await again.message())["type"] == "next"
            assert (await again.message())["type"] == "complete"
        stopped = await socket.subscribe(EVENTS, key="same")
        await stopped.complete()
        await socket.subscribe(EVENTS, key="same")
        await socket.until_served()
        await socket.subscribe(EVENTS, key="same")
        closed = await socket.closing()
    assert (closed.code, closed.reason) == (4409, "Subscriber for same already exists")


async def test_a_long_id_is_no_trouble_for_a_close_reason(server: Server, admin: Api) -> None:
    async with connected(server, admin.credential) as socket:
        for _ in range(2):
            await socket.subscribe(EVENTS, key="ñ" * 500)
        closed = await socket.closing()
    assert closed.code == 4409


async def test_a_completed_subscription_says_no_more(
    server: Server, admin: Api, make: Factory
) -> None:
    async with connected(server, admin.credential) as socket:
        ended, going_on = await socket.follow(), await socket.follow()
        await ended.complete()
        await socket.until_served()
        await make.ticket()
        await going_on.event()
        assert ended.messages.empty()


async def test_other_protocols_and_origins_are_refused(server: Server) -> None:
    url = server.address.replace("http", "ws", 1) + "/graphql"
    for protocols in (["graphql-ws"], None):
        chosen = [Subprotocol(each) for each in protocols] if protocols else None
        async with connect(url, subprotocols=chosen, proxy=None) as connection:
            code, reason = await ending_of(connection)
            assert code == 4406
            assert "graphql-transport-ws" in reason
    with pytest.raises(InvalidStatus):
        async with connect(
            url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            origin=Origin("https://elsewhere.example"),
            proxy=None,
        ):
            pass


# ---- limits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limit", ["connections", "connectionsPerAddress", "connectionsPerIdentity"]
)
def test_connections_are_limited_in_all_and_by_address_and_by_identity(limit: str) -> None:
    numbers = {"connections": 100, "connectionsPerAddress": 100, "connectionsPerIdentity": 100}
    numbers[limit] = 2
    total, per_address, per_identity = numbers.values()
    connections = Connections(total=total, per_address=per_address, per_identity=per_identity)

    @contextmanager
    def connected(address: str, identity: str) -> Generator[None]:
        with connections.opened(address) as place:
            place.sign_in(identity)
            yield

    same = {"connectionsPerAddress": ("here", "{}"), "connectionsPerIdentity": ("{}", "me")}
    address, identity = same.get(limit, ("{}", "{}"))
    for _ in range(2):
        with ExitStack() as stack:
            for number in (1, 2):
                stack.enter_context(connected(address.format(number), identity.format(number)))
            with (
                pytest.raises(TooManyConnections) as refused,
                connected(address.format(3), identity.format(3)),
            ):
                pass
        assert refused.value.details == {"limit": {"name": limit, "value": 2}}


async def test_a_connection_too_many_is_closed_with_the_name_of_the_limit(
    strict: Server, strict_admin: Api
) -> None:
    async with (
        once_there_is_room(strict, strict_admin.credential),
        once_there_is_room(strict, strict_admin.credential),
    ):
        with pytest.raises(SocketClosed) as refused:
            async with connected(strict, strict_admin.credential):
                pass
    assert refused.value.code == 1013
    assert refused.value.reason == (
        "RATE_LIMITED: At most 2 connections are allowed of one account: connectionsPerIdentity."
    )


async def test_operations_on_one_connection_are_limited(strict: Server, strict_admin: Api) -> None:
    async with once_there_is_room(strict, strict_admin.credential) as socket:
        first, _ = [await socket.subscribe() for _ in range(2)]
        refused = await (await socket.subscribe()).message()
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"] == {
            "code": "RATE_LIMITED",
            "limit": {"name": "subscriptionsPerConnection", "value": 2},
        }
        await first.complete()
        await socket.until_served()


# ---- life and death ------------------------------------------------------------------------


@asynccontextmanager
async def once_there_is_room(server: Server, credential: str | None) -> AsyncGenerator[Socket]:
    """Who has left may still be counted for a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    async with AsyncExitStack() as stack:
        while True:
            try:
                socket = await stack.enter_async_context(connected(server, credential))
                break
            except SocketClosed:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
        yield socket


async def test_a_client_that_answers_pings_stays(strict: Server, strict_admin: Api) -> None:
    async with once_there_is_room(strict, strict_admin.credential) as socket:
        await socket.pinged(4)
        await socket.until_served()
        assert not socket.closed.done()


async def test_a_client_that_answers_no_pings_is_cut_off(strict: Server, strict_admin: Api) -> None:
    payload = {"authorization": f"Bearer {strict_admin.credential}"}
    async with raw_connection(strict) as connection:
        await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        code, _ = await ending_of(connection)
    # Not closed: a closing handshake would have waited for the client.
    assert code == 1006


async def test_a_client_that_vanishes_leaves_nothing_behind(
    strict: Server, strict_admin: Api
) -> None:
    for _ in range(5):
        async with once_there_is_room(strict, strict_admin.credential) as socket:
            await socket.follow()
            socket.connection.transport.abort()
    assert "Traceback" not in strict.log(1_000)


async def test_a_server_that_stops_tells_its_clients_to_connect_again(servers: Servers) -> None:
    server = await servers.start()
    admin = await server.sign_in()
    async with connected(server, admin.credential) as socket:
        await socket.follow()
        server.process.send_signal(signal.SIGTERM)
        assert (await socket.closing()).code == 1012
        assert await asyncio.wait_for(server.process.wait(), STOP_SECONDS) is not None
    assert "graceful shutdown exceeded" not in server.log(1_000), "nobody had to be waited for"
    assert "Traceback" not in server.log(1_000)


async def test_an_answer_of_any_length_comes_whole(server: Server, admin: Api) -> None:
    """A frame says its length in one of three ways."""
    everything = "{ __schema { types { name description fields { name description } } } }"
    async with connected(server, admin.credential) as socket:
        for document in ("{ __typename }", "{ __schema { types { name } } }", everything):
            answer = await (await socket.subscribe(document)).data()
            assert answer == await admin.query(document)
    assert len(json.dumps(answer)) > 0xFFFF
