"""The demo company, played by the real command and asked for through the API."""

import asyncio
import contextlib
import itertools
import os
import pty
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.demo.script import CONVERSATIONS, CUSTOMERS, PERIOD, TICKETS
from domain.demo.stories import company as written
from graph.demo import PASSWORD, QUERY
from persistence.database import Database, connected
from persistence.embedded import running_uri
from tests.client import Api
from tests.commands import WIDTH, run, succeed
from tests.ledger import Ledger
from tests.servers import (
    COMMAND,
    ROOT,
    Server,
    Servers,
    free_port,
    new_database_name,
    running_server,
    settings,
)


@dataclass(frozen=True, slots=True)
class Company:
    """What `tickets demo` made of an empty data directory, and a server on it."""

    output: str
    environment: dict[str, str]
    server: Server
    database: Database
    supervisor: Api

    async def ledger(self) -> Ledger:
        return await Ledger.read(self.database)


@pytest.fixture(scope="module")
async def company(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Company]:
    directory = tmp_path_factory.mktemp("company")
    environment = settings(data_dir=directory / "data")
    output = await succeed("demo", environment=environment)
    async with running_server(environment, directory / "server.log") as server:
        uri = running_uri(directory / "data")
        assert uri is not None
        supervisor = await server.sign_in(written().agents[0].email, PASSWORD)
        async with connected(uri, "tickets") as database:
            yield Company(output, environment, server, database, supervisor)


async def test_it_says_who_works_there_and_how_to_sign_in(company: Company) -> None:
    assert PASSWORD in company.output
    assert len(written().agents) == 6
    for agent in written().agents:
        assert agent.email in company.output
        assert await company.server.sign_in(agent.email, PASSWORD)


async def test_the_query_that_it_offers_finds_lamps_without_accents(company: Company) -> None:
    assert QUERY.splitlines()[1].strip() in company.output
    found = (await company.supervisor.query(QUERY))["tickets"]
    assert found["totalCount"] > 5
    assert any("lámpara" in node["subject"].lower() for node in found["nodes"])


async def test_the_admin_is_another_person(company: Company) -> None:
    admin = await company.server.sign_in()
    agents = await admin.query("{ agents(first: 20) { totalCount nodes { role } } }")
    assert agents["agents"]["totalCount"] == 7
    roles = [agent["role"] for agent in agents["agents"]["nodes"]]
    assert sorted(set(roles)) == ["ADMIN", "AGENT", "SUPERVISOR"]
    assert roles.count("ADMIN") == 1


async def test_the_dashboard_is_alive(company: Company) -> None:
    figures = (
        await company.supervisor.query(
            """{ ticketStatistics(days: 30) {
                total unassigned escalated averageRating ratingCount
                byStatus { status count } byPriority { priority count }
                byCategory { category { id } count } byAssignee { count }
                firstResponseSla { state count } resolutionSla { state count }
                perDay { created resolved }
                firstResponseTime { medianSeconds } resolutionTime { medianSeconds }
            } }"""
        )
    )["ticketStatistics"]
    assert figures["total"] == TICKETS
    assert all(status["count"] for status in figures["byStatus"])
    assert all(priority["count"] for priority in figures["byPriority"])
    assert len(figures["byCategory"]) == 6
    assert len(figures["byAssignee"]) == 7, "six agents and nobody"
    assert figures["unassigned"]
    assert figures["escalated"]
    assert figures["ratingCount"] > 30
    assert 3 < figures["averageRating"] < 5
    for clock in ("firstResponseTime", "resolutionTime"):
        assert figures[clock]["medianSeconds"] > 0
    # A first response is never paused.
    states = {each["state"]: each["count"] for each in figures["firstResponseSla"]}
    assert all(states[state] for state in states if state != "PAUSED"), states
    states = {each["state"]: each["count"] for each in figures["resolutionSla"]}
    assert all(states.values()), states
    assert sum(day["resolved"] > 0 for day in figures["perDay"]) > 20


async def test_events_versions_and_notes_agree(company: Company) -> None:
    ledger = await company.ledger()
    ledger.check()
    assert len(ledger.tickets) == TICKETS
    visibilities = {note["visibility"] for note in ledger.notes}
    assert visibilities == {"PUBLIC", "INTERNAL"}
    types = {event["type"] for history in ledger.histories.values() for event in history}
    expected = "CREATED STATUS_CHANGED ASSIGNED NOTE_ADDED ESCALATED ESCALATION_LIFTED RESOLVED"
    expected += " REOPENED CLOSED FEEDBACK_GIVEN LINKED"
    assert types == set(expected.split())
    assert {ticket["source"] for ticket in ledger.tickets.values()} == {
        "ASSISTANT",
        "AGENT",
        "API",
    }


async def test_everything_happened_in_the_last_days_and_in_order(company: Company) -> None:
    ledger = await company.ledger()
    now = datetime.now(UTC)
    for history in ledger.histories.values():
        times = [event["occurred_at"] for event in history]
        assert times == sorted(times)
        assert now - PERIOD - timedelta(hours=1) < times[0]
        assert times[-1] < now
    by_number = sorted(ledger.tickets.values(), key=lambda ticket: ticket["ticket_id"])
    opened = [ticket["created_at"] for ticket in by_number]
    assert all(a <= b for a, b in itertools.pairwise(opened)), "numbers rise with time"


async def test_no_two_tickets_are_alike(company: Company) -> None:
    tickets = (await company.ledger()).tickets.values()
    for field in ("subject", "description"):
        assert len({ticket[field] for ticket in tickets}) == TICKETS


async def test_customers_have_talked(company: Company) -> None:
    assert await count(company.database, "customers") == CUSTOMERS
    assert await count(company.database, "conversations") == CONVERSATIONS
    assert await count(company.database, "messages") > 4 * CONVERSATIONS
    assert await count(company.database, "ticket_links") > 10
    texts = await company.database.named_collection("messages").distinct("text")
    assert not [text for text in texts if "{" in text], "a word that nobody filled in"
    numbers = {ticket["ticket_id"] for ticket in (await company.ledger()).tickets.values()}
    said = {number for text in texts for number in re.findall(r"LUX-\d{4}-\d{6}", text)}
    assert said
    assert said <= numbers


async def test_a_ticket_tells_its_whole_story(company: Company) -> None:
    """Of one that was resolved, through the API: what an agent who opens it reads."""
    listed = await company.supervisor.query(
        """{ tickets(first: 20, filter: {status: [CLOSED], source: ASSISTANT}) {
            nodes { ticketId resolution { summary } }
        } }"""
    )
    resolved = [node["ticketId"] for node in listed["tickets"]["nodes"] if node["resolution"]]
    ticket = await company.supervisor.read(resolved[0])
    assert ticket["resolution"]["summary"]
    assert ticket["resolution"]["resolvedBy"]["kind"] == "AGENT"
    assert ticket["sla"]["resolution"]["state"] in ("MET", "MISSED")
    assert [change["to"] for change in ticket["statusHistory"]][-2:] == ["RESOLVED", "CLOSED"]
    assert ticket["customer"]["phone"].startswith("+52")
    assert ticket["conversation"]["handler"] == "HUMAN"


async def test_a_database_that_has_tickets_is_left_as_it_is(company: Company) -> None:
    """Beside the server that runs on it, too."""
    before = await count(company.database, "ticket_events")
    done = await run("demo", environment=company.environment)
    assert done.status == 1
    assert "This database has tickets" in done.output
    assert await count(company.database, "ticket_events") == before


# ---- what `tickets serve` says of it -----------------------------------------------------------


class Terminal:
    """A `tickets serve` on an empty database, in a terminal where somebody sits."""

    def __init__(self, process: Process, screen: int, environment: dict[str, str]) -> None:
        self.process = process
        self.environment = environment
        self._screen = screen
        self._seen = b""

    async def until(self, text: str) -> None:
        """Reads on until that is on the screen."""
        async with asyncio.timeout(60):
            while text.encode() not in self._seen:
                self._seen += await asyncio.to_thread(os.read, self._screen, 65536)

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    async def end(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        return await asyncio.wait_for(self.process.wait(), 20)


@pytest.fixture
async def terminal(mongodb_uri: str) -> AsyncGenerator[Terminal]:
    screen, keyboard = pty.openpty()
    environment = settings(mongodb_uri=mongodb_uri, database_name=new_database_name())
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        "serve",
        cwd=ROOT,
        env=environment | WIDTH | {"TICKETS_PORT": str(free_port())},
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
    )
    os.close(keyboard)
    yield Terminal(process, screen, environment)
    if process.returncode is None:
        process.kill()
        await process.wait()
    os.close(screen)


async def test_serve_offers_it_and_what_was_cut_short_can_be_made_again(
    terminal: Terminal, mongodb_uri: str
) -> None:
    """When it is killed, agents and customers are there, but neither conversations nor tickets."""
    await terminal.until("Fill it with a demo company? [Y/n]")
    terminal.type("\n")
    await terminal.until("Living through the month")
    assert await terminal.end(signal.SIGKILL) == -signal.SIGKILL
    async with connected(mongodb_uri, terminal.environment["TICKETS_DATABASE_NAME"]) as database:
        assert await count(database, "customers") == CUSTOMERS
        assert await count(database, "conversations") == await count(database, "tickets") == 0
        await succeed("demo", environment=terminal.environment)
        ledger = await Ledger.read(database)
        ledger.check()
        assert len(ledger.tickets) == TICKETS
        assert await count(database, "customers") == CUSTOMERS
        assert await count(database, "agents") == 7
        assert await count(database, "api_keys") == 2


async def count(database: Database, collection: str) -> int:
    return await database.named_collection(collection).count_documents({})


async def test_serve_takes_no_for_an_answer(terminal: Terminal) -> None:
    await terminal.until("[Y/n]")
    terminal.type("n\n")
    await terminal.until("Application startup complete")
    await terminal.end(signal.SIGTERM)


async def test_ctrl_c_at_the_question_ends_the_server(terminal: Terminal) -> None:
    await terminal.until("[Y/n]")
    status = None
    while status is None:
        # Which is not heard in the moment before the answer is read: then people press it again.
        with contextlib.suppress(TimeoutError):
            status = await terminal.end(signal.SIGINT)
    assert status == 1


async def test_serve_asks_nobody_who_is_not_there(servers: Servers) -> None:
    server = await servers.start()
    assert "tickets demo makes a demo company" in server.log()
    answer = await (await server.sign_in()).query("{ tickets { totalCount } }")
    assert answer["tickets"]["totalCount"] == 0
