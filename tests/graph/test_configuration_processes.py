"""Two server processes on one database: they start as one, and follow each other at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from tests.client import Api
from tests.servers import Server, new_database_name, running_server, settings

READ = "{ configuration { terminology { version ticketSingular } ticketIdFormat { prefix } } }"
CHANGE = """
mutation($noun: String!, $version: Int!) {
  updateTerminology(input: {ticketSingular: $noun, ticketPlural: "x", createVerb: "x",
    customerNoun: "x", agentNoun: "x", resolveVerb: "x", expectedVersion: $version}) {
    ... on ConfigurationPayload { configuration { terminology { version } } }
  }
}
"""
CHANGES = 20


@pytest.fixture(scope="module")
async def servers(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[list[Server]]:
    """Started at once on an empty database, each with an environment of its own."""
    environment = settings(mongodb_uri=mongodb_uri, database_name=new_database_name())
    directory = tmp_path_factory.mktemp("processes")
    async with AsyncExitStack() as stack:
        starting = (
            stack.enter_async_context(
                running_server(
                    environment | {"TICKET_PREFIX": prefix, "TICKET_NOUN": f"caso {prefix}"},
                    directory / f"{prefix}.log",
                )
            )
            for prefix in ("UNO", "DOS")
        )
        yield await asyncio.gather(*starting)


async def test_processes_that_start_at_once_have_one_configuration(
    servers: list[Server],
) -> None:
    admins = [await server.sign_in() for server in servers]

    read = [(await admin.query(READ))["configuration"] for admin in admins]

    assert read[0] == read[1]
    assert read[0]["ticketIdFormat"]["prefix"] in ("UNO", "DOS")
    prefix = read[0]["ticketIdFormat"]["prefix"]
    assert read[0]["terminology"] == {"version": 1, "ticketSingular": f"caso {prefix}"}
    history = await admins[0].query("{ configurationHistory { totalCount } }")
    assert history["configurationHistory"]["totalCount"] == 7


async def test_a_change_in_one_process_is_served_by_the_other_at_once(
    servers: list[Server],
) -> None:
    """Long before a copy's five minutes are over; how long, depends on the machine."""
    writer, reader = [await server.sign_in() for server in servers]
    version = (await reader.query(READ))["configuration"]["terminology"]["version"]

    for number in range(CHANGES):
        changed = await writer.query(CHANGE, {"noun": f"caso {number}", "version": version})
        version = changed["updateTerminology"]["configuration"]["terminology"]["version"]
        await until_version(reader, version)


async def until_version(reader: Api, version: int) -> None:
    async with asyncio.timeout(60):
        while (await reader.query(READ))["configuration"]["terminology"]["version"] < version:
            pass
