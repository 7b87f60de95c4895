"""Several processes behind one address: restarted one by one, and left behind by none."""

import asyncio
import os
import signal
import socket
from pathlib import Path

from tests.client import Data
from tests.factories import Factory
from tests.feed.socket import SocketClosed, connected
from tests.servers import Server, Servers

# A restart of the service: connect again.
SERVICE_RESTART = 1012
LAST = "The last"


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until_gone(*pids: int) -> None:
    async with asyncio.timeout(180):
        while any(is_running(pid) for pid in pids):  # noqa: ASYNC110 -- another's process
            await asyncio.sleep(0.05)


async def test_a_rolling_restart_fails_no_request_and_loses_no_event(servers: Servers) -> None:
    server = await servers.start(TICKETS_WORKERS="2")
    admin = await server.sign_in()
    first = server.workers
    assert len(first) == 2
    make = Factory(server, admin)
    is_over = asyncio.Event()
    made: list[str] = []
    told: list[str] = []

    async def write() -> None:
        while not is_over.is_set():
            made.append((await make.ticket())["ticketId"])

    async def follow(has_begun: asyncio.Event) -> None:
        """As a client does: resumes where it was when it is told to connect again."""
        event: Data = {"cursor": None, "ticket": {"subject": "None yet"}}
        while event["ticket"]["subject"] != LAST:
            try:
                async with connected(server, admin.credential) as line:
                    events = await line.follow(after=event["cursor"])
                    has_begun.set()
                    while event["ticket"]["subject"] != LAST:
                        event = await events.event()
                        told.append(event["ticketId"])
            except SocketClosed as closed:
                if closed.code != SERVICE_RESTART:
                    raise

    async with asyncio.TaskGroup() as clients, asyncio.timeout(300):
        has_begun = asyncio.Event()
        clients.create_task(follow(has_begun))
        await has_begun.wait()
        writers = [clients.create_task(write()) for _ in range(2)]
        os.kill(server.pid, signal.SIGHUP)
        await until_gone(*first)
        before = len(made)
        while len(made) < before + 10:  # noqa: ASYNC110 -- the new workers at work
            await asyncio.sleep(0.05)
        is_over.set()
        await asyncio.wait(writers)
        made.append((await make.ticket(subject=LAST))["ticketId"])
    assert len(set(made)) == len(made)
    assert sorted(told) == sorted(made)
    assert len(server.workers) == 4


async def test_workers_end_with_a_supervisor_that_is_killed(servers: Servers) -> None:
    server = await servers.start(TICKETS_WORKERS="2")
    workers = server.workers
    await server.kill()
    await until_gone(*workers)
    address = server.address.removeprefix("http://").split(":")
    with socket.create_server((address[0], int(address[1]))):
        pass


async def test_a_worker_that_is_killed_is_replaced(servers: Servers) -> None:
    server = await servers.start(TICKETS_WORKERS="2")
    admin = await server.sign_in()
    killed, kept = server.workers
    os.kill(killed, signal.SIGKILL)
    async with asyncio.timeout(180):
        while len(server.workers) < 3:  # noqa: ASYNC110 -- another's log
            await asyncio.sleep(0.05)
    await server.until_ready()
    assert is_running(kept)
    assert (await admin.query("{ viewer { name } }"))["viewer"]


async def connected_as_it_ends(
    server: Server,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that was accepted before the server is told to end, and has asked nothing."""
    host, port = server.address.removeprefix("http://").split(":")
    streams = await asyncio.open_connection(host, int(port))
    # It was accepted once a later one is served.
    await server.sign_in()
    os.kill(server.pid, signal.SIGTERM)
    return streams


async def test_a_request_on_its_way_to_a_server_that_ends_is_answered(servers: Servers) -> None:
    server = await servers.start()
    reader, writer = await connected_as_it_ends(server)
    async with asyncio.timeout(60):
        while "Shutting down" not in server.log():  # noqa: ASYNC110 -- another's log
            await asyncio.sleep(0.01)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer.lower()
    writer.close()
    await server.process.wait()


async def test_a_connection_that_asks_nothing_does_not_keep_a_server_from_ending(
    servers: Servers,
) -> None:
    server = await servers.start()
    reader, writer = await connected_as_it_ends(server)
    async with asyncio.timeout(60):
        assert await reader.read() == b""
        await server.process.wait()
    writer.close()
