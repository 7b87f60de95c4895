"""The embedded database: SecantusDB as a supervised child process in a data directory.

The store is in `database/` of the directory, what the child says in `database.log`.
"""

import asyncio
import contextlib
import importlib.util
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from motor.core import AgnosticClient
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import ConnectionFailure, OperationFailure

from persistence.data_directory import (
    DataDirectory,
    DataDirectoryInUse,
    DataDirectoryUnusable,
    Holder,
)
from persistence.documents import Document
from persistence.errors import StorageError

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
CHILD = Path(__file__).with_name("embedded_child.py")
CONFIGURATION = Path(__file__).with_name("secantusd.toml")

START_SECONDS = 120.0  # after a crash the journal is replayed first
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
# What the storage engine says when it cannot go on.
_PANIC = b"WT_PANIC"
LOG_BYTES = 1_000_000
# Pauses before the first, second, … restart in a row; the last one from then on.
RESTART_SECONDS = (0.0, 0.2, 1.0, 5.0, 15.0)
# A death after this long begins a new row.
STEADY_SECONDS = 60.0


class EmbeddedDatabaseError(StorageError):
    """The embedded database cannot run; the message says why and what to do."""


class EmbeddedDatabaseMissing(EmbeddedDatabaseError):
    """SecantusDB is not installed."""


class PortTaken(EmbeddedDatabaseError):
    """Another program listens on the database's port."""


class StoreDamaged(EmbeddedDatabaseError):
    """The files of the store cannot be read."""


class EmbeddedDatabase:
    """The database of a data directory, kept running from `start` to `stop`.

    When the child dies it is started again on the same port, so that clients reconnect to the URI
    they have. When this process dies, however it does, the child ends by itself.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        sync_on_commit: bool = False,
        port: int | None = None,
        private: bool = False,
    ) -> None:
        """Prepare; nothing runs yet.

        `sync_on_commit` survives power loss too, and makes each commit wait for the disk.
        `port` is any free one unless given. A `private` database is not lent to others by
        `running_uri`: for owners who stop it soon.
        """
        self._directory = DataDirectory(data_dir)
        self._store = self._directory.path / "database"
        self._log_file = self._directory.path / "database.log"
        self._sync_on_commit = sync_on_commit
        self._fixed_port = port
        self._port = port or 0
        self._private = private
        self._process: Process | None = None
        self._log_keeper: asyncio.Task[None] | None = None
        self._log_tail = b""
        self._supervisor: asyncio.Task[None] | None = None
        self._answers = False

    @property
    def uri(self) -> str:
        # Direct: a single server needs no discovery, and still has transactions and change streams.
        return f"mongodb://{HOST}:{self._port}/?directConnection=true"

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def is_healthy(self) -> bool:
        """False while the database is down, or up and not answering yet."""
        return self._answers and self.pid is not None

    async def start(self) -> str:
        """The URI, as soon as the database answers.

        Raises `DataDirectoryInUse`, `DataDirectoryUnusable` or an `EmbeddedDatabaseError`.
        """
        if importlib.util.find_spec("secantus") is None:
            raise EmbeddedDatabaseMissing(
                "SecantusDB, the embedded database, is not installed: pip install "
                "'tickets[embedded]' (Python 3.11 to 3.13), or set TICKETS_MONGODB_URI."
            )
        await self._directory.take()
        try:
            await self._end_leftover()
            await self._launch_on_free_port()
        except BaseException:
            await self.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise(), name="embedded-database")
        return self.uri

    async def stop(self) -> None:
        """Close the store and free the directory; does nothing where nothing runs."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
            self._supervisor = None
        await self._end_child()
        self._directory.release()

    async def _end_leftover(self) -> None:
        """The child of a server that was killed may still be closing the store."""
        holder = self._directory.holder()
        if holder is None:
            return
        began = time.monotonic()
        while str(self._store) in _command_line(holder.database_pid):
            if time.monotonic() - began > STOP_SECONDS:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(holder.database_pid, signal.SIGKILL)
            await asyncio.sleep(POLL_SECONDS)

    async def _launch_on_free_port(self) -> None:
        if self._fixed_port is not None:
            await self._launch()
            return
        # Another program may take the port between its choice and the child's opening it.
        for _ in range(2):
            self._port = _free_port()
            with contextlib.suppress(PortTaken):
                await self._launch()
                return
        self._port = _free_port()
        await self._launch()

    async def _launch(self) -> None:
        """Start the child and wait until it answers."""
        options = ["--config", CONFIGURATION, "--port", str(self._port)]
        options += ["--storage-path", self._store]
        self._store.mkdir(mode=0o700, exist_ok=True)
        self._write_commit_policy()
        # -P: the child's path would else begin with this package's directory.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", CHILD, *options),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            # A stray variable of SecantusDB's own tests turns its journal off.
            env=os.environ | {"SECANTUS_FORCE_DURABLE": "1"},
            # Ctrl-C in a terminal is for the server, which stops the database last.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._log_keeper = asyncio.create_task(self._keep_log(self._process))
        self._say_who(self._process, uri=None)
        await self._await_answer(self._process)
        self._answers = True
        self._say_who(self._process, uri=None if self._private else self.uri)

    def _write_commit_policy(self) -> None:
        """Have each commit in the journal before it is acknowledged.

        SecantusDB leaves commits in its own memory for up to half a second, and a kill loses them.
        With "none" they reach the operating system, which costs nothing measurable and survives
        the process; with "fsync" the disk, which survives the power too. WiredTiger reads this
        file last, so that it holds over the options SecantusDB opens the store with.
        """
        method = "fsync" if self._sync_on_commit else "none"
        policy = f"transaction_sync=(enabled=true,method={method})\n"
        (self._store / "WiredTiger.config").write_text(policy)

    def _say_who(self, process: Process, *, uri: str | None) -> None:
        try:
            self._directory.say(Holder(pid=os.getpid(), database_pid=process.pid, uri=uri))
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The data directory {self._directory.path} cannot be written: {error.strerror}."
            ) from error

    async def _await_answer(self, process: Process) -> None:
        deadline = time.monotonic() + START_SECONDS
        while await self._answering_pid() != process.pid:
            if process.returncode is not None:
                raise await self._explain_end(process)
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseError(
                    f"The embedded database has not answered for {START_SECONDS:.0f} s: "
                    f"see {self._log_file}."
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _answering_pid(self) -> int | None:
        """The process that serves the port; None where none does, or not in this protocol."""
        if not await _try_connect(self._port):
            return None
        client: AgnosticClient[Document] = AsyncIOMotorClient(
            self.uri, serverSelectionTimeoutMS=2000
        )
        try:
            status = await client.admin.command("serverStatus")
            # Reads the catalogue, which opening the store does not.
            await client.list_database_names()
        except ConnectionFailure:
            return None
        except OperationFailure as error:
            raise self._damaged() from error
        finally:
            client.close()
        return int(status["pid"])

    async def _explain_end(self, process: Process) -> StorageError:
        if self._log_keeper is not None:
            await self._log_keeper
        said = self._log_tail.decode(errors="replace")
        if "Address already in use" in said:
            return PortTaken(f"Port {self._port} of {HOST} is taken by another program.")
        if "already being managed by another process" in said:
            return DataDirectoryInUse(f"Another program has opened the store in {self._store}.")
        if "No space left on device" in said:
            return EmbeddedDatabaseError(f"There is no space left for the store in {self._store}.")
        if "WT_TRY_SALVAGE" in said or _PANIC.decode() in said:
            return self._damaged()
        last_line = said.strip().rpartition("\n")[2] or "it said nothing"
        return EmbeddedDatabaseError(
            f"The embedded database ended at its start with status {process.returncode}: "
            f"{last_line} (more in {self._log_file})."
        )

    def _damaged(self) -> StoreDamaged:
        return StoreDamaged(
            f"The store in {self._store} is damaged: put a copy of it back, or move it away "
            f"to begin with an empty one. What is wrong is in {self._log_file}."
        )

    async def _supervise(self) -> None:
        deaths = 0
        while self._process is not None:
            began = time.monotonic()
            status = await self._process.wait()
            self._answers = False
            deaths = deaths + 1 if time.monotonic() - began < STEADY_SECONDS else 1
            pause = RESTART_SECONDS[min(deaths, len(RESTART_SECONDS)) - 1]
            log.warning("embedded database ended with status %s, restart in %s s", status, pause)
            await asyncio.sleep(pause)
            try:
                await self._launch()
            except (StorageError, OSError) as error:
                log.error("embedded database did not start: %s", error)  # noqa: TRY400 - says all
                await self._end_child()
            else:
                log.warning("embedded database answers again at %s", self.uri)

    async def _end_child(self) -> None:
        self._answers = False
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.write(b"\n")  # see embedded_child
        deadline = time.monotonic() + STOP_SECONDS
        while process.returncode is None:
            # Its accepting thread notices the end with the next connection, or after 2 s.
            await _try_connect(self._port)
            if time.monotonic() > deadline:
                process.kill()
            await asyncio.sleep(POLL_SECONDS)
        if self._log_keeper is not None:
            await self._log_keeper

    async def _keep_log(self, process: Process) -> None:
        """Copy what the child says into its log, which is kept short."""
        output = process.stdout
        self._log_tail = b""
        while output is not None and (said := await output.read(65536)):
            self._log_tail = (self._log_tail + said)[-8192:]
            if self._answers and _PANIC in self._log_tail:
                # Of a full disk, say: it serves nobody any more, and a new one finds all it wrote.
                process.kill()
            # Read on with a full disk too: a pipe that nobody empties would stop the child.
            with contextlib.suppress(OSError):
                if self._log_file.exists() and self._log_file.stat().st_size > LOG_BYTES:
                    self._log_file.replace(self._log_file.with_suffix(".log.1"))
                with self._log_file.open("ab") as file:
                    file.write(said)


def running_uri(data_dir: Path) -> str | None:
    """Where the server that runs on the directory, if any, has its database."""
    directory = DataDirectory(data_dir)
    holder = directory.holder()
    return holder.uri if holder is not None and directory.is_taken() else None


@asynccontextmanager
async def embedded_or_running(
    data_dir: Path, *, patience_seconds: float = 30.0
) -> AsyncGenerator[str]:
    """For commands: the database of the server that runs on the directory, or one of their own.

    Waits for `patience_seconds` for a server that is starting or another command to end; then
    raises `DataDirectoryInUse`. Raises what `EmbeddedDatabase.start` does.
    """
    deadline = time.monotonic() + patience_seconds
    own = EmbeddedDatabase(data_dir, private=True)
    try:
        while (uri := running_uri(data_dir)) is None:
            try:
                uri = await own.start()
                break
            except DataDirectoryInUse:
                if time.monotonic() > deadline:
                    raise
        yield uri
    finally:
        await own.stop()


def _free_port() -> int:
    """Choose a port below those that systems give to outgoing connections.

    Among those, a client's connection could take it while the database restarts: even a client of
    the database itself, which the system may connect to its own port.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - not a secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


async def _try_connect(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _command_line(pid: int) -> str:
    """Empty where there is no such process, or no way to know."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""
    try:
        return subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - found by PATH
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    except OSError:
        return ""
