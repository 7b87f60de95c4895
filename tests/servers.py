"""Real servers, each a process of its own on a free port of the loopback."""

import asyncio
import os
import re
import secrets
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.client import Api

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("tickets")
SECRET_KEY = secrets.token_urlsafe(32)
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = secrets.token_urlsafe(12)
# How patient a test is, on a machine that has much else to do.
START_SECONDS = 180.0
STOP_SECONDS = 60.0


class Server:
    """A `tickets serve` with its settings. Its log grows in `log_file`."""

    def __init__(
        self,
        process: Process,
        http: httpx.AsyncClient,
        environment: dict[str, str],
        log_file: Path,
    ) -> None:
        self.process = process
        self.http = http
        self.environment = environment
        self.log_file = log_file

    @property
    def address(self) -> str:
        return str(self.http.base_url).rstrip("/")

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def workers(self) -> list[int]:
        """Of several processes behind one address each that was ever started, in turn."""
        return [
            int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", self._whole_log)
        ]

    @property
    def _started(self) -> int:
        return self._whole_log.count("Application startup complete")

    @property
    def _whole_log(self) -> str:
        return self.log_file.read_text("utf-8", errors="replace")

    def api(self, credential: str | None = None, *, customer_id: str | None = None) -> Api:
        return Api(self.http, credential, customer_id=customer_id)

    async def sign_in(self, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD) -> Api:
        """As the first admin unless told otherwise."""
        result = await self.api().succeed("login", email=email, password=password)
        return self.api(result["accessToken"])

    async def is_ready(self) -> bool:
        try:
            return (await self.http.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def until_ready(self) -> None:
        """Until each of its processes is, of which one alone would answer."""
        processes = int(self.environment.get("TICKETS_WORKERS", "1"))
        deadline = time.monotonic() + START_SECONDS
        while not (await self.is_ready() and self._started >= processes):
            assert self.process.returncode is None, f"the server ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"the server is not ready:\n{self.log()}"
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """As an operator would; a server that does not mind is killed and fails the test."""
        await self.http.aclose()
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"the server did not stop:\n{self.log()}") from None

    async def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        await self.process.wait()

    def log(self, lines: int = 60) -> str:
        """The last lines of its log."""
        return "\n".join(self._whole_log.splitlines()[-lines:])


def settings(
    *, mongodb_uri: str | None = None, data_dir: Path | None = None, database_name: str = "tickets"
) -> dict[str, str]:
    """The environment of a server, as variables; none of the caller's own settings.

    `mongodb_uri` for one on a database that runs already, `data_dir` for one with its own.
    """
    own = ("TICKETS_", "TICKET_", "OPENAI_", "ASSISTANT_")
    chosen = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    chosen |= {
        "TICKETS_SECRET_KEY": SECRET_KEY,
        "TICKETS_ADMIN_EMAIL": ADMIN_EMAIL,
        "TICKETS_ADMIN_PASSWORD": ADMIN_PASSWORD,
        # All tests come from one address, and from few accounts.
        "TICKETS_LOGIN_RATE_PER_ADDRESS": "100000 per minute",
        "TICKETS_REQUEST_RATE_PER_ADDRESS": "100000 per minute",
        "TICKETS_REQUEST_RATE_PER_ACCOUNT": "1000000 per minute",
        "TICKETS_REQUEST_RATE_PER_KEY": "1000000 per minute",
        # Those who are signed in for the whole run stay so, however slow the machine.
        "TICKETS_ACCESS_TOKEN_MINUTES": "1440",
        # Nor is the database of a slow machine away because it is silent for a while.
        "TICKETS_DATABASE_TIMEOUT_SECONDS": "60",
        "TICKETS_DATABASE_NAME": database_name,
    }
    if mongodb_uri is not None:
        chosen["TICKETS_MONGODB_URI"] = mongodb_uri
    if data_dir is not None:
        chosen["TICKETS_DATA_DIR"] = str(data_dir)
    return chosen


async def start_server(
    environment: dict[str, str], log_file: Path, *, port: int | None = None
) -> Server:
    """A server that is ready."""
    port = port or free_port()
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            COMMAND,
            "serve",
            cwd=ROOT,
            env=environment | {"TICKETS_HOST": "127.0.0.1", "TICKETS_PORT": str(port)},
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
        )
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)
    server = Server(process, http, environment, log_file)
    try:
        await server.until_ready()
    except BaseException:
        await http.aclose()
        if process.returncode is None:
            await server.kill()
        raise
    return server


@asynccontextmanager
async def running_server(environment: dict[str, str], log_file: Path) -> AsyncGenerator[Server]:
    server = await start_server(environment, log_file)
    try:
        yield server
    finally:
        await server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Servers:
    """Starts further servers, for one test."""

    def __init__(self, directory: Path, mongodb_uri: str) -> None:
        self._directory = directory
        self._mongodb_uri = mongodb_uri
        self.started: list[Server] = []

    async def start(
        self,
        *,
        database_name: str | None = None,
        data_dir: Path | None = None,
        port: int | None = None,
        **variables: str,
    ) -> Server:
        """A server with an empty database, or on that of the `database_name` that is given.

        With a `data_dir` it has an embedded database of its own; otherwise it shares the
        session's. `variables` are further settings: `TICKETS_MAX_COST="100"`.
        """
        name = database_name or new_database_name()
        uri = None if data_dir else self._mongodb_uri
        log_file = self._directory / f"server-{len(self.started)}.log"
        environment = settings(mongodb_uri=uri, data_dir=data_dir, database_name=name)
        server = await start_server(environment | variables, log_file, port=port)
        self.started.append(server)
        return server

    async def start_beside(self, server: Server, **variables: str) -> Server:
        """Another process on that server's database."""
        name = server.environment["TICKETS_DATABASE_NAME"]
        return await self.start(database_name=name, data_dir=None, port=None, **variables)

    async def stop(self) -> None:
        for server in self.started:
            await server.stop()


async def until_shown(expected: object, show: Callable[[], Awaitable[object]]) -> None:
    """Until another process, which hears of a change, shows what is `expected`."""
    async with asyncio.timeout(30):
        while await show() != expected:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0.01)


def new_database_name() -> str:
    return f"test_{secrets.token_hex(4)}"
