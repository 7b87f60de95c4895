"""A database that hangs, is full, or is another: nobody waits, nothing is lost, all goes on."""

import asyncio
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.client import Api
from tests.full_size import IS_FULL_SIZE
from tests.servers import ADMIN_EMAIL, ADMIN_PASSWORD, Server, Servers
from tests.test_crashes import SHOWN, Journal, busy, check_database, holder_of, is_back, until

FROZEN_SECONDS = 30.0 if IS_FULL_SIZE else 0.0
# How many ask at once. Were each to look for the database, in the few threads that there are, the
# last would wait for a minute.
CROWD = 100
TIMEOUT_SECONDS = 3.0
AT_ONCE_SECONDS = 25.0
NEW = {"subject": "S", "description": "D", "category": "other"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def started(servers: Servers, data_dir: Path) -> Server:
    return await servers.start(
        database_name="tickets",
        data_dir=data_dir,
        TICKETS_DATABASE_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS),
        # So many sign in here.
        TICKETS_LOGIN_RATE="10000 per minute",
    )


async def until_away(server: Server, why: str) -> None:
    async with asyncio.timeout(180):
        while why not in (await server.http.get("/health/ready")).text:  # noqa: ASYNC110 -- polled, as whoever watches over it does
            await asyncio.sleep(0.1)


@asynccontextmanager
async def answering(server: Server) -> AsyncGenerator[None]:
    """Meanwhile whoever does not need the database is answered, however many wait for it."""
    slowest = 0.0

    async def ask() -> None:
        nonlocal slowest
        began = time.monotonic()
        try:
            await server.http.get("/health/live")
        finally:
            slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.05)

    async def go_on_asking() -> None:
        while True:
            await ask()

    async with asyncio.TaskGroup() as group:
        asking = group.create_task(go_on_asking())
        yield
        asking.cancel()
    # What comes after the end of the block, too.
    for _ in range(10):
        await ask()
    assert slowest < TIMEOUT_SECONDS


async def all_are_refused(server: Server, api: Api) -> float:
    """Of those who ask for whatever it is; how long the last of them waited, in seconds."""

    async def ask(number: int) -> None:
        match number % 4:
            case 0:
                answer = await api.mutate("createTicket", ticket=SHOWN, **NEW)
                assert answer["code"] == "UNAVAILABLE"
            case 1:
                answer = await api.execute("{ tickets { nodes { ticketId } } }")
                assert answer.codes == ["UNAVAILABLE"]
            case 2:
                answer = await server.api().mutate("refreshSession", refreshToken=f"{'0' * 24}.x")
                assert answer["code"] == "UNAVAILABLE"
            case _:
                signing_in = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
                answer = await server.api().mutate("login", **signing_in)
                assert answer["code"] == "UNAVAILABLE"

    began = time.monotonic()
    async with asyncio.timeout(AT_ONCE_SECONDS), asyncio.TaskGroup() as crowd:
        for number in range(CROWD):
            crowd.create_task(ask(number))
    live = await server.http.get("/health/live")
    assert live.status_code == 200
    return time.monotonic() - began


def says_nothing_unforeseen(server: Server) -> bool:
    said = server.log(10**6)
    return "Traceback" not in said and "unexpected failure" not in said


async def test_behind_a_database_that_hangs_nobody_waits(servers: Servers, data_dir: Path) -> None:
    server = await started(servers, data_dir)
    api = await server.sign_in()
    journal = Journal(random.Random(2))  # noqa: S311 -- no secret
    database = holder_of(data_dir).database_pid
    waits: list[float] = []
    async with busy(journal, api):
        os.kill(database, signal.SIGSTOP)
        try:
            frozen_until = time.monotonic() + FROZEN_SECONDS
            async with answering(server):
                await until_away(server, "NotAnswering")
            waits.append(await all_are_refused(server, api))
            while time.monotonic() < frozen_until:
                waits.append(await all_are_refused(server, api))
        finally:
            os.kill(database, signal.SIGCONT)
        await server.until_ready()
        await until(lambda told=journal.told: journal.told > told)
    await check_database(journal, data_dir)
    assert says_nothing_unforeseen(server)
    print(f"\n{CROWD} at once waited {max(waits):.2f} s at most")  # noqa: T201 -- pytest -rP shows


async def test_an_empty_database_in_its_place_is_not_served(
    servers: Servers, data_dir: Path
) -> None:
    server = await started(servers, data_dir)
    api = await server.sign_in()
    made = await api.succeed("createTicket", ticket=SHOWN, idempotencyKey="one", **NEW)
    store, aside, empty = (data_dir / name for name in ("database", "aside", "empty"))

    def swap(mine: Path, other: Path) -> None:
        """The store is moved to `mine`, and `other` comes in its place, where there is one."""
        database = holder_of(data_dir).database_pid
        os.kill(database, signal.SIGSTOP)
        store.rename(mine)
        if other.exists():
            other.rename(store)
        os.kill(database, signal.SIGKILL)

    swap(aside, empty)
    await until_away(server, "Replaced")
    await all_are_refused(server, api)
    swap(empty, aside)
    await server.until_ready()
    again = await api.succeed("createTicket", ticket=SHOWN, idempotencyKey="one", **NEW)
    assert again == {**made, "replayed": True}
    assert says_nothing_unforeseen(server)


async def test_what_a_database_cannot_write_was_not_acknowledged(
    servers: Servers, data_dir: Path
) -> None:
    """Its files may not grow, so that it fails in the middle, as where the disk is full."""
    server = await started(servers, data_dir)
    api = await server.sign_in()
    journal = Journal(random.Random(3))  # noqa: S311 -- no secret
    database = holder_of(data_dir).database_pid
    async with busy(journal, api):
        resource.prlimit(database, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        await until(lambda: is_back(data_dir, database))
        await server.until_ready()
        await until(lambda told=journal.told: journal.told > told)
    await check_database(journal, data_dir)
    assert says_nothing_unforeseen(server)


@contextmanager
def small_disk(path: Path, *, megabytes: int) -> Generator[None]:
    """Skips the test where this user may not mount one."""
    path.mkdir()
    size = f"size={megabytes}m"
    mounted = subprocess.run(  # noqa: PLW1510 -- looked at
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", path],  # noqa: S607 -- found by PATH
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)  # noqa: S607


@pytest.mark.skipif(not IS_FULL_SIZE, reason="takes a minute: make chaos")
async def test_a_full_disk_stops_nothing_for_longer_than_it_is_full(
    servers: Servers, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, megabytes=80):
        data_dir = disk / "data"
        server = await started(servers, data_dir)
        api = await server.sign_in()
        journal = Journal(random.Random(4))  # noqa: S311 -- no secret
        async with busy(journal, api):
            ballast = disk / "ballast"
            free = os.statvfs(disk)
            ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - 300_000))
            await until_away(server, "NotAnswering")
            await all_are_refused(server, api)
            ballast.unlink()
            await server.until_ready()
            await until(lambda told=journal.told: journal.told > told)
        await check_database(journal, data_dir)
        assert says_nothing_unforeseen(server)
        await server.stop()
