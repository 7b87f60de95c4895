"""Lists: what each filter leaves, how each order sorts, and pages that stay true under writes."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.client import Api, Data
from tests.factories import Factory, Person
from tests.past import Ago, ticket_of

TICKETS = """
query($first: Int, $after: String, $last: Int, $before: String, $filter: TicketFilter,
      $search: String, $orderBy: TicketOrder) {
  tickets(first: $first, after: $after, last: $last, before: $before, filter: $filter,
          search: $search, orderBy: $orderBy) {
    totalCount
    nodes { subject ticketId }
    edges { cursor node { subject } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def page(api: Api, **variables: Any) -> Data:
    return (await api.query(TICKETS, variables))["tickets"]


def subjects(page: Data) -> list[str]:
    return [node["subject"] for node in page["nodes"]]


# ---- filters -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shop:
    """Six tickets that share a tag, each named for what is particular about it."""

    tag: str
    values: dict[str, str]

    def filter(self, **conditions: Any) -> Data:
        """`conditions` in which `"{agent}"` and the like stand for one of `values`."""
        filled = {
            name: value.format(**self.values) if isinstance(value, str) else value
            for name, value in conditions.items()
        }
        return {"tag": self.tag} | filled


@pytest.fixture(scope="module")
async def shop(make: Factory, admin: Api, agent: Person, colleague: Person, ago: Ago) -> Shop:
    tag = make.word()
    customer = await make.customer()
    conversation = await make.conversation(await make.customer())
    bot = (await make.bot()).api.speaking_for(customer["id"])

    await ticket_of(ago(timedelta(days=10)), subject="old", tags=[tag])
    before = datetime.now(UTC)
    await make.ticket(by=bot, subject="reported", tags=[tag], priority="LOW")
    await make.assigned_ticket(agent, subject="agents", tags=[tag], category="billing")
    colleagues = await make.assigned_ticket(colleague, subject="colleagues", tags=[tag])
    waiting = await make.ticket(
        subject="waiting", tags=[tag], priority="HIGH", conversationId=conversation["id"]
    )
    await make.resolved_ticket(subject="resolved", tags=[tag], priority="URGENT")

    await admin.succeed("escalateTicket", ticketId=colleagues["ticketId"], reason="Angry")
    for status in ("OPEN", "PENDING_CUSTOMER"):
        await admin.succeed("changeTicketStatus", ticketId=waiting["ticketId"], status=status)
    values = {
        "agent": agent.id,
        "customer": customer["id"],
        "conversation": conversation["id"],
        "before": before.isoformat(),
    }
    return Shop(tag, values)


EVERY = {"old", "reported", "agents", "colleagues", "waiting", "resolved"}
FILTERS: list[tuple[Data, set[str]]] = [
    ({}, EVERY),
    ({"status": ["NEW"]}, {"old", "reported"}),
    ({"status": ["OPEN", "RESOLVED"]}, {"agents", "colleagues", "resolved"}),
    ({"status": []}, set()),
    ({"priority": ["LOW", "URGENT"]}, {"reported", "resolved"}),
    ({"category": ["billing"]}, {"agents"}),
    ({"category": ["billing", "other"]}, EVERY),
    ({"category": ["unheard of"]}, set()),
    ({"assigneeId": "{agent}"}, {"agents"}),
    ({"assigneeId": None}, EVERY),
    ({"assignedToMe": True}, set()),
    ({"assignedToMe": False}, EVERY),
    ({"unassigned": True}, {"old", "reported", "waiting", "resolved"}),
    ({"unassigned": False}, EVERY),
    ({"customerId": "{customer}"}, {"reported"}),
    ({"conversationId": "{conversation}"}, {"waiting"}),
    ({"source": "API"}, {"reported"}),
    ({"source": "ASSISTANT"}, set()),
    ({"escalated": True}, {"colleagues"}),
    ({"escalated": False}, EVERY - {"colleagues"}),
    ({"slaState": ["BREACHED"]}, {"old"}),
    ({"slaState": ["PAUSED"]}, {"waiting"}),
    ({"slaState": ["MET"]}, {"resolved"}),
    ({"slaState": ["AT_RISK", "MISSED"]}, set()),
    ({"slaState": ["PENDING"]}, {"reported", "agents", "colleagues", "waiting"}),
    ({"createdAfter": "{before}"}, EVERY - {"old"}),
    ({"createdBefore": "{before}"}, {"old"}),
    ({"updatedAfter": "{before}"}, EVERY - {"old"}),
    ({"updatedBefore": "{before}"}, {"old"}),
    ({"status": ["NEW"], "priority": ["LOW"], "customerId": "{customer}"}, {"reported"}),
    ({"status": ["NEW"], "priority": ["HIGH"]}, set()),
]


@pytest.mark.parametrize(
    ("conditions", "expected"), FILTERS, ids=[str(conditions) for conditions, _ in FILTERS]
)
async def test_a_filter_leaves_what_meets_it(
    conditions: Data, expected: set[str], shop: Shop, admin: Api
) -> None:
    found = await page(admin, filter=shop.filter(**conditions))

    assert set(subjects(found)) == expected
    assert found["totalCount"] == len(expected) == len(found["nodes"])


async def test_assigned_to_me_is_whoever_asks(shop: Shop, agent: Person) -> None:
    found = await page(agent.api, filter=shop.filter(assignedToMe=True))

    assert subjects(found) == ["agents"]


async def test_a_tag_is_found_in_any_case(shop: Shop, admin: Api) -> None:
    found = await page(admin, filter={"tag": f" {shop.tag.upper()} "})

    assert set(subjects(found)) == EVERY


async def test_an_agents_list_holds_what_they_may_see(
    shop: Shop, agent: Person, supervisor: Person
) -> None:
    own = await page(agent.api, filter=shop.filter())
    every = await page(supervisor.api, filter=shop.filter())

    assert set(subjects(own)) == EVERY - {"colleagues"}
    assert own["totalCount"] == len(EVERY) - 1
    assert set(subjects(every)) == EVERY


@pytest.mark.parametrize(
    "filter",
    [
        {"assignedToMe": True, "unassigned": True},
        {"assigneeId": "QWdlbnQ6MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw", "unassigned": True},
        {"assigneeId": "Q3VzdG9tZXI6MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"},
        {"customerId": "nonsense"},
        {"conversationId": ""},
        {"createdAfter": "yesterday"},
        {"createdAfter": "2026-01-01T00:00:00"},
    ],
)
async def test_a_filter_that_means_nothing_is_refused(filter: Data, admin: Api) -> None:
    answer = await admin.execute(TICKETS, {"filter": filter})

    assert answer.codes == ["VALIDATION"]
    assert answer.data is None


# ---- orders --------------------------------------------------------------------------------

ORDERS = {
    # In which order the fixture's tickets stand, ascending.
    "CREATED_AT": ["a", "b", "c", "d"],
    "UPDATED_AT": ["b", "c", "d", "a"],
    "PRIORITY": ["c", "b", "d", "a"],
    "RESOLUTION_DUE_AT": ["a", "b", "d", "c"],
}


@pytest.fixture(scope="module")
async def sorted_tag(make: Factory, admin: Api) -> str:
    tag = make.word()
    made = [
        await make.ticket(subject=subject, tags=[tag], priority=priority)
        for subject, priority in (("a", "URGENT"), ("b", "MEDIUM"), ("c", "LOW"), ("d", "MEDIUM"))
    ]
    await admin.succeed("updateTicket", ticketId=made[0]["ticketId"], description="Changed.")
    return tag


@pytest.mark.parametrize("field", ORDERS)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_a_list_is_sorted_by(field: str, direction: str, sorted_tag: str, admin: Api) -> None:
    variables: Data = {
        "filter": {"tag": sorted_tag},
        "orderBy": {"field": field, "direction": direction},
    }
    expected = ORDERS[field] if direction == "ASC" else ORDERS[field][::-1]

    assert subjects(await page(admin, **variables)) == expected
    assert await forwards(admin, variables, size=1) == expected
    assert await backwards(admin, variables, size=3) == expected


async def test_the_newest_comes_first_unless_told_otherwise(sorted_tag: str, admin: Api) -> None:
    assert subjects(await page(admin, filter={"tag": sorted_tag})) == ["d", "c", "b", "a"]


async def forwards(api: Api, variables: Data, *, size: int) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        part = await page(api, **variables, first=size, after=after)
        assert len(part["nodes"]) <= size
        assert part["pageInfo"]["hasPreviousPage"] == bool(found)
        found += subjects(part)
        if not part["pageInfo"]["hasNextPage"]:
            return found
        after = part["pageInfo"]["endCursor"]


async def backwards(api: Api, variables: Data, *, size: int) -> list[str]:
    found: list[str] = []
    before = None
    while True:
        part = await page(api, **variables, last=size, before=before)
        assert part["pageInfo"]["hasNextPage"] == bool(found)
        found = subjects(part) + found
        if not part["pageInfo"]["hasPreviousPage"]:
            return found
        before = part["pageInfo"]["startCursor"]


# ---- pages ---------------------------------------------------------------------------------


async def test_pages_neither_repeat_nor_skip_while_tickets_are_opened(
    make: Factory, admin: Api
) -> None:
    tag = make.word()
    for number in range(5):
        await make.ticket(subject=str(number), tags=[tag])
    asked: Data = {"filter": {"tag": tag}, "first": 2}

    first = await page(admin, **asked)
    await make.ticket(subject="new", tags=[tag])
    second = await page(admin, **asked, after=first["pageInfo"]["endCursor"])
    await make.ticket(subject="newer", tags=[tag])
    third = await page(admin, **asked, after=second["pageInfo"]["endCursor"])
    back = await page(admin, filter={"tag": tag}, last=3, before=first["pageInfo"]["endCursor"])

    assert subjects(first) + subjects(second) + subjects(third) == ["4", "3", "2", "1", "0"]
    assert [each["totalCount"] for each in (first, second, third)] == [5, 6, 7]
    assert not third["pageInfo"]["hasNextPage"]
    assert subjects(back) == ["newer", "new", "4"]


async def test_pages_stay_true_when_their_edge_leaves_the_list(make: Factory, admin: Api) -> None:
    tag = make.word()
    made = [await make.ticket(subject=str(number), tags=[tag]) for number in range(4)]
    first = await page(admin, filter={"tag": tag, "status": ["NEW"]}, first=2)

    await admin.succeed("resolveTicket", ticketId=made[2]["ticketId"], summary="Done.")

    second = await page(
        admin,
        filter={"tag": tag, "status": ["NEW"]},
        first=2,
        after=first["pageInfo"]["endCursor"],
    )
    assert subjects(first) + subjects(second) == ["3", "2", "1", "0"]


async def test_a_cursor_of_somebodys_own_making_is_a_place_like_any_other(
    make: Factory, admin: Api
) -> None:
    for _ in range(2):
        await make.ticket(tags=["made-up"])
    filter = {"tag": "made-up"}
    for key, expected in (("zz", 1), ("", 0), ("Ω", 1), ("0", 0)):
        # Of which the server remembers how far apart its tickets lie.
        await page(admin, filter=filter, first=1)
        cursor = base64.urlsafe_b64encode(f"tickets/created:s:{key}".encode()).decode()
        answer = await admin.execute(TICKETS, {"filter": filter, "first": 1, "after": cursor})
        if key:
            assert answer.data, answer.text
            assert len(answer.data["tickets"]["nodes"]) == expected
        else:
            assert answer.codes == ["VALIDATION"]


async def test_a_window_between_two_cursors_holds_what_lies_between(
    sorted_tag: str, admin: Api
) -> None:
    whole = await page(admin, filter={"tag": sorted_tag})
    cursors = [edge["cursor"] for edge in whole["edges"]]

    between = await page(
        admin, filter={"tag": sorted_tag}, after=cursors[0], before=cursors[3], first=10
    )

    assert [edge["node"]["subject"] for edge in whole["edges"]] == subjects(whole)
    assert subjects(between) == subjects(whole)[1:3]


async def test_an_empty_page_has_no_cursors(make: Factory, admin: Api) -> None:
    found = await page(admin, filter={"tag": make.word()})

    assert found == {
        "totalCount": 0,
        "nodes": [],
        "edges": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


async def test_a_page_has_twenty_unless_told_otherwise(make: Factory, admin: Api, ago: Ago) -> None:
    tag, past = make.word(), ago(timedelta())
    for _ in range(21):
        await ticket_of(past, tags=[tag])

    assert len((await page(admin, filter={"tag": tag}))["nodes"]) == 20
    assert len((await page(admin, filter={"tag": tag}, first=None))["nodes"]) == 20
    assert len((await page(admin, filter={"tag": tag}, first=100))["nodes"]) == 21
    assert len((await page(admin, filter={"tag": tag}, last=100))["nodes"]) == 21


# ---- the other lists -----------------------------------------------------------------------


async def test_notes_and_history_page_by_page(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    for content in "abc":
        await admin.succeed("addTicketNote", ticketId=ticket_id, content=content)
    document = """query($id: String!, $after: String, $past: String) { ticket(ticketId: $id) {
        notes(first: 2, after: $after) { totalCount nodes { content } pageInfo { ...Ends } }
        history(first: 3, after: $past) { totalCount nodes { version } pageInfo { ...Ends } }
    } } fragment Ends on PageInfo { hasNextPage endCursor }"""

    first = (await admin.query(document, {"id": ticket_id}))["ticket"]
    cursors = {
        "after": first["notes"]["pageInfo"]["endCursor"],
        "past": first["history"]["pageInfo"]["endCursor"],
    }
    await admin.succeed("addTicketNote", ticketId=ticket_id, content="d")
    second = (await admin.query(document, {"id": ticket_id} | cursors))["ticket"]

    notes = [note["content"] for each in (first, second) for note in each["notes"]["nodes"]]
    versions = [event["version"] for each in (first, second) for event in each["history"]["nodes"]]
    assert notes == ["a", "b", "c", "d"]
    assert versions == [1, 2, 3, 4, 5]
    assert (first["notes"]["totalCount"], second["history"]["totalCount"]) == (3, 5)


async def test_an_events_cursor_continues_the_history_after_it(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    await admin.succeed("addTicketNote", ticketId=ticket_id, content="x")
    document = """query($id: String!, $after: String) { ticket(ticketId: $id) {
        history(after: $after) { nodes { cursor version } } } }"""

    whole = (await admin.query(document, {"id": ticket_id}))["ticket"]["history"]["nodes"]
    rest = await admin.query(document, {"id": ticket_id, "after": whole[0]["cursor"]})

    assert rest["ticket"]["history"]["nodes"] == whole[1:]


async def test_agents_are_listed_by_name_those_who_left_only_when_asked(
    make: Factory, admin: Api
) -> None:
    mark = make.word()
    stayed = await make.account(name=f"Ánimas {mark}")
    left = await make.account(name=f"anibal {mark}")
    await admin.succeed("updateAgent", id=left["id"], isActive=False)

    async def listed(**variables: Any) -> list[str]:
        document = """query($first: Int, $after: String, $activeOnly: Boolean) {
            agents(first: $first, after: $after, activeOnly: $activeOnly) {
              nodes { id name } pageInfo { hasNextPage endCursor } } }"""
        names: list[str] = []
        after = None
        while True:
            part = (await admin.query(document, {"first": 3, "after": after} | variables))["agents"]
            names += [agent["name"] for agent in part["nodes"]]
            if not part["pageInfo"]["hasNextPage"]:
                return names
            after = part["pageInfo"]["endCursor"]

    active, every = await listed(), await listed(activeOnly=False)
    assert stayed["name"] in active
    assert left["name"] not in active
    assert every.index(left["name"]) < every.index(stayed["name"])


async def test_api_keys_are_listed_newest_first_revoked_ones_too(make: Factory, admin: Api) -> None:
    older, newer = [await make.bot() for _ in range(2)]
    await admin.succeed("revokeApiKey", id=older.id)

    document = "{ apiKeys(first: 2) { totalCount nodes { id prefix revokedAt } } }"
    listed = (await admin.query(document))["apiKeys"]

    assert [key["id"] for key in listed["nodes"]] == [newer.id, older.id]
    assert [key["revokedAt"] is None for key in listed["nodes"]] == [True, False]
    assert newer.secret.startswith(listed["nodes"][0]["prefix"])


async def test_a_customers_tickets_are_those_that_the_viewer_may_see(
    make: Factory, admin: Api, agent: Person, colleague: Person
) -> None:
    customer = await make.customer()
    await make.ticket(customerId=customer["id"], subject="seen")
    await make.assigned_ticket(colleague, customerId=customer["id"], subject="hidden")

    document = """query($phone: String!) { customer(phone: $phone) {
        tickets { totalCount nodes { subject } } } }"""
    variables = {"phone": customer["phone"]}
    own = (await agent.api.query(document, variables))["customer"]["tickets"]
    every = (await admin.query(document, variables))["customer"]["tickets"]

    assert own == {"totalCount": 1, "nodes": [{"subject": "seen"}]}
    assert every["totalCount"] == 2


async def test_a_filter_of_another_customer_finds_none_of_this_one(
    make: Factory, admin: Api
) -> None:
    customer, other = await make.customer(), await make.customer()
    await make.ticket(customerId=customer["id"])

    document = """query($phone: String!, $filter: TicketFilter) { customer(phone: $phone) {
        tickets(filter: $filter) { totalCount } } }"""
    variables = {"phone": customer["phone"], "filter": {"customerId": other["id"]}}
    found = (await admin.query(document, variables))["customer"]["tickets"]

    assert found["totalCount"] == 0


ENDS = """
query($id: String!, $last: Int!, $notes: String, $history: String, $messages: String) {
  ticket(ticketId: $id) {
    notes(last: $last, before: $notes) {
      nodes { content }
      pageInfo { hasPreviousPage hasNextPage startCursor }
    }
    history(last: $last, before: $history) {
      nodes { ... on TicketEvent { version } }
      pageInfo { hasPreviousPage hasNextPage startCursor }
    }
    conversation {
      messages(last: $last, before: $messages) {
        nodes { text }
        pageInfo { hasPreviousPage hasNextPage startCursor }
      }
    }
  }
}
"""


async def test_notes_history_and_messages_are_read_from_their_end(
    make: Factory, admin: Api
) -> None:
    conversation = await make.conversation()
    ticket = await make.ticket(conversationId=conversation["id"])
    for number in ("1", "2", "3"):
        await admin.succeed("addTicketNote", ticketId=ticket["ticketId"], content=number)
        await admin.succeed("recordMessage", conversationId=conversation["id"], text=number)

    async def read(**before: str) -> dict[str, Data]:
        variables = {"id": ticket["ticketId"], "last": 2, **before}
        found = (await admin.query(ENDS, variables))["ticket"]
        lists = {name: found[name] for name in ("notes", "history")}
        return {**lists, "messages": found["conversation"]["messages"]}

    def said(lists: dict[str, Data]) -> list[list[Any]]:
        return [
            [value for node in each["nodes"] for value in node.values()] for each in lists.values()
        ]

    end = await read()
    start = await read(**{name: each["pageInfo"]["startCursor"] for name, each in end.items()})

    # Opening the ticket was its first version, each note another.
    assert said(end) == [["2", "3"], [3, 4], ["2", "3"]]
    assert said(start) == [["1"], [1, 2], ["1"]]
    for lists, has_previous, has_next in ((end, True, False), (start, False, True)):
        for each in lists.values():
            assert each["pageInfo"]["hasPreviousPage"] is has_previous
            assert each["pageInfo"]["hasNextPage"] is has_next
