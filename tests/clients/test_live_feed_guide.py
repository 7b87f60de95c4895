"""docs/live-feed.md: its programs run as they stand, with the official clients of each language.

Node's are installed by `make test`.
"""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.client import Api
from tests.factories import PASSWORD, Factory, Person
from tests.feed.past import latest_event
from tests.feed.socket import PATIENCE_SECONDS, connected
from tests.proxy import Proxy
from tests.servers import Server

GUIDE = Path(__file__).parents[2] / "docs" / "live-feed.md"
PROGRAMS = dict(
    re.findall(r"^```\w+ (\S+)\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
)
(TRIAL,) = re.findall(
    r"^```graphql\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
NODE = Path(sys.executable).with_name("node")
NODE_MODULES = Path(__file__).parent / "node_modules"
COMMANDS: dict[str, list[str | Path]] = {
    "follow.mjs": [NODE, "follow.mjs"],
    "events.mjs": [NODE, "events.mjs"],
    "follow.py": [sys.executable, "-u", "follow.py"],
    "follow.sh": ["bash", "follow.sh"],
}


class Program:
    """What a program of the guide prints, line by line."""

    def __init__(self, output: asyncio.StreamReader) -> None:
        self._output = output

    async def says(self, *expected: str, but: str | None = None) -> None:
        """A line for each of `expected`, which it contains, and none between but of `but`."""
        for each in expected:
            line = await self._line()
            while but is not None and but in line:
                line = await self._line()
            assert each in line, line

    async def _line(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self._output.readline()).decode()


@asynccontextmanager
async def running(
    name: str, directory: Path, environment: dict[str, str]
) -> AsyncGenerator[Program]:
    process = await asyncio.create_subprocess_exec(
        *COMMANDS[name], cwd=directory, env=environment, stdout=PIPE, start_new_session=True
    )
    assert process.stdout is not None
    try:
        yield Program(process.stdout)
        assert process.returncode is None, "it goes on for ever"
    finally:
        # Its children too, which would else go on writing.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the programs are, as somebody would have copied them from the guide."""
    assert NODE_MODULES.exists(), "make test installs them"
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@asynccontextmanager
async def wired(server: Server) -> AsyncGenerator[tuple[Proxy, str]]:
    """A wire to the server, and its address by that wire."""
    target = urlsplit(server.address)
    assert target.hostname is not None
    assert target.port is not None
    wire = Proxy(target.hostname, target.port)
    try:
        yield wire, f"http://{await wire.start()}"
    finally:
        await wire.stop()


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_client_of_the_guide_follows_and_resumes_exactly(
    name: str, directory: Path, server: Server, admin: Api, make: Factory
) -> None:
    person = await make.person("SUPERVISOR")
    place = directory / "cursor.txt"
    place.write_text((await latest_event(server, admin, make))["cursor"])
    async with wired(server) as (wire, address):
        environment = environment_of(server, person, address)
        async with running(name, directory, environment) as program:
            await program.says((await make.ticket())["ticketId"])

            # The line is cut, the program comes back by itself, and is told what it missed.
            wire.cut()
            missed = await tickets(make, 3)
            wire.mend()
            await program.says(*missed)
            await program.says(*await tickets(make, 1))

            # What changes everything is told, and what comes after it.
            await admin.succeed("updateAgent", id=person.id, role="ADMIN")
            (last,) = await tickets(make, 1)
            await program.says("Your role has changed", last)

        # As is what was missed while it did not run; and once more what it was killed over.
        missed = await tickets(make, 2)
        async with running(name, directory, environment) as program:
            await program.says(*missed, *await tickets(make, 1), but=last)


async def tickets(make: Factory, count: int) -> list[str]:
    return [(await make.ticket())["ticketId"] for _ in range(count)]


def environment_of(server: Server, person: Person, address: str) -> dict[str, str]:
    return {
        "PATH": server.environment["PATH"],
        "TICKETS_URL": address,
        "TICKETS_EMAIL": person.email,
        "TICKETS_PASSWORD": PASSWORD,
        "TICKETS_TOKEN": person.api.credential or "",
        "NO_PROXY": "127.0.0.1",
    }


async def test_what_the_guide_tries_first_works(server: Server, admin: Api, make: Factory) -> None:
    async with connected(server, admin.credential) as socket:
        events = await socket.subscribe(TRIAL)
        await socket.until_served()
        ticket = await make.ticket()
        while (event := await events.event())["ticketId"] != ticket["ticketId"]:
            pass
    assert event["listChange"] == "ENTERED"
