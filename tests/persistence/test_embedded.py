"""The embedded database, with the real child process."""

import asyncio
import importlib.util
import json
import os
import signal
import socket
import stat
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from motor.core import AgnosticClient
from motor.motor_asyncio import AsyncIOMotorClient

from persistence import embedded
from persistence.data_directory import DataDirectoryInUse, DataDirectoryUnusable
from persistence.embedded import (
    EmbeddedDatabase,
    EmbeddedDatabaseMissing,
    PortTaken,
    StoreDamaged,
    embedded_or_running,
    running_uri,
)

# A server in a process of its own, which says when its database answers.
OWNER = """
import asyncio, json, sys, uvloop
from pathlib import Path
from persistence.embedded import EmbeddedDatabase

async def main():
    database = EmbeddedDatabase(Path(sys.argv[1]))
    await database.start()
    print(json.dumps({"pid": database.pid, "uri": database.uri}), flush=True)
    await asyncio.Event().wait()

{"asyncio": asyncio, "uvloop": uvloop}[sys.argv[2]].run(main())
"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[EmbeddedDatabase]:
    async with running(EmbeddedDatabase(tmp_path / "data")) as database:
        yield database


@asynccontextmanager
async def running(database: EmbeddedDatabase) -> AsyncGenerator[EmbeddedDatabase]:
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


@asynccontextmanager
async def connected(uri: str) -> AsyncGenerator[AgnosticClient[dict[str, Any]]]:
    client: AgnosticClient[dict[str, Any]] = AsyncIOMotorClient(
        uri, serverSelectionTimeoutMS=10_000
    )
    yield client
    client.close()


async def until(holds: Callable[[], bool], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process runs: one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not (status.exists() and ") Z " in status.read_text())
    except OSError:
        return False


def kill_child(database: EmbeddedDatabase) -> int:
    pid = database.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


@asynccontextmanager
async def owner(
    data_dir: Path, *, loop: str = "asyncio"
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, int, str]]:
    """A process that owns the directory's database, that database's process, and its URI."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, data_dir, loop), stdout=PIPE
    )
    try:
        assert process.stdout is not None
        child = json.loads(await process.stdout.readline())
        yield process, child["pid"], child["uri"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_has_transactions_and_change_streams(database: EmbeddedDatabase) -> None:
    async with connected(database.uri) as client:
        tickets = client["tickets"]["tickets"]
        async with tickets.watch() as changes:
            async with await client.start_session() as session, session.start_transaction():
                await tickets.insert_one({"_id": 1}, session=session)
            change = await changes.next()
    assert change["documentKey"] == {"_id": 1}


async def test_data_survive_a_restart(tmp_path: Path) -> None:
    async with running(EmbeddedDatabase(tmp_path)) as first, connected(first.uri) as client:
        await client["tickets"]["tickets"].insert_one({"_id": 1})
        pid = first.pid
    assert pid is not None
    assert not is_alive(pid)
    assert not first.is_healthy
    async with running(EmbeddedDatabase(tmp_path)) as second, connected(second.uri) as client:
        assert await client["tickets"]["tickets"].find_one() == {"_id": 1}


async def test_a_killed_child_comes_back_for_the_same_clients(database: EmbeddedDatabase) -> None:
    uri = database.uri
    async with connected(uri) as client:
        await client["tickets"]["tickets"].insert_one({"_id": 1})
        killed = kill_child(database)
        await until(lambda: database.is_healthy and database.pid != killed)
        await client["tickets"]["tickets"].insert_one({"_id": 2})
    assert database.uri == uri


async def test_what_was_acknowledged_survives_a_kill_at_once(database: EmbeddedDatabase) -> None:
    async with connected(database.uri) as client:
        tickets, events = client["tickets"]["tickets"], client["tickets"]["events"]
        for number in range(3):
            async with await client.start_session() as session, session.start_transaction():
                await tickets.insert_one({"_id": number}, session=session)
                await events.insert_one({"_id": number}, session=session)
            await tickets.update_one({"_id": number}, {"$set": {"status": "OPEN"}})
            killed = kill_child(database)
            await until(lambda killed=killed: database.is_healthy and database.pid != killed)
        assert await tickets.count_documents({"status": "OPEN"}) == 3
        assert await events.count_documents({}) == 3


async def test_comes_back_when_its_port_was_taken_meanwhile(
    database: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedded, "RESTART_SECONDS", (0.5,))
    port = int(database.uri.rpartition(":")[2].partition("/")[0])
    kill_child(database)
    await until(lambda: not database.is_healthy)
    with socket.create_server(("127.0.0.1", port)):
        await until(lambda: "is taken by another program" in caplog.text)
    await until(lambda: database.is_healthy)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_killed_owner_leaves_no_child_behind(tmp_path: Path, loop: str) -> None:
    async with owner(tmp_path, loop=loop) as (process, child, uri):
        async with connected(uri) as client:
            await client["tickets"]["tickets"].insert_one({"_id": 1})
        process.kill()
        await until(lambda: not is_alive(child), seconds=5)
    async with running(EmbeddedDatabase(tmp_path)) as next_one, connected(next_one.uri) as client:
        assert await client["tickets"]["tickets"].find_one() == {"_id": 1}


async def test_a_child_that_outlives_its_owner_is_ended_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.2)
    async with owner(tmp_path) as (process, child, _):
        os.kill(child, signal.SIGSTOP)
        process.kill()
        await process.wait()
        async with running(EmbeddedDatabase(tmp_path)):
            assert not is_alive(child)


async def test_a_process_that_only_has_the_number_of_a_child_is_left_alone(tmp_path: Path) -> None:
    innocent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import time; time.sleep(60)"
    )
    holder = {"pid": 1, "database_pid": innocent.pid, "uri": None}
    (tmp_path / "database.json").write_text(json.dumps(holder))
    async with running(EmbeddedDatabase(tmp_path)):
        assert innocent.returncode is None
    innocent.kill()
    await innocent.wait()


async def test_a_second_server_on_the_directory_is_told_who_has_it(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with pytest.raises(DataDirectoryInUse) as refusal:
        await EmbeddedDatabase(tmp_path / "data").start()
    assert f"process {os.getpid()}, its database at {database.uri}" in str(refusal.value)
    assert database.is_healthy
    assert running_uri(tmp_path / "data") == database.uri


async def test_a_command_uses_the_database_of_the_running_server(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with embedded_or_running(tmp_path / "data") as uri:
        assert uri == database.uri
    assert database.is_healthy


async def test_a_command_alone_runs_a_database_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    async with embedded_or_running(tmp_path) as uri, connected(uri) as client:
        await client["tickets"]["tickets"].insert_one({"_id": 1})
        assert running_uri(tmp_path) is None
        with pytest.raises(DataDirectoryInUse):
            async with embedded_or_running(tmp_path, patience_seconds=0):
                pass
    async with embedded_or_running(tmp_path) as uri, connected(uri) as client:
        assert await client["tickets"]["tickets"].find_one() == {"_id": 1}


async def test_a_command_waits_for_a_server_that_is_starting(tmp_path: Path) -> None:
    server = EmbeddedDatabase(tmp_path)
    starting = asyncio.create_task(server.start())
    await until(lambda: server.pid is not None)
    async with embedded_or_running(tmp_path) as uri:
        assert uri == await starting
    await server.stop()


async def test_what_a_dead_server_wrote_down_is_not_believed(tmp_path: Path) -> None:
    assert running_uri(tmp_path / "never") is None
    async with owner(tmp_path) as (process, _, uri):
        assert running_uri(tmp_path) == uri
        process.kill()
        await process.wait()
        await until(lambda: running_uri(tmp_path) is None)


async def test_others_cannot_read_the_directory(database: EmbeddedDatabase, tmp_path: Path) -> None:
    assert database.is_healthy
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "database").stat().st_mode) == 0o700


async def test_a_stray_configuration_of_the_database_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secantusd.toml").write_text("[server]\nstandalone = true\n")
    monkeypatch.chdir(tmp_path)
    async with (
        running(EmbeddedDatabase(Path("data"))) as database,
        connected(database.uri) as client,
    ):
        assert "setName" in await client.admin.command("hello")


async def test_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            await EmbeddedDatabase(tmp_path, port=port).start()


async def test_refuses_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryUnusable, match="TICKETS_DATA_DIR"):
        await EmbeddedDatabase(tmp_path / "file" / "data").start()


async def test_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None: ...

    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    with pytest.raises(EmbeddedDatabaseMissing, match="TICKETS_MONGODB_URI"):
        await EmbeddedDatabase(tmp_path).start()


@pytest.mark.parametrize("file", ["WiredTiger.turtle", "WiredTiger.wt", "secantus_collections.wt"])
async def test_refuses_a_damaged_store_and_keeps_a_short_log(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOG_BYTES", 100)
    async with running(EmbeddedDatabase(tmp_path)):
        pass
    (tmp_path / "database" / file).write_bytes(b"damage" * 1000)
    for _ in range(2):
        with pytest.raises(StoreDamaged, match=r"database\.log"):
            await EmbeddedDatabase(tmp_path).start()
    logs = sorted(tmp_path.glob("database.log*"))  # noqa: ASYNC240 - instant
    assert [path.name for path in logs] == ["database.log", "database.log.1"]
