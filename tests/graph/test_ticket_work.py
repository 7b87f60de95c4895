"""The life of a ticket, from a bot's report to its closure."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.access import SYSTEM
from persistence.models import NoteVisibility
from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.past import Ago, actor_of, ticket_of

TRANSITIONS = {
    "NEW": ["OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED"],
    "OPEN": ["IN_PROGRESS", "PENDING_CUSTOMER", "RESOLVED", "CLOSED"],
    "IN_PROGRESS": ["PENDING_CUSTOMER", "WAITING_INTERNAL", "RESOLVED"],
    "PENDING_CUSTOMER": ["IN_PROGRESS", "RESOLVED"],
    "WAITING_INTERNAL": ["IN_PROGRESS", "RESOLVED"],
    "RESOLVED": ["CLOSED", "IN_PROGRESS"],
    "CLOSED": ["IN_PROGRESS"],
}
PATHS = {
    "NEW": [],
    "OPEN": ["OPEN"],
    "IN_PROGRESS": ["IN_PROGRESS"],
    "PENDING_CUSTOMER": ["OPEN", "PENDING_CUSTOMER"],
    "WAITING_INTERNAL": ["IN_PROGRESS", "WAITING_INTERNAL"],
    "RESOLVED": ["RESOLVED"],
    "CLOSED": ["RESOLVED", "CLOSED"],
}
TARGET_MINUTES = {
    "LOW": (1440, 10080),
    "MEDIUM": (240, 4320),
    "HIGH": (60, 1440),
    "URGENT": (15, 240),
}


async def move(api: Api, ticket_id: str, *statuses: str) -> None:
    for status in statuses:
        if status == "RESOLVED":
            await api.succeed("resolveTicket", ticketId=ticket_id, summary="Replaced the fuse.")
        else:
            await api.succeed("changeTicketStatus", ticketId=ticket_id, status=status)


def event_types(ticket: Data) -> list[str]:
    return [event["__typename"] for event in ticket["history"]["nodes"]]


def last_event(ticket: Data) -> Data:
    return ticket["history"]["nodes"][-1]


def fields(problem: Data) -> list[str]:
    return [fault["path"] for fault in problem["fields"]]


def minutes_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(minutes=1)


# ---- the whole way -------------------------------------------------------------------------


async def test_agent_works_a_ticket_that_a_bot_opened_to_closure(
    make: Factory, bot: Bot, agent: Person
) -> None:
    customer = await make.customer()
    speaking = bot.api.speaking_for(customer["id"])
    opened = await speaking.succeed(
        "createTicket", subject="Lamp dark", description="Since Monday.", category="other"
    )
    ticket_id = opened["ticket"]["ticketId"]

    await agent.api.succeed("assignTicket", ticketId=ticket_id, assigneeId=agent.id)
    await agent.api.succeed("changeTicketStatus", ticketId=ticket_id, status="IN_PROGRESS")
    await agent.api.succeed(
        "addTicketNote", ticketId=ticket_id, content="On our way.", visibility="PUBLIC"
    )
    await agent.api.succeed("resolveTicket", ticketId=ticket_id, summary="New bulb.")
    await speaking.succeed("recordFeedback", ticketId=ticket_id, rating=5, comment="Quick!")
    await agent.api.succeed("changeTicketStatus", ticketId=ticket_id, status="CLOSED")

    ticket = await agent.api.read(ticket_id)
    assert event_types(ticket) == [
        "TicketCreated",
        "TicketAssigned",
        "TicketStatusChanged",
        "TicketNoteAdded",
        "TicketResolved",
        "TicketFeedbackGiven",
        "TicketClosed",
    ]
    assert [event["version"] for event in ticket["history"]["nodes"]] == [1, 2, 3, 4, 5, 6, 7]
    assert {event["ticketId"] for event in ticket["history"]["nodes"]} == {ticket_id}
    assert ticket["version"] == 7
    assert [(step["from"], step["to"]) for step in ticket["statusHistory"]] == [
        (None, "NEW"),
        ("NEW", "OPEN"),
        ("OPEN", "IN_PROGRESS"),
        ("IN_PROGRESS", "RESOLVED"),
        ("RESOLVED", "CLOSED"),
    ]
    assert ticket["statusHistory"][0]["changedBy"] == {"kind": "BOT", "name": bot.name}
    assert ticket["statusHistory"][1]["changedBy"] == {"kind": "AGENT", "name": agent.name}
    assert ticket["status"] == "CLOSED"
    assert ticket["source"] == "API"
    assert ticket["customer"]["id"] == customer["id"]
    assert ticket["customer"]["statistics"] == {"totalTickets": 1, "openTickets": 0}
    assert ticket["resolution"]["summary"] == "New bulb."
    assert ticket["resolution"]["resolvedBy"] == {"kind": "AGENT", "name": agent.name}
    assert ticket["feedback"]["rating"] == 5
    assert ticket["sla"]["firstResponse"]["state"] == "MET"
    assert ticket["sla"]["resolution"]["state"] == "MET"


# ---- opening -------------------------------------------------------------------------------


async def test_numbers_rise_within_the_year(make: Factory) -> None:
    first, second = [(await make.ticket())["ticketId"] for _ in range(2)]

    prefix, year, number = first.split("-")
    assert prefix == "LUX"
    assert len(year) == 4
    assert second == f"LUX-{year}-{int(number) + 1:06d}"


async def test_a_refused_ticket_uses_up_no_number(make: Factory, admin: Api) -> None:
    before = await make.ticket()
    await admin.problem("createTicket", subject="", description="", category="none")
    after = await make.ticket()

    assert int(after["ticketId"].split("-")[2]) == int(before["ticketId"].split("-")[2]) + 1


async def test_every_fault_of_a_new_ticket_is_named(admin: Api) -> None:
    problem = await admin.problem(
        "createTicket",
        subject=" ",
        description="d" * 10_001,
        category="unheard of",
        subcategory="s" * 101,
        tags=["ok", "t" * 41],
        location={"latitude": 91, "longitude": -181},
    )

    assert problem["__typename"] == "ValidationProblem"
    assert problem["code"] == "VALIDATION"
    assert fields(problem) == [
        "subject",
        "description",
        "category",
        "subcategory",
        "tags[1]",
        "location.latitude",
        "location.longitude",
    ]


async def test_texts_are_trimmed_and_tags_folded(make: Factory) -> None:
    ticket = await make.ticket(
        subject="  Lamp ", description="\n dark\n", tags=["Street", " street", "LED"]
    )

    assert (ticket["subject"], ticket["description"]) == ("Lamp", "dark")
    assert ticket["tags"] == ["street", "led"]


async def test_longest_texts_are_kept_whole(make: Factory) -> None:
    ticket = await make.ticket(subject="ñ" * 200, description="𝄞" * 10_000)

    assert ticket["subject"] == "ñ" * 200
    assert ticket["description"] == "𝄞" * 10_000


async def test_a_ticket_for_a_phone_records_its_customer(
    make: Factory, bot: Bot, admin: Api
) -> None:
    phone = make.phone()
    await make.ticket(by=bot.api, customerPhone=phone.removeprefix("+52"))
    second = await make.ticket(by=bot.api, customerPhone=phone)

    found = await admin.read(second["ticketId"])
    assert found["customer"]["phone"] == phone
    assert found["customer"]["statistics"]["totalTickets"] == 2


async def test_a_ticket_out_of_a_conversation_is_its_customers(make: Factory, admin: Api) -> None:
    customer = await make.customer()
    conversation = await make.conversation(customer)

    ticket = await make.ticket(conversationId=conversation["id"])

    assert ticket["customer"]["id"] == customer["id"]
    assert ticket["conversation"]["id"] == conversation["id"]
    document = "query($id: ID!) { conversation(id: $id) { tickets { nodes { ticketId } } } }"
    data = await admin.query(document, {"id": conversation["id"]})
    assert data["conversation"]["tickets"]["nodes"] == [{"ticketId": ticket["ticketId"]}]


async def test_customer_phone_and_conversation_of_two_people_are_refused(
    make: Factory, admin: Api
) -> None:
    one, other = await make.customer(), await make.customer()
    details: Data = {"subject": "x", "description": "x", "category": "other"}

    problem = await admin.problem(
        "createTicket", **details, customerId=one["id"], customerPhone=other["phone"]
    )

    assert fields(problem) == ["customerId"]


async def test_a_bot_must_name_its_customer(bot: Bot) -> None:
    problem = await bot.api.problem("createTicket", subject="x", description="x", category="other")

    assert fields(problem) == ["customerId"]


# ---- states --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_only_the_ways_of_the_lifecycle_lead_out_of(
    status: str, make: Factory, admin: Api
) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    await move(admin, ticket_id, *PATHS[status])

    ticket = await admin.read(ticket_id, "status allowedTransitions version")
    assert (ticket["status"], ticket["allowedTransitions"]) == (status, TRANSITIONS[status])
    for other in set(TRANSITIONS) - set(TRANSITIONS[status]):
        problem = await admin.problem(
            "changeTicketStatus", ticketId=ticket_id, status=other, reason="withdrawn"
        )
        assert problem["__typename"] == "TransitionProblem"
        assert problem["code"] == "INVALID_TRANSITION"
        assert (problem["from"], problem["to"]) == (status, other)
        assert problem["allowed"] == TRANSITIONS[status]
    assert (await admin.read(ticket_id, "version"))["version"] == ticket["version"]


async def test_resolving_needs_a_summary(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    by_status = await admin.problem("changeTicketStatus", ticketId=ticket_id, status="RESOLVED")
    empty = await admin.problem("resolveTicket", ticketId=ticket_id, summary=" ")

    assert (fields(by_status), fields(empty)) == (["status"], ["summary"])
    assert (await admin.read(ticket_id, "status"))["status"] == "NEW"


@pytest.mark.parametrize("reason", [None, " ", "done"])
async def test_closing_what_nobody_resolved_needs_a_known_reason(
    reason: str | None, make: Factory, admin: Api
) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    problem = await admin.problem(
        "changeTicketStatus", ticketId=ticket_id, status="CLOSED", reason=reason
    )

    assert fields(problem) == ["reason"]


async def test_reason_of_closing_is_kept_in_the_history(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    closed = await admin.succeed(
        "changeTicketStatus", ticketId=ticket_id, status="CLOSED", reason="Spam: sells lamps"
    )

    assert closed["ticket"]["statusHistory"][-1]["reason"] == "Spam: sells lamps"
    assert last_event(closed["ticket"])["__typename"] == "TicketClosed"
    assert last_event(closed["ticket"])["reason"] == "Spam: sells lamps"


async def test_closing_as_duplicate_needs_the_link(make: Factory, admin: Api) -> None:
    one, other = [(await make.ticket())["ticketId"] for _ in range(2)]
    closing = {"ticketId": one, "status": "CLOSED", "reason": "duplicate"}

    assert fields(await admin.problem("changeTicketStatus", **closing)) == ["reason"]
    link = {"ticketId": one, "otherTicketId": other, "kind": "DUPLICATE_OF"}
    await admin.succeed("linkTickets", **link)
    assert (await admin.succeed("changeTicketStatus", **closing))["ticket"]["status"] == "CLOSED"


async def test_reopening_a_closed_ticket_needs_a_reason(make: Factory, admin: Api) -> None:
    ticket_id = (await make.resolved_ticket())["ticketId"]
    await move(admin, ticket_id, "CLOSED")
    reopening = {"ticketId": ticket_id, "status": "IN_PROGRESS"}

    assert fields(await admin.problem("changeTicketStatus", **reopening)) == ["reason"]
    reopened = await admin.succeed("changeTicketStatus", **reopening, reason="Dark again.")
    assert last_event(reopened["ticket"])["__typename"] == "TicketReopened"
    assert reopened["ticket"]["resolution"] is None


# ---- fields --------------------------------------------------------------------------------


async def test_an_update_changes_what_is_given_and_says_so(make: Factory, admin: Api) -> None:
    ticket = await make.ticket(tags=["led"], subcategory="street")

    updated = await admin.succeed(
        "updateTicket",
        ticketId=ticket["ticketId"],
        subject="Lamp flickers",
        tags=["LED", "flicker"],
    )

    after = updated["ticket"]
    assert (after["subject"], after["tags"]) == ("Lamp flickers", ["led", "flicker"])
    assert (after["description"], after["subcategory"]) == (ticket["description"], "street")
    assert last_event(after)["__typename"] == "TicketUpdated"
    assert last_event(after)["changes"] == [
        {"field": "subject", "from": ticket["subject"], "to": "Lamp flickers"},
        {"field": "tags", "from": ["led"], "to": ["led", "flicker"]},
    ]


async def test_null_clears_subcategory_and_location_and_leaves_the_rest(
    make: Factory, admin: Api
) -> None:
    place = {"address": "Reforma 1", "reference": None, "latitude": 19.4, "longitude": -99.1}
    ticket = await make.ticket(subcategory="street", location=place, tags=["led"])
    assert ticket["location"] == place

    updated = await admin.succeed(
        "updateTicket",
        ticketId=ticket["ticketId"],
        subcategory=None,
        location=None,
        subject=None,
        tags=None,
        priority=None,
        category=None,
        description=None,
    )

    after = updated["ticket"]
    assert (after["subcategory"], after["location"]) == (None, None)
    kept = ("subject", "tags", "priority", "category", "description")
    assert [after[name] for name in kept] == [ticket[name] for name in kept]


async def test_an_update_that_changes_nothing_is_no_event(make: Factory, admin: Api) -> None:
    ticket = await make.ticket()

    same = await admin.succeed(
        "updateTicket", ticketId=ticket["ticketId"], subject=ticket["subject"]
    )

    assert (same["ticket"]["version"], event_types(same["ticket"])) == (1, ["TicketCreated"])


async def test_a_new_priority_moves_both_deadlines(make: Factory, admin: Api) -> None:
    ticket = await make.ticket(priority="LOW")

    for priority, (response, resolution) in TARGET_MINUTES.items():
        updated = await admin.succeed(
            "updateTicket", ticketId=ticket["ticketId"], priority=priority
        )
        targets = updated["ticket"]["sla"]
        assert minutes_between(ticket["createdAt"], targets["firstResponse"]["dueAt"]) == response
        assert minutes_between(ticket["createdAt"], targets["resolution"]["dueAt"]) == resolution


# ---- assignment ----------------------------------------------------------------------------


async def test_assigning_a_new_ticket_opens_it(make: Factory, agent: Person) -> None:
    ticket_id = (await make.assigned_ticket(agent))["ticketId"]

    ticket = await agent.api.read(ticket_id)
    assert ticket["status"] == "OPEN"
    assert ticket["assignee"] == {"id": agent.id, "name": agent.name}
    assert last_event(ticket)["__typename"] == "TicketAssigned"
    assert last_event(ticket)["changes"] == [
        {"field": "status", "from": "NEW", "to": "OPEN"},
        {"field": "assigneeId", "from": None, "to": agent.id},
    ]


async def test_agent_does_not_see_a_ticket_assigned_away(
    make: Factory, agent: Person, colleague: Person
) -> None:
    ticket_id = (await make.assigned_ticket(agent))["ticketId"]
    assert await agent.api.ticket(ticket_id)

    await agent.api.succeed("assignTicket", ticketId=ticket_id, assigneeId=colleague.id)

    assert await agent.api.ticket(ticket_id) is None
    assert await colleague.api.ticket(ticket_id)
    problem = await agent.api.problem("assignTicket", ticketId=ticket_id, assigneeId=agent.id)
    assert problem["code"] == "NOT_FOUND"


async def test_agent_takes_what_nobody_has_and_cannot_give_it_away(
    make: Factory, agent: Person, colleague: Person
) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    refused = await agent.api.problem("assignTicket", ticketId=ticket_id, assigneeId=colleague.id)
    taken = await agent.api.succeed("assignTicket", ticketId=ticket_id, assigneeId=agent.id)
    returned = await agent.api.succeed("assignTicket", ticketId=ticket_id, assigneeId=None)

    assert refused["code"] == "FORBIDDEN"
    assert taken["ticket"]["assignee"]["id"] == agent.id
    assert returned["ticket"]["assignee"] is None


async def test_agent_whom_a_ticket_was_escalated_to_cannot_reassign_it(
    make: Factory, agent: Person, colleague: Person
) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    await agent.api.succeed(
        "escalateTicket", ticketId=ticket_id, reason="Height", escalateToId=colleague.id
    )
    await colleague.api.succeed("assignTicket", ticketId=ticket_id, assigneeId=agent.id)

    assert await colleague.api.ticket(ticket_id)
    problem = await colleague.api.problem(
        "assignTicket", ticketId=ticket_id, assigneeId=colleague.id
    )
    assert problem["code"] == "FORBIDDEN"


async def test_supervisor_reassigns_anyones(
    make: Factory, supervisor: Person, agent: Person, colleague: Person
) -> None:
    ticket_id = (await make.assigned_ticket(agent))["ticketId"]

    given = await supervisor.api.succeed(
        "assignTicket", ticketId=ticket_id, assigneeId=colleague.id
    )

    assert given["ticket"]["assignee"]["id"] == colleague.id


async def test_nobody_can_be_assigned_who_left(make: Factory, admin: Api) -> None:
    left = await make.account()
    await admin.succeed("updateAgent", id=left["id"], isActive=False)
    ticket_id = (await make.ticket())["ticketId"]

    assigning = await admin.problem("assignTicket", ticketId=ticket_id, assigneeId=left["id"])
    escalating = await admin.problem(
        "escalateTicket", ticketId=ticket_id, reason="x", escalateToId=left["id"]
    )

    assert (fields(assigning), fields(escalating)) == (["assigneeId"], ["escalateToId"])


# ---- notes ---------------------------------------------------------------------------------


async def test_only_an_agents_public_note_is_the_first_response(
    make: Factory, agent: Person, bot: Bot
) -> None:
    customer = await make.customer()
    ticket_id = (await make.ticket(customerId=customer["id"]))["ticketId"]
    speaking = bot.api.speaking_for(customer["id"])

    async def response_after(api: Api, visibility: str) -> str:
        await api.succeed("addTicketNote", ticketId=ticket_id, content="x", visibility=visibility)
        ticket = await agent.api.read(ticket_id, "sla { firstResponse { state } }")
        return ticket["sla"]["firstResponse"]["state"]

    assert await response_after(agent.api, "INTERNAL") == "PENDING"
    assert await response_after(speaking, "PUBLIC") == "PENDING"
    assert await response_after(agent.api, "PUBLIC") == "MET"


async def test_notes_are_listed_oldest_first_and_by_visibility(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    for content, visibility in (("a", "PUBLIC"), ("b", "INTERNAL"), ("c", "PUBLIC")):
        await admin.succeed(
            "addTicketNote", ticketId=ticket_id, content=content, visibility=visibility
        )

    lists = "all: notes { ...Page } internal: notes(visibility: INTERNAL) { ...Page }"
    document = f"""query($id: String!) {{ ticket(ticketId: $id) {{ {lists} }} }}
        fragment Page on NoteConnection {{ totalCount nodes {{ content }} }}"""
    ticket = (await admin.query(document, {"id": ticket_id}))["ticket"]
    assert ticket["all"] == {
        "totalCount": 3,
        "nodes": [{"content": "a"}, {"content": "b"}, {"content": "c"}],
    }
    assert ticket["internal"] == {"totalCount": 1, "nodes": [{"content": "b"}]}


async def note_of(api: Api, ticket_id: str, visibility: str = "PUBLIC") -> str:
    added = await api.succeed(
        "addTicketNote", ticketId=ticket_id, content="Wrong ticket.", visibility=visibility
    )
    return added["ticket"]["notes"]["nodes"][-1]["id"]


async def test_its_author_retracts_a_public_note_for_good(make: Factory, agent: Person) -> None:
    ticket_id = (await make.assigned_ticket(agent))["ticketId"]
    note_id = await note_of(agent.api, ticket_id)

    retracted = await agent.api.succeed("retractTicketNote", noteId=note_id)
    again = await agent.api.problem("retractTicketNote", noteId=note_id)

    assert retracted["ticket"]["notes"]["nodes"] == []
    assert last_event(retracted["ticket"])["__typename"] == "TicketUpdated"
    assert again["code"] == "NOT_FOUND"
    node = await agent.api.query("query($id: ID!) { node(id: $id) { id } }", {"id": note_id})
    assert node == {"node": None}


async def test_nobody_else_retracts_a_note_nor_its_author_an_internal_one(
    make: Factory, agent: Person, supervisor: Person
) -> None:
    ticket_id = (await make.assigned_ticket(agent))["ticketId"]
    public = await note_of(agent.api, ticket_id)
    internal = await note_of(agent.api, ticket_id, "INTERNAL")

    others = await supervisor.api.problem("retractTicketNote", noteId=public)
    own = await agent.api.problem("retractTicketNote", noteId=internal)

    assert (others["code"], own["code"]) == ("FORBIDDEN", "FORBIDDEN")


async def test_a_note_stays_after_five_minutes(agent: Person, ago: Ago) -> None:
    note_id = await note_written(agent, ago, minutes=6)
    late = await agent.api.problem("retractTicketNote", noteId=note_id)
    note_id = await note_written(agent, ago, minutes=4)
    early = await agent.api.mutate("retractTicketNote", noteId=note_id)

    assert late["code"] == "FORBIDDEN"
    assert early["__typename"] == "TicketPayload"


async def note_written(agent: Person, ago: Ago, *, minutes: int) -> str:
    past = ago(timedelta(minutes=minutes))
    ticket = await ticket_of(past)
    await past.tickets.add_note(
        actor_of(agent), ticket.ticket_id, "Sorry.", visibility=NoteVisibility.PUBLIC
    )
    read = await agent.api.read(ticket.ticket_id, "notes { nodes { id } }")
    return read["notes"]["nodes"][0]["id"]


# ---- clocks --------------------------------------------------------------------------------


async def test_resolution_clock_stands_still_while_the_customer_is_asked(
    make: Factory, admin: Api
) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    await move(admin, ticket_id, "OPEN", "PENDING_CUSTOMER")
    paused = (await admin.read(ticket_id))["sla"]
    await move(admin, ticket_id, "IN_PROGRESS")
    running = (await admin.read(ticket_id))["sla"]

    assert (paused["firstResponse"]["state"], paused["resolution"]["state"]) == (
        "PENDING",
        "PAUSED",
    )
    assert [pause["to"] for pause in paused["pausedIntervals"]] == [None]
    assert running["resolution"]["state"] == "PENDING"
    assert running["pausedIntervals"][0]["to"] is not None


async def test_what_is_late_shows_as_breached_and_then_as_missed(admin: Api, ago: Ago) -> None:
    ticket = await ticket_of(ago(timedelta(days=4)))
    before = (await admin.read(ticket.ticket_id))["sla"]["resolution"]
    resolved = await admin.succeed("resolveTicket", ticketId=ticket.ticket_id, summary="At last.")
    after = resolved["ticket"]["sla"]["resolution"]

    assert (before["state"], after["state"]) == ("BREACHED", "MISSED")
    assert before["remainingSeconds"] == pytest.approx(-86_400, abs=60)
    assert before["elapsedSeconds"] == pytest.approx(4 * 86_400, abs=60)
    assert after["completedAt"] is not None


async def test_reopening_goes_on_where_the_clock_stopped(admin: Api, ago: Ago) -> None:
    ticket = await ticket_of(ago(timedelta(hours=10)))
    await ago(timedelta(hours=9)).tickets.resolve(SYSTEM, ticket.ticket_id, "Done.")

    await move(admin, ticket.ticket_id, "IN_PROGRESS")

    sla = (await admin.read(ticket.ticket_id))["sla"]
    assert sla["resolution"]["state"] == "PENDING"
    assert sla["resolution"]["elapsedSeconds"] == pytest.approx(3_600, abs=60)
    assert len(sla["pausedIntervals"]) == 1


# ---- escalation, feedback, links -----------------------------------------------------------


async def test_escalation_is_a_flag_beside_the_state(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    flagged = await admin.succeed("escalateTicket", ticketId=ticket_id, reason="Angry mayor")
    lifted = await admin.succeed("liftEscalation", ticketId=ticket_id)
    nothing = await admin.succeed("liftEscalation", ticketId=ticket_id)

    assert flagged["ticket"]["status"] == "NEW"
    assert flagged["ticket"]["escalation"]["reason"] == "Angry mayor"
    assert flagged["ticket"]["escalation"]["escalatedBy"]["kind"] == "AGENT"
    assert last_event(flagged["ticket"])["__typename"] == "TicketEscalated"
    assert lifted["ticket"]["escalation"] is None
    assert last_event(lifted["ticket"])["__typename"] == "TicketEscalationLifted"
    assert nothing["ticket"]["version"] == lifted["ticket"]["version"]


async def test_escalating_to_an_agent_assigns_and_shows_it_to_them(
    make: Factory, agent: Person, colleague: Person
) -> None:
    ticket_id = (await make.assigned_ticket(agent))["ticketId"]
    assert await colleague.api.ticket(ticket_id) is None

    escalated = await agent.api.succeed(
        "escalateTicket", ticketId=ticket_id, reason="Height", escalateToId=colleague.id
    )

    assert escalated["ticket"]["assignee"]["id"] == colleague.id
    assert escalated["ticket"]["escalation"]["escalatedTo"]["id"] == colleague.id
    assert await colleague.api.ticket(ticket_id)


async def test_a_closed_ticket_is_not_escalated(make: Factory, admin: Api) -> None:
    ticket_id = (await make.resolved_ticket())["ticketId"]
    await move(admin, ticket_id, "CLOSED")

    problem = await admin.problem("escalateTicket", ticketId=ticket_id, reason="Late")

    assert fields(problem) == ["ticketId"]


async def test_feedback_is_given_once_and_not_before_the_resolution(
    make: Factory, admin: Api
) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    rating: dict[str, Any] = {"ticketId": ticket_id, "rating": 4}

    assert fields(await admin.problem("recordFeedback", **rating)) == ["ticketId"]
    await move(admin, ticket_id, "RESOLVED")
    given = await admin.succeed("recordFeedback", **rating, comment=" ")
    again = await admin.problem("recordFeedback", **rating)

    assert (given["ticket"]["feedback"]["rating"], given["ticket"]["feedback"]["comment"]) == (
        4,
        None,
    )
    assert fields(again) == ["ticketId"]


@pytest.mark.parametrize("rating", [0, 6, -1])
async def test_a_rating_is_one_to_five(rating: int, make: Factory, admin: Api) -> None:
    ticket_id = (await make.resolved_ticket())["ticketId"]

    problem = await admin.problem("recordFeedback", ticketId=ticket_id, rating=rating)

    assert fields(problem) == ["rating"]


async def test_both_ends_show_a_link_once(make: Factory, admin: Api) -> None:
    one, other = [(await make.ticket())["ticketId"] for _ in range(2)]
    link = {"ticketId": one, "otherTicketId": other, "kind": "FOLLOW_UP_OF"}
    for _ in range(2):
        await admin.succeed("linkTickets", **link)

    near, far = await admin.read(one), await admin.read(other)

    assert near["links"] == [
        {"kind": "FOLLOW_UP_OF", "isOutgoing": True, "ticket": {"ticketId": other}}
    ]
    assert far["links"] == [
        {"kind": "FOLLOW_UP_OF", "isOutgoing": False, "ticket": {"ticketId": one}}
    ]
    assert event_types(near) == event_types(far) == ["TicketCreated", "TicketLinked"]


async def test_related_tickets_are_related_from_either_end(make: Factory, admin: Api) -> None:
    one, other = [(await make.ticket())["ticketId"] for _ in range(2)]

    await admin.succeed("linkTickets", ticketId=one, otherTicketId=other, kind="RELATED")
    await admin.succeed("linkTickets", ticketId=other, otherTicketId=one, kind="RELATED")

    assert len((await admin.read(one))["links"]) == 1


async def test_a_ticket_is_not_linked_with_itself(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    problem = await admin.problem(
        "linkTickets", ticketId=ticket_id, otherTicketId=ticket_id, kind="RELATED"
    )

    assert fields(problem) == ["otherTicketId"]


async def test_a_link_shows_no_ticket_that_the_viewer_may_not_see(
    make: Factory, admin: Api, agent: Person, colleague: Person
) -> None:
    own = (await make.assigned_ticket(agent))["ticketId"]
    hidden = (await make.assigned_ticket(colleague))["ticketId"]

    refused = await agent.api.problem(
        "linkTickets", ticketId=own, otherTicketId=hidden, kind="RELATED"
    )
    await admin.succeed("linkTickets", ticketId=own, otherTicketId=hidden, kind="RELATED")

    assert refused["code"] == "NOT_FOUND"
    assert (await agent.api.read(own))["links"] == []
    assert len((await admin.read(own))["links"]) == 1
