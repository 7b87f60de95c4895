"""What a subscriber is told, and what nobody may learn."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.feed import ListChange, Viewpoint, list_change
from persistence.documents import evolve
from persistence.models import Role, TicketEvent, TicketFacts, TicketStatus
from persistence.tickets import TicketQuery, TicketScope
from tests import examples
from tests.client import Api, Data
from tests.examples import NOW
from tests.factories import Bot, Factory, Person
from tests.feed.conftest import Settle
from tests.feed.socket import EVENTS, Socket, connected
from tests.servers import Server


def brief(event: Data) -> tuple[Any, ...]:
    return event["__typename"], event["ticketId"], event["version"], event["listChange"]


async def test_each_change_is_told_once_in_order_with_its_type(
    server: Server, admin: Api, make: Factory, agent: Person, settle: Settle
) -> None:
    ticket = await make.ticket()
    other = await make.ticket()
    await settle()
    own = {"ticketId": ticket["ticketId"]}
    async with connected(server, admin.credential) as socket:
        events = await socket.follow()

        await admin.succeed("updateTicket", **own, subject="Other lamp")
        await admin.succeed("assignTicket", **own, assigneeId=agent.id)
        await admin.succeed("changeTicketStatus", **own, status="IN_PROGRESS")
        await admin.succeed("addTicketNote", **own, content="On my way.", visibility="PUBLIC")
        await admin.succeed("escalateTicket", **own, reason="Dark street.")
        await admin.succeed("liftEscalation", **own)
        await admin.succeed("linkTickets", **own, otherTicketId=other["ticketId"], kind="RELATED")
        await admin.succeed("resolveTicket", **own, summary="Replaced.")
        await admin.succeed("recordFeedback", **own, rating=5)
        await admin.succeed("changeTicketStatus", **own, status="CLOSED")
        await admin.succeed("changeTicketStatus", **own, status="IN_PROGRESS", reason="Dark again.")
        opened = await make.ticket()

        told = [brief(await events.event()) for _ in range(13)]
    updates = [
        "TicketUpdated",
        "TicketAssigned",
        "TicketStatusChanged",
        "TicketNoteAdded",
        "TicketEscalated",
        "TicketEscalationLifted",
        "TicketLinked",
        "TicketResolved",
        "TicketFeedbackGiven",
        "TicketClosed",
        "TicketReopened",
    ]
    expected = [
        (name, ticket["ticketId"], version, "UPDATED")
        for version, name in enumerate(updates, start=2)
    ]
    # Both ends of a link are told of it, in one commit.
    linked = ("TicketLinked", other["ticketId"], 2, "UPDATED")
    assert sorted(told[6:8]) == sorted([expected[6], linked])
    assert told[:6] == expected[:6]
    assert told[8:12] == expected[7:]
    assert told[12] == ("TicketCreated", opened["ticketId"], 1, "ENTERED")


async def test_a_filtered_list_is_told_what_enters_and_what_leaves(
    server: Server, admin: Api, make: Factory
) -> None:
    tag = make.word()
    async with connected(server, admin.credential) as socket:
        events = await socket.follow(filter={"tag": tag, "status": ["NEW"]})
        ticket = await make.ticket()
        own = {"ticketId": ticket["ticketId"]}
        await admin.succeed("updateTicket", **own, tags=[tag])
        await admin.succeed("updateTicket", **own, subject="Still in the list")
        await admin.succeed("changeTicketStatus", **own, status="OPEN")
        await admin.succeed("updateTicket", **own, subject="Outside of it")

        entered, updated, left = [await events.event() for _ in range(3)]
        await make.ticket(tags=[tag])
        following = await events.event()
    assert [each["listChange"] for each in (entered, updated, left)] == [
        "ENTERED",
        "UPDATED",
        "LEFT",
    ]
    assert entered["ticket"]["ticketId"] == ticket["ticketId"]
    assert left["ticket"] is None
    # Only out of the list, not out of sight.
    assert left["changes"] == [{"field": "status", "from": "NEW", "to": "OPEN"}]
    assert brief(following)[0] == "TicketCreated"


async def test_a_ticket_assigned_away_leaves_one_and_enters_for_the_other(
    admin: Api, make: Factory, agent: Person, colleague: Person, settle: Settle
) -> None:
    ticket = await make.assigned_ticket(agent)
    await settle()
    async with (
        connected(make.server, agent.api.credential) as one,
        connected(make.server, colleague.api.credential) as other,
    ):
        old, new = await one.follow(), await other.follow()
        await admin.succeed("assignTicket", ticketId=ticket["ticketId"], assigneeId=colleague.id)
        await admin.succeed("updateTicket", ticketId=ticket["ticketId"], subject="Not yours")
        left, entered, updated = await old.event(), await new.event(), await new.event()
        # What came in between would have come before this one.
        after = await make.assigned_ticket(agent)
        following = await old.event()

    assert brief(left) == ("TicketAssigned", ticket["ticketId"], 3, "LEFT")
    assert left["ticket"] is None
    assert left["changes"] == []
    assert left["reason"] is None
    assert brief(entered) == ("TicketAssigned", ticket["ticketId"], 3, "ENTERED")
    assert entered["ticket"]["assignee"]["id"] == colleague.id
    assert brief(updated) == ("TicketUpdated", ticket["ticketId"], 4, "UPDATED")
    assert following["ticketId"] == after["ticketId"]


async def test_what_was_missed_tells_nothing_of_a_ticket_that_has_since_left(
    admin: Api, make: Factory, agent: Person, colleague: Person, settle: Settle
) -> None:
    """Also of the events before it left, when it was still in sight."""
    await settle()
    async with connected(make.server, agent.api.credential) as socket:
        events = await socket.follow(filter={"assignedToMe": True})
        ticket = await make.assigned_ticket(agent)
        seen = await events.event()
    own = {"ticketId": ticket["ticketId"]}
    await admin.succeed("updateTicket", **own, subject="Between")
    await admin.succeed("assignTicket", **own, assigneeId=colleague.id)

    async with connected(make.server, agent.api.credential) as socket:
        events = await socket.follow(after=seen["cursor"], filter={"assignedToMe": True})
        missed = [await events.event() for _ in range(2)]
    assert [each["version"] for each in missed] == [3, 4]
    for each in missed:
        assert (each["listChange"], each["ticket"], each["changes"]) == ("LEFT", None, [])


async def test_a_missed_event_shows_its_ticket_as_it_is_now(
    server: Server, admin: Api, make: Factory, settle: Settle
) -> None:
    await settle()
    async with connected(server, admin.credential) as socket:
        events = await socket.follow()
        ticket = await make.ticket()
        first = await events.event()
    for subject in ("Two", "Three"):
        await admin.succeed("updateTicket", ticketId=ticket["ticketId"], subject=subject)

    async with connected(server, admin.credential) as socket:
        events = await socket.follow(after=first["cursor"])
        missed = [await events.event() for _ in range(2)]
    assert [each["version"] for each in missed] == [2, 3]
    assert [each["ticket"]["subject"] for each in missed] == ["Three", "Three"]
    assert missed[0]["changes"] == [
        {"field": "subject", "from": first["ticket"]["subject"], "to": "Two"}
    ]


async def test_an_internal_note_never_reaches_a_bot(
    admin: Api, make: Factory, bot: Bot, agent: Person, settle: Settle
) -> None:
    customer = await make.customer()
    ticket = await make.ticket(customerId=customer["id"])
    foreign = await make.ticket(customerId=(await make.customer())["id"])
    await settle()
    own = {"ticketId": ticket["ticketId"]}
    async with connected(make.server, bot.secret, customer_id=customer["id"]) as socket:
        events = await socket.follow()
        await admin.succeed(
            "addTicketNote", **own, content="Difficult person.", visibility="INTERNAL"
        )
        await admin.succeed("updateTicket", ticketId=foreign["ticketId"], subject="Another's")
        await admin.succeed("escalateTicket", **own, reason="Difficult person.")
        await admin.succeed("assignTicket", **own, assigneeId=agent.id)
        await admin.succeed("addTicketNote", **own, content="Hello.", visibility="PUBLIC")
        await admin.succeed(
            "addTicketNote", **own, content="Difficult person.", visibility="INTERNAL"
        )
        await admin.succeed("resolveTicket", **own, summary="Replaced.")
        told = [await events.event() for _ in range(2)]

    assert [each["__typename"] for each in told] == ["TicketNoteAdded", "TicketResolved"]
    assert {each["actor"]["name"] for each in told}.isdisjoint({"Admin", agent.name})
    assert told[0]["ticket"]["assignee"] is None
    fields = {change["field"] for each in told for change in each["changes"]}
    assert fields == {"status", "resolution"}


async def test_a_bot_without_a_customer_hears_nothing(
    server: Server, admin: Api, make: Factory, bot: Bot
) -> None:
    async with connected(server, bot.secret) as nobody, connected(server, admin.credential) as all_:
        silent, told = await nobody.follow(), await all_.follow()
        await make.ticket(customerId=(await make.customer())["id"])
        await told.event()
        await nobody.until_served()
        assert silent.messages.empty()


async def test_a_forged_cursor_is_a_fault_of_the_input(
    server: Server, admin: Api, make: Factory
) -> None:
    async with connected(server, admin.credential) as socket:
        events = await socket.follow()
        await make.ticket()
        cursor = (await events.event())["cursor"]
        version, signature, token = cursor.split(".", 2)
        for forged in (
            "nonsense",
            "",
            token,
            f"{version}.{signature}.{token[:-2]}ff",
            f"{version}.{'A' * len(signature)}.{token}",
            f"2.{signature}.{token}",
            f"{version}.{signature}.{token}\u00e9",
        ):
            refused = await (await socket.subscribe(EVENTS, after=forged)).message()
            assert refused["type"] == "error", refused
            (error,) = refused["payload"]
            assert error["extensions"]["code"] == "VALIDATION"
            assert error["extensions"]["fields"] == [
                {"path": "after", "message": "is not a cursor of this feed"}
            ]


async def test_what_a_document_lacks_is_said_before_anything_comes(
    server: Server, admin: Api, bot: Bot
) -> None:
    async def refused(socket: Socket, document: str, **variables: Any) -> str:
        message = await (await socket.subscribe(document, **variables)).message()
        assert message["type"] == "error", message
        return message["payload"][0]["extensions"]["code"]

    async with connected(server, admin.credential) as socket:
        assert await refused(socket, "subscription {") == "VALIDATION"
        assert await refused(socket, "subscription { nothing }") == "VALIDATION"
        assert await refused(socket, EVENTS, filter={"status": "LOST"}) == "VALIDATION"
        assert await refused(socket, EVENTS, filter={"assigneeId": "nobody"}) == "VALIDATION"
        both = "subscription { configurationChanged { terminology { createVerb } } "
        assert await refused(socket, both + "ticketStatistics { total } }") == "VALIDATION"
        deep = "links { ticket { " * 10 + "id" + " } }" * 10
        nested = (
            f"subscription {{ ticketEvents {{ ... on TicketEvent {{ ticket {{ {deep} }} }} }} }}"
        )
        assert await refused(socket, nested) == "VALIDATION"
        zone = 'subscription { ticketStatistics(timeZone: "Mars") { total } }'
        assert await refused(socket, zone) == "VALIDATION"
        events = await socket.follow()
        assert events.messages.empty()
    async with connected(server, bot.secret) as socket:
        assert await refused(socket, "subscription { ticketStatistics { total } }") == "FORBIDDEN"


FACTS = examples.models(TicketFacts, sla_targets=st.just([]))


@given(examples.models(TicketEvent, before=st.none() | FACTS, after=FACTS))
def test_a_list_change_is_what_a_client_would_find_by_asking_twice(event: TicketEvent) -> None:
    """Membership before and after decides alone, for any part of what there is to see."""
    for status in TicketStatus:
        query = TicketQuery(now=NOW, status=(status,))
        viewpoint = Viewpoint(Role.ADMIN, TicketScope(), query)
        was = event.before is not None and event.before.status is status
        is_ = event.after.status is status
        expected = {
            (False, True): ListChange.ENTERED,
            (True, True): ListChange.UPDATED,
            (True, False): ListChange.LEFT,
            (False, False): None,
        }[was, is_]
        assert list_change(event, viewpoint) is expected
        unseen = Viewpoint(Role.AGENT, TicketScope(audience=()), query)
        assert list_change(evolve(event), unseen) is None


async def test_nothing_goes_by_between_a_list_and_the_feed_that_begins_beside_it(
    server: Server, admin: Api, make: Factory
) -> None:
    seen = await make.ticket()
    beside = "{ tickets(first: 1) { nodes { ticketId } } feedCursor }"
    read = await admin.query(beside)
    assert read["tickets"]["nodes"] == [{"ticketId": seen["ticketId"]}]

    missed = await make.ticket()
    async with connected(server, admin.credential) as socket:
        events = await socket.subscribe(EVENTS, after=read["feedCursor"])
        told = [(await events.event())["ticketId"]]
        # What the list shows may come again, where the process had not heard of it yet.
        while told[-1] != missed["ticketId"]:
            told.append((await events.event())["ticketId"])
    assert set(told[:-1]) <= {seen["ticketId"]}


async def test_who_is_not_signed_in_learns_no_cursor(anonymous: Api) -> None:
    (error,) = await anonymous.errors("{ feedCursor }")
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
