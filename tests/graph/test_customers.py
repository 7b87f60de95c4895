"""Customers, their conversations, and what their messages do."""

import asyncio

import pytest

from tests.client import Api, Data
from tests.factories import Bot, Factory, Person

CUSTOMER = "query($phone: String!) { customer(phone: $phone) { id name phone } }"
MESSAGES = """query($id: ID!) { conversation(id: $id) {
  handler handledBy { id } messages { totalCount nodes { author text writtenBy { kind name } } }
} }"""


def fields(problem: Data) -> list[str]:
    return [fault["path"] for fault in problem["fields"]]


# ---- customers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["{0}{1}{2}", "{0} {1} {2}", "+52 {0}{1} {2}", "0052{0}{1}{2}", "({0}) {1}-{2}"]
)
async def test_a_phone_is_one_customer_however_it_is_written(
    written: str, make: Factory, admin: Api
) -> None:
    customer = await make.customer()
    national = customer["phone"].removeprefix("+52")
    text = written.format(national[:2], national[2:6], national[6:])

    found = await admin.query(CUSTOMER, {"phone": text})
    same = await admin.succeed("upsertCustomer", phone=text)

    assert found["customer"]["id"] == same["customer"]["id"] == customer["id"]


@pytest.mark.parametrize(
    "phone", ["", "lamp", "12", "+999 1", "+52 55 1234 5678 9999 9999", "5\x005"]
)
async def test_what_is_no_phone_is_refused(phone: str, admin: Api) -> None:
    problem = await admin.problem("upsertCustomer", phone=phone)
    (error,) = await admin.errors(CUSTOMER, {"phone": phone})

    assert fields(problem) == ["phone"]
    assert error["extensions"]["code"] == "VALIDATION"
    assert error["extensions"]["fields"][0]["path"] == "phone"


async def test_details_that_are_left_out_stay(make: Factory, admin: Api) -> None:
    customer = await make.customer(email="Ana@Example.com", language="es-MX", externalId="crm-7")

    renamed = await admin.succeed("upsertCustomer", phone=customer["phone"], name="Ana Peña")

    assert renamed["customer"] == customer | {"name": "Ana Peña"}
    assert customer["email"] == "ana@example.com"


async def test_every_fault_of_a_customer_is_named(admin: Api) -> None:
    problem = await admin.problem(
        "upsertCustomer", phone="x", name="n" * 201, email="nobody", externalId="e" * 201
    )

    assert fields(problem) == ["phone", "name", "email", "externalId"]


async def test_first_upserts_at_once_make_one_customer(make: Factory, admin: Api) -> None:
    phone = make.phone()

    made = await asyncio.gather(*(admin.succeed("upsertCustomer", phone=phone) for _ in range(5)))

    assert len({each["customer"]["id"] for each in made}) == 1


async def test_totals_are_exact_after_tickets_opened_at_once(make: Factory, admin: Api) -> None:
    customer = await make.customer()
    tickets = await asyncio.gather(*(make.ticket(customerId=customer["id"]) for _ in range(10)))
    await admin.succeed("resolveTicket", ticketId=tickets[0]["ticketId"], summary="Done.")

    document = """query($phone: String!) { customer(phone: $phone) {
        statistics { totalTickets openTickets }
        tickets(filter: {status: RESOLVED}) { totalCount nodes { ticketId } } } }"""
    found = (await admin.query(document, {"phone": customer["phone"]}))["customer"]

    assert len({ticket["ticketId"] for ticket in tickets}) == 10
    assert found["statistics"] == {"totalTickets": 10, "openTickets": 9}
    assert found["tickets"]["totalCount"] == 1
    assert found["tickets"]["nodes"] == [{"ticketId": tickets[0]["ticketId"]}]


async def test_a_bot_that_names_a_customer_cannot_touch_another(make: Factory, bot: Bot) -> None:
    own, other = await make.customer(), await make.customer()
    speaking = bot.api.speaking_for(own["id"])

    renamed = await speaking.succeed("upsertCustomer", phone=own["phone"], name="Me")
    others = await speaking.problem("upsertCustomer", phone=other["phone"], name="You")
    new = await speaking.problem("upsertCustomer", phone=make.phone(), name="New")

    assert renamed["customer"]["name"] == "Me"
    assert (others["code"], new["code"]) == ("NOT_FOUND", "NOT_FOUND")
    assert others["message"] == new["message"]


# ---- conversations -------------------------------------------------------------------------


async def test_a_channel_starts_the_same_conversation_once(make: Factory, admin: Api) -> None:
    customer, known_as = await make.customer(), make.word()

    started = await asyncio.gather(
        *(make.conversation(customer, externalId=known_as) for _ in range(3))
    )
    elsewhere = await make.conversation(customer, externalId=known_as, channel="WEB")

    assert len({each["id"] for each in started}) == 1
    assert elsewhere["id"] != started[0]["id"]
    document = """query($phone: String!) { customer(phone: $phone) {
        conversations { totalCount nodes { id } } } }"""
    found = (await admin.query(document, {"phone": customer["phone"]}))["customer"]
    assert found["conversations"] == {
        "totalCount": 2,
        "nodes": [{"id": elsewhere["id"]}, {"id": started[0]["id"]}],
    }


async def test_an_external_id_of_another_customers_conversation_is_refused(
    make: Factory, admin: Api
) -> None:
    known_as, other = make.word(), await make.customer()
    await make.conversation(externalId=known_as)

    problem = await admin.problem(
        "startConversation", customerId=other["id"], channel="WHATSAPP", externalId=known_as
    )

    assert fields(problem) == ["externalId"]


async def test_messages_stand_in_the_order_they_came_with_their_authors(
    make: Factory, bot: Bot, agent: Person
) -> None:
    conversation = await make.conversation()
    said = [(bot.api, "Hello?"), (agent.api, "Good morning."), (bot.api, "A lamp is dark.")]
    for api, text in said:
        await api.succeed("recordMessage", conversationId=conversation["id"], text=text)

    found = (await agent.api.query(MESSAGES, {"id": conversation["id"]}))["conversation"]

    assert found["messages"]["totalCount"] == 3
    assert [(each["author"], each["text"]) for each in found["messages"]["nodes"]] == [
        ("CUSTOMER", "Hello?"),
        ("AGENT", "Good morning."),
        ("CUSTOMER", "A lamp is dark."),
    ]
    assert found["messages"]["nodes"][1]["writtenBy"] == {"kind": "AGENT", "name": agent.name}


async def test_a_webhook_delivered_twice_is_one_message(
    make: Factory, bot: Bot, admin: Api
) -> None:
    conversation = await make.conversation()
    delivery = {"conversationId": conversation["id"], "text": "Dark.", "externalId": "wamid.1"}

    first = await bot.api.succeed("recordMessage", **delivery)
    second = await bot.api.succeed("recordMessage", **delivery)

    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["message"]["id"] == second["message"]["id"]
    found = (await admin.query(MESSAGES, {"id": conversation["id"]}))["conversation"]
    assert found["messages"]["totalCount"] == 1


async def test_a_webhook_delivered_ten_times_at_once_is_one_message(
    make: Factory, bot: Bot, admin: Api
) -> None:
    conversation = await make.conversation()
    delivery = {"conversationId": conversation["id"], "text": "Dark.", "externalId": "wamid.2"}

    answers = await asyncio.gather(
        *(bot.api.succeed("recordMessage", **delivery) for _ in range(10))
    )

    assert sum(not answer["replayed"] for answer in answers) == 1
    assert len({answer["message"]["id"] for answer in answers}) == 1
    found = (await admin.query(MESSAGES, {"id": conversation["id"]}))["conversation"]
    assert found["messages"]["totalCount"] == 1


@pytest.mark.parametrize(
    ("steps", "event"),
    [
        (["OPEN"], None),
        (["OPEN", "PENDING_CUSTOMER"], "TicketStatusChanged"),
        (["RESOLVED"], "TicketReopened"),
        (["RESOLVED", "CLOSED"], None),
    ],
)
async def test_a_customers_message_takes_up_what_waits_for_it(
    steps: list[str], event: str | None, make: Factory, admin: Api, bot: Bot
) -> None:
    customer = await make.customer(name="Rosa")
    conversation = await make.conversation(customer)
    ticket_id = (await make.ticket(conversationId=conversation["id"]))["ticketId"]
    for status in steps:
        if status == "RESOLVED":
            await admin.succeed("resolveTicket", ticketId=ticket_id, summary="Done.")
        else:
            await admin.succeed("changeTicketStatus", ticketId=ticket_id, status=status)
    before = await admin.read(ticket_id)

    answer = {"conversationId": conversation["id"], "text": "Not yet."}
    await admin.succeed("recordMessage", **answer)
    assert (await admin.read(ticket_id, "version"))["version"] == before["version"]
    await bot.api.succeed("recordMessage", **answer)

    ticket = await admin.read(ticket_id)
    assert ticket["status"] == ("IN_PROGRESS" if event else steps[-1])
    new_events = ticket["history"]["nodes"][len(before["history"]["nodes"]) :]
    assert [each["__typename"] for each in new_events] == ([event] if event else [])
    if event:
        assert new_events[0]["actor"] == {"kind": "CUSTOMER", "name": "Rosa"}
        assert ticket["statusHistory"][-1]["changedBy"]["name"] == "Rosa"


async def test_a_person_takes_over_a_conversation(make: Factory, agent: Person) -> None:
    conversation = await make.conversation()
    assert conversation["handler"] == "ASSISTANT"

    taken = await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])

    assert taken["conversation"]["handler"] == "HUMAN"
    found = (await agent.api.query(MESSAGES, {"id": conversation["id"]}))["conversation"]
    assert (found["handler"], found["handledBy"]["id"]) == ("HUMAN", agent.id)


async def test_a_bot_speaks_in_no_conversation_of_somebody_else(make: Factory, bot: Bot) -> None:
    conversation = await make.conversation()
    speaking = bot.api.speaking_for((await make.customer())["id"])

    problem = await speaking.problem(
        "recordMessage", conversationId=conversation["id"], text="Psst."
    )

    assert problem["code"] == "NOT_FOUND"
    assert (await speaking.query(MESSAGES, {"id": conversation["id"]}))["conversation"] is None
