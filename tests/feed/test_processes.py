"""Several processes, one feed: whichever committed an event, and whichever is asked."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.client import Api, Data
from tests.factories import Factory
from tests.feed.socket import Subscription, connected
from tests.servers import Server, new_database_name, running_server, settings


@pytest.fixture(scope="module")
def environment(mongodb_uri: str) -> dict[str, str]:
    return settings(mongodb_uri=mongodb_uri, database_name=new_database_name())


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
async def one(environment: dict[str, str], logs: Path) -> AsyncGenerator[Server]:
    async with running_server(environment, logs / "one.log") as server:
        yield server


@pytest.fixture(scope="module")
async def other(environment: dict[str, str], logs: Path, chief: Api) -> AsyncGenerator[Server]:
    assert chief, "the first has made the first admin"
    async with running_server(environment, logs / "other.log") as server:
        yield server


@pytest.fixture(scope="module")
async def chief(one: Server) -> Api:
    """The admin, whom both servers know."""
    return await one.sign_in()


@pytest.fixture(scope="module")
def maker(one: Server, chief: Api) -> Factory:
    return Factory(one, chief)


async def take(events: Subscription, ticket: Data) -> Data:
    """What is told of the ticket's creation, and nothing that came before it."""
    while (event := await events.event())["ticketId"] != ticket["ticketId"]:
        pass
    return event


async def test_an_event_is_told_by_every_process_with_the_same_cursor(
    one: Server, other: Server, chief: Api, maker: Factory
) -> None:
    async with (
        connected(one, chief.credential) as near,
        connected(other, chief.credential) as far,
    ):
        here, there = await near.follow(), await far.follow()
        ticket = await maker.ticket()
        assert await take(here, ticket) == await take(there, ticket)


async def test_a_cursor_of_one_process_resumes_at_another(
    one: Server, other: Server, chief: Api, maker: Factory
) -> None:
    async with connected(one, chief.credential) as socket:
        events = await socket.follow()
        first = await take(events, await maker.ticket())
        second = [await maker.ticket() for _ in range(3)]
        told = [await events.event() for _ in second]
    async with connected(other, chief.credential) as socket:
        events = await socket.subscribe(after=first["cursor"])
        third = [await maker.ticket() for _ in range(3)]
        resumed = [await events.event() for _ in (*second, *third)]
    assert [each["id"] for each in resumed[:3]] == [each["id"] for each in told]
    assert [each["ticketId"] for each in resumed[3:]] == [each["ticketId"] for each in third]


async def test_a_process_that_has_just_started_tells_what_was_missed_before(
    one: Server, chief: Api, maker: Factory, environment: dict[str, str], logs: Path
) -> None:
    """Its own log holds nothing yet, but the database does."""
    async with connected(one, chief.credential) as socket:
        events = await socket.follow()
        last = await take(events, await maker.ticket())
    missed = [await maker.ticket() for _ in range(5)]
    async with (
        running_server(environment, logs / "heir.log") as heir,
        connected(heir, chief.credential) as socket,
    ):
        # Twice: what the first has brought back to the log, the second finds there.
        for _ in range(2):
            events = await socket.subscribe(after=last["cursor"])
            resumed = [await events.event() for _ in missed]
            assert [each["ticketId"] for each in resumed] == [each["ticketId"] for each in missed]
            missed.append(live := await maker.ticket())
            assert (await events.event())["ticketId"] == live["ticketId"]


async def test_a_changed_configuration_is_told_by_every_process(
    one: Server, other: Server, chief: Api
) -> None:
    document = "subscription { configurationChanged { terminology { ticketSingular } } }"
    names = ["ticketSingular", "ticketPlural", "createVerb", "customerNoun", "agentNoun"]
    async with (
        connected(one, chief.credential) as near,
        connected(other, chief.credential) as far,
    ):
        streams = [await near.subscribe(document), await far.subscribe(document)]
        for socket in (near, far):
            await socket.until_served()
        asked = "{ configuration { terminology { version } } }"
        version = (await chief.query(asked))["configuration"]["terminology"]["version"]
        for number, noun in enumerate(("caso", "pedido")):
            words = dict.fromkeys([*names, "resolveVerb"], noun)
            await chief.succeed("updateTerminology", **words, expectedVersion=version + number)
            for stream in streams:
                changed = (await stream.data())["configurationChanged"]
                assert changed == {"terminology": {"ticketSingular": noun}}


async def test_figures_come_at_once_and_then_at_most_once_a_second(
    other: Server, chief: Api, maker: Factory
) -> None:
    """Committed by one process, counted by the other."""
    document = (
        "subscription($tag: String) { ticketStatistics(filter: {tag: $tag}) { total byStatus "
        "{ status count } } }"
    )
    tag = maker.word()
    async with connected(other, chief.credential) as socket:
        figures = [await socket.subscribe(document, tag=tag) for _ in range(2)]
        for each in figures:
            assert (await each.data())["ticketStatistics"]["total"] == 0
        await maker.ticket()
        began = time.monotonic()
        totals: list[int] = []
        creating = asyncio.create_task(create(maker, 8, tag))
        while not totals or totals[-1] < 8:
            totals.append((await figures[0].data())["ticketStatistics"]["total"])
        elapsed = time.monotonic() - began
        await creating
        while (await figures[1].data())["ticketStatistics"]["total"] < 8:
            pass
    assert totals == sorted(totals)
    assert len(totals) <= elapsed + 1


async def create(maker: Factory, count: int, tag: str) -> None:
    for _ in range(count):
        await maker.ticket(tags=[tag])
