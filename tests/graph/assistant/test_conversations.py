"""Whole conversations, in both languages, while a dashboard looks on."""

import asyncio
from dataclasses import dataclass
from typing import Final

from tests.client import Api, Data
from tests.factories import Factory, Person
from tests.feed.socket import connected
from tests.graph.assistant.test_respond import (
    REPORT,
    attempts_in,
    look_up,
    respond,
    said_in,
    tickets_in,
)
from tests.graph.assistant.test_stream import ANSWERS, progress, until_ended
from tests.responses_server import Call, Json, ResponsesServer, Say, outputs_of


@dataclass(frozen=True, slots=True)
class Script:
    """What a customer says, `asks`, and a model, `tells`; and what tools tell it in between.

    `{number}` stands for the ticket that is spoken of.
    """

    report: Data
    asks_for_help: str
    created: str
    tells_number: str
    asks_how_it_goes: str
    found: str
    asks_for_anothers: str
    not_found: str
    asks_for_a_person: str
    tells_of_a_person: str
    asks_once_more: str


SPANISH: Final = Script(
    report=REPORT,
    asks_for_help="La lámpara de la esquina no prende",
    created="reporte creado exitosamente",
    tells_number="Abrí el reporte {number}; en breve lo atendemos.",
    asks_how_it_goes="¿Cómo va?",
    found="reporte {number}: recibido",
    asks_for_anothers="¿Y el {number} de mi vecina?",
    not_found="No se encontró ningún reporte con ese número.",
    asks_for_a_person="Quiero hablar con una persona",
    tells_of_a_person="Un agente seguirá en esta conversación.",
    asks_once_more="¿Hola?",
)
ENGLISH: Final = Script(
    report=REPORT
    | {"subject": "Cold pizza", "description": "It came cold.", "category": "food_quality"},
    asks_for_help="My pizza came cold",
    created="case created successfully",
    tells_number="I opened the case {number}; somebody will look at it soon.",
    asks_how_it_goes="How is it going?",
    found="case {number}: received",
    asks_for_anothers="And {number}, which is my neighbour's?",
    not_found="No case with that number was found.",
    asks_for_a_person="I want to talk to a person",
    tells_of_a_person="A waiter will go on in this conversation.",
    asks_once_more="Hello?",
)


async def play(
    script: Script, *, bot: Api, admin: Api, agent: Person, make: Factory, model: ResponsesServer
) -> None:
    """From a report to a person; the `agent` looks on, at the server of `make`."""
    secret = make.word()
    theirs = (await make.ticket(subject=secret, description=secret))["ticketId"]
    conversation = await make.conversation()
    async with connected(make.server, agent.api.credential) as dashboard:
        events = await dashboard.follow(filter={"conversationId": conversation["id"]})
        answers = await dashboard.subscribe(ANSWERS, id=conversation["id"])
        await dashboard.until_served()

        # The ticket is on the dashboard while its customer is still being told of it.
        began, pause = asyncio.Event(), asyncio.Event()

        def tell_number(body: Json) -> Say:
            output = outputs_of(body)["call_1"]
            assert output["message"] == script.created
            text = script.tells_number.format(number=output["ticketId"])
            return Say(text, pause, began)

        model.will(Call("create_ticket_report", script.report), tell_number)
        answering = asyncio.create_task(respond(bot, conversation, script.asks_for_help))
        created = await events.event()
        assert (created["__typename"], created["listChange"]) == ("TicketCreated", "ENTERED")
        assert created["actor"]["kind"] == "BOT"
        number = created["ticketId"]
        tells_number = script.tells_number.format(number=number)
        await began.wait()
        writing = await progress(answers)
        assert writing["__typename"] == "AnswerWriting"
        assert tells_number.startswith(writing["text"])
        assert not answering.done()
        pause.set()
        shown, sent = await until_ended(answers)
        assert all(tells_number.startswith(text) for text in shown)
        assert sent == {
            "__typename": "AnswerSent",
            "message": {"text": tells_number, "author": "ASSISTANT"},
            "handedOver": False,
            "usage": {"rounds": 2},
        }
        answer = await answering
        assert (answer["message"]["text"], answer["handedOver"]) == (tells_number, False)

        asks_for_anothers = script.asks_for_anothers.format(number=theirs)
        found = script.found.format(number=number)
        for asks, asked_number, said, tells in (
            (script.asks_how_it_goes, number, "message", found),
            (asks_for_anothers, theirs, "error", script.not_found),
        ):

            def repeat(body: Json, said: str = said) -> Say:
                return Say(outputs_of(body)["call_1"][said])

            model.will(look_up(asked_number), repeat)
            assert (await respond(bot, conversation, asks))["message"]["text"] == tells
            assert (await until_ended(answers))[1]["message"]["text"] == tells
            assert secret not in str(model.requests)

        model.will(Say(script.tells_of_a_person))
        await respond(bot, conversation, script.asks_for_a_person)
        assert (await until_ended(answers))[1]["message"]["text"] == script.tells_of_a_person
        await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])
        model.will()
        answer = await respond(bot, conversation, script.asks_once_more)
        assert (answer["message"], answer["handedOver"], model.requests) == (None, True, [])

        # Nothing else has been shown, least of all of the neighbour's ticket.
        await dashboard.until_served()
        assert answers.messages.empty()
        assert events.messages.empty()

    await check_what_is_kept(script, admin, conversation, number=number, theirs=theirs)


async def check_what_is_kept(
    script: Script, admin: Api, conversation: Data, *, number: str, theirs: str
) -> None:
    assert await tickets_in(admin, conversation) == [number]
    ticket = await admin.read(number)
    assert (ticket["subject"], ticket["source"]) == (script.report["subject"], "ASSISTANT")
    assert [each["__typename"] for each in ticket["history"]["nodes"]] == ["TicketCreated"]
    assert await said_in(admin, conversation) == [
        ("CUSTOMER", script.asks_for_help),
        ("ASSISTANT", script.tells_number.format(number=number)),
        ("CUSTOMER", script.asks_how_it_goes),
        ("ASSISTANT", script.found.format(number=number)),
        ("CUSTOMER", script.asks_for_anothers.format(number=theirs)),
        ("ASSISTANT", script.not_found),
        ("CUSTOMER", script.asks_for_a_person),
        ("ASSISTANT", script.tells_of_a_person),
        ("CUSTOMER", script.asks_once_more),
    ]
    outcomes = [each["outcome"] for each in await attempts_in(admin, conversation)]
    assert outcomes == ["SENT"] * 4


async def test_a_conversation_in_spanish_from_a_report_to_a_person(
    assistant: Api, admin: Api, agent: Person, make: Factory, model: ResponsesServer
) -> None:
    """The dashboard looks on from another process than the one that answers."""
    await play(SPANISH, bot=assistant, admin=admin, agent=agent, make=make, model=model)
