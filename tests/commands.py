"""The `tickets` command, run as a person or a script would run it."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from dataclasses import dataclass

from tests.servers import COMMAND, ROOT

# Wide enough that no message is wrapped, since nobody reads it.
WIDTH = {"COLUMNS": "300"}


@dataclass(frozen=True, slots=True)
class Done:
    """`output`: what was said on either stream."""

    status: int
    output: str


async def start(*arguments: str, environment: dict[str, str]) -> Process:
    """Nobody is there to answer it."""
    return await asyncio.create_subprocess_exec(
        COMMAND,
        *arguments,
        cwd=ROOT,
        env=environment | WIDTH,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )


async def run(*arguments: str, environment: dict[str, str]) -> Done:
    process = await start(*arguments, environment=environment)
    output, _ = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, output.decode())


async def succeed(*arguments: str, environment: dict[str, str]) -> str:
    """The output; another status than 0 fails the test, which shows the end: that tells why."""
    done = await run(*arguments, environment=environment)
    assert done.status == 0, "\n".join(done.output.splitlines()[-12:])
    return done.output
