"""Requests sent again, and people who edit the same ticket."""

import asyncio
from typing import Any

import pytest

from tests.client import Api, Data
from tests.factories import Bot, Factory, Person


def new_ticket(key: str, **details: Any) -> Data:
    return {
        "subject": "Lamp dark",
        "description": "Since Monday.",
        "category": "other",
        "idempotencyKey": key,
    } | details


async def count(api: Api, tag: str) -> int:
    document = "query($tag: String) { tickets(filter: {tag: $tag}) { totalCount } }"
    return (await api.query(document, {"tag": tag}))["tickets"]["totalCount"]


# ---- idempotency ---------------------------------------------------------------------------


async def test_a_ticket_opened_twice_with_one_key_is_one(make: Factory, admin: Api) -> None:
    key = make.word()

    first = await admin.succeed("createTicket", **new_ticket(key))
    await admin.succeed("updateTicket", ticketId=first["ticket"]["ticketId"], subject="Changed")
    second = await admin.succeed("createTicket", **new_ticket(key))

    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["ticket"]["id"] == first["ticket"]["id"]


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "Lamp dark!"},
        {"priority": "HIGH"},
        {"tags": ["led"]},
        {"location": {"address": "Reforma 1"}},
        {"subcategory": "street"},
    ],
)
async def test_a_key_with_another_input_is_refused(
    changed: Data, make: Factory, admin: Api
) -> None:
    key, tag = make.word(), make.word()
    await admin.succeed("createTicket", **new_ticket(key, tags=[tag]))

    problem = await admin.problem("createTicket", **new_ticket(key, tags=[tag]) | changed)

    assert problem["__typename"] == "SimpleProblem"
    assert problem["code"] == "IDEMPOTENCY_MISMATCH"
    assert await count(admin, tag) == 1


async def test_a_key_is_its_senders_own(make: Factory, admin: Api, agent: Person) -> None:
    key = make.word()

    one = await admin.succeed("createTicket", **new_ticket(key))
    other = await agent.api.succeed("createTicket", **new_ticket(key, subject="Another"))

    assert (one["replayed"], other["replayed"]) == (False, False)
    assert one["ticket"]["id"] != other["ticket"]["id"]


async def test_a_key_used_for_one_customer_is_no_key_to_another(make: Factory, bot: Bot) -> None:
    one, other = [bot.api.speaking_for((await make.customer())["id"]) for _ in range(2)]
    request = new_ticket(make.word())
    opened = await one.succeed("createTicket", **request)

    problem = await other.problem("createTicket", **request)

    assert problem["code"] == "IDEMPOTENCY_MISMATCH"
    assert await other.ticket(opened["ticket"]["ticketId"]) is None


async def test_a_key_of_one_mutation_says_nothing_of_another(make: Factory, admin: Api) -> None:
    key = make.word()
    opened = await admin.succeed("createTicket", **new_ticket(key))

    noted = await admin.succeed(
        "addTicketNote",
        ticketId=opened["ticket"]["ticketId"],
        content="x",
        idempotencyKey=key,
    )

    assert noted["replayed"] is False


async def test_a_refused_request_leaves_its_key_free(make: Factory, admin: Api) -> None:
    key = make.word()

    await admin.problem("createTicket", **new_ticket(key, category="unheard of"))
    made = await admin.succeed("createTicket", **new_ticket(key))

    assert made["replayed"] is False


@pytest.mark.parametrize("key", ["", " ", "k" * 201, "k\x00"])
async def test_a_key_has_one_to_two_hundred_characters(key: str, make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    for problem in (
        await admin.problem("createTicket", **new_ticket(key)),
        await admin.problem("addTicketNote", ticketId=ticket_id, content="x", idempotencyKey=key),
    ):
        assert [fault["path"] for fault in problem["fields"]] == ["idempotencyKey"]


async def test_twenty_duplicates_at_once_have_one_effect(
    make: Factory, admin: Api, bot: Bot
) -> None:
    customer, tag = await make.customer(), make.word()
    request = new_ticket(make.word(), customerId=customer["id"], tags=[tag])
    speaking = bot.api.speaking_for(customer["id"])

    answers = await asyncio.gather(
        *(speaking.succeed("createTicket", **request) for _ in range(20))
    )

    assert len({answer["ticket"]["id"] for answer in answers}) == 1
    assert sum(not answer["replayed"] for answer in answers) == 1
    assert await count(admin, tag) == 1
    found = await admin.read(answers[0]["ticket"]["ticketId"])
    assert found["customer"]["statistics"]["totalTickets"] == 1
    assert len(found["history"]["nodes"]) == 1


async def test_twenty_duplicates_of_a_note_at_once_are_one(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    note = {"ticketId": ticket_id, "content": "Once.", "idempotencyKey": make.word()}

    answers = await asyncio.gather(*(admin.succeed("addTicketNote", **note) for _ in range(20)))

    assert sum(not answer["replayed"] for answer in answers) == 1
    ticket = await admin.read(ticket_id)
    assert [each["content"] for each in ticket["notes"]["nodes"]] == ["Once."]
    assert ticket["version"] == 2


async def test_a_note_with_a_used_key_and_another_text_is_refused(
    make: Factory, admin: Api
) -> None:
    ticket_id, key = (await make.ticket())["ticketId"], make.word()
    note = {"ticketId": ticket_id, "content": "Once.", "idempotencyKey": key}
    await admin.succeed("addTicketNote", **note)

    problems = [
        await admin.problem("addTicketNote", **note | changed)
        for changed in (
            {"content": "Twice."},
            {"visibility": "PUBLIC"},
            {"ticketId": (await make.ticket())["ticketId"]},
        )
    ]

    assert [each["code"] for each in problems] == ["IDEMPOTENCY_MISMATCH"] * 3


# ---- versions ------------------------------------------------------------------------------


async def test_a_conflict_tells_what_changed_and_what_is_there_now(
    make: Factory, admin: Api, supervisor: Person
) -> None:
    ticket = await make.ticket()
    ticket_id = ticket["ticketId"]
    await supervisor.api.succeed("updateTicket", ticketId=ticket_id, subject="Theirs")
    await supervisor.api.succeed("updateTicket", ticketId=ticket_id, priority="HIGH")

    problem = await admin.problem(
        "updateTicket", ticketId=ticket_id, subject="Mine", expectedVersion=1
    )

    assert problem["__typename"] == "ConflictProblem"
    assert problem["code"] == "CONFLICT"
    assert problem["currentVersion"] == 3
    assert problem["changedFields"] == ["subject", "priority"]
    assert problem["ticket"]["subject"] == "Theirs"
    assert problem["ticket"]["version"] == 3


@pytest.mark.parametrize(
    ("mutation", "arguments"),
    [
        ("updateTicket", {"subject": "Mine"}),
        ("changeTicketStatus", {"status": "IN_PROGRESS"}),
        ("assignTicket", {"assigneeId": None}),
        ("resolveTicket", {"summary": "Mine"}),
        ("escalateTicket", {"reason": "Mine"}),
        ("liftEscalation", {}),
    ],
)
async def test_every_change_conflicts_with_a_version_that_has_passed_or_never_was(
    mutation: str, arguments: Data, make: Factory, admin: Api
) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    await admin.succeed("addTicketNote", ticketId=ticket_id, content="x")

    for version in (1, 3, 0, -1, 2**31 - 1):
        problem = await admin.problem(
            mutation, ticketId=ticket_id, expectedVersion=version, **arguments
        )
        assert (problem["code"], problem["currentVersion"]) == ("CONFLICT", 2)
    await admin.succeed(mutation, ticketId=ticket_id, expectedVersion=2, **arguments)


async def test_of_two_who_expect_the_same_version_one_wins(
    make: Factory, admin: Api, supervisor: Person
) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    answers = await asyncio.gather(
        *(
            api.mutate("updateTicket", ticketId=ticket_id, subject=f"By {n}", expectedVersion=1)
            for n, api in enumerate([admin, supervisor.api] * 3)
        )
    )

    names = sorted(answer["__typename"] for answer in answers)
    assert names == ["ConflictProblem"] * 5 + ["TicketPayload"]
    assert (await admin.read(ticket_id, "version"))["version"] == 2


async def test_two_who_edit_different_fields_at_once_both_win(
    make: Factory, admin: Api, supervisor: Person
) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    edits = {
        "subject": "New subject",
        "description": "New text",
        "priority": "HIGH",
        "tags": ["new"],
    }

    await asyncio.gather(
        *(
            api.succeed("updateTicket", ticketId=ticket_id, **{field: value})
            for (field, value), api in zip(edits.items(), [admin, supervisor.api] * 2, strict=True)
        )
    )

    ticket = await admin.read(ticket_id)
    assert {field: ticket[field] for field in edits} == edits
    assert ticket["version"] == 5
    assert [event["version"] for event in ticket["history"]["nodes"]] == [1, 2, 3, 4, 5]


async def test_notes_added_at_once_are_all_there(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    await asyncio.gather(
        *(
            admin.succeed("addTicketNote", ticketId=ticket_id, content=str(number))
            for number in range(10)
        )
    )

    ticket = await admin.read(ticket_id)
    assert {note["content"] for note in ticket["notes"]["nodes"]} == set("0123456789")
    assert ticket["version"] == 11


async def test_numbers_of_tickets_opened_at_once_are_distinct(make: Factory) -> None:
    tickets = await asyncio.gather(*(make.ticket() for _ in range(20)))

    assert len({ticket["ticketId"] for ticket in tickets}) == 20


async def test_of_feedback_given_twice_at_once_one_counts(make: Factory, admin: Api) -> None:
    ticket_id = (await make.resolved_ticket())["ticketId"]

    answers = await asyncio.gather(
        *(admin.mutate("recordFeedback", ticketId=ticket_id, rating=n) for n in (1, 5))
    )

    assert sorted(answer["__typename"] for answer in answers) == [
        "TicketPayload",
        "ValidationProblem",
    ]


async def test_tickets_linked_crosswise_at_once_are_linked_both_ways(
    make: Factory, admin: Api
) -> None:
    one, other = [(await make.ticket())["ticketId"] for _ in range(2)]

    await asyncio.gather(
        admin.succeed("linkTickets", ticketId=one, otherTicketId=other, kind="FOLLOW_UP_OF"),
        admin.succeed("linkTickets", ticketId=other, otherTicketId=one, kind="FOLLOW_UP_OF"),
    )

    ticket = await admin.read(one)
    assert sorted(link["isOutgoing"] for link in ticket["links"]) == [False, True]
    assert (ticket["version"], len(ticket["history"]["nodes"])) == (3, 3)
