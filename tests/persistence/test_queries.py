"""What the API sends to the database: served by indexes, and as often for many rows as for one."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from bson import ObjectId
from graphql import GraphQLInputObjectType

from graph.schema import schema_types
from persistence.database import Database, connected
from tests.client import WHOLE_TICKET, Api, Data
from tests.factories import Factory
from tests.servers import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Server,
    new_database_name,
    running_server,
    settings,
)
from tests.wire import Command, Recorder, recording

AT = "2026-11-22T10:00:00Z"
IS_MONGODB = "TICKETS_TEST_MONGODB_URI" in os.environ


@pytest.fixture(scope="module")
async def recorder(mongodb_uri: str) -> AsyncGenerator[Recorder]:
    async with recording(mongodb_uri) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def database_name() -> str:
    return new_database_name()


@pytest.fixture(scope="module")
async def recorded(
    recorder: Recorder, database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Server]:
    environment = settings(mongodb_uri=recorder.uri, database_name=database_name)
    log_file: Path = tmp_path_factory.mktemp("recorded") / "server.log"
    async with running_server(environment, log_file) as server:
        yield server


@pytest.fixture(scope="module")
async def root(recorded: Server) -> Api:
    return await recorded.sign_in()


@pytest.fixture(scope="module")
def build(recorded: Server, root: Api) -> Factory:
    return Factory(recorded, root)


@pytest.fixture(scope="module")
async def stored(database_name: str, mongodb_uri: str) -> AsyncGenerator[Database]:
    """The recorded server's database, on a way of its own."""
    async with connected(mongodb_uri, database_name) as database:
        yield database


# ---- indexes -------------------------------------------------------------------------------


async def test_every_list_of_tickets_is_served_by_an_index(
    recorder: Recorder, root: Api, build: Factory, stored: Database
) -> None:
    customer = await build.customer()
    conversation = await build.conversation(customer)
    agent, bot = await build.person("AGENT"), await build.bot()
    filters: Data = {
        "status": ["NEW", "OPEN"],
        "priority": ["LOW"],
        "category": ["other"],
        "assigneeId": agent.id,
        "assignedToMe": True,
        "unassigned": True,
        "customerId": customer["id"],
        "conversationId": conversation["id"],
        "tag": "roof",
        "source": "API",
        "escalated": True,
        "slaState": ["BREACHED", "PENDING"],
        "createdAfter": AT,
        "createdBefore": AT,
        "updatedAfter": AT,
        "updatedBefore": AT,
    }
    declared = schema_types().type_map["TicketFilter"]
    assert isinstance(declared, GraphQLInputObjectType)
    assert filters.keys() == declared.fields.keys()
    recorder.commands.clear()
    for filter in [{}, {"escalated": False}, *({name: filters[name]} for name in filters)]:
        for viewer in (root, agent.api, bot.api.speaking_for(customer["id"])):
            for search in (None, "lampara rota"):
                await viewer.query(TICKETS, {"filter": filter, "search": search})
        for viewer in (root, agent.api):
            await viewer.query(STATISTICS, {"filter": filter})
    unserved = await not_served(stored, recorder.commands)
    assert not unserved, "\n".join(unserved)


STATISTICS = "query($filter: TicketFilter) { ticketStatistics(filter: $filter) { total } }"
# Every order, and the count.
TICKETS = (
    "query($filter: TicketFilter, $search: String) {"
    " tickets(filter: $filter, search: $search) { totalCount }"
    + "".join(
        f" {field}: tickets(filter: $filter, search: $search, first: 1,"
        f" orderBy: {{field: {field}}}) {{ nodes {{ id }} }}"
        for field in ("CREATED_AT", "UPDATED_AT", "PRIORITY", "RESOLUTION_DUE_AT")
    )
    + "}"
)


async def test_everything_else_is_served_by_an_index(
    recorder: Recorder, recorded: Server, root: Api, build: Factory, stored: Database
) -> None:
    recorder.commands.clear()
    ids = await work(recorded, root, build)
    asked = EVERYTHING.values()
    await root.query(
        "query($ticketId: String!, $phone: String!, $node: ID!, $conversationId: ID!) {"
        f" {' '.join(asked)} }} {WHOLE_TICKET}",
        ids,
    )
    unserved = await not_served(stored, recorder.commands)
    assert not unserved, "\n".join(unserved)


def test_every_query_of_the_schema_was_asked() -> None:
    declared = schema_types().query_type
    assert declared is not None
    assert EVERYTHING.keys() | {"tickets", "ticketStatistics"} == declared.fields.keys()


# Each with everything that it reads by a query of its own; lists of tickets have their own test.
EVERYTHING = {
    "viewer": "viewer { id }",
    "feedCursor": "feedCursor",
    "agents": "agents { totalCount nodes { id } } all: agents(activeOnly: false) { totalCount }",
    "apiKeys": "apiKeys { totalCount nodes { id } }",
    "ticket": "ticket(ticketId: $ticketId) { ...WholeTicket all: notes { totalCount }"
    " public: notes(visibility: PUBLIC) { totalCount } past: history { totalCount } }",
    "customer": "customer(phone: $phone) { id conversations { totalCount nodes { id } }"
    " statistics { totalTickets } tickets { totalCount nodes { id } } }",
    "customers": "customers { totalCount nodes { id } }"
    ' found: customers(search: "ana 5255") { totalCount nodes { id } }',
    "conversation": "conversation(id: $conversationId) { id handledBy { id }"
    " messages { totalCount nodes { id } } tickets { totalCount nodes { id } } }",
    "configuration": "configuration { terminology { agentNoun } }",
    "configurationHistory": "configurationHistory { totalCount nodes { id } }"
    " some: configurationHistory(section: TERMINOLOGY) { totalCount nodes { id } }",
    "configurationPreview": "configurationPreview { nextTicketId }",
    "assistantTools": "assistantTools",
    "assistantRevisions": "assistantRevisions { totalCount nodes { hash } }",
    "node": "node(id: $node) { id }",
}


async def work(server: Server, root: Api, build: Factory) -> Data:
    """Everything that is done to accounts, customers and tickets; what it was done to."""
    person, bot = await build.person("SUPERVISOR"), await build.bot()
    customer = await build.customer()
    conversation = await build.conversation(customer, externalId="c1")
    await build.conversation(customer, externalId="c1")
    speaking = {"conversationId": conversation["id"]}
    for _ in range(2):
        await bot.api.succeed("recordMessage", **speaking, text="Hello", externalId="m1")
    await root.succeed("takeOverConversation", **speaking)
    details = {"subject": "A", "description": "B", "category": "other"}
    keyed = {**details, **speaking, "idempotencyKey": "1"}
    await bot.api.succeed("createTicket", **keyed)
    made = await bot.api.succeed("createTicket", **keyed)
    ticket_id: str = made["ticket"]["ticketId"]
    other = await build.ticket(customerPhone=customer["phone"])
    on: Data = {"ticketId": ticket_id}
    await root.succeed("assignTicket", **on, assigneeId=person.id)
    await root.succeed("updateTicket", **on, subject="C", priority="URGENT")
    await root.problem("updateTicket", **on, subject="D", expectedVersion=1)
    await root.succeed("escalateTicket", **on, reason="E", escalateToId=person.id)
    await root.succeed("liftEscalation", **on)
    noted = await root.succeed("addTicketNote", **on, content="F", visibility="PUBLIC")
    await root.succeed("retractTicketNote", noteId=noted["ticket"]["notes"]["nodes"][0]["id"])
    noted = await root.succeed("addTicketNote", **on, content="G", visibility="PUBLIC")
    await root.succeed("changeTicketStatus", **on, status="PENDING_CUSTOMER")
    await bot.api.succeed("recordMessage", **speaking, text="Again")
    await root.succeed("linkTickets", **on, otherTicketId=other["ticketId"], kind="DUPLICATE_OF")
    await root.succeed("linkTickets", **on, otherTicketId=other["ticketId"], kind="RELATED")
    await root.succeed("resolveTicket", **on, summary="H")
    await root.succeed("changeTicketStatus", **on, status="CLOSED")
    await root.succeed("recordFeedback", **on, rating=5)
    await root.succeed("upsertCustomer", phone=customer["phone"], name="Ana")
    for key in (customer["id"], conversation["id"]):
        assert (await root.query("query($id: ID!) { node(id: $id) { id } }", {"id": key}))["node"]
    await root.succeed("updateAgent", id=person.id, name="I", password="long enough now")
    await root.succeed("updateAgent", id=person.id, role="AGENT", isActive=False)
    await root.succeed("revokeApiKey", id=bot.id)
    session = await server.api().succeed("login", email=ADMIN_EMAIL, password=ADMIN_PASSWORD)
    for _ in range(2):
        # The second time it is used, it ends the session.
        await server.api().mutate("refreshSession", refreshToken=session["refreshToken"])
    await (await server.sign_in()).succeed("logout")
    return {
        "ticketId": ticket_id,
        "phone": customer["phone"],
        "node": noted["ticket"]["notes"]["nodes"][0]["id"],
        "conversationId": conversation["id"],
    }


async def not_served(database: Database, commands: list[Command]) -> list[str]:
    """The queries in `commands`, values aside, that no index serves."""
    shapes: dict[str, tuple[str, Data]] = {}
    for command in commands:
        for collection, conditions in conditions_of(command):
            shapes[f"{collection} {json.dumps(blanked(conditions))}"] = (collection, conditions)
    return [
        shape
        for shape, (collection, conditions) in sorted(shapes.items())
        if not await is_served(database, collection, conditions)
    ]


def conditions_of(command: Command) -> list[tuple[str, Data]]:
    """The collection and the conditions of each query in a command."""
    verb = next(iter(command))
    collection: str = command[verb]
    match verb:
        case "find" if command.get("limit") == 1 and not command["filter"]:
            return []  # whether there is any: the first one ends it
        case "find":
            return [(collection, command["filter"])]
        case "aggregate" if command[verb] != 1:  # which stands for the database and its changes
            return [(collection, command["pipeline"][0].get("$match", {}))]
        case "count" | "distinct" | "findAndModify":
            return [(collection, command.get("query", {}))]
        case "update" | "delete":
            return [(collection, each["q"]) for each in command[f"{verb}s"]]
        case _:
            return []


def blanked(conditions: Any) -> Any:
    """Conditions without what is compared with."""
    if isinstance(conditions, dict):
        fields = cast("dict[str, Any]", conditions)
        return {field: blanked(clause) for field, clause in fields.items()}
    if isinstance(conditions, list) and conditions and isinstance(conditions[0], dict):
        return [blanked(conditions[0])]
    return "?"


async def is_served(database: Database, collection: str, conditions: Data) -> bool:
    """Whether there is no need to read the collection from end to end.

    The embedded server looks up one clause of several by an index and then, asked to explain
    itself, says that it scans the collection. There a query counts as served when one of its
    clauses alone would be, unless it has an operator at its top, for which that server does scan.
    """
    if await rides(database, collection, conditions):
        return True
    if IS_MONGODB or any(field.startswith("$") for field in conditions):
        return False
    return any(
        [await rides(database, collection, {field: clause}) for field, clause in conditions.items()]
    )


async def rides(database: Database, collection: str, conditions: Data) -> bool:
    plan = await database.native.command(
        {"explain": {"find": collection, "filter": conditions}, "verbosity": "queryPlanner"}
    )
    stages = json.dumps(plan["queryPlanner"]["winningPlan"], default=str)
    return '"COLLSCAN"' not in stages


async def test_of_a_list_that_was_read_before_no_more_than_a_page_is_examined(
    recorder: Recorder, root: Api, build: Factory, stored: Database
) -> None:
    """And of its next page no more than a few; with filters, words and either end as without."""
    tag = build.word()
    await repeat(stored, await build.ticket(tags=[tag]), 300)
    for asked in ({}, {"filter": {"tag": tag}}, {"filter": {"status": ["NEW", "OPEN"]}}):
        for ends in ({"first": 3}, {"last": 3}):
            await examined(recorder, stored, root, {**asked, **ends})
            again, page = await examined(recorder, stored, root, {**asked, **ends})
            # Other tests' tickets may lie between those that meet a filter.
            assert again < 20
            cursor = (
                {"after": page["pageInfo"]["endCursor"]}
                if "first" in ends
                else {"before": page["pageInfo"]["startCursor"]}
            )
            beyond, _ = await examined(recorder, stored, root, {**asked, **ends, **cursor})
            assert beyond < 250


async def test_the_newest_are_found_without_the_old_though_nothing_was_read_before(
    recorder: Recorder, root: Api, build: Factory, stored: Database
) -> None:
    tag = build.word()
    await repeat(stored, await build.ticket(tags=[tag]), 300, apart=timedelta(minutes=20))
    asked: Data = {"filter": {"tag": tag}}
    found, page = await examined(recorder, stored, root, {**asked, "first": 2})
    assert len(page["nodes"]) == 2
    # Of other tests', too, of which some were made in the last hour.
    everything = await stored.named_collection("tickets").count_documents({})
    assert found < everything - 200
    recorder.commands.clear()
    # Nobody knows how far apart these lie.
    older = build.word()
    await repeat(stored, await build.ticket(tags=[older]), 300, apart=timedelta(hours=12))
    answer = await root.query(PAGE, {"filter": {"tag": older}, "first": 20})
    assert len(answer["tickets"]["nodes"]) == 20
    readings = [each for each in recorder.commands if each.get("find") == "tickets"]
    assert 1 < len(readings) <= 5


async def test_the_end_of_a_list_is_looked_for_once(
    recorder: Recorder, root: Api, build: Factory, stored: Database
) -> None:
    """By more than one query only as long as nobody knows that nothing comes after it."""
    tag = build.word()
    await repeat(stored, await build.ticket(tags=[tag]), 5)
    asked: Data = {"filter": {"tag": tag}, "first": 4}
    _, page = await examined(recorder, stored, root, asked)
    asked["after"] = page["pageInfo"]["endCursor"]
    await root.query(PAGE, asked)
    # Which says how many queries there were.
    _, rest = await examined(recorder, stored, root, asked)
    assert len(rest["nodes"]) == 2


async def repeat(
    database: Database, ticket: Data, times: int, *, apart: timedelta = timedelta(milliseconds=10)
) -> None:
    """Tickets like `ticket` that were made before it."""
    milliseconds = apart // timedelta(milliseconds=1)
    tickets = database.named_collection("tickets")
    original = await tickets.find_one({"ticket_id": ticket["ticketId"]})
    assert original is not None
    copies: list[Data] = []
    for number in range(1, times + 1):
        key = ObjectId()
        sort = f"{int(original['sort']['created'][:13], 16) - milliseconds * number:013x}{key}"
        own = {"_id": key, "ticket_id": str(key), "sort": dict.fromkeys(original["sort"], sort)}
        copies.append({**original, **own})
    for each in copies:
        # So that it may be said again: late in a whole run of the tests the embedded server halts
        # for long now and then, and may have taken what it says that it refuses.
        await tickets.replace_one({"_id": each["_id"]}, each, upsert=True)


async def examined(recorder: Recorder, stored: Database, api: Api, asked: Data) -> tuple[int, Data]:
    """How many tickets lie within the bounds that one page was read by, and the page."""
    recorder.commands.clear()
    answer = await api.query(PAGE, asked)
    (command,) = [each for each in recorder.commands if each.get("find") == "tickets"]
    key = "sort.created"
    within = await stored.named_collection("tickets").count_documents({key: command["filter"][key]})
    return within, answer["tickets"]


PAGE = """
query($filter: TicketFilter, $first: Int, $last: Int, $after: String, $before: String) {
  tickets(filter: $filter, first: $first, last: $last, after: $after, before: $before) {
    nodes { ticketId }
    pageInfo { startCursor endCursor }
  }
}
"""


# ---- round trips ---------------------------------------------------------------------------


async def test_a_list_takes_as_many_round_trips_for_a_hundred_rows_as_for_one(
    recorder: Recorder, root: Api, build: Factory, stored: Database
) -> None:
    tag = build.word()
    await multiply(stored, await build.ticket(tags=[tag], customerPhone=build.phone()), 100)
    sent: dict[int, list[str]] = {}
    for size in (1, 20, 100):
        recorder.commands.clear()
        answer = await root.query(LIST, {"size": size, "tag": tag})
        nodes = answer["tickets"]["nodes"]
        assert len({node["customer"]["id"] for node in nodes}) == size
        assert len({node["assignee"]["id"] for node in nodes}) == size
        verbs = sorted(next(iter(command)) for command in recorder.commands)
        # Which is how the server follows changes, meanwhile.
        sent[size] = [verb for verb in verbs if verb != "getMore"]
    assert sent[1] == sent[20] == sent[100]
    # The tickets, and once for each kind of what belongs to them; who asks is remembered.
    assert len(sent[100]) == 6


async def test_a_ticket_with_everything_takes_one_query_for_each_kind(
    recorder: Recorder, root: Api, build: Factory
) -> None:
    customer = await build.customer()
    conversation = await build.conversation(customer)
    one = await build.assigned_ticket(
        await build.person("AGENT"), conversationId=conversation["id"]
    )
    ticket_id = one["ticketId"]
    await root.succeed("addTicketNote", ticketId=ticket_id, content="A", visibility="PUBLIC")
    for kind in ("RELATED", "DUPLICATE_OF"):
        other = (await build.ticket())["ticketId"]
        # At one end of the first, at the other end of the second.
        near, far = (ticket_id, other) if kind == "RELATED" else (other, ticket_id)
        await root.succeed("linkTickets", ticketId=near, otherTicketId=far, kind=kind)
    # From then on it is remembered to whom it belongs.
    await root.query(ONE, {"ticketId": ticket_id})
    recorder.commands.clear()
    ticket = (await root.query(ONE, {"ticketId": ticket_id}))["ticket"]
    assert len(ticket["links"]) == 2
    assert ticket["conversation"]["id"] == conversation["id"]
    assert sorted(each["find"] for each in recorder.commands if "find" in each) == [
        "notes",
        "ticket_events",
        "ticket_events",
        "ticket_links",
        "tickets",
        "tickets",
    ]


async def test_what_many_ask_for_at_once_is_not_read_for_each(
    recorder: Recorder, root: Api, build: Factory
) -> None:
    tag = build.word()
    ticket = await build.ticket(tags=[tag], customerPhone=build.phone())
    for document, variables, most in (
        (PAGE, {"filter": {"tag": tag}, "first": 20}, 1),
        (ONE, {"ticketId": ticket["ticketId"]}, 5),
    ):
        alone = await root.query(document, variables)
        recorder.commands.clear()
        answers = await asyncio.gather(*(root.query(document, variables) for _ in range(20)))
        assert answers == [alone] * 20
        queries = sum("find" in command for command in recorder.commands)
        # Of those who come while it is read, all at most twice.
        assert most <= queries < 20 * most / 2


async def test_who_asks_with_others_at_once_sees_no_more_than_they_may(
    root: Api, build: Factory
) -> None:
    tag, customer, bot = build.word(), await build.customer(), await build.bot()
    ticket_id = (await build.ticket(tags=[tag], customerId=customer["id"]))["ticketId"]
    for visibility in ("PUBLIC", "INTERNAL"):
        await root.succeed(
            "addTicketNote", ticketId=ticket_id, content=visibility, visibility=visibility
        )
    ours = bot.api.speaking_for(customer["id"])
    theirs = bot.api.speaking_for((await build.customer())["id"])
    asked = {"ticketId": ticket_id, "filter": {"tag": tag}}
    alone = [await viewer.query(SEEN, asked) for viewer in (root, ours, theirs)]
    assert [len(each["ticket"]["notes"]["nodes"]) for each in alone[:2]] == [2, 1]
    assert [len(each["ticket"]["history"]["nodes"]) for each in alone[:2]] == [3, 2]
    assert alone[2] == {"ticket": None, "tickets": {"nodes": []}}
    together = await asyncio.gather(
        *(viewer.query(SEEN, asked) for viewer in (root, ours, theirs) * 8)
    )
    assert together == alone * 8


SEEN = """
query($ticketId: String!, $filter: TicketFilter) {
  ticket(ticketId: $ticketId) {
    notes { nodes { content } }
    history { nodes { id } }
    links { kind }
    statusHistory { to }
  }
  tickets(filter: $filter) { nodes { ticketId } }
}
"""


ONE = """
query($ticketId: String!) {
  ticket(ticketId: $ticketId) {
    customer { id name }
    assignee { id name }
    conversation { id handler }
    statusHistory { to }
    notes { nodes { id content } }
    history { nodes { id version } }
    links { kind isOutgoing ticket { ticketId status } }
  }
}
"""


async def test_figures_that_many_ask_for_at_once_are_not_gathered_for_each(
    recorder: Recorder, root: Api
) -> None:
    recorder.commands.clear()
    await asyncio.gather(*(root.query(STATISTICS) for _ in range(20)))
    gatherings = [each for each in recorder.commands if each.get("aggregate") == "tickets"]
    assert 1 <= len(gatherings) < 10


LIST = """
query($size: Int, $tag: String) {
  tickets(first: $size, filter: {tag: $tag}) {
    nodes {
      ticketId
      customer { id name statistics { totalTickets } }
      assignee { id name }
      conversation { id }
      statusHistory { to }
      links { kind }
    }
  }
}
"""


async def multiply(database: Database, ticket: Data, times: int) -> None:
    """Copies of `ticket`, each with a customer and an assignee of its own."""
    tickets, customers, agents = (
        database.named_collection(name) for name in ("tickets", "customers", "agents")
    )
    original = await tickets.find_one({"ticket_id": ticket["ticketId"]})
    assert original is not None
    customer = await customers.find_one({"_id": original["customer_id"]})
    agent = await agents.find_one({})
    assert customer is not None
    assert agent is not None
    for number in range(times):
        key = ObjectId()
        own = {"_id": key, "sort": str(key)}
        await customers.insert_one({**customer, **own, "phone": f"+1{number:010}"})
        await agents.insert_one({**agent, **own, "email": f"{number}@example.com"})
        await tickets.insert_one(
            {
                **original,
                "_id": key,
                "ticket_id": f"COPY-{number}",
                "customer_id": key,
                "assignee_id": key,
                "sort": dict.fromkeys(original["sort"], str(key)),
            }
        )
